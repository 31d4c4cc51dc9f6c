"""Values as they are compared, and matching keys as tests put to them (PS3.4 §C.2.2.2).

One normal form a value, the same for what is held and for matching keys: text and names are
folded, codes are upper-cased, numbers, dates and times are spelled one way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache, partial

from filmroom.dicom.matching import AnyOf, Exact, Key, Range, Universal, Wildcard, Words
from filmroom.dicom.moments import comparable
from filmroom.dicom.names import fold, fold_text

_DIGITS = re.compile(r"\d+")
LONGEST = 1024  # characters of a value that are compared; free text may be far longer


def _number(text: str) -> str:
    try:
        if _DIGITS.fullmatch(text):
            return str(int(text))
        number = float(text)
    except ValueError:  # also digits without end
        return ""
    if number != number or number in (float("inf"), float("-inf")):
        return ""
    return str(int(number)) if number.is_integer() else repr(number)


def _code(text: str) -> str:
    return text.strip().upper()


def _uid(text: str) -> str:
    return text.strip(" \0")


_NORMAL: dict[str, Callable[[str], str]] = {
    "PN": fold,
    "CS": _code,
    "AS": _code,
    "UI": _uid,
    **{vr: partial(comparable, vr) for vr in ("DA", "TM", "DT")},
    **dict.fromkeys(("IS", "DS", "US", "SS", "UL", "SL", "UV", "SV", "FL", "FD"), _number),
}
NUMBERS = frozenset(vr for vr, normal in _NORMAL.items() if normal is _number)


def normal(vr: str, text: str) -> str:
    """The form in which a value of this VR is compared; "" if there is nothing to compare."""
    return _NORMAL.get(vr, fold_text)(text)[:LONGEST]


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


def start_of(vr: str, first: str) -> str:
    """The first end of a range in the spelling that values compare with."""
    return normal(vr, first) or first


def test_of(vr: str, key: Key) -> Test | None:
    """What a matching key asks of an attribute with this VR; None if everything passes."""
    match key:
        case Universal():
            return None
        case Exact(value):
            return _exact(vr, value)
        case Wildcard(pattern):
            return _wildcard(vr, pattern)
        case Range(first, last):
            return _range(vr, first, last)
        case AnyOf(keys):
            return _any_of(vr, keys)
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
    start = start_of(vr, first) if first is not None else None
    return Between(start, last + AFTER if last is not None else None)


def _any_of(vr: str, keys: Iterable[Exact | Wildcard]) -> Test | None:
    tests = [test_of(vr, key) for key in keys]
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
