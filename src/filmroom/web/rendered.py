"""Retrieve rendered: what browsers and people can look at (PS3.18 §10.4.1.1.3)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route

from filmroom.core.rendered import Showing, rendered, rendered_frames
from filmroom.model.answer import Answer
from filmroom.model.instance import Located
from filmroom.web.accept import wanted_by
from filmroom.web.frames import read_numbers
from filmroom.web.pictures import drawn, named_of
from filmroom.web.rendering_params import read_rendering
from filmroom.web.request import archive_of, ref_of, uid_of


def retrieve_rendered(request: Request, located: Located | None = None) -> Answer:
    """A study, series or instance as pictures; documents and videos as they are."""
    archive = archive_of(request)
    selection = named_of(request)
    return rendered(archive, selection, wanted_by(request.scope), _showing(request), located)


def retrieve_rendered_frames(request: Request, located: Located | None = None) -> Answer:
    """Frames of an instance, by number."""
    archive = archive_of(request)
    numbers = read_numbers(request.path_params["frames"], archive.settings.max_frames)
    showing = _showing(request)
    located = located or archive.index.locate(ref_of(request))
    return rendered_frames(archive, located, numbers, wanted_by(request.scope), showing)


def _showing(request: Request) -> Showing:
    settings = archive_of(request).settings
    asked = read_rendering(request.query_params, uid_of(request, "study"), settings)
    return Showing(asked.rendering, asked.presentation)


_SERIES = "/studies/{study}/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
ROUTES = [
    Route(_INSTANCE + "/rendered", drawn(retrieve_rendered), methods=["GET"]),
    Route(
        _INSTANCE + "/frames/{frames}/rendered", drawn(retrieve_rendered_frames), methods=["GET"]
    ),
    Route(_SERIES + "/rendered", drawn(retrieve_rendered), methods=["GET"]),
    Route("/studies/{study}/rendered", drawn(retrieve_rendered), methods=["GET"]),
]
