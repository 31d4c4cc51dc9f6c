"""Every kind of matching, put to plain data sets (PS3.4 §C.2.2.2, §K.2.2.1)."""

from __future__ import annotations

from typing import Any

import pytest

from filmroom.dicom.identifiers import read_identifier
from filmroom.errors import Malformed, TooLarge

NAME, SEX, STUDY, STEPS = "00100010", "00100040", "0020000D", "00400100"
DATE, TIME, MODALITY, TITLE = "00400002", "00400003", "00080060", "00400001"


def sequence(*items: dict[str, Any]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}


def value(vr: str, *values: Any) -> dict[str, Any]:
    return {"vr": vr, "Value": list(values)} if values else {"vr": vr}


HELD = {
    "00080050": value("SH", "A 17"),
    NAME: value("PN", {"Alphabetic": "Müller^Zoë", "Ideographic": "山田^太郎"}),
    "00100020": value("LO", "ID-1"),
    SEX: value("CS"),
    STUDY: value("UI", "1.2.3"),
    "00101030": value("DS", 72.5),
    "00102000": value("LO", "Allergy", "Pacemaker"),
    STEPS: sequence(
        {
            MODALITY: value("CS", "CT"),
            TITLE: value("AE", "CT1"),
            DATE: value("DA", "20240706"),
            TIME: value("TM", "073000"),
        },
        {
            MODALITY: value("CS", "MR"),
            TITLE: value("AE", "MR1"),
            DATE: value("DA", "20240707"),
            TIME: value("TM", "190000"),
        },
    ),
}

CASES = [
    pytest.param({NAME: value("PN")}, True, id="universal"),
    pytest.param({NAME: value("PN", {"Alphabetic": "*"})}, True, id="universal by star"),
    pytest.param({NAME: value("PN", {"Alphabetic": "muller^zoe"})}, True, id="name folded"),
    pytest.param({NAME: value("PN", {"Alphabetic": "Mueller"})}, False, id="another name"),
    pytest.param({NAME: value("PN", {"Alphabetic": "M?ll*"})}, True, id="wildcard"),
    pytest.param({NAME: value("PN", {"Alphabetic": "M?l"})}, False, id="wildcard of all"),
    pytest.param({NAME: value("PN", {"Ideographic": "山田*"})}, True, id="ideographic"),
    pytest.param({NAME: value("PN", {"Alphabetic": "X*", "Ideographic": "山*"})}, False, id="both"),
    pytest.param({"00080050": value("SH", "A 17")}, True, id="single value"),
    pytest.param({"00080050": value("SH", "A 18")}, False, id="other value"),
    pytest.param({"00080051": value("SH", "x")}, False, id="not there"),
    pytest.param({STUDY: value("UI", "1.2.4", "1.2.3")}, True, id="list of UID"),
    pytest.param({STUDY: value("UI", "1.2.4", "1.2")}, False, id="list without it"),
    pytest.param({"00102000": value("LO", "Pacemaker")}, True, id="one of several values"),
    pytest.param({"00080050": value("SH", "B", "A 17")}, True, id="multiple value matching"),
    pytest.param({SEX: value("CS", '""')}, True, id="empty value matching"),
    pytest.param({"00080051": value("SH", '""')}, True, id="empty: not there"),
    pytest.param({NAME: value("PN", {"Alphabetic": '""'})}, False, id="empty: has a value"),
    pytest.param({"00101030": value("DS", 72.5)}, True, id="number"),
    pytest.param({"00101030": value("DS", 72)}, False, id="other number"),
    pytest.param({STEPS: value("SQ")}, True, id="sequence universal"),
    pytest.param({STEPS: sequence({})}, True, id="sequence, empty item"),
    pytest.param({STEPS: sequence({MODALITY: value("CS")})}, True, id="sequence, empty keys"),
    pytest.param({"00081110": sequence({MODALITY: value("CS")})}, True, id="no such sequence"),
    pytest.param({"00081110": sequence({MODALITY: value("CS", "CT")})}, False, id="none to match"),
    pytest.param({STEPS: sequence({MODALITY: value("CS", "MR")})}, True, id="sequence"),
    pytest.param(
        {STEPS: sequence({MODALITY: value("CS", "MR"), TITLE: value("AE", "CT1")})},
        False,
        id="all keys in one item",
    ),
    pytest.param({STEPS: sequence({DATE: value("DA", "20240706-")})}, True, id="range"),
    pytest.param({STEPS: sequence({DATE: value("DA", "-20240705")})}, False, id="before"),
    pytest.param({STEPS: sequence({TIME: value("TM", "18-")})}, True, id="range of times"),
]


