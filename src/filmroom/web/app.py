"""Every URL on one page.

A service module exports `ROUTES`, its paths relative to the DICOMweb root
(`/studies/{study}/…`), with path parameters named `aet`, `study`, `series`, `instance`;
its line in `DICOMWEB` mounts it at both roots. Handlers are plain `def` (each gets a thread) or
`async def` where they read a body.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import BoundedSemaphore

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp

from filmroom.core.archive import Archive
from filmroom.web import (
    api_docs,
    bulkdata,
    frames,
    health,
    metadata,
    pages,
    qido,
    reject,
    rendered,
    stow,
    thumbnails,
    wado,
    wado_uri,
)
from filmroom.web.access_log import AccessLog, Traffic
from filmroom.web.capabilities import capabilities_routes
from filmroom.web.coded import Rewriters
from filmroom.web.errors import HANDLERS, Failures
from filmroom.web.methods import by_path
from filmroom.web.operator import build_api
from filmroom.web.origin import Origins
from filmroom.web.pictures import Drawers
from filmroom.web.reception import Writers
from filmroom.web.remembered import Remembered
from filmroom.web.viewer import viewer_routes

DICOMWEB: list[BaseRoute] = [
    *frames.ROUTES,
    *metadata.ROUTES,
    *qido.ROUTES,  # before wado, which would take `/studies/count` for a study
    *stow.ROUTES,
    *wado.ROUTES,
    *bulkdata.ROUTES,
    *thumbnails.ROUTES,
    *rendered.ROUTES,
    *reject.ROUTES,
]
"""The DICOMweb services, the most frequent first."""


def routes(archive: Archive) -> list[BaseRoute]:
    """Every route of the archive; the viewer's come last, since they take what is left."""
    dicomweb = Router(by_path([*DICOMWEB, *capabilities_routes(DICOMWEB)]))
    return [
        Mount("/dicom-web", dicomweb),
        Mount("/dcm4chee-arc/aets/{aet}/rs", dicomweb),
        *wado_uri.ROUTES,
        *health.ROUTES,
        *pages.ROUTES,
        *api_docs.ROUTES,
        Mount("/api", build_api(archive)),
        *viewer_routes(archive.settings),
    ]


def build(archive: Archive) -> ASGIApp:
    """The web application over an archive; it leaves the archive open."""
    app = Starlette(
        routes=routes(archive), exception_handlers=HANDLERS, lifespan=_without_loose_threads
    )
    app.state.archive = archive
    app.state.retrieves = BoundedSemaphore(archive.settings.retrieves)
    app.state.traffic = Traffic()
    app.state.remembered = Remembered()
    app.state.drawers = Drawers(archive.settings.pixel_queue)
    app.state.rewriters = Rewriters(archive.settings.retrieves)
    app.state.writers = Writers(archive.settings.store_writers)
    guarded = Origins(Failures(app), archive.settings)
    return AccessLog(guarded, app.state.traffic)


@asynccontextmanager
async def _without_loose_threads(app: Starlette) -> AsyncIterator[None]:
    yield
    await run_in_threadpool(app.state.writers.close)
