"""Pictures on their way out: drawn in threads of their own, so that no search waits for them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Awaitable, Callable, Iterator
from functools import wraps
from threading import BoundedSemaphore
from typing import cast

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response

from filmroom.core.content import MemoryContent
from filmroom.core.render import Picture
from filmroom.core.shown import Shown
from filmroom.errors import Busy, NotAcceptable, NotFound
from filmroom.model.answer import Answer, Content, Part
from filmroom.model.selection import Selection
from filmroom.web.request import selection_of
from filmroom.web.sending import (
    CRLF,
    Streamed,
    describing,
    is_current,
    multipart_type,
    not_modified,
    part_head,
    single,
    strong_etag,
)

Endpoint = Callable[[Request], Awaitable[Response]]

VIDEOS = 4
"""Videos that are made ready at once, which may mean to code them anew."""

GALLERIES = 4
"""Answers of many pictures that are under way at once."""

UNKNOWN = "undefined"
"""What OHIF writes for a UID that it does not know."""


class Drawers:
    """Threads that have pictures drawn, and how many requests may wait for one."""

    def __init__(self, queue: int, threads: int = 0) -> None:
        threads = threads or max(2 * (os.cpu_count() or 1), 4)
        self._turns, self._threads = CapacityLimiter(threads), CapacityLimiter(threads)
        self._videos = CapacityLimiter(VIDEOS)
        self._queue = queue
        self.galleries = BoundedSemaphore(GALLERIES)

    async def draw(self, request: Request, content: Content) -> bytes:
        """What pixels make, such as a picture; Busy if too many wait, nothing for who has left."""
        self._check(self._turns)
        async with self._turns:
            if await request.is_disconnected():
                raise ClientDisconnect
            return await run_sync(content.read, limiter=self._threads)

    async def prepare(self, shown: Shown) -> None:
        """Make a video ready, for which pictures do not wait: that may take minutes."""
        self._check(self._videos)
        await run_sync(shown.prepare, limiter=self._videos)

    def _check(self, turns: CapacityLimiter) -> None:
        found = turns.statistics()
        if found.borrowed_tokens >= found.total_tokens and found.tasks_waiting >= self._queue:
            raise Busy("too many pictures at once: ask again in a moment (pixel_queue)")


def drawers_of(request: HTTPConnection) -> Drawers:
    """The threads of the application."""
    return cast(Drawers, request.app.state.drawers)


def named_of(request: HTTPConnection) -> Selection:
    """What the path names; a viewer that does not know what it asks for finds nothing."""
    if UNKNOWN in request.path_params.values():
        raise NotFound(f"nothing is named {UNKNOWN}")
    return selection_of(request)


def drawn(plan: Callable[[Request], Answer | Response]) -> Endpoint:
    """An endpoint that sends what `plan` says: what is to be drawn is not drawn there yet."""

    @wraps(plan)
    async def endpoint(request: Request) -> Response:
        answer = await run_in_threadpool(plan, request)
        return answer if isinstance(answer, Response) else await send(request, answer)

    return endpoint


async def send(request: Request, answer: Answer) -> Response:
    """An answer of pictures, or of one document or video."""
    shape = "multipart" if answer.form.multipart else "single"
    headers = describing(strong_etag(answer.version, answer.form.media_type, shape))
    if is_current(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    if answer.form.multipart:
        return _gallery(request, answer, headers)
    (part,) = answer.parts
    headers["Content-Disposition"] = "inline"
    if isinstance(part.content, Picture):
        return await _picture(request, part.media_type, part.content, headers)
    if isinstance(part.content, Shown):
        await drawers_of(request).prepare(part.content)
    return single(request, part, headers)


async def _picture(
    request: Request, media_type: str, picture: Picture, headers: dict[str, str]
) -> Response:
    data = await run_in_threadpool(picture.made)
    if data is None:
        data = await drawers_of(request).draw(request, picture)
    if not picture.drawn:  # asked again, it may be
        del headers["ETag"]
    if "range" in request.headers:
        return single(request, Part(media_type, "", MemoryContent(data)), headers)
    return Response(data, headers=headers, media_type=media_type)


def _gallery(request: Request, answer: Answer, headers: dict[str, str]) -> Response:
    """Each picture is made when it is sent, so nobody knows how long all will be."""
    boundary = secrets.token_hex(16)
    root = request.scope.get("root_path", "")

    def pieces() -> Iterator[bytes]:
        for part in answer.parts:
            if isinstance(part.content, Shown) and not _is_ready(part.content):
                continue
            yield part_head(part, boundary, root)
            yield from part.content.chunks()
            yield CRLF
        yield f"--{boundary}--\r\n".encode()

    media_type = multipart_type(answer.form.media_type, boundary)
    slots = drawers_of(request).galleries
    del headers["ETag"]  # a boundary is drawn anew each time
    return Streamed(pieces(), None, media_type, headers, slots=slots)


def _is_ready(shown: Shown) -> bool:
    """Whether a document or video can be shown; among others it is left out if not."""
    try:
        shown.prepare()
    except NotAcceptable:
        return False
    return True
