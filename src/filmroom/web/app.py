"""Every URL on one page.

A service module exports `ROUTES`, its paths relative to the DICOMweb root
(`/studies/{study}/…`), with path parameters named `aet`, `study`, `series`, `instance`;
its line in `DICOMWEB` mounts it at both roots. Handlers are plain `def` (each gets a thread) or
`async def` where they read a body. The order within a path decides nothing but speed.
"""

from __future__ import annotations

from threading import BoundedSemaphore

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Router
from starlette.types import ASGIApp

from filmroom.core.archive import Archive
from filmroom.settings import Settings
from filmroom.web import bulkdata, frames, metadata, qido, rendered, wado, wado_uri
from filmroom.web.errors import HANDLERS, Failures
from filmroom.web.viewer import viewer_routes

DICOMWEB: list[BaseRoute] = [
    *frames.ROUTES,
    *metadata.ROUTES,
    *bulkdata.ROUTES,
    *rendered.ROUTES,
    *qido.ROUTES,  # before wado, whose `{study}` would match `count`
    *wado.ROUTES,
]
"""The DICOMweb services, most frequent first."""


def routes(settings: Settings) -> list[BaseRoute]:
    """Every route of the archive; the viewer's come last, since they take what is left."""
    dicomweb = Router(DICOMWEB)
    return [
        Mount("/dicom-web", dicomweb),
        Mount("/dcm4chee-arc/aets/{aet}/rs", dicomweb),
        *wado_uri.ROUTES,
        *viewer_routes(settings),
    ]


def build(archive: Archive) -> ASGIApp:
    """The web application over an archive."""
    app = Starlette(routes=routes(archive.settings), exception_handlers=HANDLERS)
    app.state.archive = archive
    app.state.retrieves = BoundedSemaphore(archive.settings.retrieves)
    return Failures(app)
