"""One line a request, which names nobody."""

from __future__ import annotations

import logging

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from filmroom.web.access_log import AccessLog, Traffic, exposition


async def studies(request: Request) -> Response:
    await request.body()
    return Response("found")


def breaking(_request: Request) -> Response:
    raise ValueError("Doe^Jane")


@pytest.fixture
def traffic() -> Traffic:
    return Traffic()


@pytest.fixture
def client(traffic: Traffic) -> TestClient:
    routes = [
        Route("/studies", studies, methods=["GET", "POST"]),
        Route("/studies/{study}", studies),
        Route("/break", breaking),
    ]
    app = Starlette(routes=[Mount("/dicom-web", routes=routes)])
    return TestClient(AccessLog(app, traffic), raise_server_exceptions=False)


def test_a_request_is_one_line_of_constants_and_numbers(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "filmroom"):
        client.post("/dicom-web/studies", content=b"12345")

    (line,) = caplog.records
    assert line.getMessage() == "request"
    assert (line.method, line.route, line.status) == ("POST", "test_access_log.studies", 200)
    assert (line.bytes, line.received) == (5, 5)
    assert line.ms >= 0
    assert line.client == "testclient"


@pytest.mark.parametrize(
    "path", ["/dicom-web/studies?PatientName=DOE*", "/dicom-web/studies/DOE", "/DOE", "/break/DOE"]
)
def test_no_line_holds_what_was_asked_for(
    client: TestClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    with caplog.at_level(logging.INFO, "filmroom"):
        client.get(path)

    (line,) = caplog.records
    assert "DOE" not in str(line.__dict__)


def test_a_method_that_nobody_knows_is_not_written_down(
    client: TestClient, traffic: Traffic
) -> None:
    client.request("DOEJANE", "/dicom-web/studies")

    assert [method for _, method, _ in traffic.requests] == ["other"]


def test_what_nothing_answers_has_no_route(client: TestClient, traffic: Traffic) -> None:
    client.get("/nowhere")

    assert dict(traffic.requests) == {("none", "GET", 404): 1}


def test_a_failure_is_counted_too(client: TestClient, traffic: Traffic) -> None:
    client.get("/dicom-web/break")

    assert dict(traffic.requests) == {("test_access_log.breaking", "GET", 500): 1}
    assert traffic.active == 0


def test_the_numbers_are_told_in_prometheus_format(client: TestClient, traffic: Traffic) -> None:
    client.get("/dicom-web/studies")
    client.get("/dicom-web/studies")
    traffic.seconds = {"test_access_log.studies": 0.25}

    assert list(exposition(traffic)) == [
        "# TYPE filmroom_requests_total counter",
        'filmroom_requests_total{route="test_access_log.studies",method="GET",status="200"} 2',
        "# TYPE filmroom_request_seconds_total counter",
        'filmroom_request_seconds_total{route="test_access_log.studies"} 0.25',
        "# TYPE filmroom_sent_bytes_total counter",
        'filmroom_sent_bytes_total{route="test_access_log.studies"} 10',
        "# TYPE filmroom_received_bytes_total counter",
        'filmroom_received_bytes_total{route="test_access_log.studies"} 0',
        "# TYPE filmroom_requests_active gauge",
        "filmroom_requests_active 0",
    ]
