"""What the DICOMweb services can do (PS3.18 §8.9), read off the routes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import quoteattr

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filmroom import __version__
from filmroom.web.request import root_of
from filmroom.web.responses import json

WADL = "application/vnd.sun.wadl+xml"
WADL_NAMESPACE = "http://wadl.dev.java.net/2009/02"
PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


def capabilities_routes(services: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The route of the root itself, which tells of these services."""
    resources = _resources(services)

    def capabilities(request: Request) -> Response:
        """Retrieve capabilities."""
        root = root_of(request)
        if WADL in request.headers.get("accept", ""):
            return Response("".join(_wadl(resources, root)), media_type=WADL)
        listed = [{"path": path, "methods": methods} for path, methods in resources.items()]
        return json({"name": "Filmroom", "version": __version__, "base": root, "resources": listed})

    return [Route("/", capabilities, methods=["GET", "OPTIONS"])]


def _resources(services: Sequence[BaseRoute]) -> dict[str, list[str]]:
    """Methods by path, the paths as URI templates."""
    found: dict[str, set[str]] = {}
    for route in services:
        if isinstance(route, Route):
            path = PARAMETER.sub(r"{\1}", route.path)
            found.setdefault(path, set()).update(route.methods or {"GET"})
    return {path: sorted(methods) for path, methods in sorted(found.items())}


def _wadl(resources: dict[str, list[str]], root: str) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<application xmlns="{WADL_NAMESPACE}">'
    yield f"<resources base={quoteattr(root)}>"
    for path, methods in resources.items():
        yield f"<resource path={quoteattr(path)}>"
        for name in PARAMETER.findall(path):
            yield f'<param name="{name}" style="template"/>'
        for method in methods:
            yield f'<method name="{method}"/>'
        yield "</resource>"
    yield "</resources></application>\n"
