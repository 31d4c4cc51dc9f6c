"""Frames in another transfer syntax on their way out: coded in threads of their own."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from filmroom.core.content import MemoryContent
from filmroom.core.transcode import CodedFrame
from filmroom.model.answer import Answer, Part
from filmroom.web.pictures import drawers_of
from filmroom.web.sending import CRLF, Streamed, multipart_type, part_head, single

AHEAD = 4
"""Frames of one answer that are coded at once: a worker for each, on most machines."""


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
    frames = _frames(request, [cast(CodedFrame, each.content) for each in answer.parts])
    first = await anext(frames)
    if not answer.form.multipart:
        alone = Part(part.media_type, part.transfer_syntax, MemoryContent(first))
        return single(request, alone, headers)
    heads = [part_head(each, boundary) for each in answer.parts]
    tail = f"--{boundary}--\r\n".encode()
    if len(heads) == 1:
        body = b"".join((heads[0], first, CRLF, tail))
        return Response(body, headers=headers, media_type=media_type)
    return _Many(heads, first, frames, tail, media_type, headers)


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


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
