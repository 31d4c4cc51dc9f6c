"""WADO-URI: one instance by query string (PS3.18 §9)."""

from __future__ import annotations

from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.core.anonymous import anonymised_part, check_anonymous
from filmroom.core.archive import Archive
from filmroom.core.render import PICTURES
from filmroom.core.rendered import Showing, rendered, rendered_frames
from filmroom.core.representative import is_picture
from filmroom.core.retrieve import located_instances
from filmroom.core.shown import shown_type
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import Exact
from filmroom.dicom.media_types import DICOM
from filmroom.errors import Conflict, Malformed, NotAcceptable, NotFound
from filmroom.model.answer import Answer
from filmroom.model.instance import Attributes, InstanceRef, Located
from filmroom.model.query import Match, Query
from filmroom.model.selection import Selection
from filmroom.model.wanted import MediaRange, Offer, Wanted
from filmroom.web.accept import read_accept
from filmroom.web.coded import rewriters_of
from filmroom.web.pictures import at_once, send
from filmroom.web.rendering_params import read_fractions, read_frame_number, read_wado_rendering
from filmroom.web.request import archive_of, read_uid, slots_of
from filmroom.web.sending import describing, is_current, not_modified, single, strong_etag

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"


def wado_uri(request: Request) -> Answer:
    """The instance that the query names; Accept says nothing here, `contentType` does."""
    query = request.query_params
    if query.get("requestType", "").upper() != "WADO":
        raise Malformed("requestType must be WADO")
    archive = archive_of(request)
    located = _located(archive, request)
    offers = [Offer(media_type) for media_type in _media_types(located, query)]
    form = read_accept(query.get("contentType", "")).choose(offers)
    if form is None:
        known = ", ".join(offer.media_type for offer in offers)
        raise NotAcceptable(f"contentType of this instance is one of {known}")
    if _is_anonymized(query):
        _check_anonymized(archive, located, form, query)
    if form.media_type == DICOM:
        return _file(archive, located, query)
    return _picture(archive, located, form, query)


def _media_types(located: Located, query: QueryParams) -> list[str]:
    """What an instance can be given as, what it is given as by default first (PS3.18 §9.1.2.2)."""
    known = shown_type(located)
    if known:
        return [known, DICOM, *PICTURES]
    if is_picture(located) and (located.number_of_frames == 1 or query.get("frameNumber")):
        return [*PICTURES, DICOM]
    return [DICOM, *PICTURES]


def _picture(archive: Archive, located: Located, form: Offer, query: QueryParams) -> Answer:
    asked = read_wado_rendering(query, located.ref.study, archive.settings)
    rendering = asked.rendering
    if _is_anonymized(query):
        rendering = replace(rendering, annotations=frozenset(), overlays=False)
    showing = Showing(rendering, asked.presentation, read_fractions(query))
    wanted = Wanted((MediaRange(form.media_type),))
    number = read_frame_number(query)
    if number and not shown_type(located):
        return rendered_frames(archive, located, (number,), wanted, showing)
    ref = located.ref
    return rendered(archive, Selection(ref.study, ref.series, ref.instance), wanted, showing)


def _is_anonymized(query: QueryParams) -> bool:
    word = query.get("anonymize", "").lower()
    if word not in ("", "yes", "no"):
        raise Malformed("anonymize is yes or no")
    return word == "yes"


def _check_anonymized(archive: Archive, located: Located, form: Offer, query: QueryParams) -> None:
    """NotAcceptable for what would tell whose it is; of a file that is found out as it is made."""
    if form.media_type == DICOM:
        return
    if form.media_type not in PICTURES:
        raise NotAcceptable(f"this version gives no {form.media_type} anonymized")
    if query.get("presentationUID"):
        raise NotAcceptable("a presentation state may name the patient, and is not anonymized")
    check_anonymous(archive, located)


def _file(archive: Archive, located: Located, query: QueryParams) -> Answer:
    """The instance as a file, in one of the transfer syntaxes that are named."""
    named = query.get("transferSyntax", "*").split(",")
    ranges = tuple(MediaRange(DICOM, transfer_syntax=each.strip()) for each in named)
    answer = located_instances(archive, [located], Wanted(ranges))
    if not _is_anonymized(query):
        return answer
    syntax = answer.parts[0].transfer_syntax
    part, version = anonymised_part(archive, located, target=syntax)
    return Answer(answer.form, [part], version)


async def _send_file(request: Request, answer: Answer) -> Response:
    (part,) = answer.parts
    headers = describing(strong_etag(answer.version))
    name = part.location.rpartition("/")[2]
    headers["Content-Disposition"] = f'attachment; filename="{name}.dcm"'
    if is_current(request.headers.get("if-none-match"), headers["ETag"]):
        return not_modified(headers)
    await rewriters_of(request).make(answer.parts)
    return single(request, part, headers, slots_of(request))


async def _sent(request: Request) -> Response:
    answer = await run_in_threadpool(_begun, request)
    if isinstance(answer, Response):
        return answer
    file = answer.form.media_type == DICOM
    return await (_send_file(request, answer) if file else send(request, answer))


def _begun(request: Request) -> Answer | Response:
    answer = wado_uri(request)
    return answer if answer.form.media_type == DICOM else at_once(request, answer) or answer


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
    Route("/wado", _sent, methods=["GET"], name="wado-uri"),
    Route(
        "/dcm4chee-arc/aets/{aet}/wado",
        _sent,
        methods=["GET"],
        name="wado-uri at dcm4chee's address",
    ),
]
