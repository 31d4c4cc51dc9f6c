"""OHIF at the origin's root, where its build expects to be.

Only what the build's manifest names is served, so no path leads out of its folder. The
files come compressed; those with a digest in their name never change under it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from filmroom.settings import Settings
from filmroom.web.app_config import app_config
from filmroom.web.responses import problem

STATIC = Path(__file__).parent / "static"
MANIFEST = "filmroom-manifest.json"
INDEX = "index.html"

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".jsonc": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webapp": "application/manifest+json",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
    ".xml": "text/xml; charset=utf-8",
}
"""By file name: the machine's own tables differ, and browsers refuse modules of other types."""
UNKNOWN_TYPE = "application/octet-stream"

HASHED = re.compile(r"(^|\.)[0-9a-f]{16}\.(js|wasm|woff2)$")
FOREVER = "public, max-age=31536000, immutable"
REVALIDATED = "no-cache"
SUFFIXES = {"br": ".br", "gzip": ".gz"}
"""How a file in a content coding is named; the better coding first."""

CLIENT_ROUTES = frozenset(
    {
        "basic",
        "basic-test",
        "callback",
        "datasources",
        "debug",
        "dev",
        "dynamic-volume",
        "local",
        "localbasic",
        "login",
        "logout",
        "microscopy",
        "notfoundserver",
        "notfoundstudy",
        "segmentation",
        "tmtv",
        "usAnnotation",
        "viewer",
    }
)
"""First segments of OHIF's own routes: pages to everybody who asks, not only to browsers."""
SERVER_ROOTS = frozenset(["api", "dcm4chee-arc", "dicom-web", "health", "metrics", "ui", "wado"])
"""First segments that are never OHIF's: what is unknown below them is not there."""

ABSENT = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Filmroom</title>
<h1>Filmroom is running, without a viewer</h1>
<p>The OHIF Viewer's files are not in this installation. In a source checkout,
<code>viewer/build</code> brings them (it needs npm); then start Filmroom again.
A wheel made by <code>make wheel</code> carries them.</p>
<p>The archive's own pages are at <a href="/ui/">/ui/</a>; DICOMweb is at
<code>/dicom-web</code>.</p>
</html>
"""


def viewer_routes(settings: Settings) -> list[BaseRoute]:
    """The viewer's routes, which take whatever the routes before them left; none if it is off."""
    return [Mount("/", viewer_app(settings))] if settings.viewer else []


def viewer_app(settings: Settings) -> ASGIApp:
    """OHIF as the settings want it, or a page that says how to bring it."""
    build = read_build(STATIC / "ohif", with_ort=settings.viewer_ort)
    return Viewer(settings, build) if build else Absent()


def swagger_app() -> ASGIApp:
    """Swagger UI's files, for a page that shows the API's description."""
    build = read_build(STATIC / "swagger", with_ort=False)
    return Files(build or Build(STATIC / "swagger"))


@dataclass(frozen=True, slots=True)
class File:
    """One file of a build: its digest, and the content codings it is there in."""

    sha256: str
    encodings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """What `viewer/build` brought to `folder`, as its manifest says."""

    folder: Path
    files: Mapping[str, File] = field(default_factory=dict)
    inline_scripts: tuple[str, ...] = ()
    eval_workers: frozenset[str] = frozenset()


def read_build(folder: Path, *, with_ort: bool) -> Build | None:
    """What was brought to `folder`; None if nothing was."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return Build(
        folder,
        {
            path: File(entry["sha256"], tuple(entry["encodings"]))
            for path, entry in manifest["files"].items()
            if with_ort or not path.startswith("ort/")
        },
        tuple(manifest.get("inline_scripts", ())),
        frozenset(manifest.get("eval_workers", ())),
    )


class Files:
    """The files of a build, by their paths."""

    def __init__(self, build: Build) -> None:
        self.build = build

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = self.refuse(scope) or self.answer(path_of(scope), Headers(scope=scope))
        await answer(scope, receive, send)

    def refuse(self, scope: Scope) -> Response | None:
        """What a request gets that is no GET or HEAD."""
        if scope["method"] in ("GET", "HEAD"):
            return None
        return problem(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"})

    def answer(self, path: str, headers: Headers) -> Response:
        """The file at `path`, or 404."""
        return self.file(path, headers) or not_there()

    def file(self, path: str, headers: Headers) -> Response | None:
        """The file at `path` in the best content coding that the client takes; None if no such."""
        file = self.build.files.get(path)
        if file is None:
            return None
        coding = best_coding(file.encodings, headers.get("accept-encoding", ""))
        tag = f'"{file.sha256[:32]}{SUFFIXES.get(coding, "")}"'
        fields = self.fields(path) | {
            "Accept-Ranges": "none",
            "ETag": tag,
            "X-Content-Type-Options": "nosniff",
        }
        if file.encodings:
            fields["Vary"] = "Accept-Encoding"
        if is_current(tag, headers):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=fields)
        if coding:
            fields["Content-Encoding"] = coding
        place = self.build.folder / (path + SUFFIXES.get(coding, ""))
        return Whole(place, headers=fields, media_type=media_type_of(path))

    def fields(self, path: str) -> dict[str, str]:
        """Headers of the file at `path`, besides those of every file."""
        return {"Cache-Control": FOREVER if HASHED.search(path) else REVALIDATED}


class Viewer(Files):
    """OHIF's files, its generated configuration, and its page for every route of its own."""

    def __init__(self, settings: Settings, build: Build) -> None:
        super().__init__(build)
        self.config = app_config(settings).encode()
        self.config_tag = f'"{hashlib.sha256(self.config).hexdigest()[:32]}"'
        self.page_policy = policy(settings, build.inline_scripts, evaluates=True)
        self.script_policy = policy(settings, ())
        self.eval_policy = policy(settings, (), evaluates=True)

    def answer(self, path: str, headers: Headers) -> Response:
        """The configuration, a file, or OHIF's page."""
        if path == "app-config.js":
            return self.configuration(headers)
        found = self.file(path or INDEX, headers)
        if found is None and is_page(path, headers.get("accept", "*/*")):
            found = self.file(INDEX, headers)
        return found or not_there()

    def configuration(self, headers: Headers) -> Response:
        """`/app-config.js`."""
        fields = {
            "Cache-Control": REVALIDATED,
            "ETag": self.config_tag,
            "X-Content-Type-Options": "nosniff",
        }
        if is_current(self.config_tag, headers):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=fields)
        return Response(self.config, headers=fields, media_type=media_type_of("app-config.js"))

    def fields(self, path: str) -> dict[str, str]:
        """Headers of the file, with a policy: pages have one, and so has each worker's script."""
        fields = super().fields(path)
        if path.endswith(".html"):
            # A study's UID stands in the page's address and is nobody else's business.
            fields |= {
                "Content-Security-Policy": self.page_policy,
                "Referrer-Policy": "same-origin",
            }
        elif path in self.build.eval_workers:
            fields["Content-Security-Policy"] = self.eval_policy
        elif path.endswith(".js"):
            fields["Content-Security-Policy"] = self.script_policy
        return fields


