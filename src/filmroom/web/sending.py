"""Send an answer: multipart or single, whole or a range, with every length said beforehand."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Generator, Iterable, Iterator, Mapping
from hashlib import sha256
from http import HTTPStatus
from threading import BoundedSemaphore
from urllib.parse import quote

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from filmroom.core.content import CHUNK, MemoryContent
from filmroom.dicom.frames import Span
from filmroom.errors import Busy
from filmroom.model.answer import Answer, Part

PRIVATE = "private, no-cache"
"""Patient data: no shared cache, and always asked again, since it can be rejected or replaced."""

CRLF = b"\r\n"

_RANGE = re.compile(r"\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


class Streamed(Response):
    """Bytes that are read piece by piece, each read in a thread; without `size` in HTTP's chunks.

    `slots` bounds how many such answers are under way at once.
    """

    def __init__(
        self,
        pieces: Iterable[bytes],
        size: int | None,
        media_type: str,
        headers: Mapping[str, str],
        status: int = HTTPStatus.OK,
        slots: BoundedSemaphore | None = None,
    ) -> None:
        self.status_code = status
        self.background = None
        self.pieces = pieces
        self.slots = slots
        self.body = b""
        length = {} if size is None else {"Content-Length": str(size)}
        self.init_headers({"Content-Type": media_type, **length, **headers})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, in a slot if there are slots; Busy if none is free."""
        if self.slots is None or scope["method"] == "HEAD":
            await self._send(scope, receive, send)
        elif self.slots.acquire(blocking=False):
            try:
                await self._send(scope, receive, send)
            finally:
                self.slots.release()
        else:
            raise Busy("too many retrievals at once: ask again in a moment")

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then the pieces for as long as somebody listens."""
        pieces = _gathered(self.pieces)
        # The first piece comes before the head, so that what is missing can still be a 404.
        piece = None if scope["method"] == "HEAD" else await run_sync(next, pieces, None)
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        gone = asyncio.ensure_future(_gone(receive))
        try:
            while piece is not None and not gone.done():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await run_sync(next, pieces, None)
        finally:
            gone.cancel()
            pieces.close()
        await send({"type": "http.response.body"})


async def _gone(receive: Receive) -> None:
    """Return when the client has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _gathered(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The same bytes with small pieces joined, so that each is worth a thread's while."""
    small: list[bytes] = []
    size = 0
    for piece in pieces:
        small.append(piece)
        size += len(piece)
        if size >= CHUNK // 4:
            yield b"".join(small) if len(small) > 1 else piece
            small, size = [], 0
    if small:
        yield b"".join(small)


def part_head(part: Part, boundary: str, root: str = "") -> bytes:
    """What comes before a part: the boundary and its header (PS3.18 §8.6.1.2.1)."""
    syntax = f"; transfer-syntax={part.transfer_syntax}" if part.transfer_syntax else ""
    location = f"Content-Location: {root}{part.location}\r\n" if part.location else ""
    return (f"--{boundary}\r\nContent-Type: {part.media_type}{syntax}\r\n{location}\r\n").encode()


def multipart(
    answer: Answer,
    headers: Mapping[str, str],
    root: str = "",
    slots: BoundedSemaphore | None = None,
) -> Response:
    """All parts of an answer as multipart/related (RFC 2387), read as they are sent."""
    boundary = secrets.token_hex(16)
    root = quote(root)  # it was unquoted by the server, and must not break out of its line
    parts = [(part_head(part, boundary, root), part.content) for part in answer.parts]
    tail = f"--{boundary}--\r\n".encode()
    size = sum(len(head) + content.size + len(CRLF) for head, content in parts) + len(tail)

    def pieces() -> Iterator[bytes]:
        for head, content in parts:
            yield head
            yield from content.chunks()
            yield CRLF
        yield tail

    media_type = multipart_type(answer.form.media_type, boundary)
    return Streamed(pieces(), size, media_type, headers, slots=slots)


def bodies_multipart(
    bodies: Iterable[bytes], media_type: str, headers: Mapping[str, str]
) -> Response:
    """Bodies as multipart/related, each made when it is sent, so their length is not known."""
    boundary = secrets.token_hex(16)
    head = part_head(Part(media_type, "", MemoryContent(b"")), boundary)

    def pieces() -> Iterator[bytes]:
        for body in bodies:
            yield b"".join((head, body, CRLF))
        yield f"--{boundary}--\r\n".encode()

    return Streamed(pieces(), None, multipart_type(media_type, boundary), headers)


def multipart_type(root: str, boundary: str) -> str:
    """The Content-Type of a multipart answer whose parts are of type `root`."""
    return f'multipart/related; type="{root}"; boundary={boundary}'


def single(
    request: Request,
    part: Part,
    headers: Mapping[str, str],
    slots: BoundedSemaphore | None = None,
) -> Response:
    """One part alone, or the one range of it that was asked for (RFC 9110 §14)."""
    size = part.content.size
    headers = {**headers, "Accept-Ranges": "bytes"}
    media_type = part.media_type
    if part.transfer_syntax:
        media_type += f"; transfer-syntax={part.transfer_syntax}"
    within = _range(request, size, headers.get("ETag", ""))
    if within is None:
        return Streamed(part.content.chunks(), size, media_type, headers, slots=slots)
    if not within.length:
        return Response(
            None,
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            {**headers, "Content-Range": f"bytes */{size}"},
        )
    last = within.start + within.length - 1
    headers["Content-Range"] = f"bytes {within.start}-{last}/{size}"
    pieces = part.content.chunks(within)
    status = HTTPStatus.PARTIAL_CONTENT
    return Streamed(pieces, within.length, media_type, headers, status, slots)


def _range(request: Request, size: int, etag: str) -> Span | None:
    """The range asked for, empty if it cannot be met; None for all.

    Several ranges, other units and what cannot be read are answered with all, as
    RFC 9110 §14.2 lets us; so is a range of an older version (If-Range).
    """
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.method != "GET" or not (asked[1] or asked[2]):
        return None
    if request.headers.get("if-range", etag) != etag:
        return None
    if not asked[1]:
        length = min(int(asked[2]), size)
        return Span(size - length, length)
    first = int(asked[1])
    last = min(int(asked[2]), size - 1) if asked[2] else size - 1
    if asked[2] and int(asked[2]) < first:
        return None
    return Span(first, max(last - first + 1, 0))


def etag_of(version: str, *, weak: bool = False) -> str:
    """An entity tag; "" for a version that is not known."""
    return f'{"W/" if weak else ""}"{version}"' if version else ""


def strong_etag(*named: str) -> str:
    """An entity tag from all that tells one answer from another: a digest, since it can be long."""
    return f'"{sha256(" ".join(named).encode()).hexdigest()[:32]}"'


def is_current(header: str | None, etag: str) -> bool:
    """Whether an If-None-Match header names this entity tag (RFC 9110 §13.1.2)."""
    if not header or not etag:
        return False
    plain = etag.removeprefix("W/")
    return any(each.strip().removeprefix("W/") in (plain, "*") for each in header.split(","))


def describing(etag: str, vary: str = "Accept") -> dict[str, str]:
    """The headers that every answer with patient data carries."""
    headers = {"Cache-Control": PRIVATE, "Vary": vary, "X-Content-Type-Options": "nosniff"}
    return {**headers, "ETag": etag} if etag else headers


def not_modified(headers: Mapping[str, str]) -> Response:
    """The client has it already."""
    return Response(None, HTTPStatus.NOT_MODIFIED, headers)
