"""Retrieve studies, series and instances as stored (PS3.18 §10.4)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.core.retrieve import instances
from filmroom.dicom.media_types import ZIP
from filmroom.model.answer import Answer
from filmroom.web.accept import wanted_by
from filmroom.web.archive_zip import zipped
from filmroom.web.request import archive_of, selection_of, slots_of
from filmroom.web.sending import describing, etag_of, is_current, multipart, not_modified, single


def retrieve(request: Request) -> Response:
    """Every instance of a study or series, or one instance."""
    selection = selection_of(request)
    answer = instances(archive_of(request), selection, wanted_by(request.scope))
    headers = describing(etag_of(_version(answer)))
    if is_current(request.headers.get("if-none-match"), headers.get("ETag", "")):
        return not_modified(headers)
    if answer.form.media_type == ZIP:
        name = selection.instance or selection.series or selection.study or "studies"
        return zipped(answer.parts, name, headers, slots_of(request))
    if answer.form.multipart:
        root = request.scope.get("root_path", "")
        return multipart(answer, headers, root, slots_of(request))
    return single(request, answer.parts[0], headers, slots_of(request))


def _version(answer: Answer) -> str:
    """Only a single part has the same bytes each time: a multipart boundary is drawn anew."""
    single_part = not answer.form.multipart and answer.form.media_type != ZIP
    return answer.version if single_part else ""


ROUTES = [
    Route("/studies/{study}/series/{series}/instances/{instance}", retrieve),
    Route("/studies/{study}/series/{series}", retrieve),
    Route("/studies/{study}", retrieve),
]
