"""Store instances (PS3.18 §10.5)."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filmroom.dicom.xml_model import native_model
from filmroom.errors import Malformed, Unsupported
from filmroom.model.stored import Stored
from filmroom.settings import Settings
from filmroom.web.direct import DirectBody, take_body
from filmroom.web.errors import retry_headers
from filmroom.web.multipart import MultipartReader, PartLimits, read_content_type
from filmroom.web.reception import DICOM, Failed, PartReader, Reception, WholeBody, Writers
from filmroom.web.request import archive_of, root_of, source_of, uid_of
from filmroom.web.responses import DICOM_JSON, DICOM_XML, dicom_json
from filmroom.web.store_response import require_parts, store_response, store_status

MULTIPART = "multipart/related"
BATCH = 1 << 20  # bytes of a body that are handed to a thread at once


async def store(request: Request) -> Response:
    """Take instances in, and say of each what became of it."""
    archive = archive_of(request)
    study = uid_of(request, "study") if "study" in request.path_params else None
    reader = reader_for(request, archive.settings)
    writers: Writers = request.app.state.writers
    reception = Reception(archive, writers, reader, source_of(request), study)
    try:
        body = take_body(request.scope)
        if body is not None:
            outcomes = await _draw(body, reception, writers)
        else:
            rest = await _pour(request, reception, writers)
            outcomes = await asyncio.wrap_future(writers.readers.submit(reception.end, rest))
    except BaseException:
        _abandon(reception, writers)
        raise
    require_parts(outcomes, reception.broken)
    status = store_status(outcomes, reception.broken)
    module = store_response(outcomes, root_of(request), reception.broken)
    headers = retry_headers(status)
    accept = request.query_params.get("accept") or request.headers.get("accept", "")
    if wants_xml(accept.replace(" ", "+")):  # an unescaped plus of the parameter (PS3.18 §8.3.3)
        return Response(native_model(module), status, headers, DICOM_XML)
    return dicom_json(module, status, headers)


def _abandon(reception: Reception, writers: Writers) -> None:
    """Forget what was coming, in a thread: another one may still be at work on it."""
    try:
        writers.readers.submit(reception.abort)
    except RuntimeError:  # the server stops, and its threads are at their end
        reception.abort()


async def _draw(body: DirectBody, reception: Reception, writers: Writers) -> list[Stored | Failed]:
    """Have a thread read the body from the socket, for as long as bytes come."""

    def read(first: bytes) -> list[Stored | Failed] | None:
        if first:
            reception.feed(first)
        return reception.end() if reception.feed_from(body) else None

    first = body.first
    try:
        while True:
            outcomes = await asyncio.wrap_future(writers.readers.submit(read, first))
            if outcomes is not None:
                return outcomes
            first = b""
            await body.more()
    except ConnectionError:
        raise ClientDisconnect from None
    finally:
        body.give_back()


async def _pour(request: Request, reception: Reception, writers: Writers) -> bytes:
    """Hand the body over in batches, but for the last, which is returned.

    The next one is gathered while a thread reads the one before.
    """
    batch: list[bytes] = []
    size = 0
    busy: asyncio.Future[None] | None = None
    async for chunk in request.stream():
        if chunk:
            batch.append(chunk)
            size += len(chunk)
        if size < BATCH:
            continue
        if busy is not None:
            await busy
        if reception.broken:
            return b""
        busy = asyncio.wrap_future(writers.readers.submit(reception.feed, b"".join(batch)))
        batch, size = [], 0
    if busy is not None:
        await busy
    return b"".join(batch)


def reader_for(request: Request, settings: Settings) -> PartReader:
    """How the body is to be read; Unsupported or Malformed if it cannot be."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Unsupported("request bodies are taken without a Content-Encoding")
    media_type, parameters = read_content_type(request.headers.get("content-type", ""))
    if media_type == DICOM:
        return WholeBody()
    if media_type != MULTIPART:
        raise Unsupported(f'instances are taken as {MULTIPART}; type="{DICOM}"')
    if parameters.get("type", DICOM).lower() != DICOM:
        raise Unsupported(f'of {MULTIPART} only type="{DICOM}" is taken')
    if not parameters.get("boundary"):
        raise Malformed(f"the Content-Type {MULTIPART} names no boundary")
    limits = PartLimits(
        settings.max_parts, settings.max_part_headers, settings.max_part_header_bytes
    )
    return MultipartReader(parameters["boundary"].encode("latin-1"), limits)


def wants_xml(accept: str) -> bool:
    """Whether XML was asked for and JSON was not (PS3.18 Table 10.5.3-2)."""
    names = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return DICOM_XML in names and not names & {DICOM_JSON, "application/json"}


ROUTES: list[BaseRoute] = [
    Route("/studies", store, methods=["POST"]),
    Route("/studies/{study}", store, methods=["POST"]),
]
