"""What is coded in another transfer syntax on its way out: made in threads of their own."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from threading import BoundedSemaphore
from typing import cast
from urllib.parse import quote

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from filmroom.core.content import MemoryContent
from filmroom.core.parallel import in_order
from filmroom.core.retrieve import RewrittenContent
from filmroom.core.transcode import CodedFrame
from filmroom.errors import Busy
from filmroom.model.answer import Answer, Part
from filmroom.web.pictures import drawers_of
from filmroom.web.sending import CRLF, Streamed, multipart_type, part_head, single

AHEAD = 4
"""Frames or instances of one answer that are coded at once."""
REWRITERS = 4
"""Requests that whole instances are made for at once."""


def is_coded(answer: Answer) -> bool:
    """Whether frames have to be coded for an answer."""
    return isinstance(answer.parts[0].content, CodedFrame)


async def coded(request: Request, answer: Answer, headers: Mapping[str, str]) -> Response:
    """The answer, its first frame made: so what cannot be coded has a status of its own."""
    boundary = secrets.token_hex(16)
    media_type = multipart_type(answer.form.media_type, boundary)
    part = answer.parts[0]
    if request.method == "HEAD":
        head_type = media_type if answer.form.multipart else part.media_type
        return Streamed((), None, head_type, headers)
    wanted = [cast(CodedFrame, each.content) for each in answer.parts]
    first = await _made(request, wanted[0])
    if not answer.form.multipart:
        alone = Part(part.media_type, part.transfer_syntax, MemoryContent(first))
        return single(request, alone, headers)
    heads = [part_head(each, boundary) for each in answer.parts]
    tail = f"--{boundary}--\r\n".encode()
    if len(heads) == 1:
        body = b"".join((heads[0], first, CRLF, tail))
        return Response(body, headers=headers, media_type=media_type)
    others = _frames(request, wanted[1:])
    return _Many(heads, first, others, tail, media_type, headers)


async def _frames(request: Request, frames: Sequence[CodedFrame]) -> AsyncGenerator[bytes, None]:
    """The frames in order, a few of them made at once."""
    begun: deque[asyncio.Task[bytes]] = deque()
    try:
        for frame in frames:
            begun.append(asyncio.ensure_future(_made(request, frame)))
            if len(begun) >= AHEAD:
                yield await begun.popleft()
        while begun:
            yield await begun.popleft()
    finally:
        for task in begun:
            task.cancel()


async def _made(request: Request, frame: CodedFrame) -> bytes:
    found = await run_in_threadpool(frame.made)
    return await drawers_of(request).draw(request, frame) if found is None else found


class _Many(Response):
    """Several frames, each sent as soon as it is made; how long all will be nobody knows."""

    def __init__(
        self,
        heads: Sequence[bytes],
        first: bytes,
        others: AsyncGenerator[bytes, None],
        tail: bytes,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(headers=headers, media_type=media_type)
        del self.headers["content-length"]
        self.heads: Iterator[bytes] = iter(heads)
        self.first, self.others, self.tail = first, others, tail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send all; when the client has gone the frames that are not begun stay unmade."""
        head = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(head)
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await self._send(self.first, send)
            async with aclosing(self.others):
                async for frame in self.others:
                    if gone.done():
                        return
                    await self._send(frame, send)
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": self.tail})

    async def _send(self, frame: bytes, send: Send) -> None:
        body = b"".join((next(self.heads), frame, CRLF))
        await send({"type": "http.response.body", "body": body, "more_body": True})


class Rewriters:
    """Threads that make whole instances, and how many answers of several are under way at once."""

    def __init__(self, queue: int) -> None:
        self._threads = CapacityLimiter(REWRITERS)
        self._queue = queue
        self.answers = BoundedSemaphore(REWRITERS)

    async def make(self, parts: Sequence[Part]) -> None:
        """Make those parts that are to be coded, so that their sizes are known."""
        if self._threads.statistics().tasks_waiting >= self._queue:
            raise Busy("too many retrievals at once: ask again in a moment")
        for part in parts:
            if isinstance(part.content, RewrittenContent):
                await run_sync(part.content.make, limiter=self._threads)


def rewriters_of(request: HTTPConnection) -> Rewriters:
    """The threads of the application."""
    return cast(Rewriters, request.app.state.rewriters)


def is_rewritten(answer: Answer) -> bool:
    """Whether any instance of an answer has to be coded."""
    return any(isinstance(part.content, RewrittenContent) for part in answer.parts)


def rewritten_multipart(request: Request, answer: Answer, headers: Mapping[str, str]) -> Response:
    """Several instances, each sent as soon as it is made; how long all will be nobody knows."""
    boundary = secrets.token_hex(16)
    root = quote(request.scope.get("root_path", ""))

    def made(part: Part) -> tuple[Part, Iterator[bytes]]:
        if not isinstance(part.content, RewrittenContent):
            return part, part.content.chunks()
        file = part.content.make()
        return replace(part, transfer_syntax=part.content.transfer_syntax), file.chunks()

    def pieces() -> Iterator[bytes]:
        with ThreadPoolExecutor(AHEAD, "rewrite") as pool:
            for part, chunks in in_order(pool, made, answer.parts, AHEAD):
                yield part_head(part, boundary, root)
                yield from chunks
                yield CRLF
        yield f"--{boundary}--\r\n".encode()

    media_type = multipart_type(answer.form.media_type, boundary)
    return Streamed(pieces(), None, media_type, headers, slots=rewriters_of(request).answers)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
