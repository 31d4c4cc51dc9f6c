"""Values of indexed attributes in the normal form in which they are compared.

A multi-valued attribute is the set of its values' normal forms,
and matches if any of them does (PS3.4 §C.2.2.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from filmroom.dicom.attributes import Attribute
from filmroom.dicom.comparing import NUMBERS, normal
from filmroom.dicom.names import groups
from filmroom.model.instance import Attributes

__all__ = ["NUMBERS", "elements", "moment", "values"]


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
