"""`/api/peers` and `/api/jobs`, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from filmroom.core import jobs, runner
from filmroom.core.archive import Archive
from filmroom.core.runner import Runner
from filmroom.model.job import JobKind
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, uid
from filmroom.web.app import build
from job_doubles import ListeningPeer, eventually, with_remote

Store = Callable[..., object]
CT = {"name": "ct", "aet": "CT1", "host": "192.0.2.1", "port": 104}
ALL_OF_IT = {
    **CT,
    "tls": False,
    "calling": "",
    "may": ["echo", "store", "find", "move", "get"],
    "syntaxes": [],
    "fixed": False,
}
WHAT = {"selections": [{"study": uid(1)}]}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    fixed = [{"name": "pacs", "aet": "PACS", "host": "192.0.2.9", "port": 11112}]
    wanted = {**settings.model_dump(), "peers": fixed, "job_retry": 0.05, "job_attempts": 2}
    return Settings(**wanted)


@pytest.fixture
def peer() -> ListeningPeer:
    return ListeningPeer()


@pytest.fixture
def web(archive: Archive, peer: ListeningPeer) -> Iterator[TestClient]:
    """The web application of an archive that has other nodes to ask."""
    app = build(with_remote(archive, peer))
    with TestClient(app, base_url="http://127.0.0.1:8042", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def jobs_run(
    archive: Archive, peer: ListeningPeer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    monkeypatch.setattr(runner, "TICK", 0.02)
    with Runner(with_remote(archive, peer)):
        yield


def names(web: TestClient) -> list[str]:
    return [peer["name"] for peer in web.get("/api/peers").json()]


def over(web: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    """A job when it is over."""

    def look() -> dict[str, Any]:
        found: dict[str, Any] = web.get(f"/api/jobs/{job['id']}").json()
        return found

    eventually(lambda: look()["ended"] is not None, "the end of the job")
    return look()


# -- peers --------------------------------------------------------------------------------


def test_a_peer_is_added_changed_and_removed(web: TestClient) -> None:
    added = web.post("/api/peers", json=CT)
    assert (added.status_code, added.json()) == (201, ALL_OF_IT)
    assert added.headers["Location"] == "/api/peers/ct"
    assert web.get("/api/peers/ct").json() == ALL_OF_IT
    assert names(web) == ["ct", "pacs"]

    changed = web.patch(
        "/api/peers/ct", json={"port": 4242, "may": ["store"], "syntaxes": ["1.2.840.10008.1.2"]}
    )
    wanted = {**ALL_OF_IT, "port": 4242, "may": ["store"], "syntaxes": ["1.2.840.10008.1.2"]}
    assert (changed.status_code, changed.json()) == (200, wanted)
    assert web.get("/api/peers/ct").json() == wanted

    assert web.delete("/api/peers/ct").status_code == 204
    assert web.get("/api/peers/ct").status_code == 404
    assert web.delete("/api/peers/ct").status_code == 404
    assert names(web) == ["pacs"]


def test_a_name_is_taken_once(web: TestClient) -> None:
    web.post("/api/peers", json=CT)

    again = web.post("/api/peers", json={**CT, "aet": "OTHER"})

    assert again.status_code == 409
    assert web.get("/api/peers/ct").json()["aet"] == "CT1"


def test_peers_of_the_settings_are_shown_and_not_changed(web: TestClient) -> None:
    assert web.get("/api/peers/pacs").json()["fixed"] is True
    assert web.patch("/api/peers/pacs", json={"port": 1}).status_code == 403
    assert web.delete("/api/peers/pacs").status_code == 403
    assert web.post("/api/peers", json={**CT, "name": "pacs"}).status_code == 409


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a/b"},
        {"name": ""},
        {"aet": "A" * 17},
        {"aet": "A\\B"},
        {"aet": " "},
        {"host": "a b"},
        {"host": "x" * 300},
        {"port": 0},
        {"port": "http"},
        {"may": ["print"]},
        {"syntaxes": ["<script>"]},
        {"password": "x"},
    ],
)
def test_what_is_no_peer_is_refused(web: TestClient, wrong: dict[str, Any]) -> None:
    answer = web.post("/api/peers", json={**CT, **wrong})

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert next(iter(wrong)) in answer.json()["detail"]
    if "name" not in wrong:
        web.post("/api/peers", json=CT)
        changed = web.patch("/api/peers/ct", json=wrong)
        assert changed.status_code == 400
        assert web.get("/api/peers/ct").json() == ALL_OF_IT


def test_a_peer_is_asked_whether_it_is_there(web: TestClient, peer: ListeningPeer) -> None:
    well = web.post("/api/peers/pacs/echo")
    peer.is_away = True
    away = web.post("/api/peers/pacs/echo")

    assert well.status_code == 200
    assert well.json()["milliseconds"] >= 0
    assert away.status_code == 502
    assert "does not answer" in away.json()["detail"]
    assert web.post("/api/peers/nobody/echo").status_code == 404


def test_a_peer_is_searched(web: TestClient, peer: ListeningPeer) -> None:
    peer.matches = [{"0020000D": {"vr": "UI", "Value": [f"1.{number}"]}} for number in range(5)]

    answer = web.post(
        "/api/peers/pacs/find",
        json={"keys": {"PatientName": "Doe*", "ModalitiesInStudy": ["CT", "MR"]}, "limit": 3},
    )

    assert answer.json() == {"matches": peer.matches[:3], "more": True}
    assert peer.is_cancelled
    ((sop_class, identifier),) = peer.asked
    assert sop_class == "1.2.840.10008.5.1.4.1.2.2.1"
    assert identifier["00080052"] == {"vr": "CS", "Value": ["STUDY"]}
    assert identifier["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Doe*"}]}
    assert identifier["00080061"] == {"vr": "CS", "Value": ["CT", "MR"]}
    assert identifier["0020000D"] == {"vr": "UI"}


@pytest.mark.parametrize(
    ("level", "sop_class", "said"),
    [
        ("patient", "1.2.840.10008.5.1.4.1.2.1.1", ["PATIENT"]),
        ("series", "1.2.840.10008.5.1.4.1.2.2.1", ["SERIES"]),
        ("instance", "1.2.840.10008.5.1.4.1.2.2.1", ["IMAGE"]),
        ("worklist", "1.2.840.10008.5.1.4.31", None),
    ],
)
def test_each_level_is_asked_in_its_model(
    web: TestClient, peer: ListeningPeer, level: str, sop_class: str, said: list[str] | None
) -> None:
    answer = web.post("/api/peers/pacs/find", json={"level": level})

    assert answer.json() == {"matches": [], "more": False}
    ((asked, identifier),) = peer.asked
    assert asked == sop_class
    assert identifier.get("00080052", {}).get("Value") == said


@pytest.mark.parametrize(
    "wrong",
    [
        {"keys": {"NoSuchKeyword": "x"}},
        {"keys": {"Modality.Modality": "x"}},
        {"keys": {"InstanceNumber": "x"}},
        {"keys": {".".join(["ReferencedSeriesSequence"] * 9): ""}},
        {"level": "film"},
        {"limit": 0},
        {"limit": 10_001},
        {"keys": {"Modality": 5}},
    ],
)
def test_what_is_no_query_is_refused(
    web: TestClient, peer: ListeningPeer, wrong: dict[str, Any]
) -> None:
    assert web.post("/api/peers/pacs/find", json=wrong).status_code == 400
    assert peer.asked == []


# -- jobs ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("jobs_run")
def test_a_study_is_sent(web: TestClient, store: Store, peer: ListeningPeer) -> None:
    store(ct_slice(1, 1, 1), ct_slice(1, 1, 2), ct_slice(2, 1, 1))

    started = web.post("/api/peers/pacs/send", json=WHAT)
    done = over(web, started.json())

    assert started.status_code == 202
    assert started.headers["Location"] == f"/api/jobs/{done['id']}"
    assert (done["state"], done["kind"], done["peer"]) == ("done", "send", "pacs")
    assert (done["done"], done["of"], done["failed"]) == (2, 2, 0)
    assert done["selections"] == [{"study": uid(1), "series": None, "instance": None}]
    assert done["source"] == "api:testclient"
    assert done["created"] <= done["started"] <= done["ended"]
    assert len(peer.taken) == 2


@pytest.mark.usefixtures("jobs_run")
def test_a_job_that_fails_says_why_and_is_tried_again(
    web: TestClient, store: Store, peer: ListeningPeer
) -> None:
    store(ct_slice(1, 1, 1))
    peer.is_away = True

    failed = over(web, web.post("/api/peers/pacs/send", json=WHAT).json())
    peer.is_away = False
    again = web.post(f"/api/jobs/{failed['id']}/retry")
    done = over(web, failed)

    assert (failed["state"], failed["attempts"]) == ("failed", 2)
    assert "does not answer" in failed["message"]
    assert (again.status_code, again.json()["state"]) == (200, "queued")
    assert done["state"] == "done"
    assert web.post(f"/api/jobs/{done['id']}/retry").status_code == 409
    assert web.post(f"/api/jobs/{done['id']}/cancel").status_code == 409


def test_jobs_are_listed_and_cancelled(web: TestClient, store: Store) -> None:
    store(ct_slice(1, 1, 1))
    made = [web.post("/api/peers/pacs/send", json=WHAT).json()["id"] for _ in range(3)]
    made.sort(reverse=True)  # those of one millisecond have no order

    cancelled = web.post(f"/api/jobs/{made[0]}/cancel")

    assert cancelled.json()["state"] == "cancelled"
    assert [job["id"] for job in web.get("/api/jobs").json()] == made
    assert [job["id"] for job in web.get("/api/jobs", params={"limit": 1}).json()] == made[:1]
    page = web.get("/api/jobs", params={"before": made[0], "state": "queued"}).json()
    assert [job["id"] for job in page] == made[1:]


@pytest.mark.parametrize("asked", ["send", "commit"])
def test_what_the_archive_does_not_hold_is_not_sent(web: TestClient, asked: str) -> None:
    assert web.post(f"/api/peers/pacs/{asked}", json=WHAT).status_code == 404
    assert web.get("/api/jobs").json() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"selections": []},
        {"selections": [{"study": "x"}]},
        {"selections": [{"study": "1.2", "instance": "1.3"}]},
        {"selections": [{"series": "1.2"}]},
        {"selections": [{"study": "1.2", "patient": "1.3"}]},
        {"selections": [{"study": "1.2"}] * 1001},
    ],
)
@pytest.mark.parametrize("asked", ["send", "fetch", "commit"])
def test_what_is_no_selection_is_refused(
    web: TestClient, asked: str, wrong: dict[str, Any]
) -> None:
    assert web.post(f"/api/peers/pacs/{asked}", json=wrong).status_code == 400
    assert web.get("/api/jobs").json() == []


def test_a_peer_that_cannot_be_called_is_not(web: TestClient, store: Store) -> None:
    store(ct_slice(1, 1, 1))
    web.post("/api/peers", json={"name": "modality", "aet": "MOD"})

    for asked, body in (("echo", None), ("find", {}), ("send", WHAT), ("fetch", WHAT)):
        answer = web.post(f"/api/peers/modality/{asked}", json=body)
        assert answer.status_code == 409
        assert "has no host" in answer.json()["detail"]


@pytest.mark.parametrize("address", ["", "/cancel", "/retry"])
def test_a_job_that_is_not_there_is_not_found(web: TestClient, address: str) -> None:
    ask = web.post if address else web.get
    assert ask(f"/api/jobs/no%00ne{address}").status_code == 404


def test_nobody_else_s_page_adds_a_peer(web: TestClient) -> None:
    answer = web.post("/api/peers", json=CT, headers={"Origin": "https://elsewhere.example"})

    assert answer.status_code == 403
    assert names(web) == ["pacs"]


def test_a_job_that_is_about_no_selection_is_told_too(web: TestClient, archive: Archive) -> None:
    made = jobs.start(archive, JobKind.REPORT, {"peer": "pacs", "commitment": "A/1.2"}, "test")

    told = web.get(f"/api/jobs/{made.id}").json()

    assert (told["kind"], told["peer"], told["selections"]) == ("report", "pacs", [])
    assert web.get("/api/jobs").json() == [told]
