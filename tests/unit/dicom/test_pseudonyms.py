"""What stands for UIDs, patients and dates."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.descriptors import cleaned, words_of
from filmroom.dicom.pseudonyms import MOST_DAYS, Pseudonyms
from filmroom.dicom.uids import is_uid

SECRET = b"s" * 32


@given(st.from_regex(r"[1-9][0-9]{0,6}(\.[1-9][0-9]{0,9}){1,4}", fullmatch=True))
def test_a_uid_has_one_that_stands_for_it(uid: str) -> None:
    known = Pseudonyms(SECRET, "1").uid(uid)

    assert is_uid(known)
    assert known.startswith("2.25.")
    uuid = UUID(int=int(known[5:]))
    assert (uuid.version, uuid.variant) == (8, "specified in RFC 4122")
    assert known == Pseudonyms(SECRET, "another patient").uid(uid)
    assert known != Pseudonyms(b"t" * 32, "1").uid(uid)
    assert known != Pseudonyms(SECRET, "1").uid(uid + ".1")


@pytest.mark.parametrize("uid", ["", "1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2"])
def test_uids_of_the_standard_stay(uid: str) -> None:
    assert Pseudonyms(SECRET, "1").uid(uid) == uid


def test_a_patient_is_told_apart_and_not_told() -> None:
    names = {Pseudonyms(SECRET, patient).patient for patient in ("1", "2", "3")}

    assert len(names) == 3
    assert all(len(name) == 16 and name.startswith("ANON") for name in names)
    assert Pseudonyms(SECRET, "1").patient in names
    assert Pseudonyms(b"t" * 32, "1").patient not in names


@given(st.datetimes(datetime(1850, 1, 1), datetime(2150, 1, 1)), st.text(max_size=8))
def test_dates_of_a_patient_are_shifted_alike(moment: datetime, patient: str) -> None:
    names = Pseudonyms(SECRET, patient)
    date, precise = f"{moment:%Y%m%d}", f"{moment:%Y%m%d%H%M%S.%f}+0100"

    shifted = datetime.strptime(names.moved(date), "%Y%m%d")

    assert 1 <= names.days <= MOST_DAYS
    assert (moment.replace(hour=0, minute=0, second=0, microsecond=0) - shifted).days == names.days
    assert names.moved(precise) == f"{shifted:%Y%m%d}".rjust(8, "0") + precise[8:]


@pytest.mark.parametrize(
    "moment", ["", "2024", "202413", "20241301", "2024.1.1", "today", "²0240101"]
)
def test_what_is_no_day_is_lost(moment: str) -> None:
    assert Pseudonyms(SECRET, "1").moved(moment) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CT Thorax with contrast, Mrs. Miller 5mm", "CT Thorax with contrast 5mm"),
        ("T2 FLAIR sag 3D", "T2 FLAIR sag 3D"),
        ("MR Knee left Long", "MR Knee left"),
        ("12345678", ""),
        ("12 03 1985", ""),
        ("Müller^Jörg", ""),
        ("Chest x-ray (PA)", "Chest x-ray PA"),
    ],
)
def test_of_text_known_words_stay(text: str, expected: str) -> None:
    assert cleaned(text, words_of("Long^John")) == expected
