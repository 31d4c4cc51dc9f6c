"""The tables of de-identification, and what options change of them."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR

from filmroom.dicom.deidentification import (
    BESIDE,
    ROWS,
    STANDARD,
    Action,
    Dates,
    Options,
    row_of,
)
from filmroom.dicom.deidentification_table import TABLE

PATIENT_NAME, BIRTH_DATE, PATIENT_AGE, PATIENT_SEX = 0x00100010, 0x00100030, 0x00101010, 0x00100040
STUDY_DATE, STUDY_TIME, STUDY_DESCRIPTION = 0x00080020, 0x00080030, 0x00081030
SOP_INSTANCE, SOP_CLASS, STATION_NAME = 0x00080018, 0x00080016, 0x00081010
CALIBRATED, CONTENT, ANNOTATIONS = 0x00181200, 0x0040A730, 0x00700001
ALL = Options(Dates.KEPT, *[True] * 8)


def test_the_table_is_that_of_the_standard() -> None:
    """How many attributes have each action in Table E.1-1 of 2024e, groups below 8 aside."""
    counts: Counter[str] = Counter()
    for line in TABLE.strip().splitlines():
        heading, colon, _ = line.partition(":")
        if colon:
            action = heading.split()[0]
        else:
            counts[action] += len(line.split())

    assert counts == {
        "X": 382, "Z": 42, "D": 92, "U": 51, "Z/D": 6, "X/Z": 11, "X/D": 22, "X/Z/D": 8,
        "X/Z/U*": 2,
    }  # fmt: skip
    assert len(STANDARD) == 613


def test_every_row_is_of_an_attribute_that_there_is() -> None:
    assert [f"{tag:08X}" for tag in ROWS if not dictionary_has_tag(tag)] == []
    beside = {int(name, 16) for name in BESIDE.split() if re.fullmatch("[0-9A-F]{8}", name)}
    assert len(beside) > 60
    assert not set(STANDARD) & beside


@pytest.mark.parametrize(
    ("tag", "options", "action"),
    [
        (PATIENT_NAME, Options(), Action.EMPTY),
        (PATIENT_NAME, ALL, Action.EMPTY),
        (BIRTH_DATE, ALL, Action.EMPTY),
        (PATIENT_SEX, Options(), Action.EMPTY),
        (PATIENT_SEX, Options(patient=True), Action.KEEP),
        (PATIENT_AGE, Options(), Action.REMOVE),
        (PATIENT_AGE, Options(patient=True), Action.KEEP),
        (STUDY_DATE, Options(), Action.EMPTY),
        (STUDY_DATE, Options(dates=Dates.KEPT), Action.KEEP),
        (STUDY_DATE, Options(dates=Dates.SHIFTED), Action.SHIFT),
        (STUDY_TIME, Options(dates=Dates.SHIFTED), Action.SHIFT),
        (STUDY_DESCRIPTION, Options(), Action.REMOVE),
        (STUDY_DESCRIPTION, Options(descriptors=True), Action.CLEAN),
        (SOP_INSTANCE, Options(), Action.MAP),
        (SOP_INSTANCE, Options(uids=True), Action.KEEP),
        (SOP_CLASS, Options(), Action.KEEP),
        (STATION_NAME, Options(), Action.REPLACE),
        (STATION_NAME, Options(device=True), Action.KEEP),
        (0x00080055, Options(device=True), Action.CLEAN),
        (0x00080080, Options(institution=True), Action.KEEP),
        (CALIBRATED, Options(device=True), Action.KEEP),
        (CALIBRATED, Options(device=True, dates=Dates.SHIFTED), Action.SHIFT),
        (CONTENT, Options(), Action.REPLACE),
        (CONTENT, Options(content=True), Action.CLEAN),
        (ANNOTATIONS, Options(graphics=True), Action.CLEAN),
        (0x00102110, Options(patient=True), Action.CLEAN),
        (0x60003000, ALL, Action.REMOVE),
        (0x60020010, Options(), Action.REMOVE),
        (0x50003000, Options(), Action.REMOVE),
        (0x54001010, Options(), Action.KEEP),
        (0x00120023, Options(), Action.REMOVE),
        (0x00142006, Options(), Action.REPLACE),
        (0x00420010, Options(), Action.REPLACE),
        (0x0040E010, Options(), Action.REMOVE),
        (0x00089999, Options(), Action.REMOVE),
        (0x00020016, Options(), Action.REMOVE),
        (0x00280010, Options(), Action.KEEP),
        (0x00081140, Options(), Action.MAP),
    ],
)
def test_what_is_done_with_an_attribute(tag: int, options: Options, action: Action) -> None:
    assert row_of(tag).action(options) is action


def test_what_is_not_named_goes_by_its_vr() -> None:
    assert dictionary_VR(0x00142006) == "PN"
    assert row_of(0x00142006).action(ALL) is Action.REPLACE


def test_options_are_told_by_their_codes() -> None:
    assert [code for code, _ in Options().codes] == ["113100"]
    assert [code for code, _ in ALL.codes] == [
        "113100", "113103", "113104", "113105", "113106", "113108", "113109", "113110", "113111",
        "113112",
    ]  # fmt: skip
    shifted = dict(Options(dates=Dates.SHIFTED).codes)
    assert shifted["113107"] == "Retain Longitudinal Temporal Information Modified Dates Option"
    assert [each.temporal for each in (Options(), ALL, Options(dates=Dates.SHIFTED))] == [
        "REMOVED", "UNMODIFIED", "MODIFIED",
    ]  # fmt: skip
