"""Data sets by keyword: what is taken, and what is refused without being repeated."""

from __future__ import annotations

from typing import Any

import pytest

from filmroom.dicom.by_keyword import from_keywords
from filmroom.dicom.datasets import read_dataset, write_dataset
from filmroom.errors import Malformed, TooLarge

EXPLICIT = "1.2.840.10008.1.2.1"


def test_keywords_and_tags_come_to_the_same() -> None:
    by_keyword = {
        "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "PatientWeight": "72.5",
        "StudyInstanceUID": "1.2.3",
        "PatientSex": "",
        "ScheduledProcedureStepSequence": [
            {"Modality": "CT", "ScheduledProcedureStepStartDate": "20240706"}
        ],
    }
    by_tag = {
        "00100010": {
            "vr": "PN",
            "Value": [
                {
                    "Alphabetic": "Yamada^Tarou",
                    "Ideographic": "山田^太郎",
                    "Phonetic": "やまだ^たろう",
                }
            ],
        },
        "00101030": {"vr": "DS", "Value": [72.5]},
        "0020000d": {"vr": "UI", "Value": ["1.2.3"]},
        "00100040": {"vr": "CS"},
        "00400100": {
            "vr": "SQ",
            "Value": [
                {
                    "00080060": {"vr": "CS", "Value": ["CT"]},
                    "00400002": {"vr": "DA", "Value": ["20240706"]},
                }
            ],
        },
    }

    read = from_keywords(by_keyword)
    assert read == from_keywords(by_tag)
    assert list(read) == ["00100010", "00100040", "00101030", "0020000D", "00400100"]


def test_what_is_taken_can_be_written_and_read_again() -> None:
    read = from_keywords(
        {"PatientName": "Ångström^Åsa", "PregnancyStatus": 4, "OtherPatientIDs": ["a", "b"]}
    )

    assert read_dataset(write_dataset(read, EXPLICIT), EXPLICIT) == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        **read,
    }


@pytest.mark.parametrize(
    "told",
    [
        {"NoSuchKeyword": "secret"},
        {"00020010": "1.2"},
        {"FFFEE000": "x"},
        {"00100000": 4},
        {"PatientBirthDate": "secret"},
        {"PatientSex": "secret but far too long"},
        {"StudyInstanceUID": "1.2.secret"},
        {"PatientName": {"Alphabetic": "secret", "Family": "secret"}},
        {"PatientName": "a=b=c=secret"},
        {"PatientName": 7},
        {"PatientID": "secret\nline"},
        {"PatientID": "secret\\other"},
        {"PatientID": "\ud800secret"},
        {"PatientWeight": "secret"},
        {"PatientWeight": True},
        {"PregnancyStatus": 1.5},
        {"00100020": {"vr": "SH", "Value": ["secret"]}},
        {"00100020": {"vr": "LO", "InlineBinary": "c2VjcmV0"}},
        {"00091001": "secret"},
        {"PixelData": "secret"},
        {"ScheduledProcedureStepSequence": ["secret"]},
        {"PatientName": "secret", "00100010": "secret"},
        {"PatientComments": ["secret", "more"]},
    ],
)
def test_what_fits_no_attribute_is_refused_and_not_repeated(told: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refusal:
        from_keywords(told)

    assert "secret" not in str(refusal.value)


def test_sequences_without_end_are_refused() -> None:
    told: dict[str, Any] = {"PatientID": "1"}
    for _ in range(100):
        told = {"ScheduledProcedureStepSequence": [told]}

    with pytest.raises(TooLarge):
        from_keywords(told)


def test_values_without_end_are_refused() -> None:
    with pytest.raises(TooLarge):
        from_keywords({"OtherPatientIDs": ["x"] * 20_000})
