"""Pictures on their way out: who waits for them, and who does not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from starlette.requests import ClientDisconnect, Request

from filmroom.core.content import MemoryContent
from filmroom.errors import Busy
from filmroom.web.pictures import Drawers

T = TypeVar("T")


class Held(MemoryContent):
    """Bytes that are not there before somebody says so."""

    def __init__(self, go: threading.Event) -> None:
        super().__init__(b"drawn")
        object.__setattr__(self, "go", go)

    __slots__ = ("go",)

    def read(self) -> bytes:
        assert self.go.wait(10)
        return super().read()


def alone(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run in a thread of its own: in this one a browser's event loop may be running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def request(*messages: str) -> Request:
    """A request whose client sends nothing more, or goes away."""
    told = iter(messages)

    async def receive() -> dict[str, str]:
        kind = next(told, None)
        if kind is None:
            await asyncio.Event().wait()
        return {"type": f"http.{kind}"}

    return Request({"type": "http", "method": "GET", "headers": [], "path": "/"}, receive)


def test_what_can_be_drawn_at_once_is() -> None:
    async def run() -> bytes:
        return await Drawers(queue=0, threads=1).draw(request(), MemoryContent(b"drawn"))

    assert alone(run()) == b"drawn"


def test_one_more_than_may_wait_is_told_so_at_once() -> None:
    go = threading.Event()

    async def run() -> list[bytes]:
        drawers = Drawers(queue=1, threads=1)
        drawing = asyncio.ensure_future(drawers.draw(request(), Held(go)))
        await asyncio.sleep(0.05)
        waiting = asyncio.ensure_future(drawers.draw(request(), MemoryContent(b"next")))
        await asyncio.sleep(0.05)
        with pytest.raises(Busy, match="pixel_queue"):
            await drawers.draw(request(), MemoryContent(b"too many"))
        go.set()
        return [await drawing, await waiting]

    assert alone(run()) == [b"drawn", b"next"]


def test_nothing_is_drawn_for_who_has_left() -> None:
    async def run() -> None:
        gone = Held(threading.Event())  # reading it would never end
        with pytest.raises(ClientDisconnect):
            await Drawers(queue=1, threads=1).draw(request("disconnect"), gone)

    alone(run())
