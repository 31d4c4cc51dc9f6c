"""Retrieve rendered: documents and videos that browsers show as they are (PS3.18 §10.4.1.1.3)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.core.archive import Archive
from filmroom.core.bulkdata import DOCUMENT, PIXEL_DATA, Bulk, bulk_value
from filmroom.core.retrieve import select
from filmroom.dicom.media_types import ENCAPSULATED_PDF, MP4
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import NotAcceptable, NotFound
from filmroom.model.answer import Part
from filmroom.model.instance import Located
from filmroom.model.wanted import Wanted
from filmroom.web.accept import wanted_by
from filmroom.web.frames import read_numbers
from filmroom.web.request import archive_of, ref_of, selection_of
from filmroom.web.sending import describing, is_current, not_modified, single, strong_etag

NOT_YET = "images are not rendered by this version: ask for /frames, or for the instance as stored"


def instance(request: Request) -> Response:
    """An encapsulated PDF, or a video in an MP4 container; images are not rendered yet."""
    archive = archive_of(request)
    located = archive.index.locate(ref_of(request))
    bulk = shown_as_is(archive, located)
    if bulk is None:
        raise NotAcceptable(NOT_YET)
    return shown(request, located, bulk, wanted_by(request.scope))


def shown(request: Request, located: Located, bulk: Bulk, wanted: Wanted) -> Response:
    """What browsers show as it is, in their own window."""
    # Multipart is taken for a client's habit: who asks for a PDF means the file.
    if not wanted.takes(bulk.media_type) and not wanted.takes_multipart():
        raise NotAcceptable(f"this instance is shown as {bulk.media_type} only")
    headers = describing(strong_etag(located.key, bulk.version, "rendered"))
    headers["Content-Disposition"] = "inline"
    if is_current(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    return single(request, Part(bulk.media_type, "", bulk.content), headers)


def shown_as_is(archive: Archive, located: Located) -> Bulk | None:
    """The document or video that an instance is made of; None if it is neither."""
    if located.sop_class == ENCAPSULATED_PDF:
        return bulk_value(archive, located, DOCUMENT)
    if not transfer_syntax(located.transfer_syntax).video:
        return None
    bulk = bulk_value(archive, located, PIXEL_DATA)
    if bulk.media_type != MP4:
        raise NotAcceptable("this video is not in an MP4 container, which browsers need")
    return bulk


def nothing_yet(request: Request) -> Response:
    """Whatever else could be rendered: that it is there, but not so."""
    archive = archive_of(request)
    found = select(archive, selection_of(request))
    if "frames" in request.path_params:
        numbers = read_numbers(request.path_params["frames"], archive.settings.max_frames)
        if max(numbers) > found[0].number_of_frames:
            raise NotFound(f"no frame {max(numbers)} among {found[0].number_of_frames}")
    raise NotAcceptable(NOT_YET)


_SERIES = "/studies/{study}/series/{series}"
_INSTANCE = _SERIES + "/instances/{instance}"
ROUTES = [
    Route(_INSTANCE + "/rendered", instance, name="rendered instance"),
    *(
        Route(path + form, nothing_yet, name=f"rendering: {path}{form}")
        for path, form in (
            (_INSTANCE, "/thumbnail"),
            (_INSTANCE + "/frames/{frames}", "/rendered"),
            (_INSTANCE + "/frames/{frames}", "/thumbnail"),
            (_SERIES, "/rendered"),
            (_SERIES, "/thumbnail"),
            ("/studies/{study}", "/rendered"),
            ("/studies/{study}", "/thumbnail"),
        )
    ),
]
