"""Probes and numbers: `/health/live`, `/health/ready`, `/metrics`."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filmroom import __version__
from filmroom.core.archive import Archive
from filmroom.errors import ArchiveError
from filmroom.web.access_log import Traffic, exposition
from filmroom.web.request import archive_of
from filmroom.web.responses import json

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
FRESH = {"Cache-Control": "no-store"}


async def live(_request: Request) -> Response:
    """The process answers."""
    return json({"status": "live"}, headers=FRESH)


def ready(request: Request) -> Response:
    """The index answers, and whether there is room to store; reading needs none."""
    archive = archive_of(request)
    try:
        archive.index.counts()
        free = archive.storage.free()
    except ArchiveError:
        return json({"status": "failing"}, HTTPStatus.SERVICE_UNAVAILABLE, FRESH)
    storing = free is None or free >= archive.settings.disk_reserve
    return json({"status": "ready", "storing": storing}, headers=FRESH)


async def metrics(request: Request) -> Response:
    """Counts of the archive, and of this process's requests."""
    traffic = cast(Traffic, request.app.state.traffic)
    # Counted here, in the loop that counts them; the archive is asked in a thread.
    requests = list(exposition(traffic))
    held = await run_in_threadpool(_holdings, archive_of(request))
    text = "\n".join([*held, *requests, ""])
    return Response(text, HTTPStatus.OK, FRESH, PROMETHEUS)


def _holdings(archive: Archive) -> list[str]:
    counts = archive.index.counts()
    gauges = {
        "studies": counts.studies,
        "series": counts.series,
        "instances": counts.instances,
        "instance_bytes": counts.size,
        "rejected_instances": counts.rejected,
        "instances_aside": counts.aside,
    }
    if (free := archive.storage.free()) is not None:
        gauges["free_bytes"] = free
    return list(_gauges(gauges))


def _gauges(gauges: dict[str, int]) -> Iterator[str]:
    yield "# TYPE filmroom_info gauge"
    yield f'filmroom_info{{version="{__version__}"}} 1'
    for name, number in gauges.items():
        yield f"# TYPE filmroom_{name} gauge"
        yield f"filmroom_{name} {number}"


ROUTES: list[BaseRoute] = [
    Route("/health/live", live),
    Route("/health/ready", ready),
    Route("/metrics", metrics),
]
