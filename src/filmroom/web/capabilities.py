"""What the DICOMweb services can do (PS3.18 §8.9), read off the routes themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import quoteattr

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filmroom import __version__
from filmroom.core.render import PICTURES
from filmroom.dicom.media_types import MP4, PDF
from filmroom.web.rendering_params import RENDERED_PARAMETERS, THUMBNAIL_PARAMETERS
from filmroom.web.request import root_of
from filmroom.web.responses import json

WADL = "application/vnd.sun.wadl+xml"
WADL_NAMESPACE = "http://wadl.dev.java.net/2009/02"
RENDERED, THUMBNAIL = "/rendered", "/thumbnail"
"""What the paths of pictures end with."""
PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")


def capabilities_routes(services: Sequence[BaseRoute]) -> list[BaseRoute]:
    """The route of the root itself, which tells of these services."""
    resources = _resources(services)

    def capabilities(request: Request) -> Response:
        """Retrieve capabilities."""
        root = root_of(request)
        if WADL in request.headers.get("accept", ""):
            return Response("".join(_wadl(resources, root)), media_type=WADL)
        listed = [each.told() for each in resources]
        return json({"name": "Filmroom", "version": __version__, "base": root, "resources": listed})

    return [Route("/", capabilities, methods=["GET", "OPTIONS"])]


@dataclass(frozen=True, slots=True)
class Resource:
    """What is answered at one path."""

    path: str
    """As a URI template."""
    methods: list[str]
    parameters: Sequence[str] = field(default=())
    """Of the query, where they are few and told here."""
    media_types: Sequence[str] = field(default=())
    """That can be accepted, where they do not depend on what is stored."""

    def told(self) -> Mapping[str, str | Sequence[str]]:
        """The resource as JSON."""
        told: dict[str, str | Sequence[str]] = {"path": self.path, "methods": self.methods}
        if self.parameters:
            told |= {"parameters": self.parameters, "mediaTypes": self.media_types}
        return told


def _resources(services: Sequence[BaseRoute]) -> list[Resource]:
    found: dict[str, set[str]] = {}
    for route in services:
        if isinstance(route, Route):
            path = PARAMETER.sub(r"{\1}", route.path)
            found.setdefault(path, set()).update(route.methods or {"GET"})
    return [_resource(path, sorted(methods)) for path, methods in sorted(found.items())]


def _resource(path: str, methods: list[str]) -> Resource:
    if path.endswith(RENDERED):
        return Resource(path, methods, RENDERED_PARAMETERS, (*PICTURES, PDF, MP4))
    if path.endswith(THUMBNAIL):
        return Resource(path, methods, THUMBNAIL_PARAMETERS, PICTURES)
    return Resource(path, methods)


def _wadl(resources: Sequence[Resource], root: str) -> Iterator[str]:
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<application xmlns="{WADL_NAMESPACE}">'
    yield f"<resources base={quoteattr(root)}>"
    for resource in resources:
        yield f"<resource path={quoteattr(resource.path)}>"
        for name in PARAMETER.findall(resource.path):
            yield f'<param name="{name}" style="template"/>'
        for method in resource.methods:
            yield f'<method name="{method}">{"".join(_inside(resource))}</method>'
        yield "</resource>"
    yield "</resources></application>\n"


def _inside(resource: Resource) -> Iterator[str]:
    if resource.parameters:
        named = "".join(f'<param name="{name}" style="query"/>' for name in resource.parameters)
        yield f"<request>{named}</request>"
    if resource.media_types:
        forms = "".join(f'<representation mediaType="{each}"/>' for each in resource.media_types)
        yield f"<response>{forms}</response>"
