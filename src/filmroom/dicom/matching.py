"""Matching keys, parsed by value representation (PS3.4 §C.2.2.2)."""

from __future__ import annotations

from dataclasses import dataclass


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
