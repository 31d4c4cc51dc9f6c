"""Search: QIDO-RS (PS3.18 §10.6)."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterator

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from filmroom.core.find import count, find
from filmroom.dicom.attributes import INSTANCE_UID, RETRIEVE_URL, SERIES_UID, STUDY_UID
from filmroom.dicom.levels import Level
from filmroom.dicom.media_types import DICOM_JSON, DICOM_XML, JSON
from filmroom.dicom.xml_model import native_model
from filmroom.errors import NotAcceptable
from filmroom.model.instance import Attributes
from filmroom.model.query import Found, Query
from filmroom.model.wanted import Offer
from filmroom.web.accept import wanted_by
from filmroom.web.metadata import takes_gzip
from filmroom.web.params import read_query
from filmroom.web.request import archive_of, root_of, selection_of
from filmroom.web.responses import json, warning
from filmroom.web.sending import bodies_multipart, describing, is_current, not_modified

FORMS = (Offer(DICOM_JSON), Offer(JSON), Offer(DICOM_XML, multipart=True), Offer(DICOM_XML))
GZIP_FROM = 4096  # bytes: below this, packing costs more than it saves
NAMED = 10
"""Ignored keys that a warning names; of more it gives the number."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.,()+ -]{1,64}")
_ABOVE = (
    (Level.STUDY, "studies", STUDY_UID),
    (Level.SERIES, "series", SERIES_UID),
    (Level.IMAGE, "instances", INSTANCE_UID),
)


def studies(request: Request) -> Response:
    """Search for studies."""
    return _search(request, Level.STUDY)


def series(request: Request) -> Response:
    """Search for series, of one study or of all."""
    return _search(request, Level.SERIES)


def instances(request: Request) -> Response:
    """Search for instances, of one series, of one study or of all."""
    return _search(request, Level.IMAGE)


def count_studies(request: Request) -> Response:
    """Say how many studies a search would find."""
    return _count(request, Level.STUDY)


def count_series(request: Request) -> Response:
    """Say how many series a search would find."""
    return _count(request, Level.SERIES)


def count_instances(request: Request) -> Response:
    """Say how many instances a search would find."""
    return _count(request, Level.IMAGE)


def _search(request: Request, level: Level) -> Response:
    form = wanted_by(request.scope).choose(FORMS)
    if form is None:
        raise NotAcceptable(
            f'matches are given as {DICOM_JSON}, {JSON} or multipart/related; type="{DICOM_XML}"'
        )
    query = _query(request, level)
    found = find(archive_of(request), query)
    root = root_of(request)
    etag = _etag(found, root, request.url.query, form)
    headers = describing(etag, vary="Accept, Accept-Encoding") | _notes(query, found)
    if is_current(request.headers.get("if-none-match"), etag):
        return not_modified(headers)
    matches = [
        {**match, RETRIEVE_URL: _retrieve_url(root, level, match)} for match in found.matches
    ]
    if form.media_type == DICOM_XML:
        return _xml(matches, form, headers)
    return _json(request, matches, form.media_type, headers)


def _count(request: Request, level: Level) -> Response:
    query = _query(request, level)
    headers = describing("") | _warnings(_ignored(query))
    return json({"count": count(archive_of(request), query)}, headers=headers)


def _query(request: Request, level: Level) -> Query:
    limits = archive_of(request).settings
    return read_query(level, selection_of(request), request.url.query, limits)


def _etag(found: Found, root: str, query: str, form: Offer) -> str:
    """Differs wherever the matches would; weak, as they are the same packed and unpacked.

    The path needs no part in it: a tag is of one URL.
    """
    told = "\n".join((found.version, root, query, form.media_type))
    return f'W/"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'


def _notes(query: Query, found: Found) -> dict[str, str]:
    """How many match in all, and what the client should know besides."""
    warnings = list(_ignored(query))
    if found.more:
        left = "" if found.total is None else f"{found.total - query.offset - len(found.matches)} "
        warnings.append(f"There are {left}additional results that can be requested")
    total = {} if found.total is None else {"X-Total-Count": str(found.total)}
    return total | _warnings(warnings)


def _ignored(query: Query) -> Iterator[str]:
    """What was asked for and not done (PS3.18 §8.3.4); values are never repeated."""
    names = [_printable(name) for name in query.ignored if name != "emptyvaluematching"]
    if len(names) < len(query.ignored):
        yield (
            "The emptyvaluematching parameter is not supported. "
            "Empty Value Matching has not been performed."
        )
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield (
            f"The following parameters are not supported and were ignored: "
            f"{', '.join(names[:NAMED])}{more}"
        )


def _printable(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else "(unreadable)"


def _warnings(texts: list[str] | Iterator[str]) -> dict[str, str]:
    value = ", ".join(warning(text) for text in texts)
    return {"Warning": value} if value else {}


def _retrieve_url(root: str, level: Level, match: Attributes) -> Attributes:
    """Where the match can be retrieved (PS3.18 §10.6.3.3).

    An absolute URL, of the host by which this client reached the archive: what
    clients of other archives are used to, and what a script can use as it is.
    """
    path = "".join(f"/{kind}/{match[uid]['Value'][0]}" for at, kind, uid in _ABOVE if at <= level)
    return {"vr": "UR", "Value": [root + path]}


def _json(
    request: Request, matches: list[Attributes], media_type: str, headers: dict[str, str]
) -> Response:
    """The matches as one array, `[]` if there are none; packed where it is worth it."""
    body = orjson.dumps(matches)
    if len(body) >= GZIP_FROM and takes_gzip(request.headers.get("accept-encoding", "")):
        body = gzip.compress(body, compresslevel=1, mtime=0)
        headers = {**headers, "Content-Encoding": "gzip"}
    return Response(body, headers=headers, media_type=media_type)


def _xml(matches: list[Attributes], form: Offer, headers: dict[str, str]) -> Response:
    """A part for each match; multipart without a part does not exist, so none is 204."""
    if not matches:
        return Response(None, 204, headers)
    documents = [native_model(match) for match in matches]
    if form.multipart:
        return bodies_multipart(documents, DICOM_XML, headers)
    if len(documents) > 1:
        raise NotAcceptable(f'several matches: ask for multipart/related; type="{DICOM_XML}"')
    return Response(documents[0], headers=headers, media_type=DICOM_XML)


_IN_STUDY = "/studies/{study}"
_IN_SERIES = _IN_STUDY + "/series/{series}"
ROUTES = [
    # The counts come first: `/studies/{study}` would take `count` for a UID.
    Route("/studies/count", count_studies),
    Route("/series/count", count_series),
    Route("/instances/count", count_instances),
    Route(_IN_STUDY + "/series/count", count_series),
    Route(_IN_STUDY + "/instances/count", count_instances),
    Route(_IN_SERIES + "/instances/count", count_instances),
    Route("/studies", studies),
    Route("/series", series),
    Route("/instances", instances),
    Route(_IN_STUDY + "/series", series),
    Route(_IN_STUDY + "/instances", instances),
    Route(_IN_SERIES + "/instances", instances),
]
