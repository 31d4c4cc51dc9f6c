"""One route a path, whichever services share it, so that 405 and OPTIONS tell every method."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send


class Methods:
    """What is answered at one path, by method."""

    def __init__(self) -> None:
        self.routes: dict[str, Route] = {}

    def add(self, route: Route) -> None:
        """Answer the route's methods by it; the first who has a method keeps it."""
        for method in sorted(route.methods or {"GET", "HEAD"}):
            self.routes.setdefault(method, route)

    @property
    def allowed(self) -> str:
        """The value of `Allow` (RFC 9110 §10.2.1)."""
        return ", ".join(sorted({*self.routes, "OPTIONS"}))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on by method."""
        route = self.routes.get(scope["method"])
        if route is not None:
            scope["endpoint"] = route.endpoint  # by which requests are known in log and metrics
            await route.app(scope, receive, send)
            return
        headers = {"Allow": self.allowed}
        if scope["method"] != "OPTIONS":
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers=headers)
        await Response(None, HTTPStatus.NO_CONTENT, headers)(scope, receive, send)


def by_path(services: Iterable[BaseRoute]) -> list[BaseRoute]:
    """The same routes, those of one path joined where the first of them stood."""
    joined: list[BaseRoute] = []
    paths: dict[str, Methods] = {}
    for route in services:
        if not isinstance(route, Route):
            joined.append(route)
            continue
        if route.path not in paths:
            paths[route.path] = Methods()
            joined.append(Route(route.path, paths[route.path], name=route.name))
        paths[route.path].add(route)
    return joined
