"""The viewer's files: which answer, in which coding, for how long, under which policy."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from filmroom.settings import Settings
from filmroom.web import viewer
from filmroom.web.viewer import best_coding, is_page, policy, read_build, viewer_routes

PAGE = b"<!doctype html><script>one()</script>"
BUNDLE = b"console.log('a bundle');" * 100
FILES = {
    "index.html": PAGE,
    "app.bundle.0123456789abcdef.js": BUNDLE,
    "8097.bundle.0123456789abcdef.js": BUNDLE,
    "app.bundle.css": b"body{}",
    "0123456789abcdef.wasm": b"\0asm",
    "manifest.json": b"{}",
    "assets/favicon.ico": b"icon",
    "customizations/tools/a.jsonc": b"{}",
    "ort/ort.js": BUNDLE,
}
COMPRESSED = {"index.html", "app.bundle.0123456789abcdef.js", "8097.bundle.0123456789abcdef.js"}
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build like OHIF's, but small, with a file beside it that is nobody's business."""
    folder = tmp_path / "static" / "ohif"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
        if path in COMPRESSED:
            (folder / (path + ".gz")).write_bytes(gzip.compress(data))
    manifest = {
        "inline_scripts": ["sha256-b25l"],
        "eval_workers": ["8097.bundle.0123456789abcdef.js"],
        "files": {
            path: {
                "sha256": hashlib.sha256(data).hexdigest(),
                "encodings": ["gzip"] if path in COMPRESSED else [],
            }
            for path, data in FILES.items()
        },
    }
    (folder / "filmroom-manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "static" / "secret.js").write_text("secret")
    monkeypatch.setattr(viewer, "STATIC", tmp_path / "static")
    return folder


def client(settings: Settings | None = None) -> TestClient:
    app = Starlette(routes=viewer_routes(settings or Settings()))
    return TestClient(app, base_url="http://127.0.0.1:8042")


@pytest.fixture
def ohif(static: Path) -> TestClient:
    return client()


def test_the_page_is_at_the_root_and_is_asked_for_anew_each_time(ohif: TestClient) -> None:
    answer = ohif.get("/", headers=BROWSER)

    assert answer.status_code == 200
    assert answer.content == PAGE
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    ["/viewer", "/viewer?StudyInstanceUIDs=1.2.3", "/viewer/filmroom", "/segmentation", "/tmtv"],
)
def test_a_route_of_ohif_is_its_page_whoever_asks(ohif: TestClient, path: str) -> None:
    answer = ohif.get(path, headers={"accept": "*/*"})

    assert answer.status_code == 200
    assert answer.content == PAGE


def test_an_unknown_path_is_the_page_for_a_browser_only(ohif: TestClient) -> None:
    assert ohif.get("/my-mode", headers=BROWSER).content == PAGE
    assert ohif.get("/my-mode", headers={"accept": "application/json"}).status_code == 404
    assert ohif.get("/my-mode", headers={"accept": "*/*"}).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/nope.js",
        "/app.bundle.js.map",
        "/nope.wasm",
        "/viewer/nope.js",
        "/dicom-web/nope",
        "/api/nope",
        "/wado/nope",
        "/dcm4chee-arc/nope",
        "/health/nope",
        "/ui/nope",
        "/filmroom-manifest.json",
        "/assets",
        "/index.html.gz",
        "/secret.js",
        "/../secret.js",
        "/%2e%2e/secret.js",
        "/..%2fsecret.js",
        "/assets/..%2f..%2f..%2fsecret.js",
        "/%00.js",
    ],
)
def test_what_is_not_in_the_build_is_not_there(ohif: TestClient, path: str) -> None:
    answer = ohif.get(path, headers={"accept": "*/*"})

    assert answer.status_code == 404
    assert b"secret" not in answer.content


def test_unknown_paths_below_the_servers_own_roots_are_no_pages(ohif: TestClient) -> None:
    assert ohif.get("/dicom-web/nope", headers=BROWSER).status_code == 404
    assert ohif.get("/api/nope", headers=BROWSER).status_code == 404


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/app.bundle.0123456789abcdef.js", "text/javascript; charset=utf-8"),
        ("/0123456789abcdef.wasm", "application/wasm"),
        ("/app.bundle.css", "text/css; charset=utf-8"),
        ("/manifest.json", "application/json"),
        ("/customizations/tools/a.jsonc", "application/json"),
        ("/assets/favicon.ico", "image/x-icon"),
        ("/app-config.js", "text/javascript; charset=utf-8"),
    ],
)
def test_media_types_are_ours_to_say(ohif: TestClient, path: str, media_type: str) -> None:
    answer = ohif.get(path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("path", "cached"),
    [
        ("/app.bundle.0123456789abcdef.js", "public, max-age=31536000, immutable"),
        ("/0123456789abcdef.wasm", "public, max-age=31536000, immutable"),
        ("/app.bundle.css", "no-cache"),
        ("/manifest.json", "no-cache"),
        ("/assets/favicon.ico", "no-cache"),
        ("/app-config.js", "no-cache"),
    ],
)
def test_only_files_with_a_digest_in_their_name_are_cached_for_good(
    ohif: TestClient, path: str, cached: str
) -> None:
    assert ohif.get(path).headers["cache-control"] == cached


