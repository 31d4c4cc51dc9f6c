"""The page of URLs, and what an address gets that is not on it."""

from __future__ import annotations

import logging

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from filmroom import errors
from filmroom.web.errors import HANDLERS, STATUSES, Failures, status_of
from filmroom.web.request import ref_of, root_of, selection_of


def client_of(endpoint, path: str = "/studies/{study}") -> TestClient:
    app = Starlette(routes=[Route(path, endpoint)], exception_handlers=HANDLERS)
    return TestClient(Failures(app), raise_server_exceptions=False)


def raising(error: Exception) -> TestClient:
    def endpoint(_request: Request) -> Response:
        raise error

    return client_of(endpoint)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.Malformed("bad"), 400),
        (errors.Forbidden("no"), 403),
        (errors.NotFound("none"), 404),
        (errors.NotAcceptable("no form"), 406),
        (errors.Conflict("other"), 409),
        (errors.Refused("not DICOM"), 409),
        (errors.TooLarge("limit"), 413),
        (errors.Unsupported("kind"), 415),
        (errors.Unreachable("no peer"), 502),
        (errors.Declined("a peer did not", 0x0122), 502),
        (errors.Busy("later"), 503),
        (errors.Full("no room"), 507),
    ],
)
def test_an_error_is_answered_with_its_status_and_problem_details(error, status) -> None:
    answer = raising(error).get("/studies/1.2")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"] == str(error)


def test_every_error_of_the_tree_has_a_row_in_the_table() -> None:
    tree = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.ArchiveError)
    }

    assert tree == set(STATUSES)


def test_a_subclass_is_looked_up_along_its_mro() -> None:
    class Gone(errors.NotFound):
        pass

    assert status_of(Gone("x")) == 404


@pytest.mark.parametrize("error", [errors.Busy("later"), errors.Full("no room")])
def test_what_passes_says_when_to_come_again(error) -> None:
    assert raising(error).get("/studies/1.2").headers["retry-after"] == "5"


@pytest.mark.parametrize("error", [ValueError("Doe^Jane"), errors.Broken("/data/x: EIO")])
def test_a_fault_of_ours_says_nothing_of_itself_and_is_logged_without_its_message(
    error, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "filmroom"):
        answer = raising(error).get("/studies/1.2")

    assert answer.status_code == 500
    assert answer.json() == {
        "title": "Internal Server Error",
        "status": 500,
        "detail": "the archive failed; its log says how",
    }
    (record,) = [r for r in caplog.records if r.levelno == logging.ERROR]
    assert record.error == type(error).__qualname__
    assert "in endpoint" in record.traceback
    assert str(error) not in str(record.__dict__)


def test_an_unknown_address_is_a_404_in_problem_details() -> None:
    answer = raising(ValueError()).get("/nowhere")

    assert answer.status_code == 404
    assert answer.json() == {"title": "Not Found", "status": 404}


def test_a_wrong_method_is_a_405_that_names_the_right_ones() -> None:
    answer = raising(ValueError()).put("/studies/1.2")

    assert answer.status_code == 405
    assert answer.headers["content-type"] == "application/problem+json"
    assert "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    "uid", ["..", "1.2.", ".1", "1..2", "1.2a", "DROP TABLE", "1" * 65, "1.2\n", "१.२"]
)
def test_a_path_that_holds_no_uid_is_a_400(uid: str) -> None:
    def endpoint(request: Request) -> Response:
        return Response(str(selection_of(request)))

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [],
        "path_params": {"study": uid},
    }
    with pytest.raises(errors.Malformed, match="study is not a UID"):
        endpoint(Request(scope))


def test_a_path_names_what_it_holds() -> None:
    def endpoint(request: Request) -> Response:
        return Response(f"{selection_of(request)} | {ref_of(request)} | {root_of(request)}")

    client = client_of(endpoint, "/studies/{study}/series/{series}/instances/{instance}")

    assert client.get("/studies/1.2/series/01.3/instances/1.4?limit=1").text == (
        "study 1.2 series 01.3 instance 1.4"
        " | InstanceRef(study='1.2', series='01.3', instance='1.4')"
        " | http://testserver"
    )
