"""Retrieve metadata: kept compressed, sent as it is kept (PS3.18 §10.4.1.1.2)."""

from __future__ import annotations

import re
import struct

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.core.metadata import data_sets, inflated, metadata
from filmroom.dicom.media_types import DICOM_JSON, DICOM_XML, JSON
from filmroom.dicom.xml_model import native_model
from filmroom.errors import NotAcceptable
from filmroom.model.metadata import Metadata
from filmroom.model.wanted import Offer
from filmroom.web.accept import wanted_by
from filmroom.web.request import archive_of, selection_of
from filmroom.web.sending import (
    bodies_multipart,
    describing,
    etag_of,
    is_current,
    not_modified,
)

GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # RFC 1952 §2.3: deflate, no time, unknown system
FORMS = (
    Offer(DICOM_JSON),
    Offer(JSON),
    Offer(DICOM_XML, multipart=True),
    Offer(DICOM_XML),
)

_CODING = re.compile(r"\s*([^\s;,]+)\s*(?:;\s*q\s*=\s*([0-9.]+))?\s*", re.IGNORECASE)


def retrieve_metadata(request: Request) -> Response:
    """The complete data sets of a study, series or instance, bulk data by URI."""
    form = wanted_by(request.scope).choose(FORMS)
    if form is None:
        raise NotAcceptable(
            f'metadata is given as {DICOM_JSON}, {JSON} or multipart/related; type="{DICOM_XML}"'
        )
    kept = metadata(archive_of(request), selection_of(request))
    suffix = "-xml" if form.media_type == DICOM_XML else ""
    etag = etag_of(kept.version + suffix, weak=True)
    headers = describing(etag, vary="Accept, Accept-Encoding")
    if is_current(request.headers.get("if-none-match"), etag):
        return not_modified(headers)
    if form.media_type == DICOM_XML:
        return _xml(kept, form, headers)
    if takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return Response(gzipped(kept), headers=headers, media_type=form.media_type)
    return Response(inflated(kept), headers=headers, media_type=form.media_type)


def _xml(kept: Metadata, form: Offer, headers: dict[str, str]) -> Response:
    documents = (native_model(data_set) for data_set in data_sets(kept))
    if form.multipart:
        return bodies_multipart(documents, DICOM_XML, headers)
    document = next(documents)
    if next(documents, None) is not None:
        raise NotAcceptable(f'several data sets: ask for multipart/related; type="{DICOM_XML}"')
    return Response(document, headers=headers, media_type=DICOM_XML)


def gzipped(kept: Metadata) -> bytes:
    """Kept metadata as one gzip member: Chromium reads no second one."""
    trailer = struct.pack("<II", kept.crc, kept.length & 0xFFFFFFFF)
    return b"".join([GZIP_HEADER, *kept.pieces, trailer])


def takes_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header lets an answer be gzip (RFC 9110 §12.5.3)."""
    weights = {}
    for element in accept_encoding.split(","):
        if found := _CODING.fullmatch(element):
            weights[found[1].lower()] = (found[2] or "1").strip("0.") != ""
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", False)))


ROUTES = [
    Route("/studies/{study}/series/{series}/metadata", retrieve_metadata),
    Route("/studies/{study}/series/{series}/instances/{instance}/metadata", retrieve_metadata),
    Route("/studies/{study}/metadata", retrieve_metadata),
]
