"""Identifiers: what a query asks of a data set, and what it is answered (PS3.4 §C.2.2.2, §K.2.2).

For data sets that are looked through one by one, such as worklist items; the index has a
table of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from filmroom.dicom.comparing import AFTER, Between, Test, normal, passes, start_of, test_of
from filmroom.dicom.matching import Key, Range, parse_key
from filmroom.dicom.names import groups
from filmroom.dicom.scan_dictionary import public_vr, turned
from filmroom.errors import Malformed, TooLarge

CHARSET = "00080005"
EMPTY = '""'  # Empty Value Matching (PS3.4 §C.2.2.2.7)
DEEPEST = 16  # sequences within sequences
TIMES = {
    "00080020": "00080030",
    "00080021": "00080031",
    "00080022": "00080032",
    "00400002": "00400003",
    "00400004": "00400005",
    "00400244": "00400245",
    "00400250": "00400251",
}
"""Dates and the times that go with them."""

_Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """One attribute of an identifier."""

    tag: str
    vr: str
    test: Test | None = None
    """What its value must pass; None is universal matching."""
    blank: bool = False
    """Whether it must have no value."""
    item: Identifier | None = None
    """Of a sequence: what one of its items must match, and what is told of those that do."""

    def matches(self, attributes: _Json) -> bool:
        """Whether a data set has the attribute as it is wished."""
        element = attributes.get(self.tag)
        if self.blank:
            return element is None or not element.get("Value")
        if self.item is not None:
            return self.item.is_universal or any(map(self.item.matches, _items(element)))
        return self.test is None or passes(self.test, _compared(self.vr, element))

    def told(self, attributes: _Json) -> _Json:
        """The attribute as it is answered: without a value if there is none."""
        element: _Json | None = attributes.get(self.tag)
        if self.item is None or element is None:
            return element or {"vr": self.vr}
        return {"vr": "SQ", "Value": [self.item.told(i) for i in _items(element) if self._has(i)]}

    def _has(self, item: _Json) -> bool:
        return self.item is not None and self.item.matches(item)


@dataclass(frozen=True, slots=True)
class Period:
    """Ranges of a date and its time taken together (PS3.4 §C.2.2.2.5)."""

    date: str
    time: str
    between: Between

    def matches(self, attributes: _Json) -> bool:
        """Whether the moment that a data set names lies in the period."""
        days = _compared("DA", attributes.get(self.date))
        clock = _compared("TM", attributes.get(self.time))
        return bool(days) and passes(self.between, (min(days) + min(clock, default=""),))


@dataclass(frozen=True, slots=True)
class Identifier:
    """What is asked of a data set, or of one item of a sequence."""

    wishes: tuple[Wish, ...]
    periods: tuple[Period, ...] = ()

    @property
    def is_universal(self) -> bool:
        """Whether everything matches."""
        return not self.periods and all(
            wish.test is None and not wish.blank and (wish.item is None or wish.item.is_universal)
            for wish in self.wishes
        )

    def wish(self, tag: str) -> Wish | None:
        """What is asked of an attribute; None: nothing."""
        return next((wish for wish in self.wishes if wish.tag == tag), None)

    def matches(self, attributes: _Json) -> bool:
        """Whether a data set has all that is asked for."""
        return all(wish.matches(attributes) for wish in self.wishes) and all(
            period.matches(attributes) for period in self.periods
        )

    def told(self, attributes: _Json) -> _Json:
        """The answer: each attribute that was asked for, and no other."""
        return {wish.tag: wish.told(attributes) for wish in self.wishes}


def read_identifier(attributes: _Json, *, fuzzy: bool = False, combined: bool = True) -> Identifier:
    """The identifier that a data set is; raises Malformed for a key that its VR does not allow.

    With `combined`, ranges of a date and of its time mean one period.
    """
    return _read(attributes, fuzzy, combined, 0)


def _read(attributes: _Json, fuzzy: bool, combined: bool, depth: int) -> Identifier:
    if depth > DEEPEST:
        raise TooLarge(f"sequences nested more than {DEEPEST} deep")
    keys: dict[str, Key] = {}
    wishes: dict[str, Wish] = {}
    for tag, element in attributes.items():
        if tag == CHARSET or tag < "0004":
            continue
        if element["vr"] == "SQ":
            wishes[tag] = _sequence(tag, element, fuzzy, combined, depth)
            continue
        vr, text = _vr(tag, element["vr"]), key_text(element)
        if text == EMPTY:
            wishes[tag] = Wish(tag, vr, blank=True)
            continue
        try:
            keys[tag] = parse_key(vr, text, fuzzy=fuzzy)
        except Malformed as error:
            raise Malformed(f"({tag[:4]},{tag[4:]}): {error}") from None
        wishes[tag] = Wish(tag, vr)
    periods = tuple(_periods(keys)) if combined else ()
    joined = {tag for period in periods for tag in (period.date, period.time)}
    for tag in keys.keys() - joined:
        wishes[tag] = Wish(tag, wishes[tag].vr, test_of(wishes[tag].vr, keys[tag]))
    return Identifier(tuple(wishes.values()), periods)


def _sequence(tag: str, element: _Json, fuzzy: bool, combined: bool, depth: int) -> Wish:
    """Sequence matching (PS3.4 §C.2.2.2.6); an empty item asks for whole items."""
    items = _items(element)
    if len(items) > 1:
        raise Malformed(f"({tag[:4]},{tag[4:]}): a key of {len(items)} items, more than one")
    if not items or not items[0]:
        return Wish(tag, "SQ")
    return Wish(tag, "SQ", item=_read(items[0], fuzzy, combined, depth + 1))


def _periods(keys: dict[str, Key]) -> Iterator[Period]:
    for date, time in TIMES.items():
        days, clock = keys.get(date), keys.get(time)
        if isinstance(days, Range) and isinstance(clock, Range):
            first = last = None
            if days.first is not None:
                first = days.first + (start_of("TM", clock.first) if clock.first else "")
            if days.last is not None:
                last = days.last + (clock.last or "") + AFTER
            yield Period(date, time, Between(first, last))


def _vr(tag: str, told: str) -> str:
    """The VR of the dictionary, which a peer's need not be."""
    known = public_vr(turned(int(tag, 16)))
    return told if known == "UN" or " or " in known else known


def key_text(element: _Json) -> str:
    """A key as it was written, its values joined again."""
    return "\\".join(_one_text(value) for value in element.get("Value", ()))


def _one_text(value: object) -> str:
    if isinstance(value, dict):
        names = [value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
        return "=".join(names).rstrip("=")
    return str(value)


def _items(element: _Json | None) -> list[_Json]:
    values = element.get("Value", ()) if element is not None else ()
    return [value for value in values if isinstance(value, dict)]


def _compared(vr: str, element: _Json | None) -> set[str]:
    """The normal forms of an attribute's values; of a person name, of each component group."""
    found: set[str] = set()
    for value in element.get("Value", ()) if element is not None else ():
        texts: Iterable[str] = groups(value) if vr == "PN" else (str(value),)
        found.update(normal(vr, text) for text in texts)
    found.discard("")
    return found
