"""Matching keys of a query made ready to be put to indexed attributes (PS3.4 §C.2.2.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from filmroom.dicom.attributes import BY_TAG, Attribute
from filmroom.dicom.comparing import (
    AFTER,
    Begins,
    Between,
    Either,
    Equal,
    Every,
    Like,
    Test,
    passes,
    start_of,
    test_of,
)
from filmroom.dicom.matching import Range
from filmroom.model.query import Match

__all__ = [
    "AFTER", "Asked", "Begins", "Between", "Either", "Equal", "Every", "Like", "Moment", "Test",
    "asked", "passes",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A test and the attribute that it is put to."""

    attribute: Attribute
    test: Test


@dataclass(frozen=True, slots=True)
class Moment:
    """Combined date-time matching: the pair's moment lies between two (PS3.4 §C.2.2.2.5)."""

    date: Attribute
    time: Attribute
    between: Between


PAIRS = {
    "00080020": "00080030",
    "00080021": "00080031",
    "00080022": "00080032",
    "00080023": "00080033",
    "00080012": "00080013",
    "00100030": "00100032",
    "00400244": "00400245",
    "00400250": "00400251",
    "00700082": "00700083",
}
"""Dates and the times that go with them."""


def asked(matching: Iterable[Match], *, combined: bool = True) -> list[Asked | Moment]:
    """The tests that a query's matching keys come to; what matches everything is left out."""
    tests: dict[str, list[Asked]] = {}
    moments: list[Moment] = []
    ranges = {match.path: match.key for match in matching if isinstance(match.key, Range)}
    ranges = ranges if combined else {}
    for match in matching:
        attribute = BY_TAG.get(match.path)
        if attribute is None or not attribute.matchable:
            continue
        paired = PAIRS.get(match.path)
        if paired in ranges and match.path in ranges:
            moments.append(_moment(attribute, BY_TAG[paired], ranges))
            continue
        if match.path in ranges and any(PAIRS.get(path) == match.path for path in ranges):
            continue
        test = test_of(attribute.vr, match.key)
        if test is not None:
            tests.setdefault(match.path, []).append(Asked(attribute, test))
    return [*moments, *(one for same in tests.values() for one in same)]


def _moment(date: Attribute, time: Attribute, ranges: dict[str, Range]) -> Moment:
    days, clock = ranges[date.path], ranges[time.path]
    first = last = None
    if days.first is not None:
        first = start_of("DA", days.first) + (start_of("TM", clock.first) if clock.first else "")
    if days.last is not None:
        last = days.last + (clock.last or "") + AFTER
    return Moment(date, time, Between(first, last))
