"""Retrieve thumbnails: one small picture of whatever there is (PS3.18 §10.4.1.1.4)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import Route

from filmroom.core.rendered import thumbnail
from filmroom.model.answer import Answer
from filmroom.model.instance import Located
from filmroom.web.accept import wanted_by
from filmroom.web.frames import read_numbers
from filmroom.web.pictures import drawn, named_of
from filmroom.web.remembered import remembered
from filmroom.web.rendering_params import read_thumbnail
from filmroom.web.request import archive_of

SIZE = 128
"""Pixels of the longer side, where a request says no viewport."""


def retrieve_thumbnail(request: Request, located: Located | None = None) -> Answer:
    """A study, series, instance or frame at a glance; of several frames the first."""
    archive = archive_of(request)
    numbers: list[int] = []
    if "frames" in request.path_params:
        numbers = read_numbers(request.path_params["frames"], archive.settings.max_frames)
    rendering = read_thumbnail(request.query_params, SIZE, archive.settings)
    selection = named_of(request)
    return thumbnail(archive, selection, wanted_by(request.scope), rendering, numbers, located)


_SERIES = "/studies/{study}/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
ROUTES = [
    Route(path + "/thumbnail", remembered(drawn(retrieve_thumbnail)), methods=["GET"])
    for path in (_SERIES, _INSTANCE, "/studies/{study}", _INSTANCE + "/frames/{frames}")
]
