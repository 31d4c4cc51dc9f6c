"""The operator's API, the pages, the probes and what the services say of themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from filmroom import __version__
from filmroom.core.archive import Archive
from filmroom.errors import Broken
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10, uid
from filmroom.web import api_docs

Store = Callable[..., object]


def test_the_version_is_told(web: TestClient) -> None:
    assert web.get("/api/version").json() == {"name": "filmroom", "version": __version__}


def test_the_counts_are_told(web: TestClient, store: Store) -> None:
    store(ct_slice(1, 1, 1), ct_slice(1, 2, 1), ct_slice(2, 1, 1))

    assert web.get("/api/counts").json() == {
        "studies": 2,
        "series": 3,
        "instances": 3,
        "size": 3 * len(part10(ct_slice())),
        "rejected": 0,
        "aside": 0,
        "saved": 0,
    }


def test_the_feed_goes_on_from_where_a_reader_stopped(web: TestClient, store: Store) -> None:
    store(ct_slice(1), ct_slice(2), ct_slice(3))

    first = web.get("/api/changes", params={"limit": 2}).json()
    rest = web.get("/api/changes", params={"since": first["last"]}).json()
    none = web.get("/api/changes", params={"since": rest["last"]}).json()

    assert [line["study"] for line in first["changes"]] == [uid(1), uid(2)]
    assert [line["study"] for line in rest["changes"]] == [uid(3)]
    assert none == {"changes": [], "last": rest["last"]}
    assert first["changes"][0]["action"] == "stored"
    assert first["changes"][0]["source"] == "test"
    assert first["changes"][0]["at"].endswith("Z")


def test_what_was_kept_aside_is_listed(web: TestClient, store: Store) -> None:
    newcomer = ct_slice(SeriesDescription="Another")
    store(ct_slice(), newcomer)

    (aside,) = web.get("/api/asides").json()
    assert (aside["study"], aside["instance"]) == (uid(1), uid(1, 1, 1))
    assert aside["size"] == len(part10(newcomer))
    assert re.fullmatch("[0-9a-f]{64}", aside["digest"])


@pytest.mark.parametrize(
    "query", ["since=-1", "since=x", "limit=0", "limit=10001", "limit=1e99", "since=<script>"]
)
def test_a_wrong_parameter_is_named_and_not_echoed(web: TestClient, query: str) -> None:
    answer = web.get(f"/api/changes?{query}")

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert f"query.{query.partition('=')[0]}" in answer.json()["detail"]
    assert "script" not in answer.text


def test_a_body_that_is_no_json_is_refused(web: TestClient) -> None:
    answer = web.post("/api/restore", content=b"{", headers={"Content-Type": "application/json"})

    assert answer.status_code == 400


def test_a_fault_of_ours_in_the_api_is_a_problem_too(
    web: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(*_: object) -> None:
        raise ValueError("Doe^Jane")

    monkeypatch.setattr(type(archive.index), "asides", break_)

    answer = web.get("/api/asides")

    assert answer.status_code == 500
    assert answer.json()["detail"] == "the archive failed; its log says how"


def test_the_api_describes_itself(web: TestClient) -> None:
    described = web.get("/api/openapi.json").json()

    assert set(described["paths"]) >= {
        "/version",
        "/counts",
        "/rejections",
        "/asides",
        "/changes",
        "/restore",
        "/peers",
        "/peers/{name}",
        "/peers/{name}/send",
        "/jobs",
        "/jobs/{job}/cancel",
    }
    assert described["servers"] == [{"url": "/api"}]
    assert described["info"]["version"] == __version__


def test_the_docs_need_nothing_from_elsewhere(web: TestClient) -> None:
    answer = web.get("/api/docs")

    assert answer.status_code == 200
    assert not re.search(r"""(src|href)=["'](https?:)?//""", answer.text)
    assert not re.search(r"<script(?![^>]*src=)", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe-eval" not in answer.headers["content-security-policy"]
    assert "script-src 'self';" in answer.headers["content-security-policy"]


def test_without_swagger_the_docs_are_a_list(
    web: TestClient, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(api_docs, "SWAGGER", settings.data / "nowhere")

    answer = web.get("/api/docs")

    assert "/api/restore" in answer.text
    assert "Show rejected instances again." in answer.text


@pytest.mark.parametrize("path", ["/api/nothing", "/api/", "/ui/nothing", "/health/nothing"])
def test_what_is_not_on_the_page_of_urls_is_not_there(web: TestClient, path: str) -> None:
    answer = web.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_overview_shows_counts_and_addresses(web: TestClient, store: Store) -> None:
    store(ct_slice())

    answer = web.get("/ui/")

    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<dt>Instances</dt><dd>1</dd>" in answer.text
    assert "filmroom import --data" in answer.text
    assert "http://127.0.0.1:8042/dicom-web" in answer.text
    assert 'href="/"' in answer.text
    assert "No authentication" not in answer.text
    assert not re.search(r"<script|<style| style=| on[a-z]+=", answer.text)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_pages_own_files_are_there(web: TestClient) -> None:
    for name, kind in (
        ("style.css", "text/css"),
        ("banner.css", "text/css"),
        ("icon.svg", "image/svg+xml"),
        ("swagger.js", "javascript"),
    ):
        answer = web.get(f"/ui/static/{name}")
        assert answer.status_code == 200
        assert kind in answer.headers["content-type"]
    assert web.get("/ui/static/../../app.py").status_code == 404
    assert web.get("/ui/static/%2e%2e/%2e%2e/app.py").status_code == 404


def test_ui_without_its_slash_leads_there(web: TestClient) -> None:
    assert web.get("/ui").url.path == "/ui/"


class TestInsecure:
    """Started with `--insecure`."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"insecure": True, "viewer": False})

    def test_every_page_warns(self, web: TestClient) -> None:
        assert "No authentication" in web.get("/ui/").text
        assert "No authentication" in web.get("/api/docs").text

    def test_without_a_viewer_nothing_leads_to_it(self, web: TestClient) -> None:
        assert "OHIF" not in web.get("/ui/").text


def test_the_probes_answer(web: TestClient) -> None:
    assert web.get("/health/live").json() == {"status": "live"}
    assert web.get("/health/ready").json() == {"status": "ready", "storing": True}
    assert web.get("/health/ready").headers["cache-control"] == "no-store"


def test_an_archive_whose_index_fails_is_not_ready(
    web: TestClient, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_(*_: object) -> None:
        raise Broken("index: EIO")

    monkeypatch.setattr(type(archive.index), "counts", break_)

    answer = web.get("/health/ready")

    assert (answer.status_code, answer.json()) == (503, {"status": "failing"})
    assert web.get("/health/live").status_code == 200


def test_the_metrics_count_instances_and_requests(web: TestClient, store: Store) -> None:
    store(ct_slice())
    web.get("/dicom-web/studies?PatientName=SECRET")
    web.get("/api/version")

    text = web.get("/metrics").text

    assert "\nfilmroom_instances 1\n" in text
    assert 'filmroom_requests_total{route="qido.studies",method="GET",status="200"} 1\n' in text
    assert 'filmroom_requests_total{route="operator.version",method="GET",status="200"}' in text
    assert f'filmroom_info{{version="{__version__}"}} 1' in text
    assert "SECRET" not in text
    assert text.endswith("\n")


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_the_services_tell_what_they_can_do(web: TestClient, method: str) -> None:
    answer = web.request(method, "/dicom-web/")

    told = answer.json()
    resources = {one["path"]: one["methods"] for one in told["resources"]}
    assert told["base"] == "http://127.0.0.1:8042/dicom-web"
    assert resources["/studies"] == ["GET", "HEAD", "POST"]
    assert resources["/studies/{study}"] == ["DELETE", "GET", "HEAD", "POST"]
    assert resources["/studies/{study}/series/{series}/reject/{code}"] == ["POST"]
    assert "/studies/{study}/series/{series}/instances/{instance}/bulkdata/{path}" in resources


def test_the_services_tell_it_in_wadl_if_asked(web: TestClient) -> None:
    answer = web.options(
        "/dcm4chee-arc/aets/X%22Y/rs/", headers={"Accept": "application/vnd.sun.wadl+xml"}
    )

    assert answer.headers["content-type"] == "application/vnd.sun.wadl+xml"
    document = ElementTree.fromstring(answer.content)  # noqa: S314 -- our own answer
    space = "{http://wadl.dev.java.net/2009/02}"
    paths = [one.get("path") for one in document.iter(f"{space}resource")]
    assert "/studies/{study}/metadata" in paths
    assert json.dumps(paths) == json.dumps(sorted(paths))  # type: ignore[type-var]
