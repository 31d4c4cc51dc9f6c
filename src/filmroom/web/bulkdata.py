"""Retrieve bulk data (PS3.18 §10.4.1.1.5)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.core.bulkdata import all_bulkdata, bulk_answer
from filmroom.dicom.media_types import MP4, PDF
from filmroom.web.accept import wanted_by
from filmroom.web.request import archive_of, ref_of, selection_of, slots_of
from filmroom.web.sending import (
    describing,
    is_current,
    multipart,
    not_modified,
    single,
    strong_etag,
)

SANDBOX = {"Content-Security-Policy": "sandbox; default-src 'none'"}
"""What a stored document may do if a browser shows it: nothing."""


def one(request: Request) -> Response:
    """One value, alone or as the only part."""
    archive = archive_of(request)
    located = archive.index.locate(ref_of(request))
    path = request.path_params["path"].strip("/")
    answer = bulk_answer(archive, located, path, wanted_by(request.scope))
    shape = "multipart" if answer.form.multipart else "single"
    headers = describing(strong_etag(answer.version, shape))
    if is_current(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    if answer.form.multipart:
        return multipart(answer, headers, request.scope.get("root_path", ""), slots_of(request))
    if answer.form.media_type not in (PDF, MP4):
        headers |= SANDBOX
    return single(request, answer.parts[0], headers, slots_of(request))


def every(request: Request) -> Response:
    """All values of a study, series or instance."""
    answer = all_bulkdata(archive_of(request), selection_of(request), wanted_by(request.scope))
    root = request.scope.get("root_path", "")
    return multipart(answer, describing(""), root, slots_of(request))


_INSTANCE = "/studies/{study}/series/{series}/instances/{instance}"
ROUTES = [
    Route(_INSTANCE + "/bulkdata/{path:path}", one, name="bulk value"),
    Route(_INSTANCE + "/bulkdata", every, name="bulk data of an instance"),
    Route("/studies/{study}/series/{series}/bulkdata", every, name="bulk data of a series"),
    Route("/studies/{study}/bulkdata", every, name="bulk data of a study"),
]
