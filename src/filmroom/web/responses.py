"""Answers in the shapes that every service shares: DICOM JSON and problem details."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

DICOM_JSON = "application/dicom+json"
DICOM_XML = "application/dicom+xml"
JSON = "application/json"
PROBLEM_JSON = "application/problem+json"


def dicom_json(
    content: Any,  # noqa: ANN401 -- the DICOM JSON Model: one object or a list of them
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Data sets in the DICOM JSON Model (PS3.18 Annex F)."""
    return Response(orjson.dumps(content), status, headers, DICOM_JSON)


def json(
    content: Any,  # noqa: ANN401 -- whatever JSON can hold
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Plain JSON, for operators and scripts."""
    return Response(orjson.dumps(content), status, headers, JSON)


def problem(
    status: int, detail: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Problem details (RFC 9457); `detail` names the thing, and never what is inside us."""
    content: dict[str, Any] = {"title": HTTPStatus(status).phrase, "status": int(status)}
    if detail:
        content["detail"] = detail
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        return Response(None, status, headers)
    return Response(orjson.dumps(content), status, headers, PROBLEM_JSON)


def warning(text: str) -> str:
    """A `Warning` header's value (PS3.18 §8.3.4 and others use code 299)."""
    plain = "".join(c if 32 <= ord(c) < 127 and c not in '"\\' else "?" for c in text)
    return f'299 filmroom "{plain}"'