class Absent:
    """In the viewer's place: how to bring it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = Headers(scope=scope)
        answer = not_there()
        if scope["method"] not in ("GET", "HEAD"):
            answer = problem(HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "GET, HEAD"})
        elif is_page(path_of(scope), headers.get("accept", "*/*")):
            answer = HTMLResponse(ABSENT, headers={"Cache-Control": "no-store"})
        await answer(scope, receive, send)


class Whole(FileResponse):
    """A file that is sent whole: a range of a compressed file is of no use to anybody."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, whatever range was asked for."""
        rest = [pair for pair in scope["headers"] if pair[0] not in (b"range", b"if-range")]
        await super().__call__({**scope, "headers": rest}, receive, send)


def policy(settings: Settings, inline_scripts: tuple[str, ...], *, evaluates: bool = False) -> str:
    """The Content-Security-Policy that OHIF needs; measured in Chromium.

    WebAssembly for its codecs, blobs for its workers, PDFs and videos, inline styles for its
    components. The page makes functions from text when it reads a segmentation, and so do some
    workers; the others may not.
    """
    scripts = ["'self'", *(f"'{each}'" for each in inline_scripts), "'wasm-unsafe-eval'"]
    if evaluates:
        scripts.append("'unsafe-eval'")
    directives: dict[str, Any] = {
        "default-src": ["'self'"],
        "script-src": scripts,
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'", "blob:", "data:", *settings.viewer_connect_origins],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "blob:"],
        "object-src": ["'self'", "blob:"],
        "frame-src": ["'self'", "blob:"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'", "data:"],
        "base-uri": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'self'", *settings.viewer_frame_ancestors],
    }
    return "; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())


def is_page(path: str, accept: str) -> bool:
    """Whether an unknown path is a page of OHIF's: a route of its own, or any for a browser."""
    first = path.partition("/")[0]
    if first in SERVER_ROOTS:
        return False
    if path == "" or first in CLIENT_ROUTES:
        return "." not in path.rpartition("/")[2]
    return "text/html" in accept and Path(path).suffix not in {*MEDIA_TYPES, ".map", ".txt"}


def best_coding(there: tuple[str, ...], accept_encoding: str) -> str:
    """The content coding to send, or "" for none (RFC 9110 §12.5.3)."""
    weights: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        coding, *parameters = (piece.strip() for piece in part.split(";"))
        weights[coding] = next((_weight(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
    fallback = weights.get("*", 0.0)
    wanted = [c for c in SUFFIXES if c in there and weights.get(c, fallback) > 0]
    return max(wanted, key=lambda c: weights.get(c, fallback), default="")


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def is_current(tag: str, headers: Headers) -> bool:
    """Whether the client says it has what `tag` names (RFC 9110 §13.1.2)."""
    known = {
        each.strip().removeprefix("W/") for each in headers.get("if-none-match", "").split(",")
    }
    return tag in known or "*" in known


def media_type_of(path: str) -> str:
    """The media type of a file, by its name."""
    return MEDIA_TYPES.get(Path(path).suffix, UNKNOWN_TYPE)


def path_of(scope: Scope) -> str:
    """The path below the mount, without its leading slash."""
    path = str(scope["path"])
    return path.removeprefix(str(scope.get("root_path", ""))).removeprefix("/")


def not_there() -> Response:
    """The answer to an unknown path."""
    return problem(HTTPStatus.NOT_FOUND)
