"""Tests: matching keys made ready to be put to values in normal form (PS3.4 §C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from filmroom.dicom.attributes import BY_TAG, Attribute
from filmroom.dicom.matching import AnyOf, Exact, Key, Range, Universal, Wildcard, Words
from filmroom.dicom.names import fold
from filmroom.index.values import normal
from filmroom.model.query import Match

AFTER = "~"  # sorts after every digit: a bound ends with it to take in what is more precise


@dataclass(frozen=True, slots=True)
class Equal:
    """The value is one of these."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Like:
    """The value fits a pattern: `*` any run, `?` any one character."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Between:
    """The value, compared as text, lies between two ends, both included; None is open."""

    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class Begins:
    """A word of the value begins with this."""

    word: str


@dataclass(frozen=True, slots=True)
class Every:
    """Each test is passed, by this value or by another of the same attribute."""

    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of the tests is passed."""

    tests: tuple[Test, ...]


Test = Equal | Like | Between | Begins | Every | Either


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


def asked(matching: Iterable[Match]) -> list[Asked | Moment]:
    """The tests that a query's matching keys come to; what matches everything is left out."""
    tests: dict[str, list[Asked]] = {}
    moments: list[Moment] = []
    ranges = {match.path: match.key for match in matching if isinstance(match.key, Range)}
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
        test = test_of(attribute, match.key)
        if test is not None:
            tests.setdefault(match.path, []).append(Asked(attribute, test))
    return [*moments, *(one for same in tests.values() for one in same)]


def _moment(date: Attribute, time: Attribute, ranges: dict[str, Range]) -> Moment:
    days, clock = ranges[date.path], ranges[time.path]
    first = last = None
    if days.first is not None:
        first = _start("DA", days.first) + (_start("TM", clock.first) if clock.first else "")
    if days.last is not None:
        last = days.last + (clock.last or "") + AFTER
    return Moment(date, time, Between(first, last))


def _start(vr: str, first: str) -> str:
    return normal(vr, first) or first


def test_of(attribute: Attribute, key: Key) -> Test | None:
    """What a matching key asks of an attribute; None if everything passes."""
    match key:
        case Universal():
            return None
        case Exact(value):
            return _exact(attribute.vr, value)
        case Wildcard(pattern):
            return _wildcard(attribute.vr, pattern)
        case Range(first, last):
            return _range(attribute.vr, first, last)
        case AnyOf(keys):
            return _any_of(attribute, keys)
        case Words(words):
            folded = [fold(word) for word in words]
            return _every([_word(word) for word in folded if word])


def _exact(vr: str, value: str) -> Test:
    if vr == "PN" and "=" in value:
        parts = [part for part in value.split("=") if part.strip(" ^")]
        return _every([_exact(vr, part) for part in parts]) or Equal(frozenset())
    # What is no value of this VR is no value that a row could have.
    return Equal(frozenset((normal(vr, value),)) - {""})


def _wildcard(vr: str, pattern: str) -> Test | None:
    if vr == "PN" and "=" in pattern:
        tests = [_wildcard(vr, part) for part in pattern.split("=") if part]
        return _every([test for test in tests if test is not None])
    shape = re.sub(r"\*+", "*", pattern if _spells(vr) else normal(vr, pattern))
    if shape == "*":
        return None
    if vr == "PN" and shape.endswith(" *"):
        # Trailing separators of a name may be left out: `DOE^*` is also DOE alone.
        return Either((Like(shape), Equal(frozenset((shape[:-2],)))))
    return Like(shape)


def _word(word: str) -> Test:
    """A word begins at the hyphen of a double name too: `Meier` is in `Muller-Meier`."""
    if "*" in word or "?" in word:
        return Begins(word)
    return Either((Begins(word), Like(f"*-{word}*")))


def _spells(vr: str) -> bool:
    return vr in ("DA", "TM", "DT", "IS", "DS", "US")


def _range(vr: str, first: str | None, last: str | None) -> Test | None:
    if first is None and last is None:
        return None
    start = _start(vr, first) if first is not None else None
    return Between(start, last + AFTER if last is not None else None)


def _any_of(attribute: Attribute, keys: Iterable[Exact | Wildcard]) -> Test | None:
    tests = [test_of(attribute, key) for key in keys]
    wanted = [test for test in tests if test is not None]
    if len(wanted) < len(tests):
        return None
    equal = frozenset(value for test in wanted if isinstance(test, Equal) for value in test.values)
    others = tuple(test for test in wanted if not isinstance(test, Equal))
    if not others:
        return Equal(equal)
    return Either((Equal(equal), *others)) if equal else Either(others)


def _every(tests: list[Test]) -> Test | None:
    if len(tests) == 1:
        return tests[0]
    return Every(tuple(tests)) if tests else None


def passes(test: Test, values: Iterable[str]) -> bool:
    """Whether an attribute with these values passes a test."""
    match test:
        case Equal(wanted):
            return any(value in wanted for value in values)
        case Like(pattern):
            fits = _regex(pattern).fullmatch
            return any(fits(value) for value in values)
        case Between(first, last):
            return any(
                (first is None or value >= first) and (last is None or value <= last)
                for value in values
            )
        case Begins(word):
            return any(f" {value}".find(f" {word}") >= 0 for value in values)
        case Every(tests):
            return all(passes(one, values) for one in tests)
        case Either(tests):
            return any(passes(one, values) for one in tests)


@lru_cache(maxsize=1024)
def _regex(pattern: str) -> re.Pattern[str]:
    """The pattern as an expression that never goes back over what a star has passed."""
    first, *rest = (
        "".join("." if c == "?" else re.escape(c) for c in run) for run in pattern.split("*")
    )
    # The nearest place is as good as any for all runs but the last, which ends the value.
    between = "".join(f"(?>.*?{run})" for run in rest[:-1])
    return re.compile(first + between + "".join(f".*{run}" for run in rest[-1:]), re.DOTALL)
