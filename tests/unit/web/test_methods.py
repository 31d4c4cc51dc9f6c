"""Routes of one path are one route."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from filmroom.web.errors import HANDLERS
from filmroom.web.methods import by_path


def find(request: Request) -> Response:
    return PlainTextResponse(f"find {request.path_params}")


def store(_request: Request) -> Response:
    return PlainTextResponse("store")


def count(_request: Request) -> Response:
    return PlainTextResponse("count")


SERVICES = [
    Route("/studies/count", count),
    Route("/studies/{study}", find),
    Route("/studies/{study}", store, methods=["POST"]),
    Mount("/files", routes=[Route("/a", count)]),
]


@pytest.fixture
def client() -> TestClient:
    return TestClient(Starlette(routes=by_path(SERVICES), exception_handlers=HANDLERS))


def test_each_method_goes_to_its_service(client: TestClient) -> None:
    assert client.get("/studies/1").text == "find {'study': '1'}"
    assert client.post("/studies/1").text == "store"
    assert client.head("/studies/1").status_code == 200
    assert client.get("/files/a").text == "count"


def test_the_first_of_two_paths_is_asked_first(client: TestClient) -> None:
    assert client.get("/studies/count").text == "count"


def test_a_method_that_no_service_has_is_told_all_that_there_are(client: TestClient) -> None:
    answer = client.delete("/studies/1")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.headers["content-type"] == "application/problem+json"


def test_options_tells_the_methods(client: TestClient) -> None:
    answer = client.options("/studies/1")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
