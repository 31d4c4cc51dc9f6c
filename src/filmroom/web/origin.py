"""Who may call from where: host names, foreign pages, CORS, and the headers that browsers obey.

A page elsewhere can make a browser send requests here. Reading the answers it may not
(same-origin policy), unless it renames itself to our address (DNS rebinding: the Host header
gives it away) or its origin is listed. Changing things it may not either: what
changes something must come from our own pages, a listed origin, or no browser at all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom.settings import Settings
from filmroom.web.responses import problem

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
METHODS = "GET, HEAD, POST, PUT, DELETE, OPTIONS"
REQUEST_HEADERS = "Accept, Authorization, Content-Type, If-None-Match, If-Range, Range"
EXPOSED_HEADERS = (
    "Accept-Ranges, Content-Disposition, Content-Encoding, Content-Length, Content-Location,"
    " Content-Range, ETag, Location, Retry-After, Warning, X-Total-Count"
)
PREFLIGHT_AGE = "600"  # seconds that a browser remembers a preflight's answer
PRIVATE_PATHS = ("/dicom-web", "/dcm4chee-arc/", "/wado", "/api/", "/ui/")
"""Where answers hold patient data, or show how much there is."""
PRIVATE = (b"cache-control", b"private, no-cache")
ANY = "*"
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")  # in lower case


class Origins:
    """Middleware around the whole application; its headers are on errors as well."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._any_host = settings.insecure or ANY in settings.allowed_hosts
        self._hosts = {host.lower() for host in (settings.host, *settings.allowed_hosts)}
        self._origins = frozenset(origin.lower().rstrip("/") for origin in settings.cors_origins)
        ancestors = " ".join(sorted(self._origins - {ANY}))
        resource_policy = "cross-origin" if self._origins else "same-origin"
        self._dressing = (
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"same-origin"),
            (b"cross-origin-resource-policy", resource_policy.encode()),
            (b"content-security-policy", f"frame-ancestors 'self' {ancestors}".rstrip().encode()),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, answer a preflight, or pass on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # the first of a name counts
        origin = headers.get(b"origin", b"").decode("latin-1").lower()
        listed = bool(origin) and bool(self._origins & {origin, ANY})

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._dress(message, scope["path"], origin if listed else "")
            await send(message)

        answer = self._refuse(scope["method"], headers, origin, listed)
        if answer is None and scope["method"] == "OPTIONS" and listed:
            answer = _preflight(headers)
        await (answer or self.app)(scope, receive, dressed)

    def _refuse(
        self, method: str, headers: Mapping[bytes, bytes], origin: str, listed: bool
    ) -> Response | None:
        host = headers.get(b"host", b"").decode("latin-1").lower()
        if host and not HOST.fullmatch(host):
            return problem(HTTPStatus.BAD_REQUEST, "the Host header is no host's name")
        if not self._any_host and not self._is_ours(host):
            return problem(
                HTTPStatus.MISDIRECTED_REQUEST,
                "the archive does not go by this host name (setting allowed_hosts)",
            )
        if method in SAFE_METHODS or listed:
            return None
        foreign = headers.get(b"sec-fetch-site") in (b"cross-site", b"same-site")
        if (origin and origin.partition("://")[2] != host) or (foreign and not origin):
            return problem(
                HTTPStatus.FORBIDDEN,
                "pages of another origin may change nothing here (setting cors_origins)",
            )
        return None

    def _is_ours(self, host: str) -> bool:
        name = host_name(host)
        if not name:  # HTTP/1.0, which no browser speaks
            return True
        if name in self._hosts or name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _dress(self, message: Message, path: str, origin: str) -> None:
        raw: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
        there = {name for name, _ in raw}
        raw += [line for line in self._dressing if line[0] not in there]
        if b"cache-control" not in there and path.startswith(PRIVATE_PATHS):
            raw.append(PRIVATE)
        message["headers"] = raw
        if self._origins:
            headers = MutableHeaders(raw=raw)
            headers.add_vary_header("Origin")
            if origin:
                headers["Access-Control-Allow-Origin"] = origin
                headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS


def host_name(host: str) -> str:
    """The name of a Host header, without its port and without an IPv6 address's brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].rstrip(".")


def _preflight(headers: Mapping[bytes, bytes]) -> Response | None:
    """The answer to a preflight; None if the request is none (Fetch §4.8)."""
    if b"access-control-request-method" not in headers:
        return None
    answer = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": PREFLIGHT_AGE,
    }
    if headers.get(b"access-control-request-private-network") == b"true":
        answer["Access-Control-Allow-Private-Network"] = "true"
    return Response(None, HTTPStatus.NO_CONTENT, answer)
