"""`/api/`: JSON for operators and scripts, described by its own OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import HTMLResponse, Response

from filmroom import __version__
from filmroom.core import delete as verbs
from filmroom.core.archive import Archive
from filmroom.errors import Malformed
from filmroom.model.instance import InstanceRef
from filmroom.web import jobs, peers, workflow
from filmroom.web.api_docs import docs_page
from filmroom.web.api_types import Selected, moment, selections_of
from filmroom.web.errors import HANDLERS, answer_archive_error
from filmroom.web.request import archive_of, source_of

MAX_ROWS = 10_000


Limit = Annotated[int, Query(ge=1, le=MAX_ROWS)]


class Version(BaseModel):
    """Which Filmroom this is."""

    name: str = "filmroom"
    version: str = __version__


class CountsOut(BaseModel):
    """How much the archive holds; rejected instances are not counted."""

    studies: int
    series: int
    instances: int
    size: int
    """Bytes of the instances."""
    rejected: int
    aside: int
    """Conflicting newcomers kept aside."""
    saved: int
    """Bytes of the disk that recoding saved."""


class Ref(BaseModel):
    """The three UIDs that name an instance."""

    study: str
    series: str
    instance: str


class RejectionOut(Ref):
    """A rejected instance: hidden until it is restored or purged."""

    code: str
    """Why, as code value and scheme: `113001^DCM`."""
    at: datetime


class AsideOut(Ref):
    """A newcomer that lost to a stored instance of the same UIDs."""

    digest: str
    """SHA-256 of its bytes."""
    size: int
    received: datetime
    source: str


class ChangeOut(Ref):
    """One line of the change feed."""

    sequence: int
    action: str
    at: datetime
    source: str


class Changes(BaseModel):
    """A page of the change feed."""

    changes: list[ChangeOut]
    last: int
    """The sequence number to go on from."""


class Restored(BaseModel):
    """How many instances are shown again."""

    restored: int


def version() -> Version:
    """Which Filmroom this is."""
    return Version()


def counts(request: Request) -> CountsOut:
    """How much the archive holds."""
    held = archive_of(request).index.counts()
    return CountsOut.model_validate(held, from_attributes=True)


def rejections(request: Request, limit: Limit = 1000) -> list[RejectionOut]:
    """What is rejected, newest first."""
    return [
        RejectionOut(**_ref(one.ref), code=one.code, at=moment(one.at))
        for one in archive_of(request).index.rejections(limit)
    ]


def restore(request: Request, what: Selected) -> Restored:
    """Show rejected instances again."""
    (selection,) = selections_of([what])
    number = verbs.restore(archive_of(request), selection, source_of(request, "api"))
    return Restored(restored=number)


def asides(request: Request) -> list[AsideOut]:
    """Newcomers that were kept aside, newest first."""
    return [
        AsideOut(
            **_ref(one.ref),
            digest=one.key,
            size=one.size,
            received=moment(one.received),
            source=one.source,
        )
        for one in archive_of(request).index.asides()
    ]


def changes(
    request: Request, since: Annotated[int, Query(ge=0)] = 0, limit: Limit = 1000
) -> Changes:
    """What was stored, replaced, rejected, restored and deleted, oldest first."""
    lines = archive_of(request).index.changes(since, limit)
    return Changes(
        changes=[
            ChangeOut(
                **_ref(line.ref),
                sequence=line.sequence,
                action=line.action.value,
                at=moment(line.at),
                source=line.source,
            )
            for line in lines
        ],
        last=lines[-1].sequence if lines else since,
    )


def build_api(archive: Archive) -> FastAPI:
    """The application that is mounted at `/api`."""
    api = FastAPI(
        title="Filmroom",
        version=__version__,
        summary="For operators and scripts; images come and go by DICOMweb.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        exception_handlers=cast("dict[Any, Any]", HANDLERS),
        generate_unique_id_function=_operation_id,
    )
    api.state.archive = archive
    api.add_exception_handler(RequestValidationError, _answer_invalid)
    api.get("/version")(version)
    api.get("/counts")(counts)
    api.get("/rejections")(rejections)
    api.get("/asides")(asides)
    api.get("/changes")(changes)
    api.post("/restore")(restore)
    for more in (peers.api, jobs.api, workflow.api):
        api.include_router(more)
    api.get("/docs", include_in_schema=False, response_class=HTMLResponse)(docs)
    return api


def docs(request: Request) -> Response:
    """The operations, for reading in a browser."""
    return docs_page(cast(FastAPI, request.app).openapi(), archive_of(request).settings)


def _operation_id(route: APIRoute) -> str:
    return route.name


def _answer_invalid(request: Request, error: Exception) -> Response:
    """What did not fit a parameter's description, as problem details that echo no value."""
    where = "; ".join(
        f"{'.'.join(str(step) for step in fault['loc'])}: {fault['msg']}"
        for fault in cast(RequestValidationError, error).errors()
    )
    return answer_archive_error(request, Malformed(where))


def _ref(ref: InstanceRef) -> dict[str, str]:
    return {"study": ref.study, "series": ref.series, "instance": ref.instance}
