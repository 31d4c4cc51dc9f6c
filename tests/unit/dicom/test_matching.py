"""Matching keys by value representation (PS3.4 §C.2.2.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.matching import (
    AnyOf,
    Bounds,
    Exact,
    Key,
    Range,
    Universal,
    Wildcard,
    Words,
    any_of,
    number,
    parse_key,
)
from filmroom.errors import Malformed

VRS = [
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN"),
    *("SH", "SL", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UR", "US", "UT", "UV"),
]

READ = [
    ("LO", "", Universal()),
    ("LO", "  ", Universal()),
    ("LO", "*", Universal()),
    ("UI", "**", Universal()),
    ("DA", "*", Universal()),
    ("LO", "Knee", Exact("Knee")),
    ("LO", " Knee ", Exact("Knee")),
    ("LO", "*knee*", Wildcard("*knee*")),
    ("LO", "**knee***", Wildcard("*knee*")),
    ("LO", "k??e", Wildcard("k??e")),
    ("LO", r"A1\A2", AnyOf((Exact("A1"), Exact("A2")))),
    ("SH", "A1,A2", AnyOf((Exact("A1,A2"), Exact("A1"), Exact("A2")))),
    ("LO", "ABDOMEN, PELVIS", Exact("ABDOMEN, PELVIS")),
    ("LO", "*A1,A2*", Wildcard("*A1,A2*")),
    ("LT", r"one\two, three", Exact(r"one\two, three")),
    ("CS", "CT", Exact("CT")),
    ("CS", "CT,MR", AnyOf((Exact("CT"), Exact("MR")))),
    ("CS", r"CT\MR", AnyOf((Exact("CT"), Exact("MR")))),
    ("CS", "CT,CT", Exact("CT")),
    ("CS", "C*,MR", AnyOf((Wildcard("C*"), Exact("MR")))),
    ("CS", "CT,*", Universal()),
    ("UI", "1.2.3", Exact("1.2.3")),
    ("UI", "1.2,1.3", AnyOf((Exact("1.2"), Exact("1.3")))),
    ("UI", r"1.2\1.3\\", AnyOf((Exact("1.2"), Exact("1.3")))),
    ("IS", "007", Exact("7")),
    ("IS", "+1,2", AnyOf((Exact("1"), Exact("2")))),
    ("DS", "1.50", Exact("1.5")),
    ("US", "512", Exact("512")),
    ("DA", "20240131", Exact("20240131")),
    ("DA", "2024-01-31", Exact("20240131")),
    ("DA", "20240101-20240131", Range("20240101", "20240131")),
    ("DA", "20240131-20240131", Exact("20240131")),
    ("DA", "-20240131", Range(None, "20240131")),
    ("DA", "20240101-", Range("20240101", None)),
    ("DA", "20240101,20240105", AnyOf((Exact("20240101"), Exact("20240105")))),
    ("TM", "10", Wildcard("10*")),
    ("TM", "10:30", Wildcard("1030*")),
    ("TM", "1000-1130", Range("100000", "113059.999999")),
    ("DT", "2024", Range("20240101000000", "20241231235959.999999")),
    ("PN", "Doe^Jane", Exact("doe jane")),
    ("PN", "DOE, Jane", Exact("doe jane")),
    ("PN", "Müller^^^", Exact("muller")),
    ("PN", "*Müll*", Wildcard("*mull*")),
    ("PN", r"Doe\Roe", AnyOf((Exact("doe"), Exact("roe")))),
]


@pytest.mark.parametrize(("vr", "text", "key"), READ, ids=[f"{vr} {text}" for vr, text, _ in READ])
def test_a_key_is_read_as_its_value_representation_says(vr: str, text: str, key: Key) -> None:
    assert parse_key(vr, text) == key


REFUSED = [
    ("UI", "1.2.x"),
    ("UI", "1.2' OR 1=1"),
    ("UI", "1.2.*"),
    ("UI", "1" * 65),
    ("UI", "\\\\"),
    ("CS", ","),
    ("DA", "2024"),
    ("DA", "20241301"),
    ("DA", "20240100"),
    ("DA", "-"),
    ("DA", "today"),
    ("DA", "202401*"),
    ("DA", "20240101-20240131,20240301"),
    ("TM", "24"),
    ("TM", "1060"),
    ("TM", "noon"),
    ("TM", "-"),
    ("DT", "20240230"),
    ("DT", "20240101120000+1500"),
    ("IS", "one"),
    ("IS", "1*"),
    ("DS", "nan"),
    ("DS", "1e999"),
    ("LO", "*" + "x" * 64),
]


@pytest.mark.parametrize(("vr", "text"), REFUSED)
def test_what_the_representation_does_not_allow_is_malformed(vr: str, text: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_key(vr, text)
    assert text not in str(refused.value)


FUZZY = [
    ("Jane Doe", Words(("jane", "doe"))),
    ("DOE^JANE", Words(("doe", "jane"))),
    ("*jürgen müll*", Words(("jurgen", "mull"))),
    ("d*e", Wildcard("d*e")),
    ("^", Universal()),
]


@pytest.mark.parametrize(("text", "key"), FUZZY)
def test_fuzzy_matching_looks_for_words(text: str, key: Key) -> None:
    assert parse_key("PN", text, fuzzy=True) == key


def test_fuzzy_matching_is_for_names_alone() -> None:
    assert parse_key("LO", "Knee left", fuzzy=True) == Exact("Knee left")


def test_stars_are_counted_once_before_a_pattern_is_too_long() -> None:
    assert parse_key("LO", "*" * 500 + "x" * 63) == Wildcard("*" + "x" * 63)


def test_lists_are_bounded() -> None:
    assert parse_key("UI", "1,2", bounds=Bounds(values=2)) == AnyOf((Exact("1"), Exact("2")))
    with pytest.raises(Malformed, match="more than 2 values"):
        parse_key("UI", "1,2,3", bounds=Bounds(values=2))
    with pytest.raises(Malformed, match="more than 2 values"):
        any_of([Exact("1"), Exact("2"), Exact("3")], Bounds(values=2))


def test_one_attribute_asked_for_twice_is_either_value() -> None:
    assert any_of([Exact("CT"), Exact("CT")]) == Exact("CT")
    assert any_of([Exact("CT"), AnyOf((Exact("MR"), Wildcard("U*")))]) == AnyOf(
        (Exact("CT"), Exact("MR"), Wildcard("U*"))
    )
    assert any_of([Exact("CT"), Universal()]) == Universal()


@pytest.mark.parametrize("other", [Range("20240101", None), Words(("doe",))])
def test_ranges_and_fuzzy_names_make_no_list(other: Key) -> None:
    with pytest.raises(Malformed):
        any_of([Exact("20230101"), other])


@pytest.mark.parametrize(("text", "spelled"), [("+01", "1"), ("1.0", "1"), ("-2.50", "-2.5")])
def test_a_number_has_one_spelling(text: str, spelled: str) -> None:
    assert number(text) == spelled


@given(st.sampled_from(VRS), st.text(max_size=200), st.booleans())
def test_any_text_is_a_key_or_malformed(vr: str, text: str, fuzzy: bool) -> None:
    try:
        key = parse_key(vr, text, fuzzy=fuzzy)
    except Malformed:
        return
    assert isinstance(key, Universal | Exact | Wildcard | Range | AnyOf | Words)


@given(st.sampled_from(VRS), st.text("0123456789-+.:*?\\,^ ", max_size=40))
def test_text_that_looks_like_a_key_is_one_or_malformed(vr: str, text: str) -> None:
    try:
        key = parse_key(vr, text)
    except Malformed:
        return
    if isinstance(key, Wildcard):
        assert "**" not in key.pattern
    if isinstance(key, AnyOf):
        assert len(key.keys) > 1
