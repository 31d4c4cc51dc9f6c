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
from filmroom.core.render import Picture, is_small
from filmroom.core.shown import Shown
from filmroom.errors import Busy, NotAcceptable, NotFound
from filmroom.model.answer import Answer, Content, Part
from filmroom.model.instance import Located
from filmroom.model.selection import Selection
from filmroom.web.request import archive_of, ref_of, selection_of
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
Plan = Callable[[Request, Located | None], Answer]
"""What is to be sent; of an instance that was located already if there is one."""

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


def drawn(plan: Plan) -> Endpoint:
    """An endpoint that sends what `plan` says: what takes long to draw is not drawn there yet."""

    def begun(request: Request) -> Answer | Response:
        answer = plan(request, None)
        return at_once(request, answer) or answer

    @wraps(plan)
    async def endpoint(request: Request) -> Response:
        response = _in_place(plan, request)
        if response is not None:
            return response
        answer = await run_in_threadpool(begun, request)
        return answer if isinstance(answer, Response) else await send(request, answer)

    return endpoint


def _in_place(plan: Plan, request: Request) -> Response | None:
    """The picture of a small instance that is in memory, drawn in the event loop.

    That takes less time than having a thread do it, and than it takes to send a frame.
    """
    if "instance" not in request.path_params or b"presentation" in request.scope["query_string"]:
        return None
    named_of(request)
    located = archive_of(request).index.locate(ref_of(request))
    if not is_small(located):
        return None
    return _ready(request, plan(request, located), Picture.at_hand)


def at_once(request: Request, answer: Answer) -> Response | None:
    """What the client has already, or a picture that takes no time worth another thread's turn."""
    return _ready(request, answer, Picture.soon)


def _ready(
    request: Request, answer: Answer, ready: Callable[[Picture], bytes | None]
) -> Response | None:
    headers = _headers(answer)
    if is_current(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    picture = answer.parts[0].content
    if answer.form.multipart or not isinstance(picture, Picture):
        return None
    data = ready(picture)
    return None if data is None else _whole(request, answer, headers, data)


async def send(request: Request, answer: Answer) -> Response:
    """An answer that `at_once` does not give: of pictures, or of one document or video."""
    if answer.form.multipart:
        return _gallery(request, answer)
    (part,) = answer.parts
    if isinstance(part.content, Picture):
        data = await drawers_of(request).draw(request, part.content)
        return _whole(request, answer, _headers(answer), data)
    if isinstance(part.content, Shown):
        await drawers_of(request).prepare(part.content)
    return single(request, part, _headers(answer))


def _headers(answer: Answer) -> dict[str, str]:
    shape = "multipart" if answer.form.multipart else "single"
    headers = describing(strong_etag(answer.version, answer.form.media_type, shape))
    if not answer.form.multipart:
        headers["Content-Disposition"] = "inline"
    return headers


def _whole(request: Request, answer: Answer, headers: dict[str, str], data: bytes) -> Response:
    """One picture, or a range of it."""
    (part,) = answer.parts
    media_type = part.media_type
    if isinstance(part.content, Picture) and not part.content.drawn:  # asked again, it may be
        del headers["ETag"]
    if "range" in request.headers:
        return single(request, Part(media_type, "", MemoryContent(data)), headers)
    return Response(data, headers=headers, media_type=media_type)


def _gallery(request: Request, answer: Answer) -> Response:
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
    headers = describing("")  # a boundary is drawn anew each time
    return Streamed(pieces(), None, media_type, headers, slots=slots)


def _is_ready(shown: Shown) -> bool:
    """Whether a document or video can be shown; among others it is left out if not."""
    try:
        shown.prepare()
    except NotAcceptable:
        return False
    return True
