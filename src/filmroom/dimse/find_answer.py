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
        self._joined = form.joined
        constants = {
            LEVEL: {"vr": "CS", "Value": [question.query.level.name]},
            RETRIEVE_AET: {"vr": "AE", "Value": [title]},
            INSTANCE_AVAILABILITY: {"vr": "CS", "Value": ["ONLINE"]},
        }
        if charset:
            constants[CHARSET] = {"vr": "CS", "Value": charset.split("\\")}
        self._parts: list[tuple[str, bytes, Piece | None]] = []
        for tag in sorted(constants.keys() | question.wanted.keys()):
            if tag in constants:
                self._parts.append((tag, form.element(tag, constants[tag]), None))
            else:
                wanted = question.wanted[tag]
                blank = form.element(tag, {"vr": wanted.vr})
                self._parts.append((tag, blank, _piece(form, tag, wanted)))

    def write(self, match: Attributes) -> bytes:
        """One identifier; raises Unwritable."""
        pieces = []
        for tag, constant, piece in self._parts:
            element = match.get(tag) if piece is not None else None
            pieces.append(constant if element is None or piece is None else piece(element))
        return self._joined(pieces)


def _piece(form: Form, tag: str, wanted: Wanted) -> Piece:
    """What writes one attribute of the matches."""
    write = form.writer(tag, wanted.vr)
    if not wanted.items:
        return write
    return lambda element: write(_only(element, wanted))


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
