"""Dates, times and date-times in the spelling in which they compare."""

from __future__ import annotations

from datetime import date as calendar_date
from datetime import datetime
from datetime import time as clock_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom import moments
from filmroom.errors import Malformed

DATES = [
    ("20240101", ("20240101", "20240101")),
    ("2024.01.31", ("20240131", "20240131")),
    ("20240231", ("20240231", "20240231")),
    ("2024-01-01-2024-01-31", ("20240101", "20240131")),
    ("2024-01-01 - 2024-01-31", ("20240101", "20240131")),
    ("-2024-01-31", (None, "20240131")),
    ("2024-01-01-", ("20240101", None)),
    ("20240131-20240101", ("20240131", "20240101")),
]


@pytest.mark.parametrize(("text", "ends"), DATES)
def test_a_date_or_a_range_of_dates(text: str, ends: moments.Ends) -> None:
    assert moments.dates(text) == ends


TIMES = [
    ("10", ("100000", "105959.999999")),
    ("1030", ("103000", "103059.999999")),
    ("103000", ("103000", "103000.999999")),
    ("103000.5", ("103000.500000", "103000.599999")),
    ("235960", ("235960", "235960.999999")),
    ("10-11", ("100000", "115959.999999")),
    ("1030-", ("103000", None)),
    ("-11:30", (None, "113059.999999")),
]


@pytest.mark.parametrize(("text", "ends"), TIMES)
def test_a_time_spans_its_precision(text: str, ends: moments.Ends) -> None:
    assert moments.times(text) == ends


DATE_TIMES = [
    ("2024", ("20240101000000", "20241231235959.999999")),
    ("202412", ("20241201000000", "20241231235959.999999")),
    ("202402", ("20240201000000", "20240229235959.999999")),
    ("20240115", ("20240115000000", "20240115235959.999999")),
    ("2024011510", ("20240115100000", "20240115105959.999999")),
    ("20240115103000.25", ("20240115103000.250000", "20240115103000.259999")),
    ("20240115103000+0100", ("20240115093000", "20240115093000.999999")),
    ("20240115103000 0100", ("20240115093000", "20240115093000.999999")),
    ("20240101-0500", ("20240101050000", "20240102045959.999999")),
    ("2023-2024", ("20230101000000", "20241231235959.999999")),
    ("-2024", (None, "20241231235959.999999")),
    ("2024-", ("20240101000000", None)),
    (
        "20240101120000-0500-20240102120000-0500",
        ("20240101170000", "20240102170000.999999"),
    ),
    ("20240101120000-0500-", ("20240101170000", None)),
]


@pytest.mark.parametrize(("text", "ends"), DATE_TIMES)
def test_a_date_time_is_told_in_utc(text: str, ends: moments.Ends) -> None:
    assert moments.date_times(text) == ends


@pytest.mark.parametrize("text", ["0000", "9999", "20240101+2500", "20240101+1160", "x", "-" * 64])
def test_what_is_no_date_time_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        moments.date_times(text)


@pytest.mark.parametrize("read", [moments.dates, moments.times, moments.date_times])
def test_a_very_long_text_is_no_range(read: object) -> None:
    with pytest.raises(Malformed):
        read("-" * 100_000)  # type: ignore[operator]


def test_a_time_is_stated_to_its_precision() -> None:
    assert [moments.stated(text) for text in ("10", "10:30", "103000.50")] == [
        "10",
        "1030",
        "103000.5",
    ]


@pytest.mark.parametrize(
    ("vr", "value", "spelled"),
    [
        ("DA", "2024.01.31 ", "20240131"),
        ("TM", "1030", "103000"),
        ("DT", "20240115103000+0100", "20240115093000"),
        ("DT", "2024", "20240101000000"),
        ("DT", "nonsense", ""),
    ],
)
def test_stored_values_compare_with_ranges(vr: str, value: str, spelled: str) -> None:
    assert moments.comparable(vr, value) == spelled


@given(st.dates(), st.dates())
def test_ranges_of_dates_hold_the_dates_between(one: calendar_date, other: calendar_date) -> None:
    first, last = sorted((one, other))
    text = f"{first.isoformat()}-{last.isoformat()}"
    assert moments.dates(text) == (
        first.isoformat().replace("-", ""),
        last.isoformat().replace("-", ""),
    )


@given(st.times())
def test_a_time_lies_within_itself(moment: clock_time) -> None:
    text = moment.strftime("%H%M%S.%f")
    first, last = moments.time(text)
    assert first <= text <= last


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))
def test_a_date_time_lies_within_itself_and_its_day(moment: datetime) -> None:
    text = moment.strftime("%Y%m%d%H%M%S.%f")
    for precision in (text, text[:14], text[:8], text[:4]):
        first, last = moments.date_time(precision)
        assert first <= moments.comparable("DT", text) <= last
