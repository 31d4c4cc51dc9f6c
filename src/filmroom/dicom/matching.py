"""Matching keys, parsed by value representation (PS3.4 §C.2.2.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from filmroom.dicom import moments
from filmroom.dicom.names import fold
from filmroom.errors import Malformed


@dataclass(frozen=True, slots=True)
class Universal:
    """Matches everything, and asks for the attribute to be returned (§C.2.2.2.3)."""


@dataclass(frozen=True, slots=True)
class Exact:
    """Single value matching (§C.2.2.2.1)."""

    value: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    """Wildcard matching: `*` any run, `?` any one character (§C.2.2.2.4)."""

    pattern: str


@dataclass(frozen=True, slots=True)
class Range:
    """Range matching over DA, TM or DT, ends included, either end open (§C.2.2.2.5).

    `first` and `last` are normalised so that they compare as text with the
    column that holds the attribute.
    """

    first: str | None
    last: str | None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """List of UID matching, and any-of for other lists (§C.2.2.2.2)."""

    keys: tuple[Exact | Wildcard, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """Fuzzy person name matching: every word begins a word of the name, in any order.

    Words are folded: no case, no accents (`dicom.names.fold`).
    """

    words: tuple[str, ...]


Key = Universal | Exact | Wildcard | Range | AnyOf | Words


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one key may hold."""

    wildcard: int = 64
    """Characters of a value with wildcards, runs of `*` counted as one."""
    values: int = 5_000
    """Values of a list."""
    commas: bool = True
    """Whether a comma, too, may separate short texts: on the web it may, in a data set not."""


DEFAULT_BOUNDS = Bounds()
_UID = re.compile(r"[0-9.]{1,64}")
_STARS = re.compile(r"\*+")
_COMMAS = re.compile(r"[,\\]")
_BACKSLASH = re.compile(r"\\")


def parse_key(vr: str, text: str, *, fuzzy: bool = False, bounds: Bounds = DEFAULT_BOUNDS) -> Key:
    """The key that `text` stands for where an attribute's VR is `vr`.

    Raises Malformed if the VR does not allow it; the message does not quote the text.
    """
    text = text.strip()
    if not text or not text.strip("*"):
        return Universal()
    if vr == "PN":
        return _person_name(text, fuzzy, bounds)
    return _PARSERS.get(vr, _short_text)(text, bounds)


def any_of(keys: list[Key], bounds: Bounds = DEFAULT_BOUNDS) -> Key:
    """One key for an attribute that was asked for several times: any of them will do.

    PS3.18 §8.3.4.1 forbids the repetition, yet clients repeat a parameter for
    each of its values, as is the custom elsewhere on the web. Ranges and fuzzy
    names cannot be joined so: Malformed.
    """
    different = list(dict.fromkeys(keys))
    if len(different) == 1:
        return different[0]
    if any(isinstance(key, Universal) for key in different):
        return Universal()
    values: list[Exact | Wildcard] = []
    for key in different:
        match key:
            case AnyOf():
                values += key.keys
            case Exact() | Wildcard():
                values.append(key)
            case _:
                raise Malformed("asked for several times, with keys that make no list")
    return _listed(values, bounds)


def _uids(text: str, bounds: Bounds) -> Key:
    values = _split(text, _COMMAS, bounds)
    if any(not _UID.fullmatch(value) for value in values):
        raise Malformed("not a UID: digits and dots, at most 64 characters (PS3.5 §9.1)")
    return _listed([Exact(value) for value in values], bounds)


def _codes(text: str, bounds: Bounds) -> Key:
    """CS and AE: no comma can be part of a value, so it always separates."""
    return _listed([_single(value, bounds) for value in _split(text, _COMMAS, bounds)], bounds)


def _short_text(text: str, bounds: Bounds) -> Key:
    r"""LO, SH and the like: `\` separates values; a comma may, or may be part of one.

    `A1,A2` are two accession numbers for a client that joins values with commas,
    `ACME,Inc` is one manufacturer: both readings are looked for. A comma before
    a space, or beside wildcards, is taken for text.
    """
    keys: list[Exact | Wildcard] = []
    for value in _split(text, _BACKSLASH, bounds):
        keys.append(_single(value, bounds))
        if bounds.commas and "," in value and ", " not in value and not _has_wildcards(value):
            keys += [Exact(part.strip()) for part in value.split(",") if part.strip()]
    return _listed(keys, bounds)


