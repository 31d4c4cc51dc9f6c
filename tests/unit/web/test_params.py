"""Query string → Query."""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.attributes import ATTRIBUTES
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import AnyOf, Exact, Range, Universal, Wildcard, Words
from filmroom.errors import Malformed
from filmroom.model.query import Match, Order, Query
from filmroom.model.selection import Selection
from filmroom.settings.limits import LimitSettings
from filmroom.web.params import CONTROLS, HARMLESS, read_attribute, read_query

LIMITS = LimitSettings()


def read(query: str, level: Level = Level.STUDY, within: Selection | None = None) -> Query:
    return read_query(level, within or Selection(), query, LIMITS)


def test_an_empty_query_asks_for_everything() -> None:
    assert read("") == Query(Level.STUDY, Selection(), limit=1000)


def test_what_the_viewer_sends_is_read() -> None:
    query = read(
        "PatientName=*smith*&00100020=*123*&ModalitiesInStudy=CT%2CMR&limit=101&offset=0"
        "&fuzzymatching=false&includefield=00081030%2C00080060%2C00080090%2C00100030"
        "&StudyDate=20240101-20240131&StudyInstanceUID=1.2.3%5C1.2.4"
    )
    assert query == Query(
        Level.STUDY,
        Selection(),
        matching=(
            Match("00100010", Wildcard("*smith*")),
            Match("00100020", Wildcard("*123*")),
            Match("00080061", AnyOf((Exact("CT"), Exact("MR")))),
            Match("00080020", Range("20240101", "20240131")),
            Match("0020000D", AnyOf((Exact("1.2.3"), Exact("1.2.4")))),
        ),
        include=frozenset({"00081030", "00080060", "00080090", "00100030"}),
        limit=101,
    )


@pytest.mark.parametrize("name", [a.path for a in ATTRIBUTES] + [a.keyword for a in ATTRIBUTES])
def test_every_indexed_attribute_is_known_by_tag_and_keyword(name: str) -> None:
    known = read_attribute(name)
    assert known is not None
    assert name in (known.path, known.keyword)
    assert read_attribute(name.lower()) == known


@pytest.mark.parametrize(
    "name",
    [
        "00100010",
        "0x00100010",
        "(0010,0010)",
        "0010,0010",
        "PatientName",
        "PATIENTNAME",
        " 00100010",
    ],
)
def test_a_tag_may_be_spelled_in_many_ways(name: str) -> None:
    assert read(f"{quote(name)}=Doe").matching == (Match("00100010", Exact("doe")),)


@pytest.mark.parametrize(
    "name",
    [
        "00400275.00400009",
        "RequestAttributesSequence.ScheduledProcedureStepID",
        "00400275.ScheduledProcedureStepID",
        "(0040,0275).(0040,0009)",
    ],
)
def test_a_path_may_mix_tags_and_keywords(name: str) -> None:
    assert read(f"{quote(name)}=x").matching == (Match("00400275.00400009", Exact("x")),)


def test_keys_without_a_value_ask_for_the_attribute() -> None:
    query = read("PatientSize=&RequestAttributesSequence=&NumberOfStudyRelatedSeries=*&Unknown=")
    assert query.matching == (Match("00101020", Universal()),)
    assert query.include == {"00400275", "00201206"}
    assert query.ignored == ()


def test_fuzzy_matching_is_switched_on_by_its_parameter() -> None:
    assert read("PatientName=Jane%20Doe&fuzzymatching=TRUE").matching == (
        Match("00100010", Words(("jane", "doe"))),
    )


def test_names_that_are_not_known_are_ignored_and_kept_for_the_warning() -> None:
    assert read("Foo=1&Bar=2&Foo=3&includedefaults=false&orderby=Baz").ignored == (
        "Foo",
        "Bar",
        "orderby Baz",
    )


def test_order_is_read_with_its_direction() -> None:
    assert read("orderby=-StudyDate,PatientName&orderby=%2B00100020").order == (
        Order("00080020", descending=True),
        Order("00100010"),
        Order("00100020"),
    )


def test_a_level_is_not_sorted_by_what_is_below_it() -> None:
    assert read("orderby=SeriesNumber").ignored == ("orderby SeriesNumber",)
    assert read("orderby=SeriesNumber", Level.SERIES).order == (Order("00200011"),)


@pytest.mark.parametrize(
    ("level", "within", "limit"),
    [
        (Level.STUDY, Selection(), 1000),
        (Level.SERIES, Selection(), 1000),
        (Level.SERIES, Selection("1.2"), 10_000),
        (Level.IMAGE, Selection("1.2"), 1000),
        (Level.IMAGE, Selection("1.2", "1.3"), 1000),
    ],
)
def test_the_series_of_a_study_are_all_listed(level: Level, within: Selection, limit: int) -> None:
    assert read("", level, within).limit == limit


def test_a_limit_is_cut_to_the_greatest() -> None:
    assert read("limit=10001").limit == 10_000
    assert read("limit=10000").limit == 10_000
    assert read("limit=0").limit == 0


def test_errors_name_the_attribute_and_not_the_value() -> None:
    with pytest.raises(Malformed, match=r"^StudyDate: not a date: YYYYMMDD$"):
        read("00080020=Secretname")


NAMES = st.sampled_from(
    [*sorted(CONTROLS), *sorted(HARMLESS), *(a.keyword for a in ATTRIBUTES), *"abc"]
) | st.text(max_size=20)
VALUES = st.text(max_size=40) | st.text("0123456789-*?,\\.^: ", max_size=30)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), st.sampled_from([*Level][1:]))
def test_any_parameters_make_a_query_or_are_malformed(
    pairs: list[tuple[str, str]], level: Level
) -> None:
    try:
        query = read(urlencode(pairs, errors="replace"), level)
    except Malformed:
        return
    assert 0 <= query.limit <= LIMITS.max_search_limit
    assert query.offset >= 0
    assert len({match.path for match in query.matching}) == len(query.matching)


@given(st.text(max_size=200))
def test_any_text_at_all_is_a_query_or_malformed(text: str) -> None:
    try:
        query = read(text)
    except Malformed:
        return
    assert query.level == Level.STUDY
