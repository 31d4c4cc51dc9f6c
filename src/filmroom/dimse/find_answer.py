"""Matches → identifiers of responses (PS3.4 §C.4.1.1.3.2).

What is the same in every answer is written once.
"""

from __future__ import annotations

from collections.abc import Callable

from filmroom.dicom.attributes import INSTANCE_AVAILABILITY
from filmroom.dicom.charset_writing import UTF_8, Unwritable
from filmroom.dicom.datasets import CHARSET, Form, form
from filmroom.dimse.find_query import LEVEL, RETRIEVE_AET, Question, Wanted
from filmroom.model.instance import Attributes

Piece = Callable[[Attributes], bytes]
SHARED = frozenset({"AS", "CS", "DA", "IS"})
"""VRs of which there are few values: their elements are written once each."""
MOST_SHARED = 4096  # elements


class Answers:
    """Writes the matches of one question."""

    def __init__(self, question: Question, syntax: str, title: str) -> None:
        self._asked = _Writer(question, form(syntax, question.charset), question.charset, title)
        self._any = _Writer(question, form(syntax, UTF_8), UTF_8, title)

    def write(self, match: Attributes) -> bytes:
        """A match in the character set of the question; in UTF-8 where that falls short."""
        try:
            return self._asked.write(match)
        except Unwritable:
            return self._any.write(match)


class _Writer:
    """Writes matches in one character set."""

    def __init__(self, question: Question, form: Form, charset: str, title: str) -> None:
        self._form = form
        constants = {
            LEVEL: {"vr": "CS", "Value": [question.query.level.name]},
            RETRIEVE_AET: {"vr": "AE", "Value": [title]},
            INSTANCE_AVAILABILITY: {"vr": "CS", "Value": ["ONLINE"]},
        }
        if charset:
            constants[CHARSET] = {"vr": "CS", "Value": charset.split("\\")}
        self._parts: list[tuple[str, bytes, Wanted | None]] = []
        for tag in sorted(constants.keys() | question.wanted.keys()):
            wanted = question.wanted.get(tag)
            if tag in constants:
                self._parts.append((tag, form.element(tag, constants[tag]), None))
            elif wanted is not None:
                self._parts.append((tag, form.element(tag, {"vr": wanted.vr}), wanted))
        self._shared: dict[tuple[str, object], bytes] = {}

    def write(self, match: Attributes) -> bytes:
        """One identifier; raises Unwritable."""
        pieces = []
        for tag, constant, wanted in self._parts:
            element = match.get(tag) if wanted is not None else None
            if element is None or wanted is None:
                pieces.append(constant)
            elif wanted.vr in SHARED:
                pieces.append(self._shared_element(tag, element))
            else:
                told = _only(element, wanted) if wanted.items else element
                pieces.append(self._form.element(tag, told))
        return self._form.joined(pieces)

    def _shared_element(self, tag: str, element: Attributes) -> bytes:
        values = element.get("Value")
        if not values or len(values) != 1:
            return self._form.element(tag, element)
        key = (tag, values[0])
        written = self._shared.get(key)
        if written is None:
            written = self._form.element(tag, element)
            if len(self._shared) < MOST_SHARED:
                self._shared[key] = written
        return written


def _only(sequence: Attributes, wanted: Wanted) -> Attributes:
    """The items of a sequence, each with what was asked for."""
    items = [item for item in sequence.get("Value", ()) if isinstance(item, dict)]
    return {"vr": "SQ", "Value": [_item(item, wanted) for item in items]}


def _item(item: Attributes, wanted: Wanted) -> Attributes:
    told = {}
    for tag, inside in wanted.items.items():
        element = item.get(tag)
        told[tag] = {"vr": inside.vr} if element is None else element
        if element is not None and inside.items:
            told[tag] = _only(element, inside)
    return told
