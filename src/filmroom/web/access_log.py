"""One line a request, and the numbers behind `/metrics`.

Never a query value, never a path: those may name a patient. A request is known by its
route: the module and name of what answered it.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from filmroom.web.errors import CLIENT_CLOSED

log = logging.getLogger(__name__)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


class Traffic:
    """Counts of this process's requests; touched only by its event loop."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        """By route, method and status."""
        self.seconds: dict[str, float] = {}
        """Time taken, by route."""
        self.bytes: Counter[str] = Counter()
        """Bytes of bodies sent, by route."""
        self.received: Counter[str] = Counter()
        """Bytes of bodies read, by route."""
        self.active = 0


class AccessLog:
    """Middleware that counts, and writes one line when a request is done."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self.app = app
        self.traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at what goes by."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status, sent, received = CLIENT_CLOSED, 0, 0

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        self.traffic.active += 1
        try:
            await self.app(scope, counting, counted)
        finally:
            self.traffic.active -= 1
            self._note(scope, status, sent, received, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, sent: int, received: int, took: float) -> None:
        route = route_name(scope)
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.traffic.requests[route, method, status] += 1
        self.traffic.seconds[route] = self.traffic.seconds.get(route, 0.0) + took
        self.traffic.bytes[route] += sent
        self.traffic.received[route] += received
        if log.isEnabledFor(logging.INFO):
            log.info(
                "request",
                extra={
                    "client": scope["client"][0] if scope.get("client") else "",
                    "method": method,
                    "route": route,
                    "status": status,
                    "bytes": sent,
                    "received": received,
                    "ms": round(took * 1000, 1),
                },
            )


def route_name(scope: Scope) -> str:
    """What answered, as `stow.store`; "none" where nothing did."""
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return "none"
    module = getattr(endpoint, "__module__", "").rpartition(".")[2]
    return f"{module}.{getattr(endpoint, '__name__', type(endpoint).__name__)}"


def exposition(traffic: Traffic) -> Iterator[str]:
    """The numbers in Prometheus' text format."""
    yield "# TYPE filmroom_requests_total counter"
    for (route, method, status), count in sorted(traffic.requests.items()):
        labels = f'route="{route}",method="{method}",status="{status}"'
        yield f"filmroom_requests_total{{{labels}}} {count}"
    by_route: dict[str, Mapping[str, float]] = {
        "filmroom_request_seconds_total": traffic.seconds,
        "filmroom_sent_bytes_total": traffic.bytes,
        "filmroom_received_bytes_total": traffic.received,
    }
    for name, numbers in by_route.items():
        yield f"# TYPE {name} counter"
        for route, number in sorted(numbers.items()):
            yield f'{name}{{route="{route}"}} {number:.16g}'
    yield "# TYPE filmroom_requests_active gauge"
    yield f"filmroom_requests_active {traffic.active}"