@pytest.mark.parametrize(("asked", "found"), CASES)
def test_a_key_matches_as_the_standard_says(asked: dict[str, Any], found: bool) -> None:
    assert read_identifier(asked).matches(HELD) is found


@pytest.mark.parametrize(
    ("date", "time", "found"),
    [
        ("20240705-20240706", "1000-1800", {"CT"}),
        ("20240706-20240707", "0800-1800", set()),
        ("20240706-20240707", "0700-2000", {"CT", "MR"}),
        ("20240707", "0700-2000", {"MR"}),
    ],
)
def test_a_range_of_dates_and_one_of_times_are_one_period(
    date: str, time: str, found: set[str]
) -> None:
    """PS3.4 Table K.6-1, Scheduled Procedure Step Start Time."""
    keys = {DATE: value("DA", date), TIME: value("TM", time), MODALITY: value("CS")}
    asked = read_identifier({STEPS: sequence(keys)})

    told = asked.told(HELD)[STEPS]["Value"]
    assert {item[MODALITY]["Value"][0] for item in told} == found


def test_not_combined_each_range_stands_for_itself() -> None:
    keys = {DATE: value("DA", "20240705-20240706"), TIME: value("TM", "1000-1800")}

    assert not read_identifier({STEPS: sequence(keys)}, combined=False).matches(HELD)


def test_fuzzy_names_match_by_the_beginnings_of_words() -> None:
    asked = {NAME: value("PN", {"Alphabetic": "zo mull"})}

    assert read_identifier(asked, fuzzy=True).matches(HELD)
    assert not read_identifier(asked).matches(HELD)


def test_the_answer_holds_what_was_asked_for_and_no_more() -> None:
    asked = read_identifier(
        {
            "00080005": value("CS", "ISO_IR 100"),
            NAME: value("PN"),
            "00080090": value("PN"),
            STEPS: sequence({MODALITY: value("CS", "CT"), DATE: value("DA")}),
        }
    )

    assert asked.told(HELD) == {
        NAME: HELD[NAME],
        "00080090": {"vr": "PN"},
        STEPS: sequence({MODALITY: value("CS", "CT"), DATE: value("DA", "20240706")}),
    }


def test_a_vr_that_a_peer_got_wrong_is_put_right() -> None:
    asked = read_identifier({NAME: value("LO", "MÜLLER^ZOË")})

    assert asked.matches(HELD)


def test_a_key_that_its_vr_does_not_allow_is_named() -> None:
    with pytest.raises(Malformed, match=r"\(0040,0002\)"):
        read_identifier({STEPS: sequence({DATE: value("DA", "summer")})})


def test_a_key_of_two_items_is_refused() -> None:
    with pytest.raises(Malformed, match="2 items"):
        read_identifier({STEPS: sequence({MODALITY: value("CS")}, {MODALITY: value("CS")})})


def test_sequences_without_end_are_refused() -> None:
    asked: dict[str, Any] = {MODALITY: value("CS", "CT")}
    for _ in range(40):
        asked = {STEPS: sequence(asked)}

    with pytest.raises(TooLarge):
        read_identifier(asked)
