"""`/api/peers`: the DICOM nodes that are known by name, and what is asked of them."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from filmroom.core import jobs, peers
from filmroom.core.job_kinds import callable_peer, instances_of, lists_of
from filmroom.core.remote_find import find_at
from filmroom.model.job import JobKind
from filmroom.model.peer import Peer, Service
from filmroom.settings.peers import PeerSettings, ServiceName
from filmroom.web.api_types import Selected, selections_of
from filmroom.web.jobs import JobOut, job_out
from filmroom.web.request import archive_of, source_of

MOST_MATCHES = 10_000
MOST_SELECTIONS = 1000

api = APIRouter(tags=["peers"])


class PeerOut(PeerSettings):
    """A peer."""

    fixed: bool
    """Whether the settings name it; then it is not changed here."""


class PeerChange(BaseModel):
    """What to change of a peer; what is not there stays."""

    model_config = ConfigDict(extra="forbid")

    aet: str | None = None
    host: str | None = None
    port: int | None = None
    tls: bool | None = None
    calling: str | None = None
    may: list[ServiceName] | None = None
    syntaxes: list[str] | None = None


class Echoed(BaseModel):
    """That a peer answered."""

    milliseconds: float
    """How long association and answer took."""


class Asked(BaseModel):
    """A C-FIND."""

    model_config = ConfigDict(extra="forbid")

    level: Literal["patient", "study", "series", "instance", "worklist"] = "study"
    keys: dict[str, str | list[str]] = Field({}, max_length=200)
    """Keywords or tags, `Sequence.Keyword` within sequences, with what they must match; without
    a value they are only returned."""
    limit: int = Field(100, ge=1, le=MOST_MATCHES)
    """Matches at most; then the query is cancelled."""


class Matches(BaseModel):
    """What a peer answered."""

    matches: list[dict[str, Any]]
    """Data sets in the DICOM JSON Model."""
    more: bool
    """Whether there were more."""


Selections = Annotated[list[Selected], Field(min_length=1, max_length=MOST_SELECTIONS)]


class What(BaseModel):
    """What to send, or to ask about."""

    model_config = ConfigDict(extra="forbid")

    selections: Selections


class Fetched(What):
    """What to fetch, and how."""

    by: Literal["move", "get"] = "move"
    """C-MOVE to this archive, which the peer must know; or C-GET."""


@api.get("/peers")
def peers_known(request: Request) -> list[PeerOut]:
    """All peers by name."""
    return [peer_out(one.peer, one.fixed) for one in peers.known(archive_of(request))]


@api.post("/peers", status_code=201)
def add_peer(request: Request, response: Response, peer: PeerSettings) -> PeerOut:
    """Make a peer known."""
    added = peers.add(archive_of(request), peer)
    response.headers["Location"] = f"/api/peers/{added.name}"
    return peer_out(added, fixed=False)


@api.get("/peers/{name}")
def peer(request: Request, name: str) -> PeerOut:
    """One peer."""
    archive = archive_of(request)
    return peer_out(peers.get(archive, name), peers.is_fixed(archive, name))


@api.patch("/peers/{name}")
def change_peer(request: Request, name: str, changes: PeerChange) -> PeerOut:
    """Change some fields of a peer."""
    fields = changes.model_dump(exclude_unset=True)
    return peer_out(peers.change(archive_of(request), name, fields), fixed=False)


@api.delete("/peers/{name}", status_code=204)
def remove_peer(request: Request, name: str) -> None:
    """Forget a peer."""
    peers.remove(archive_of(request), name)


@api.post("/peers/{name}/echo")
def echo_peer(request: Request, name: str) -> Echoed:
    """Ask a peer whether it is there (C-ECHO); 502 if it does not answer."""
    archive = archive_of(request)
    asked = callable_peer(archive, name)
    begun = time.monotonic()
    archive.remote.echo(asked)
    return Echoed(milliseconds=round((time.monotonic() - begun) * 1000, 1))


@api.post("/peers/{name}/find")
def find_at_peer(request: Request, name: str, asked: Asked) -> Matches:
    """Search at a peer (C-FIND); 502 if it does not answer."""
    archive = archive_of(request)
    there = callable_peer(archive, name)
    found = find_at(archive, there, asked.level, asked.keys, asked.limit)
    return Matches(matches=found.found, more=found.more)


@api.post("/peers/{name}/send", status_code=202)
def send_to_peer(request: Request, response: Response, name: str, what: What) -> JobOut:
    """Send instances to a peer (C-STORE): a job."""
    instances_of(archive_of(request), selections_of(what.selections))
    return _started(request, response, JobKind.SEND, name, what)


@api.post("/peers/{name}/fetch", status_code=202)
def fetch_from_peer(request: Request, response: Response, name: str, what: Fetched) -> JobOut:
    """Bring instances of a peer here (C-MOVE or C-GET): a job."""
    return _started(request, response, JobKind.FETCH, name, what, by=what.by)


@api.post("/peers/{name}/commit", status_code=202)
def commit_at_peer(request: Request, response: Response, name: str, what: What) -> JobOut:
    """Ask whether a peer holds instances safely (storage commitment): a job."""
    instances_of(archive_of(request), selections_of(what.selections))
    return _started(request, response, JobKind.COMMIT, name, what)


def _started(
    request: Request, response: Response, kind: JobKind, name: str, what: What, **more: str
) -> JobOut:
    archive = archive_of(request)
    callable_peer(archive, name)
    named = selections_of(what.selections)
    arguments = {"peer": name, "selections": lists_of(named), **more}
    job = jobs.start(archive, kind, arguments, source_of(request, "api"))
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return job_out(job)


def peer_out(peer: Peer, fixed: bool) -> PeerOut:
    """A peer as the API tells of it."""
    return PeerOut(
        name=peer.name,
        aet=peer.aet,
        host=peer.host,
        port=peer.port,
        tls=peer.tls,
        calling=peer.calling,
        may=tuple(service.value for service in Service if service in peer.may),
        syntaxes=peer.syntaxes,
        fixed=fixed,
    )