def test_a_client_that_takes_gzip_gets_the_file_as_it_was_compressed(ohif: TestClient) -> None:
    path = "/app.bundle.0123456789abcdef.js"
    packed = ohif.get(path, headers={"accept-encoding": "gzip, deflate, br"})
    plain = ohif.get(path, headers={"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < 200
    assert packed.content == BUNDLE
    assert "content-encoding" not in plain.headers
    assert int(plain.headers["content-length"]) == 2400
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]


@pytest.mark.parametrize("path", ["/", "/app-config.js", "/app.bundle.0123456789abcdef.js"])
def test_what_a_client_has_already_is_not_sent_again(ohif: TestClient, path: str) -> None:
    tag = ohif.get(path).headers["etag"]
    again = ohif.get(path, headers={"if-none-match": f'"other", W/{tag}'})

    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == tag


def test_a_range_of_a_file_is_the_whole_file(ohif: TestClient) -> None:
    answer = ohif.get("/app.bundle.css", headers={"range": "bytes=0-1"})

    assert answer.status_code == 200
    assert answer.content == b"body{}"
    assert answer.headers["accept-ranges"] == "none"


def test_head_says_what_get_would(ohif: TestClient) -> None:
    path = "/app.bundle.0123456789abcdef.js"
    head = ohif.head(path, headers={"accept-encoding": "identity"})

    assert head.status_code == 200
    assert head.headers["content-length"] == "2400"
    assert head.content == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_sent_to_the_viewer(ohif: TestClient, method: str) -> None:
    answer = ohif.request(method, "/viewer")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_the_page_may_run_its_own_scripts_and_webassembly_only(ohif: TestClient) -> None:
    said = ohif.get("/").headers["content-security-policy"]

    assert "script-src 'self' 'sha256-b25l' 'wasm-unsafe-eval' 'unsafe-eval';" in said
    assert said.startswith("default-src 'self';")
    assert "frame-ancestors 'self'" in said


def test_only_the_workers_that_make_functions_may_make_them(ohif: TestClient) -> None:
    codec = ohif.get("/8097.bundle.0123456789abcdef.js").headers["content-security-policy"]
    other = ohif.get("/app.bundle.0123456789abcdef.js").headers["content-security-policy"]

    assert "script-src 'self' 'wasm-unsafe-eval' 'unsafe-eval';" in codec
    assert "script-src 'self' 'wasm-unsafe-eval';" in other


def test_other_origins_are_let_in_by_setting_only() -> None:
    plain = policy(Settings(), ())
    wider = policy(
        Settings(
            viewer_connect_origins=("https://models.example",),
            viewer_frame_ancestors=("https://ris.example",),
        ),
        (),
    )

    assert "connect-src 'self' blob: data:;" in plain
    assert "connect-src 'self' blob: data: https://models.example;" in wider
    assert wider.endswith("frame-ancestors 'self' https://ris.example")


def test_onnxruntime_is_served_by_setting_only(static: Path) -> None:
    assert client().get("/ort/ort.js").status_code == 404
    assert client(Settings(viewer_ort=True)).get("/ort/ort.js").status_code == 200


def test_without_its_files_a_page_says_how_to_bring_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer, "STATIC", tmp_path)
    without = client()

    page = without.get("/", headers=BROWSER)
    assert page.status_code == 200
    assert "viewer/build" in page.text
    assert without.get("/viewer?StudyInstanceUIDs=1.2").text == page.text
    assert without.get("/app.bundle.js").status_code == 404
    assert without.post("/").status_code == 405


def test_without_the_viewer_nothing_is_mounted_at_the_root() -> None:
    assert viewer_routes(Settings(viewer=False)) == []


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("deflate", ""),
        ("gzip;q=0", ""),
        ("gzip;q=0.0, *", "br"),
        ("*", "br"),
        ("*;q=0", ""),
        ("gzip, br", "br"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("gzip;q=nonsense", ""),
        ("identity", ""),
    ],
)
def test_the_best_coding_that_both_know_is_chosen(accept: str, coding: str) -> None:
    assert best_coding(("gzip", "br"), accept) == coding
    assert best_coding((), accept) == ""


def test_a_page_is_told_from_a_file_by_its_name() -> None:
    assert is_page("", "application/json")
    assert is_page("viewer", "")
    assert is_page("worklist/1.2.840.1", "text/html")
    assert not is_page("viewer/bundle.js", "text/html")
    assert not is_page("robots.txt", "text/html")


def test_a_build_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_build(tmp_path, with_ort=False) is None
