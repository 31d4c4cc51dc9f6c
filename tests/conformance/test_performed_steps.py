"""Modality Performed Procedure Step: begun, changed, ended, read (PS3.4 §F.7, §F.8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset

from dimse_door import Address, opened
from dimse_operating import operate, operating
from filmroom.app import open_archive
from filmroom.association.connection import Connection
from filmroom.association.messages import Command, CommandField
from filmroom.core import steps
from filmroom.core.archive import Archive
from filmroom.dimse.steps import PERFORMED_STEP, STEP_RETRIEVAL
from filmroom.model.step import PerformedStatus

UID = "1.2.3.4"
SUCCESS, INVALID_VALUE, ATTRIBUTE_LIST = 0x0000, 0x0106, 0x0107
PROCESSING_FAILURE, DUPLICATE, NO_SUCH_INSTANCE = 0x0110, 0x0111, 0x0112
INVALID_INSTANCE, CLASS_CONFLICT, MISSING, BLANK = 0x0117, 0x0119, 0x0120, 0x0121
OPTIONAL, UNRECOGNIZED = 0x0001, 0x0211


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


@pytest.fixture
def association(door: Address) -> Iterator[Connection]:
    with operating(door, PERFORMED_STEP, STEP_RETRIEVAL) as connection:
        yield connection
        assert connection.release()


def dataset(**elements: Any) -> Dataset:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return made


def begun(**more: Any) -> Dataset:
    scheduled = dataset(StudyInstanceUID="1.2.3", ScheduledProcedureStepID="S1")
    return dataset(
        **{
            "SpecificCharacterSet": "ISO_IR 100",
            "ScheduledStepAttributesSequence": [scheduled],
            "PatientName": "Müller^Zoë",
            "PatientID": "17",
            "PerformedProcedureStepID": "P1",
            "PerformedStationAETitle": "CT1",
            "PerformedProcedureStepStartDate": "20240706",
            "PerformedProcedureStepStartTime": "0731",
            "PerformedProcedureStepStatus": "IN PROGRESS",
            "Modality": "CT",
        }
        | more
    )


def ended(status: str = "COMPLETED", **more: Any) -> Dataset:
    return dataset(
        **{
            "PerformedProcedureStepStatus": status,
            "PerformedProcedureStepEndDate": "20240706",
            "PerformedProcedureStepEndTime": "0745",
            "PerformedSeriesSequence": [dataset(SeriesInstanceUID="1.2.3.1")],
        }
        | more
    )


def create(connection: Connection, told: Dataset, instance: str | None = UID) -> Command:
    return operate(connection, CommandField.N_CREATE_RQ, PERFORMED_STEP, instance, told)[0]


def change(connection: Connection, told: Dataset, instance: str = UID) -> Command:
    return operate(connection, CommandField.N_SET_RQ, PERFORMED_STEP, instance, told)[0]


@pytest.mark.requires("PS3.4 F.7.2.1")
def test_a_step_begins_and_ends(archive: Archive, association: Connection) -> None:
    created = create(association, begun())
    assert (created.status, created.instance, created.sop_class) == (SUCCESS, UID, PERFORMED_STEP)
    assert steps.get(archive, UID).status is PerformedStatus.IN_PROGRESS
    assert steps.get(archive, UID).source == "dimse:TESTER@127.0.0.1"

    assert change(association, dataset(PerformedProcedureStepDescription="Head")).status == SUCCESS
    assert change(association, ended()).status == SUCCESS
    assert steps.get(archive, UID).status is PerformedStatus.COMPLETED


def test_what_was_acknowledged_is_there_after_a_restart(archive: Archive) -> None:
    with opened(archive) as door, operating(door, PERFORMED_STEP) as connection:
        create(connection, begun())
        connection.release()

    with open_archive(archive.settings) as again:
        assert steps.get(again, UID).status is PerformedStatus.IN_PROGRESS


def test_a_step_without_a_uid_is_given_one(archive: Archive, association: Connection) -> None:
    """PS3.7 §10.1.5.1.4."""
    created = create(association, begun(), None)

    assert created.status == SUCCESS
    assert created.instance is not None
    assert created.instance.startswith("2.25.")
    assert steps.get(archive, created.instance).instance == created.instance


@pytest.mark.requires("PS3.4 F.7.2.1.3")
def test_a_step_that_cannot_begin_so_is_refused(association: Connection) -> None:
    no_modality = begun()
    del no_modality.Modality

    missing = create(association, no_modality)
    assert (missing.status, missing.offending) == (MISSING, (0x00080060,))
    blank = create(association, begun(PerformedProcedureStepID=""))
    assert (blank.status, blank.offending) == (BLANK, (0x00400253,))
    over = create(association, begun(PerformedProcedureStepStatus="COMPLETED"))
    assert (over.status, over.offending) == (INVALID_VALUE, (0x00400252,))
    assert create(association, begun(), "1.2.x").status == INVALID_INSTANCE
    assert create(association, begun()).status == SUCCESS
    assert create(association, begun()).status == DUPLICATE


@pytest.mark.requires("PS3.4 F.7.2.2")
def test_a_step_that_has_ended_is_not_changed(association: Connection) -> None:
    create(association, begun())
    assert change(association, ended("DISCONTINUED")).status == SUCCESS

    refused = change(association, ended())

    assert (refused.status, refused.error_id) == (PROCESSING_FAILURE, 0xA710)
    assert refused.comment == "Performed Procedure Step Object may no longer be updated"


def test_a_change_that_cannot_be_is_refused(association: Connection) -> None:
    assert change(association, ended()).status == NO_SUCH_INSTANCE
    create(association, begun())

    blank = change(association, ended(PerformedSeriesSequence=[]))
    assert (blank.status, blank.offending) == (BLANK, (0x00400340,))
    other = operate(association, CommandField.N_SET_RQ, "1.2.3", UID, ended())[0]
    assert other.status == CLASS_CONFLICT
    assert operate(association, CommandField.N_DELETE_RQ, PERFORMED_STEP, UID)[0].status == (
        UNRECOGNIZED
    )


def test_what_only_creation_sets_is_passed_over_with_a_warning(
    archive: Archive, association: Connection
) -> None:
    create(association, begun())

    changed = change(association, ended(PatientID="18", Modality="CT"))

    assert (changed.status, changed.offending) == (ATTRIBUTE_LIST, (0x00100020,))
    held = steps.get(archive, UID)
    assert held.status is PerformedStatus.COMPLETED
    assert held.attributes["00100020"]["Value"] == ["17"]


@pytest.mark.requires("PS3.4 F.8.2")
def test_a_step_is_read(association: Connection) -> None:
    create(association, begun())

    def read(*tags: int, instance: str = UID) -> tuple[Command, Dataset | None]:
        return operate(
            association,
            CommandField.N_GET_RQ,
            PERFORMED_STEP,
            instance,
            context_id=3,
            attributes=tags or None,
        )

    command, told = read()
    assert command.status == SUCCESS
    assert told is not None
    assert (told.PatientName, told.PerformedProcedureStepStatus) == ("Müller^Zoë", "IN PROGRESS")
    command, told = read(0x00400252, 0x00400250)
    assert command.status == OPTIONAL
    assert told is not None
    assert [element.keyword for element in told if element.tag != 0x00080005] == [
        "PerformedProcedureStepStatus"
    ]
    assert read(instance="9.9")[0].status == NO_SUCH_INSTANCE


def test_nothing_of_the_patient_is_logged(
    association: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    create(association, begun())
    change(association, ended(PatientName="Müller"))

    logged = "".join(str(record.__dict__) for record in caplog.records)
    assert "procedure step" in logged
    assert "üller" not in logged
