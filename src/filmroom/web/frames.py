"""Retrieve frames: the hottest path, so plain ASGI (PS3.18 §10.4.1.1.6)."""

from __future__ import annotations

import re

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from filmroom.core.frames import frames
from filmroom.core.stored_frames import frame_index
from filmroom.core.transcode import OHIF_DECODES
from filmroom.errors import Malformed, NotAcceptable
from filmroom.model.answer import Answer, Content
from filmroom.model.wanted import Wanted
from filmroom.web.accept import wanted_by
from filmroom.web.coded import coded, is_coded
from filmroom.web.request import archive_of, ref_of
from filmroom.web.sending import (
    CRLF,
    describing,
    is_current,
    multipart,
    multipart_type,
    not_modified,
    part_head,
    single,
    strong_etag,
)

AT_ONCE = 4 << 20
"""Bytes of an answer up to which it is read and sent at once, without a thread."""

JOINED = 32 << 10
"""Bytes of an answer up to which copying costs less than another message to the server."""

_LIST = re.compile(r"[0-9]{1,10}(?:,[0-9]{1,10})*", re.ASCII)


def read_numbers(text: str, most: int) -> list[int]:
    """Frame numbers, from 1, in the order and as often as they are named."""
    if not _LIST.fullmatch(text):
        raise Malformed("frames are named by numbers from 1, joined by commas")
    if text.count(",") >= most:
        raise Malformed(f"more than {most} frames in one request (max_frames)")
    numbers = [int(number) for number in text.split(",")]
    if 0 in numbers:
        raise Malformed("frames are numbered from 1")
    return numbers


class Frames:
    """The endpoint: looks the row up each time, so that what is rejected is gone at once."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        archive = archive_of(request)
        numbers = read_numbers(scope["path_params"]["frames"], archive.settings.max_frames)
        located = archive.index.locate(ref_of(request))
        index = frame_index(archive, located.key)
        wanted = wanted_by(scope)
        answer = frames(archive, located, index, numbers, wanted)
        shape = "multipart" if answer.form.multipart else "single"
        headers = describing(strong_etag(answer.version, answer.form.media_type, shape))
        if is_current(request.headers.get("if-none-match"), headers["ETag"]):
            await not_modified(headers)(scope, receive, send)
        elif is_coded(answer):
            try:
                response = await coded(request, answer, headers)
            except NotAcceptable:
                if not (wanted.by_browser and located.transfer_syntax in OHIF_DECODES):
                    raise
                # OHIF's operator chose one syntax for all; it is better shown in its own.
                response = multipart(
                    frames(archive, located, index, numbers, Wanted()), describing("")
                )
            await response(scope, receive, send)
        elif not answer.form.multipart:
            await single(request, answer.parts[0], headers)(scope, receive, send)
        elif scope["method"] == "HEAD" or _size(answer) > AT_ONCE:
            await multipart(answer, headers)(scope, receive, send)
        else:
            await _at_once(answer, located.key[:32], headers, send)


async def _at_once(answer: Answer, boundary: str, headers: dict[str, str], send: Send) -> None:
    """Send small frames in one go.

    The boundary is half of the blob's digest: no blob can be made to hold its own. A frame
    is passed on as it was read: the server hands all pieces to the kernel together.
    """
    head = part_head(answer.parts[0], boundary)
    tail = f"\r\n--{boundary}--\r\n".encode()
    pieces: list[bytes] = []
    for part in answer.parts:
        pieces += [CRLF + head, await _read(part.content)]
    pieces[0] = head
    size = sum(map(len, pieces)) + len(tail)
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    raw.append((b"content-type", multipart_type(answer.form.media_type, boundary).encode()))
    raw.append((b"content-length", str(size).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": raw})
    if size <= JOINED:
        pieces = [b"".join(pieces)]
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": tail})


def _size(answer: Answer) -> int:
    return sum(part.content.size for part in answer.parts)


async def _read(content: Content) -> bytes:
    """The bytes from memory in place, which is quicker than asking a thread; else in a thread."""
    found = content.at_hand()
    return await run_sync(content.read) if found is None else found


ROUTES = [
    Route(
        "/studies/{study}/series/{series}/instances/{instance}/frames/{frames}",
        Frames(),
        methods=["GET"],
        name="frames",
    ),
]