def _long_text(text: str, bounds: Bounds) -> Key:
    """ST, LT, UT and UR have one value, whatever characters are in it (PS3.5 §6.4)."""
    return _single(text, bounds)


def _numbers(text: str, bounds: Bounds) -> Key:
    values = _split(text, _COMMAS, bounds)
    return _listed([Exact(number(value)) for value in values], bounds)


def number(text: str) -> str:
    """A number in the one spelling that the index keeps: `+01` and `1.0` are `1`."""
    try:
        value = float(text)
        return str(int(value)) if value == int(value) else repr(value)
    except (ValueError, OverflowError):
        raise Malformed("not a number") from None


def _dates(text: str, bounds: Bounds) -> Key:
    values = _split(text, _COMMAS, bounds)
    if len(values) > 1:
        return _listed([Exact(moments.date(value)) for value in values], bounds)
    first, last = moments.dates(text)
    return Exact(first) if first is not None and first == last else Range(first, last)


def _times(text: str, bounds: Bounds) -> Key:
    """A range, or a time to its stated precision: `10` is every time that begins so."""
    if "-" in text:
        return Range(*moments.times(text))
    return Wildcard(f"{moments.stated(text)}*")


def _date_times(text: str, bounds: Bounds) -> Key:
    return Range(*moments.date_times(text))


def _person_name(text: str, fuzzy: bool, bounds: Bounds) -> Key:
    r"""A person's name, folded: no case, no accents; `^`, comma and space are alike.

    A comma therefore never separates names; `\` does. With fuzzy matching the words
    may come in any order; stars at the ends of words are what words mean anyway.
    """
    names = _split(text, _BACKSLASH, bounds)
    if fuzzy and len(names) == 1 and not _has_wildcards(_bare(text)):
        words = tuple(fold(_bare(text)).split())
        return Words(words) if words else Universal()
    return _listed([_single(fold(name), bounds) for name in names], bounds)


def _bare(name: str) -> str:
    return " ".join(word.strip("*") for word in re.split(r"[\s^,=]+", name))


def _single(value: str, bounds: Bounds) -> Exact | Wildcard:
    if not _has_wildcards(value):
        return Exact(value)
    pattern = _STARS.sub("*", value)
    if len(pattern) > bounds.wildcard:
        raise Malformed(f"more than {bounds.wildcard} characters with wildcards")
    return Wildcard(pattern)


def _has_wildcards(value: str) -> bool:
    return "*" in value or "?" in value


def _split(text: str, separator: re.Pattern[str], bounds: Bounds) -> list[str]:
    """The values of a list, blanks left out; a list of blanks alone asks for nothing sensible.

    It is refused rather than taken for Universal, as it is what is left of UIDs that a
    viewer has stripped of all that is not a digit.
    """
    values = [value for part in separator.split(text) if (value := part.strip())]
    if not values:
        raise Malformed("a list without a value")
    if len(values) > bounds.values:
        raise Malformed(f"more than {bounds.values} values in a list")
    return values


def _listed(keys: list[Exact | Wildcard], bounds: Bounds) -> Key:
    different = tuple(dict.fromkeys(keys))
    if len(different) > bounds.values:
        raise Malformed(f"more than {bounds.values} values in a list")
    if Wildcard("*") in different:
        return Universal()
    return different[0] if len(different) == 1 else AnyOf(different)


_NUMERIC = ("DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV")
_PARSERS: dict[str, Callable[[str, Bounds], Key]] = {
    **dict.fromkeys(_NUMERIC, _numbers),
    "UI": _uids,
    "AE": _codes,
    "AS": _codes,
    "AT": _codes,
    "CS": _codes,
    "DA": _dates,
    "TM": _times,
    "DT": _date_times,
    "LT": _long_text,
    "ST": _long_text,
    "UR": _long_text,
    "UT": _long_text,
}
