"""Query: one search, from whichever door it came."""

from __future__ import annotations

from dataclasses import dataclass, field

from filmroom.dicom.levels import Level
from filmroom.dicom.matching import Key
from filmroom.model.instance import Attributes
from filmroom.model.selection import Selection


@dataclass(frozen=True, slots=True)
class Match:
    """One matching key: the indexed attribute it names, and what it must be.

    `path` is the attribute's tag, or tags joined with "." for an attribute in
    a sequence: `"00400275.00400007"`.
    """

    path: str
    key: Key


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key: an indexed attribute's tag."""

    path: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """What is searched for, where, and which part of the answer is wanted."""

    level: Level
    within: Selection = field(default_factory=Selection)
    matching: tuple[Match, ...] = ()
    include: frozenset[str] = frozenset()
    """Tags wanted besides the level's default ones; tags of other levels are passed over."""
    include_all: bool = False
    order: tuple[Order, ...] = ()
    """Empty: newest study first, then series and instance number."""
    limit: int = 1000
    """Matches of the page. 0 asks for their number alone, which is then worth counting."""
    offset: int = 0
    combined: bool = True
    """Whether ranges of a date and of its time mean one range of moments (PS3.4 §C.2.2.2.5)."""
    bare: bool = False
    """Without the level's default tags: UIDs, what is included, and what is matched."""
    ignored: tuple[str, ...] = ()
    """Keys that were asked for and are not supported, as the asker spelled them."""


@dataclass(frozen=True, slots=True)
class Found:
    """One page of an answer."""

    matches: list[Attributes]
    total: int | None
    """All that match; None where counting would cost more than the matches that were wanted."""
    more: bool
    """Whether matches remain after this page."""
    version: str
    """Changes whenever the answer may have changed: fit for an ETag."""
