"""Small answers that are asked for again and again, as they were given while nothing changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from filmroom.web.request import archive_of
from filmroom.web.sending import is_current, not_modified

Endpoint = Callable[[Request], Awaitable[Response]]
Asked = tuple[str, bytes, bytes]
"""A path, a query, and what is accepted."""

SMALL = 64 << 10  # bytes of an answer that is remembered


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given."""

    data: bytes
    media_type: str
    headers: dict[str, str]


class Remembered:
    """Answers that hold for one version of the archive, those asked for last."""

    def __init__(self, most: int = 32 << 20) -> None:
        self.most = most
        """Bytes of all answers."""
        self._version = ""
        self._size = 0
        self._given: OrderedDict[Asked, Given] = OrderedDict()

    def find(self, version: str, asked: Asked) -> Given | None:
        """What was answered; nothing holds any more when the version is another."""
        if version != self._version:
            self._given.clear()
            self._version, self._size = version, 0
        given = self._given.get(asked)
        if given is not None:
            self._given.move_to_end(asked)
        return given

    def keep(self, version: str, asked: Asked, given: Given) -> None:
        """Remember an answer, unless the archive has changed since it was asked for."""
        if version != self._version or asked in self._given:
            return
        self._given[asked] = given
        self._size += len(given.data)
        while self._size > self.most:
            _, oldest = self._given.popitem(last=False)
            self._size -= len(oldest.data)


def remembered(endpoint: Endpoint) -> Endpoint:
    """An endpoint whose small answers are given again, in the event loop, without asking it."""

    @wraps(endpoint)
    async def again(request: Request) -> Response:
        if "range" in request.headers:
            return await endpoint(request)
        kept = cast(Remembered, request.app.state.remembered)
        scope = request.scope
        accepted = b",".join([value for name, value in scope["headers"] if name == b"accept"])
        asked = (scope["path"], scope["query_string"], accepted)
        version = archive_of(request).index.version()
        given = kept.find(version, asked)
        if given is None:
            response = await endpoint(request)
            if given := _lasting(response):
                kept.keep(version, asked, given)
            return response
        if is_current(request.headers.get("if-none-match"), given.headers["ETag"]):
            return not_modified(given.headers)
        return Response(given.data, headers=given.headers, media_type=given.media_type)

    return again


def _lasting(response: Response) -> Given | None:
    """A whole answer that would be the same again: its ETag says that it would."""
    headers, data = response.headers, getattr(response, "body", b"")
    if response.status_code != 200 or "etag" not in headers or not 0 < len(data) <= SMALL:
        return None
    names = ("ETag", "Cache-Control", "Vary", "X-Content-Type-Options", "Content-Disposition")
    kept = {name: headers[name] for name in names if name in headers}
    return Given(bytes(data), headers["content-type"], kept)
