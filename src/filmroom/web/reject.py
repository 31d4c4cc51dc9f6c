"""Delete, and reject as dcm4chee has it: what is rejected hides until restored or purged.

DELETE is no transaction of PS3.18; it is dcm4chee's, Google's and others'. Rejection stands for
the Rejection Notes of IHE RAD IOCM, its reason a code of PS3.16 CID 7011.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filmroom.core import delete as verbs
from filmroom.core.delete_rejected import delete_rejected
from filmroom.errors import Malformed
from filmroom.web.request import archive_of, selection_of, source_of
from filmroom.web.responses import json

CODE = re.compile(r"[^\s\\^](?:[^\\^\x00-\x1f\x7f]{0,14}[^\s\\^])?")  # an SH (PS3.5 §6.2)
LEVELS = (
    "/studies/{study}",
    "/studies/{study}/series/{series}",
    "/studies/{study}/series/{series}/instances/{instance}",
)


def delete(request: Request) -> Response:
    """Delete a study, series or instance."""
    verbs.delete(archive_of(request), selection_of(request), source_of(request, "web"))
    return Response(None, HTTPStatus.NO_CONTENT)


def reject(request: Request) -> Response:
    """Reject a study, series or instance."""
    code = read_code(request.path_params["code"])
    selection = selection_of(request)
    rejected = verbs.reject(archive_of(request), selection, code, source_of(request, "web"))
    return json({"status": "0000", "rejected": rejected, "failed": 0})


def delete_for_reason(request: Request) -> Response:
    """Delete for good what was rejected for a reason, before a day if one is given."""
    code = read_code(request.path_params["code"])
    before = read_day(request.query_params.get("rejectedBefore", ""))
    deleted = delete_rejected(archive_of(request), code, before, source_of(request, "web"))
    return json({"deleted": deleted})


def read_code(text: str) -> str:
    """A code value and its scheme, joined by a caret."""
    value, caret, scheme = text.partition("^")
    if not (caret and CODE.fullmatch(value) and CODE.fullmatch(scheme)):
        raise Malformed("a reason is a code value and its scheme, such as 113001^DCM")
    return text


def read_day(text: str) -> float:
    """The begin of a day, in UTC seconds since the epoch; no day is the end of time."""
    if not text:
        return float("inf")
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise Malformed("rejectedBefore is a day, such as 2024-12-31") from None


ROUTES: list[BaseRoute] = [
    *(Route(level + "/reject/{code}", reject, methods=["POST"]) for level in LEVELS),
    *(Route(level, delete, methods=["DELETE"]) for level in LEVELS),
    Route("/reject/{code}", delete_for_reason, methods=["DELETE"]),
]
