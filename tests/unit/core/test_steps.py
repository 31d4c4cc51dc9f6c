"""Performed procedure steps: the rules of their states, and the worklist that follows them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from filmroom.core import steps, worklist
from filmroom.core.archive import Archive
from filmroom.dicom.by_keyword import from_keywords
from filmroom.errors import Conflict, NotFound
from filmroom.index.memory import MemoryIndex
from filmroom.model.instance import Attributes
from filmroom.model.step import Ended, Fault, PerformedStatus, Unfit
from filmroom.model.worklist import first_text, status_of, steps_of
from filmroom.settings import Settings
from filmroom.storage.memory import MemoryStorage

UID = "1.2.3.4"
STUDY = "1.2.3"


@pytest.fixture
def archive() -> Archive:
    return Archive(MemoryIndex(), MemoryStorage(), Settings())


def begun(**more: Any) -> Attributes:
    told = {
        "SpecificCharacterSet": "ISO_IR 192",
        "ScheduledStepAttributesSequence": [
            {"StudyInstanceUID": STUDY, "ScheduledProcedureStepID": "S1"}
        ],
        "PatientName": "Doe^Jane",
        "PatientID": "17",
        "PerformedProcedureStepID": "P1",
        "PerformedStationAETitle": "CT1",
        "PerformedProcedureStepStartDate": "20240706",
        "PerformedProcedureStepStartTime": "0731",
        "PerformedProcedureStepStatus": "IN PROGRESS",
        "Modality": "CT",
        "PerformedSeriesSequence": [],
    } | more
    return from_keywords({key: value for key, value in told.items() if value is not None})


def end(status: str = "COMPLETED", **more: Any) -> Attributes:
    told = {
        "PerformedProcedureStepStatus": status,
        "PerformedProcedureStepEndDate": "20240706",
        "PerformedProcedureStepEndTime": "0745",
        "PerformedSeriesSequence": [{"SeriesInstanceUID": "1.2.3.1", "ProtocolName": "Head"}],
    } | more
    return from_keywords({key: value for key, value in told.items() if value is not None})


def schedule(archive: Archive) -> str:
    return worklist.add(
        archive,
        {
            "PatientName": "Doe^Jane",
            "PatientID": "17",
            "StudyInstanceUID": STUDY,
            "ScheduledProcedureStepSequence": [
                {
                    "Modality": "CT",
                    "ScheduledStationAETitle": "CT1",
                    "ScheduledProcedureStepStartDate": "20240706",
                    "ScheduledProcedureStepStartTime": "0730",
                    "ScheduledProcedureStepID": "S1",
                }
            ],
        },
    ).key


def scheduled(archive: Archive, key: str) -> str:
    return status_of(steps_of(worklist.get(archive, key).attributes)[0])


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED"])
def test_a_step_begins_and_ends_and_moves_its_worklist_item(archive: Archive, status: str) -> None:
    key = schedule(archive)

    steps.create(archive, UID, begun(), "test")
    assert scheduled(archive, key) == "STARTED"
    changed = steps.change(archive, UID, end(status))

    assert changed.kept == ()
    held = steps.get(archive, UID)
    assert held.status == status
    assert first_text(held.attributes, "00400250") == "20240706"
    assert first_text(held.attributes, "00400253") == "P1"
    assert "00080005" not in held.attributes
    assert scheduled(archive, key) == status


def test_a_step_that_is_scheduled_nowhere_is_taken_too(archive: Archive) -> None:
    key = schedule(archive)
    other = [{"StudyInstanceUID": "9.9", "ScheduledProcedureStepID": ""}]

    steps.create(archive, UID, begun(ScheduledStepAttributesSequence=other), "test")

    assert scheduled(archive, key) == "SCHEDULED"


def test_a_step_is_created_once(archive: Archive) -> None:
    steps.create(archive, UID, begun(), "test")

    with pytest.raises(Conflict):
        steps.create(archive, UID, begun(), "test")


@pytest.mark.parametrize(
    ("more", "fault", "tag"),
    [
        ({"Modality": None}, Fault.MISSING, "00080060"),
        ({"PerformedProcedureStepID": ""}, Fault.BLANK, "00400253"),
        ({"ScheduledStepAttributesSequence": None}, Fault.MISSING, "00400270"),
        ({"ScheduledStepAttributesSequence": []}, Fault.BLANK, "00400270"),
        (
            {"ScheduledStepAttributesSequence": [{"ScheduledProcedureStepID": "1"}]},
            Fault.MISSING,
            "0020000D",
        ),
        ({"PerformedProcedureStepStatus": "COMPLETED"}, Fault.WRONG, "00400252"),
        ({"PerformedProcedureStepStatus": "RUNNING"}, Fault.WRONG, "00400252"),
    ],
)
def test_what_a_step_cannot_begin_with_is_named(
    archive: Archive, more: dict[str, Any], fault: Fault, tag: str
) -> None:
    with pytest.raises(Unfit) as refusal:
        steps.create(archive, UID, begun(**more), "test")

    assert (refusal.value.fault, refusal.value.tags) == (fault, (tag,))
    with pytest.raises(NotFound):
        steps.get(archive, UID)


@pytest.mark.parametrize(
    ("more", "fault", "tag"),
    [
        ({"PerformedProcedureStepEndDate": None}, Fault.MISSING, "00400250"),
        ({"PerformedProcedureStepEndTime": ""}, Fault.BLANK, "00400251"),
        ({"PerformedSeriesSequence": []}, Fault.BLANK, "00400340"),
        ({"PerformedSeriesSequence": [{"ProtocolName": "x"}]}, Fault.MISSING, "0020000E"),
        ({"PerformedProcedureStepStatus": "ABORTED"}, Fault.WRONG, "00400252"),
    ],
)
def test_a_step_does_not_end_without_what_it_must_say(
    archive: Archive, more: dict[str, Any], fault: Fault, tag: str
) -> None:
    steps.create(archive, UID, begun(), "test")

    with pytest.raises(Unfit) as refusal:
        steps.change(archive, UID, end(**more))

    assert (refusal.value.fault, refusal.value.tags) == (fault, (tag,))
    assert steps.get(archive, UID).status is PerformedStatus.IN_PROGRESS


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED"])
def test_a_step_that_has_ended_is_not_changed(archive: Archive, status: str) -> None:
    steps.create(archive, UID, begun(), "test")
    steps.change(archive, UID, end(status))

    with pytest.raises(Ended):
        steps.change(archive, UID, end("IN PROGRESS"))


def test_what_only_creation_sets_stays_as_it_was(archive: Archive) -> None:
    steps.create(archive, UID, begun(), "test")

    changed = steps.change(
        archive,
        UID,
        from_keywords(
            {"PatientID": "18", "Modality": "CT", "PerformedProcedureTypeDescription": "x"}
        ),
    )

    assert changed.kept == ("00100020",)
    held = steps.get(archive, UID).attributes
    assert (first_text(held, "00100020"), first_text(held, "00400255")) == ("17", "x")


def test_no_step_is_changed_that_is_not_there(archive: Archive) -> None:
    with pytest.raises(NotFound):
        steps.change(archive, UID, end())


def test_changes_at_once_are_all_kept(archive: Archive) -> None:
    steps.create(archive, UID, begun(), "test")
    tags = [f"00400{number}" for number in (254, 255, 280)]
    told = [from_keywords({tag: "x"}) for tag in tags]
    threads = [threading.Thread(target=steps.change, args=(archive, UID, one)) for one in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    held = steps.get(archive, UID).attributes
    assert [first_text(held, tag) for tag in tags] == ["x"] * 3


def test_steps_are_listed_by_status_and_by_study(archive: Archive) -> None:
    steps.create(archive, "1.1", begun(), "test")
    steps.create(archive, "1.2", begun(), "test")
    steps.change(archive, "1.2", end())

    ended = steps.page(archive, PerformedStatus.COMPLETED)
    assert [step.instance for step in ended] == ["1.2"]
    assert [step.instance for step in steps.of_study(archive, STUDY)] == ["1.1", "1.2"]
    assert list(steps.of_study(archive, "9.9")) == []
