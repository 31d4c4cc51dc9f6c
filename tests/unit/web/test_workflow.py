"""`/api/worklist`, `/api/steps` and `/api/commitments`."""

from __future__ import annotations

import time
from typing import Any

from starlette.testclient import TestClient

from filmroom.core import commitment, jobs, steps
from filmroom.core.archive import Archive
from filmroom.core.forgetting import forget
from filmroom.dicom.by_keyword import from_keywords
from filmroom.model.commitment import Commitment, CommitmentState, Reference
from filmroom.model.job import JobKind

STEP = {
    "Modality": "CT",
    "ScheduledStationAETitle": "CT1",
    "ScheduledProcedureStepStartDate": "20240706",
    "ScheduledProcedureStepStartTime": "0730",
    "ScheduledProcedureStepID": "S1",
}
ITEM: dict[str, Any] = {
    "PatientName": "Doe^Jane",
    "PatientID": "17",
    "StudyInstanceUID": "1.2.3",
    "ScheduledProcedureStepSequence": [STEP],
}
BEGUN = {
    "ScheduledStepAttributesSequence": [
        {"StudyInstanceUID": "1.2.3", "ScheduledProcedureStepID": "S1"}
    ],
    "PerformedProcedureStepID": "P1",
    "PerformedStationAETitle": "CT1",
    "PerformedProcedureStepStartDate": "20240706",
    "PerformedProcedureStepStartTime": "0731",
    "PerformedProcedureStepStatus": "IN PROGRESS",
    "Modality": "CT",
}
ENDED = {
    "PerformedProcedureStepStatus": "COMPLETED",
    "PerformedProcedureStepEndDate": "20240706",
    "PerformedProcedureStepEndTime": "0745",
    "PerformedSeriesSequence": [{"SeriesInstanceUID": "1.2.3.1"}],
}


def test_an_item_is_scheduled_changed_and_taken_off(web: TestClient) -> None:
    made = web.post("/api/worklist", json={"attributes": ITEM})
    assert made.status_code == 201
    key = made.json()["key"]

    assert web.get(f"/api/worklist/{key}").json() == made.json()
    told = {"attributes": ITEM | {"PatientID": "18"}}
    assert web.put(f"/api/worklist/{key}", json=told).status_code == 200
    (listed,) = web.get("/api/worklist").json()
    assert listed["attributes"]["00100020"] == {"vr": "LO", "Value": ["18"]}
    assert web.delete(f"/api/worklist/{key}").status_code == 204
    assert web.get("/api/worklist").json() == []
    assert web.get(f"/api/worklist/{key}").status_code == 404


def test_what_is_wrong_with_an_item_is_said_without_its_values(web: TestClient) -> None:
    assert web.post("/api/worklist", json={"attributes": {}}).status_code == 400
    wrong = {"attributes": ITEM | {"PatientBirthDate": "secret"}}
    refused = web.post("/api/worklist", json=wrong)
    assert refused.status_code == 400
    assert "PatientBirthDate" in refused.json()["detail"]
    assert "secret" not in refused.text
    web.post("/api/worklist", json={"attributes": ITEM})
    assert web.post("/api/worklist", json={"attributes": ITEM}).status_code == 409


def test_steps_are_listed_and_move_their_items(web: TestClient, archive: Archive) -> None:
    web.post("/api/worklist", json={"attributes": ITEM})
    steps.create(archive, "1.2.9", from_keywords(BEGUN), "test")
    steps.change(archive, "1.2.9", from_keywords(ENDED))

    (step,) = web.get("/api/steps", params={"status": "COMPLETED"}).json()
    assert (step["instance"], step["source"]) == ("1.2.9", "test")
    assert web.get("/api/steps", params={"status": "IN PROGRESS"}).json() == []
    assert web.get("/api/steps/1.2.9").json() == step
    assert web.get("/api/steps/1.2").status_code == 404
    assert web.get("/api/worklist").json() == []
    assert len(web.get("/api/worklist", params={"ended": "true"}).json()) == 1


def ask(archive: Archive) -> str:
    references = (Reference("1.2", "1.2.3"),)
    asked = Commitment(
        "1.9", "CT1", "127.0.0.1", references, None, CommitmentState.ASKED, time.time()
    )
    return commitment.accept(archive, asked, "friend")


def test_commitments_are_listed_and_so_are_their_jobs(web: TestClient, archive: Archive) -> None:
    key = ask(archive)
    (before,) = web.get("/api/commitments").json()
    assert (before["caller"], before["state"], before["failed"]) == ("CT1", "asked", None)

    claimed = commitment.claim(archive, key)
    assert claimed is not None
    judged, _, _ = commitment.judge(archive, claimed)
    commitment.told(archive, judged)

    (after,) = web.get("/api/commitments").json()
    assert (after["state"], after["failed"]) == ("reported", {"1.2.3": "0112H"})
    (job,) = web.get("/api/jobs").json()
    assert (job["kind"], job["peer"]) == (JobKind.REPORT, "friend")


def test_what_has_been_over_for_long_is_forgotten(web: TestClient, archive: Archive) -> None:
    web.post("/api/worklist", json={"attributes": ITEM})
    steps.create(archive, "1.2.9", from_keywords(BEGUN), "test")
    steps.change(archive, "1.2.9", from_keywords(ENDED))
    steps.create(archive, "1.2.10", from_keywords(BEGUN | {"Modality": "MR"}), "test")
    key = ask(archive)
    assert commitment.claim(archive, key) is not None

    assert forget(archive, time.time() + 60) == 0
    forget(archive, time.time() + 400 * 86400)

    assert [step.instance for step in steps.page(archive)] == ["1.2.10"]
    assert len(commitment.page(archive)) == 1  # it is being told
    assert jobs.newest(archive) != []
