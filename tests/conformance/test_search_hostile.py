"""Search, what hostile and broken requests get: a clear 400, or an honest empty answer."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from filmroom.testing.objects import uid
from filmroom.web.app import build
from search_archive import BACKENDS, SHOWN, filled

INJECTIONS = [
    "' OR '1'='1",
    "'; DROP TABLE studies; --",
    '" OR ""="',
    "x') UNION SELECT * FROM instances --",
    "\\'; --",
    "%' OR 1=1 --",
    "{$ne: null}",
    "../../etc/passwd",
    "\x00",
    "\ufffd\u202e",
    "<script>alert(1)</script>",
]


@pytest.fixture(scope="module", params=BACKENDS)
def search(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    with (
        filled(request.param, tmp_path_factory.mktemp("search")) as archive,
        TestClient(
            build(archive), base_url="http://127.0.0.1:8042", raise_server_exceptions=False
        ) as client,
    ):
        yield client


@pytest.fixture(autouse=True)
def good_requests_are_served_after(search: TestClient) -> Iterator[None]:
    yield
    assert len(search.get("/dicom-web/studies").json()) == len(SHOWN)


@pytest.mark.parametrize("text", INJECTIONS)
@pytest.mark.parametrize(
    "key",
    [
        "PatientID",
        "PatientName",
        "AccessionNumber",
        "StudyDescription",
        "ModalitiesInStudy",
        "RequestAttributesSequence.ScheduledProcedureStepID",
    ],
)
def test_sql_and_worse_in_values_is_text_that_matches_nothing(
    search: TestClient, key: str, text: str
) -> None:
    answer = search.get(f"/dicom-web/studies?{key}={quote(text)}")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_and_worse_in_names_is_ignored_and_not_repeated(search: TestClient, text: str) -> None:
    answer = search.get(f"/dicom-web/studies?{quote(text)}=1&orderby={quote(text)}")
    assert answer.status_code == 200
    assert len(answer.json()) == len(SHOWN)
    assert text not in answer.headers["Warning"]


@pytest.mark.parametrize("key", ["StudyInstanceUID", "StudyDate", "StudyTime", "SeriesNumber"])
@pytest.mark.parametrize("text", INJECTIONS)
def test_sql_and_worse_where_a_form_is_prescribed_is_malformed(
    search: TestClient, key: str, text: str
) -> None:
    answer = search.get(f"/dicom-web/series?{key}={quote(text)}")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"].startswith(f"{key}: not a ")
    assert text not in answer.json()["detail"]


MALFORMED = [
    ("limit=-1", "limit is not a number, 0 or more"),
    ("limit=1e3", "limit is not a number, 0 or more"),
    ("limit=ten", "limit is not a number, 0 or more"),
    ("limit=%D9%A1", "limit is not a number, 0 or more"),
    ("offset=-1", "offset is not a number, 0 or more"),
    ("offset=0.5", "offset is not a number, 0 or more"),
    ("fuzzymatching=perhaps", "fuzzymatching is neither true nor false"),
    ("StudyDate=20241301", "StudyDate: not a date: YYYYMMDD"),
    ("StudyDate=2024", "StudyDate: not a date: YYYYMMDD"),
    ("StudyDate=-", "StudyDate: not a date: YYYYMMDD"),
    ("StudyTime=2500", "StudyTime: not a time of a day"),
    ("StudyInstanceUID=%5C%5C%5C", "StudyInstanceUID: a list without a value"),
    ("StudyDate=20240101-&StudyDate=-20240201", "StudyDate: asked for several times"),
    ("PatientID=*" + "x" * 64, "PatientID: more than 64 characters with wildcards"),
    ("PatientName=" + "?" * 65, "PatientName: more than 64 characters with wildcards"),
    ("StudyInstanceUID=" + ",".join(map(str, range(5001))), "more than 5000 values in a list"),
    ("ModalitiesInStudy=" + ",".join(map(str, range(5001))), "more than 5000 values in a list"),
    ("includefield=" + ",".join(["00100010"] * 101), "more than 100 attributes in includefield"),
    ("includefield=00100010&" * 101, "more than 100 attributes in includefield"),
    ("&".join(f"k{n}=1" for n in range(201)), "more than 200 parameters"),
]


@pytest.mark.parametrize(("query", "detail"), MALFORMED, ids=[q[:40] for q, _ in MALFORMED])
def test_what_breaks_a_rule_or_a_limit_is_malformed(
    search: TestClient, query: str, detail: str
) -> None:
    answer = search.get(f"/dicom-web/studies?{query}")
    assert answer.status_code == 400
    assert detail in answer.json()["detail"]


WITHIN = [
    "limit=99999999999999999999999999999999",
    "limit=" + "9" * 5000,
    "offset=" + "0" * 5000,
    "PatientID=" + "*" * 5000,
    "includefield=" + ",".join(["00100010"] * 100),
    "&".join(f"k{n}=1" for n in range(200)),
    "StudyInstanceUID="
    + ",".join([uid(1), uid(2), uid(3), uid(4), uid(5), *map(str, range(4000))]),
    "&&&==&=1&=",
    "PatientID",
    "%",
    "%zz=%zz",
    "PatientName=%ff%fe*&PatientName=*",
]


@pytest.mark.parametrize("query", WITHIN, ids=[query[:40] for query in WITHIN])
def test_what_is_only_odd_is_answered(search: TestClient, query: str) -> None:
    answer = search.get(f"/dicom-web/studies?{query}")
    assert answer.status_code == 200
    assert len(answer.json()) == len(SHOWN)


SLOW = [
    "PatientName=" + "*a" * 32,
    "PatientName=" + "*?" * 32,
    "StudyDescription=" + "*a?" * 21,
    "StudyDescription=" + "*a" * 31 + "*b",
    "StudyDate=" + "-" * 8000,
    "AcquisitionDateTime=" + "-1" * 4000,
    "StudyTime=" + ":" * 8000,
    "PatientName=" + "^,= " * 2000,
    "StudyInstanceUID=" + "1." * 30 + "," * 4000,
    ".".join(["RequestAttributesSequence"] * 300) + "=1",
    "includefield=" + "(" * 8000,
]


@pytest.mark.parametrize("query", SLOW, ids=[query[:40] for query in SLOW])
def test_patterns_made_to_be_slow_are_not(search: TestClient, query: str) -> None:
    started = time.monotonic()
    answer = search.get(f"/dicom-web/studies?{query}")
    assert answer.status_code in (200, 400)
    assert time.monotonic() - started < 1


@pytest.mark.parametrize(
    "path",
    [
        "/studies/1.2.x/series",
        "/studies/1.2%27/series",
        "/studies/..%2f..%2fetc/series",
        f"/studies/{'1' * 65}/series",
        f"/studies/{uid(1)}/series/x/instances",
    ],
)
def test_a_path_with_what_is_no_uid_is_malformed_or_not_there(
    search: TestClient, path: str
) -> None:
    assert search.get(f"/dicom-web{path}").status_code in (400, 404)


def test_nothing_that_was_searched_for_is_logged(
    search: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "filmroom"):
        search.get("/dicom-web/studies?PatientName=Secretname*&PatientBirthDate=19010203")
        search.get("/dicom-web/studies?Secretname=1&StudyDate=Secretname")
    ours = [record for record in caplog.records if record.name.startswith("filmroom")]
    told = " ".join(record.getMessage() + str(record.__dict__) for record in ours)
    assert ours
    assert "Secretname" not in told
    assert "19010203" not in told
