"""Values as they are compared: one normal form a value, the same for rows and for matching keys.

Text and names are folded, codes are upper-cased, numbers, dates and times are
spelled one way. A multi-valued attribute is the set of its values' normal forms,
and matches if any of them does (PS3.4 §C.2.2.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from filmroom.dicom.attributes import Attribute
from filmroom.dicom.moments import comparable
from filmroom.dicom.names import fold, fold_text, groups
from filmroom.model.instance import Attributes

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


def elements(attributes: Attributes, path: str) -> Iterator[object]:
    """Every value at a path, through all items of the sequences that it leads through."""
    tag, _, below = path.partition(".")
    element = attributes.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    for value in values if isinstance(values, list) else ():
        if not below:
            yield value
        elif isinstance(value, dict):
            yield from elements(value, below)


def values(attributes: Attributes, attribute: Attribute) -> set[str]:
    """The normal forms of an attribute's values; of a person name, of each component group."""
    found: set[str] = set()
    for value in elements(attributes, attribute.path):
        texts: Iterable[str]
        if attribute.vr == "PN":
            texts = groups(value)
        elif isinstance(value, str | int | float):
            texts = (str(value),)
        else:
            continue
        found.update(normal(attribute.vr, text) for text in texts)
    found.discard("")
    return found


def moment(dates: set[str], times: set[str]) -> str:
    """A date and a time as one text that sorts by time; "" without a date."""
    if not dates:
        return ""
    return min(dates) + min(times, default="")
