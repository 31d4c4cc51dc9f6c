"""WADO-URI: one instance by query string (PS3.18 §9)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.core.archive import Archive
from filmroom.core.retrieve import part
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import Exact
from filmroom.dicom.media_types import DICOM
from filmroom.errors import Conflict, Malformed, NotAcceptable, NotFound
from filmroom.model.instance import Attributes, InstanceRef, Located
from filmroom.model.query import Match, Query
from filmroom.model.selection import Selection
from filmroom.model.wanted import MediaRange, Offer, Wanted
from filmroom.web.accept import read_accept
from filmroom.web.rendered import shown, shown_as_is
from filmroom.web.request import archive_of, read_uid, slots_of
from filmroom.web.sending import describing, is_current, not_modified, single, strong_etag

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"


def wado_uri(request: Request) -> Response:
    """The instance that the query names; Accept says nothing here, `contentType` does."""
    query = request.query_params
    if query.get("requestType", "").upper() != "WADO":
        raise Malformed("requestType must be WADO")
    if query.get("anonymize", "no").lower() != "no":
        raise NotAcceptable("this version gives nothing anonymized")
    archive = archive_of(request)
    located = _located(archive, request)
    wanted = read_accept(query.get("contentType", ""))
    as_stored = Offer(DICOM, located.transfer_syntax)
    if "contentType" in query and wanted.choose([as_stored]):
        return _file(request, archive, located)
    bulk = shown_as_is(archive, located)
    if bulk is None:
        raise NotAcceptable(f"contentType must be {DICOM}: images are not rendered by this version")
    return shown(request, located, bulk, wanted)


def _file(request: Request, archive: Archive, located: Located) -> Response:
    syntax = request.query_params.get("transferSyntax", "*")
    asked = Wanted((MediaRange(DICOM, transfer_syntax=syntax),))
    if asked.choose([Offer(DICOM, located.transfer_syntax)]) is None:
        raise NotAcceptable(
            f"stored with transfer syntax {located.transfer_syntax}, and given as stored only"
        )
    headers = describing(strong_etag(located.key))
    headers["Content-Disposition"] = f'attachment; filename="{located.ref.instance}.dcm"'
    if is_current(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    return single(request, part(archive, located), headers, slots_of(request))


def _located(archive: Archive, request: Request) -> Located:
    """The instance; study and series may be left out where the instance's UID is enough."""
    study, series = _uid(request, "studyUID"), _uid(request, "seriesUID")
    instance = _uid(request, "objectUID")
    if instance is None:
        raise Malformed("objectUID is missing")
    if study and series:
        return archive.index.locate(InstanceRef(study, series, instance))
    within = Selection(study) if study else Selection()
    query = Query(Level.IMAGE, within, (Match(INSTANCE, Exact(instance)),), limit=2)
    refs = [_ref(match) for match in archive.index.find(query).matches]
    refs = [ref for ref in refs if series in (None, ref.series)]
    if not refs:
        raise NotFound(f"no instance {instance}")
    if len(refs) > 1:
        raise Conflict(f"several instances {instance}: say studyUID and seriesUID")
    return archive.index.locate(refs[0])


def _uid(request: Request, name: str) -> str | None:
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise Malformed(f"{name} is given more than once")
    return read_uid(values[0], name) if values and values[0] else None


def _ref(match: Attributes) -> InstanceRef:
    study, series, instance = (match[tag]["Value"][0] for tag in (STUDY, SERIES, INSTANCE))
    return InstanceRef(study, series, instance)


ROUTES = [
    Route("/wado", wado_uri, name="wado-uri"),
    Route("/dcm4chee-arc/aets/{aet}/wado", wado_uri, name="wado-uri at dcm4chee's address"),
]
