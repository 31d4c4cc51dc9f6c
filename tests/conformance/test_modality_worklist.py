"""Modality Worklist: what is scheduled is told to modalities (PS3.4 §K)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dimse_asking import EXPLICIT_BIG, IMPLICIT, answers, ask, asking
from dimse_door import Address, opened
from filmroom.association.messages import cancel_of
from filmroom.core import worklist
from filmroom.core.archive import Archive
from filmroom.dimse.worklist import MODALITY_WORKLIST

EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
SUCCESS, PENDING, CANCEL, CANNOT_UNDERSTAND = 0x0000, 0xFF00, 0xFE00, 0xC000
JAPANESE = "Yamada^Tarou=山田^太郎=やまだ^たろう"
NAMES = {
    "1": ("Müller^Zoë", "CT1", "20240706", "0730"),
    "2": (JAPANESE, "CT1", "20240707", "1900"),
    "3": ("Διονυσιος", "MR1", "20240708", "1200"),
    "4": ("Hong^Gildong=洪^吉洞=홍^길동", "MR1", "20240706", "0900"),
}


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    for number, (name, station, day, clock) in NAMES.items():
        worklist.add(archive, item(number, name, station, day, clock))
    with opened(archive) as address:
        yield address


def item(number: str, name: str, station: str, day: str, clock: str) -> dict[str, Any]:
    return {
        "PatientName": name,
        "PatientID": number,
        "StudyInstanceUID": f"1.2.{number}",
        "RequestedProcedureDescription": "Head",
        "ScheduledProcedureStepSequence": [
            {
                "Modality": station[:2],
                "ScheduledStationAETitle": station,
                "ScheduledProcedureStepStartDate": day,
                "ScheduledProcedureStepStartTime": clock,
                "ScheduledProcedureStepID": f"S{number}",
            }
        ],
    }


def identifier(charset: str | None = None, /, *, name: str = "", **step: str) -> Dataset:
    asked = Dataset()
    if charset is not None:
        asked.SpecificCharacterSet = charset
    asked.PatientName = name
    asked.PatientID = ""
    asked.RequestedProcedureDescription = ""
    asked.AdmissionID = ""
    inner = Dataset()
    keys = {"Modality": "", "ScheduledStationAETitle": "", "ScheduledProcedureStepID": ""} | step
    for keyword, value in keys.items():
        setattr(inner, keyword, value)
    asked.ScheduledProcedureStepSequence = Sequence([inner])
    return asked


def found(
    door: Address, asked: Dataset, syntax: str = IMPLICIT, extended: bytes | None = None
) -> list[Dataset]:
    connection, _ = asking(door, MODALITY_WORKLIST, syntax, extended)
    with connection:
        ask(connection, asked)
        *matches, (status, _) = answers(connection)
        assert connection.release()
    assert status == SUCCESS
    assert {status for status, _ in matches} <= {PENDING}
    return [match for _, match in matches if match is not None]


def numbers(matches: list[Dataset]) -> set[str]:
    return {str(match.PatientID) for match in matches}


@pytest.mark.requires("PS3.4 K.6.1.2.2")
@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({}, {"1", "2", "3", "4"}),
        ({"ScheduledStationAETitle": "CT1"}, {"1", "2"}),
        ({"Modality": "MR", "ScheduledProcedureStepStartDate": "20240706"}, {"4"}),
        ({"ScheduledProcedureStepStartDate": "20240707-"}, {"2", "3"}),
        (
            {
                "ScheduledProcedureStepStartDate": "20240706-20240707",
                "ScheduledProcedureStepStartTime": "0800-2000",
            },
            {"2", "4"},
        ),
        ({"ScheduledProcedureStepID": "S?"}, {"1", "2", "3", "4"}),
        ({"ScheduledStationAETitle": "XA*"}, set()),
    ],
)
def test_steps_are_found_by_what_modalities_ask(
    door: Address, step: dict[str, str], expected: set[str]
) -> None:
    assert numbers(found(door, identifier(**step))) == expected


@pytest.mark.requires("PS3.4 K.2.2")
@pytest.mark.parametrize(
    ("charset", "name", "expected"),
    [
        ("ISO_IR 100", "MÜLLER*", "1"),
        ("ISO_IR 192", "müller^zoë", "1"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田*", "2"),
        ("ISO_IR 126", "Διονυσιος", "3"),
        (["", "ISO 2022 IR 149"], "Hong*=*=홍*", "4"),
    ],
)
def test_names_are_asked_for_and_told_in_the_askers_character_set(
    door: Address, charset: Any, name: str, expected: str
) -> None:
    asked = identifier(name=name)
    asked.SpecificCharacterSet = charset

    (match,) = found(door, asked)

    assert match.PatientID == expected
    assert match.PatientName == NAMES[expected][0]
    assert match.SpecificCharacterSet == charset


def test_what_the_askers_character_set_lacks_is_told_in_unicode(door: Address) -> None:
    matches = found(door, identifier("ISO_IR 100"))

    told = {str(m.PatientID): (m.SpecificCharacterSet, str(m.PatientName)) for m in matches}
    assert told["1"] == ("ISO_IR 100", "Müller^Zoë")
    assert told["2"] == ("ISO_IR 192", JAPANESE)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, EXPLICIT_BIG])
def test_every_transfer_syntax_says_the_same(door: Address, syntax: str) -> None:
    (match,) = found(door, identifier(ScheduledProcedureStepID="S1"), syntax)

    assert match.PatientName == "Müller^Zoë"
    (step,) = match.ScheduledProcedureStepSequence
    assert (step.Modality, step.ScheduledStationAETitle) == ("CT", "CT1")


def test_what_is_not_known_is_told_without_a_value(door: Address) -> None:
    (match,) = found(door, identifier(ScheduledProcedureStepID="S1"))

    assert "AdmissionID" in match
    assert not match.AdmissionID
    assert "StudyInstanceUID" not in match


def test_fuzzy_names_are_negotiated(door: Address) -> None:
    """PS3.4 §K.5.1."""
    connection, accepted = asking(door, MODALITY_WORKLIST, IMPLICIT, b"\1\1\1\1")
    assert connection.release()

    assert [one.information for one in accepted.user.extended] == [b"\1\1\1\0"]
    assert numbers(found(door, identifier(name="zoe"), extended=b"\1\1\1")) == {"1"}
    assert numbers(found(door, identifier(name="zoe"))) == set()


def test_a_key_that_its_vr_does_not_allow_fails(door: Address) -> None:
    connection, _ = asking(door, MODALITY_WORKLIST)
    asked = identifier()
    asked.ScheduledProcedureStepSequence[0].add_new(0x00400002, "LO", "tomorrow")
    with connection:
        ask(connection, asked)
        ((status, _),) = answers(connection)
        assert connection.release()

    assert status == CANNOT_UNDERSTAND


def test_a_query_is_cancelled(archive: Archive, door: Address) -> None:
    for number in range(10, 600):
        worklist.add(archive, item(str(number), "Doe^Jane", "US1", "20240901", "1000"))
    connection, _ = asking(door, MODALITY_WORKLIST)
    with connection:
        ask(connection, identifier(), message_id=7)
        connection.send_message(1, cancel_of(7))
        *_, (status, _) = answers(connection)
        assert connection.release()

    assert status in (CANCEL, SUCCESS)  # it may all have been sent by then


def test_what_is_scheduled_and_taken_off_is_seen_at_once(archive: Archive, door: Address) -> None:
    asked = identifier(ScheduledStationAETitle="NEW")
    assert found(door, asked) == []

    key = worklist.add(archive, item("9", "Doe^Jane", "NEW", "20240901", "1000")).key
    assert numbers(found(door, asked)) == {"9"}
    worklist.remove(archive, key)
    assert found(door, asked) == []


def test_no_name_is_logged(
    archive: Archive, door: Address, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    found(door, identifier(name="Müller*"))

    assert "worklist" in [record.getMessage() for record in caplog.records]
    assert "üller" not in "".join(str(record.__dict__) for record in caplog.records)
