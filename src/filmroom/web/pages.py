"""The archive's own pages: for now one, with counts, addresses and how to bring images in."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from filmroom import __version__
from filmroom.model.ports import Counts
from filmroom.settings import Settings
from filmroom.web.request import archive_of

HERE = Path(__file__).parent
STATIC = HERE / "static"
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; connect-src 'self'; script-src 'self';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
UNITS = ("B", "KB", "MB", "GB", "TB", "PB")
TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined
)


def overview(request: Request) -> Response:
    """What the archive holds, where it is reached, how images come in."""
    archive = archive_of(request)
    settings = archive.settings
    counts = archive.index.counts()
    return page(
        "overview.html",
        settings,
        counts=_shown(counts, archive.storage.free()),
        empty=counts.instances == 0,
        data=str(settings.data),
        root=str(request.base_url).rstrip("/"),
        addresses=_addresses(str(request.base_url).rstrip("/"), settings),
    )


def to_overview(_request: Request) -> Response:
    """`/ui` is `/ui/`."""
    return RedirectResponse("/ui/", HTTPStatus.PERMANENT_REDIRECT)


def page(
    template: str,
    settings: Settings,
    policy: str = POLICY,
    **values: Any,  # what the template names
) -> Response:
    """A page under a policy that allows no script from elsewhere, nor within it."""
    text = TEMPLATES.get_template(template).render(
        version=__version__, insecure=settings.insecure, viewer=settings.viewer, **values
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return Response(text, HTTPStatus.OK, headers, "text/html")


def size_text(size: float) -> str:
    """A number of bytes as people read it."""
    unit = 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.3g} {UNITS[unit]}" if unit else f"{size:.0f} B"


def _shown(counts: Counts, free: int | None) -> list[tuple[str, str]]:
    shown = [
        ("Studies", f"{counts.studies:,}"),
        ("Series", f"{counts.series:,}"),
        ("Instances", f"{counts.instances:,}"),
        ("Stored", size_text(counts.size)),
    ]
    if free is not None:
        shown.append(("Free", size_text(free)))
    if counts.rejected:
        shown.append(("Rejected", f"{counts.rejected:,}"))
    if counts.aside:
        shown.append(("Kept aside", f"{counts.aside:,}"))
    return shown


def _addresses(root: str, settings: Settings) -> list[tuple[str, str, str]]:
    aet = settings.aet
    return [
        ("DICOMweb", f"{root}/dicom-web", "search, retrieve, store, delete, reject"),
        ("WADO-URI", f"{root}/wado", "single objects by query string"),
        ("dcm4chee's", f"{root}/dcm4chee-arc/aets/{aet}/rs", "the same, for its clients"),
        ("API", f"{root}/api/", "JSON for operators and scripts"),
        ("Probes", f"{root}/health/live", "also /health/ready and /metrics"),
    ]


ROUTES: list[BaseRoute] = [
    Mount("/ui/static", StaticFiles(directory=STATIC / "ui")),
    Route("/ui/", overview),
    Route("/ui", to_overview),
]
