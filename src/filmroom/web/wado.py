"""Retrieve studies, series and instances (PS3.18 §10.4)."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.core.retrieve import instances
from filmroom.dicom.media_types import ZIP
from filmroom.errors import NotAcceptable
from filmroom.web.accept import wanted_by
from filmroom.web.archive_zip import zipped
from filmroom.web.coded import is_rewritten, rewriters_of, rewritten_multipart
from filmroom.web.request import archive_of, selection_of, slots_of
from filmroom.web.sending import (
    describing,
    is_current,
    multipart,
    not_modified,
    single,
    strong_etag,
)


async def retrieve(request: Request) -> Response:
    """Every instance of a study or series, or one instance."""
    selection = selection_of(request)
    archive, wanted = archive_of(request), wanted_by(request.scope)
    answer = await run_in_threadpool(instances, archive, selection, wanted)
    # Only a single part has the same bytes each time: a multipart boundary is drawn anew.
    alone = not answer.form.multipart and answer.form.media_type != ZIP
    headers = describing(strong_etag(answer.version) if alone else "")
    if is_current(request.headers.get("if-none-match"), headers.get("ETag", "")):
        return not_modified(headers)
    if is_rewritten(answer):
        if answer.form.multipart and len(answer.parts) > 1:
            return rewritten_multipart(request, answer, headers)
        await rewriters_of(request).make(answer.parts)
    if answer.form.media_type == ZIP:
        if request.query_params.get("dicomdir", "false").lower() != "false":
            raise NotAcceptable("this version puts no DICOMDIR into a zip")
        name = selection.instance or selection.series or selection.study or "studies"
        return zipped(answer.parts, name, headers, slots_of(request))
    if answer.form.multipart:
        root = request.scope.get("root_path", "")
        return multipart(answer, headers, root, slots_of(request))
    return single(request, answer.parts[0], headers, slots_of(request))


ROUTES = [
    Route("/studies/{study}/series/{series}/instances/{instance}", retrieve),
    Route("/studies/{study}/series/{series}", retrieve),
    Route("/studies/{study}", retrieve),
]
