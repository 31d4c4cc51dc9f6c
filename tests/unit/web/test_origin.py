"""Hosts, foreign pages, CORS and the headers that browsers obey."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from filmroom.errors import Malformed
from filmroom.settings import Settings
from filmroom.web.errors import HANDLERS, Failures
from filmroom.web.origin import Origins, host_name

VIEWER = "https://viewer.example"


def client(**settings: object) -> TestClient:
    def answer(request: Request) -> Response:
        if "fail" in request.url.path:
            raise Malformed("no")
        own = {"Content-Security-Policy": "default-src 'none'", "Cache-Control": "no-store"}
        return Response("done", headers=own if "own" in request.url.path else None)

    route = Route("/{path:path}", answer, methods=["GET", "POST", "DELETE", "OPTIONS"])
    app = Starlette(routes=[route], exception_handlers=HANDLERS)
    guarded = Origins(Failures(app), Settings(**settings))
    return TestClient(guarded, base_url="http://127.0.0.1:8042", raise_server_exceptions=False)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8042",
        "LOCALHOST",
        "127.0.0.1",
        "127.9.9.9:1",
        "[::1]:8042",
        "pacs.localhost",
    ],
)
def test_loopback_names_are_ours(host: str) -> None:
    assert client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8042",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.1.7",
        "[::2]",
        "0x7f.1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_rebound_name_is_refused(host: str, method: str) -> None:
    answer = client().request(method, "/dicom-web/studies", headers={"Host": host})

    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"
    assert host not in answer.text


@pytest.mark.parametrize(
    "host", ["[localhost", "a b", "a/b", "a:b", "[::1", "<b>", "user@localhost"]
)
@pytest.mark.parametrize("insecure", [False, True])
def test_a_host_header_that_is_no_name_is_refused(host: str, insecure: bool) -> None:
    answer = client(insecure=insecure).get("/", headers={"Host": host})

    assert answer.status_code == 400
    assert host not in answer.text


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({"host": "10.0.0.5"}, "10.0.0.5:8042"),
        ({"allowed_hosts": ("pacs.example",)}, "pacs.example"),
        ({"allowed_hosts": ("PACS.example",)}, "pacs.example.:443"),
        ({"allowed_hosts": ("*",)}, "anything.example"),
        ({"insecure": True}, "anything.example"),
    ],
)
def test_settings_name_more_hosts(settings: dict[str, object], host: str) -> None:
    assert client(**settings).get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://evil.example"}, id="another origin"),
        pytest.param({"Origin": "null"}, id="an opaque origin"),
        pytest.param({"Origin": "http://127.0.0.1:9999"}, id="another port"),
        pytest.param({"Origin": "http://127.0.0.1:8042.evil.example"}, id="a longer name"),
        pytest.param({"Origin": "http://["}, id="no origin at all"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="same-site"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_foreign_page_changes_nothing(headers: dict[str, str], method: str) -> None:
    answer = client().request(method, "/dicom-web/studies", headers=headers)

    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="no browser"),
        pytest.param({"Origin": "http://127.0.0.1:8042"}, id="our own page"),
        pytest.param({"Origin": "https://127.0.0.1:8042"}, id="our own page behind TLS"),
        pytest.param(
            {"Origin": "http://127.0.0.1:8042", "Sec-Fetch-Site": "same-origin"}, id="said twice"
        ),
        pytest.param({"Sec-Fetch-Site": "none"}, id="typed by the user"),
    ],
)
def test_our_own_pages_and_programs_may_change_things(headers: dict[str, str]) -> None:
    assert client().post("/dicom-web/studies", headers=headers).status_code == 200


def test_a_foreign_page_may_send_reads_but_cannot_see_the_answers() -> None:
    answer = client().get("/dicom-web/studies", headers={"Origin": "https://evil.example"})

    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", ["/dicom-web/studies", "/fail"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_listed_origin_sees_answers_and_errors(path: str, method: str) -> None:
    answer = client(cors_origins=(VIEWER + "/",)).request(
        method, path, headers={"Origin": VIEWER, "Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status_code == (400 if path == "/fail" else 200)
    assert answer.headers["access-control-allow-origin"] == VIEWER
    assert "X-Total-Count" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"


def test_a_preflight_of_a_listed_origin_is_answered() -> None:
    answer = client(cors_origins=(VIEWER,)).options(
        "/dicom-web/studies",
        headers={
            "Origin": VIEWER,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
            "Access-Control-Request-Private-Network": "true",
        },
    )

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == VIEWER
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert "Content-Type" in answer.headers["access-control-allow-headers"]
    assert "Range" in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-private-network"] == "true"


def test_a_preflight_of_another_origin_is_told_nothing() -> None:
    answer = client(cors_origins=(VIEWER,)).options(
        "/dicom-web/studies",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )

    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_every_origin_may_be_listed() -> None:
    answer = client(cors_origins=("*",)).get("/", headers={"Origin": "https://any.example"})

    assert answer.headers["access-control-allow-origin"] == "https://any.example"


def test_browsers_are_told_to_take_types_as_they_are_and_to_share_nothing() -> None:
    answer = client().get("/dicom-web/studies")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["content-security-policy"] == "frame-ancestors 'self'"


@pytest.mark.parametrize(
    "path", ["/dicom-web/studies/1", "/wado", "/dcm4chee-arc/aets/A/rs/studies", "/api/changes"]
)
def test_answers_with_patient_data_are_private(path: str) -> None:
    assert client().get(path).headers["cache-control"] == "private, no-cache"


def test_other_answers_are_cached_as_they_say() -> None:
    assert "cache-control" not in client().get("/app.js").headers


def test_a_handlers_own_policy_stands() -> None:
    answer = client().get("/api/own")

    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("host", "name"),
    [("a.b:80", "a.b"), ("a.b.", "a.b"), ("[::1]:80", "::1"), ("[::1]", "::1"), ("", "")],
)
def test_a_host_header_is_a_name_and_a_port(host: str, name: str) -> None:
    assert host_name(host) == name


def test_a_request_without_a_host_is_no_browsers() -> None:
    check: Callable[[str], bool] = Origins(Failures(Starlette()), Settings())._is_ours

    assert check("") is True
