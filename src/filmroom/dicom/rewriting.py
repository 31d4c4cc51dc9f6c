"""A data set in another transfer syntax, all but its pixel data, byte by byte (PS3.5 §7, §A).

Values are kept as they are, whatever they hold; only what says their VR and length is
written anew, and what was big-endian is turned. Where nothing of that is needed whole
sequences are copied. What the scanner let pass is read as the scanner reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from filmroom.dicom.bulk import little_endian
from filmroom.dicom.charsets import Charset
from filmroom.dicom.encoding import (
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    element,
    element_header,
    item_header,
)
from filmroom.dicom.scan_dictionary import LONG_VRS, name_of, turned
from filmroom.dicom.scan_level import Level
from filmroom.dicom.scan_tables import EXPLICIT_VRS, HALVES, SHORTS, WORDS
from filmroom.dicom.transfer_syntaxes import TransferSyntax
from filmroom.errors import Undecodable

Changes = Mapping[str, dict[str, Any] | None]
"""Attributes (DICOM JSON) to be put in or, where None, left out; of numbers and ASCII only."""

PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
LEFT_OUT = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})
"""Offset tables, and the length of fragments: true of other pixel data than what will follow."""
PIXEL_REPRESENTATION, SELECTED_LUT = "00280103", "00283002"
MOST_REMEMBERED = 64  # bytes: private creators


def rewritten(
    data: memoryview, source: TransferSyntax, target: TransferSyntax, changes: Changes
) -> bytes:
    """The elements of a data set up to its pixel data, in another transfer syntax.

    Written little-endian, and not deflated: that is for all of it together. Raises
    Undecodable where the data set is not well-formed.
    """
    put = {int(tag, 16): _changed(int(tag, 16), each, target) for tag, each in changes.items()}
    return written(Walk(data, target), source, put)


def written(walk: Walk, source: TransferSyntax, put: Mapping[int, bytes]) -> bytes:
    """What a walk copies, elements that are `put` in their places instead of those it meets."""
    data = walk.data
    level = Level(None, "", Charset((), {}), ">" if source.big_endian else "<")
    level.out, level.end = {}, len(data)
    level.implicit = _is_implicit(data, 0, len(data), told=source.implicit)
    pending = dict(sorted(put.items()))
    pieces = []
    for found in walk.elements(level):
        before = [tag for tag in pending if tag <= found.tag]
        pieces += [pending.pop(tag) for tag in before]
        copy = walk.copied(level, found)
        if found.tag not in put:
            pieces.append(copy)
    return b"".join((*pieces, *pending.values()))


def _changed(tag: int, changed: dict[str, Any] | None, target: TransferSyntax) -> bytes:
    return element(tag, changed, implicit=target.implicit) if changed else b""


def _is_implicit(data: memoryview, at: int, end: int, *, told: bool) -> bool:
    """Whether the element at `at` has no VR, whatever the transfer syntax says."""
    if at + 6 > end:
        return told
    return not all(0x41 <= letter <= 0x5A for letter in data[at + 4 : at + 6])


@dataclass(frozen=True, slots=True)
class Element:
    """An element that was met on the walk; its VR may be none of its own, as "US or SS"."""

    tag: int
    vr: str
    head: int
    """Where its header begins."""
    start: int
    """Where its value begins."""
    length: int


class Walk:
    """One walk through a data set: what is taken from `elements` must be `copied`."""

    def __init__(self, data: memoryview, target: TransferSyntax) -> None:
        self.data = data
        self.implicit = target.implicit
        self.encapsulated = target.encapsulated
        self.position = 0
        self.has_fragments = False

    def elements(self, level: Level) -> Iterator[Element]:
        """The elements of a data set or item from the position on, to its end or pixel data."""
        while self.position + 8 <= level.end:
            group, number = HALVES[level.order](self.data, self.position)
            tag = group << 16 | number
            if tag == 0 or (level.outer is None and tag in PIXELS):
                return
            if group == 0xFFFE:  # the end of an item without length, or of nothing
                self.position += 8
                if level.outer is not None:
                    return
                continue
            yield self._header(level, tag)
        if level.outer is not None:
            if level.open:
                raise _cut()
            self.position = level.end

    def copied(self, level: Level, found: Element) -> bytes:
        """An element as the target has it; b"" for one that is not to be there."""
        if level.outer is None:
            self.has_fragments = False
        copy = self._copied(level, found)
        if self.has_fragments and level.outer is None and not self.encapsulated:
            return b""  # an icon that is compressed, which nothing may be here
        return copy

    def _copied(self, level: Level, found: Element) -> bytes:
        begins_items = self._begins_items(level.order, found.start)
        if found.length == UNDEFINED:
            if found.vr in ("OB", "OW", "OB or OW"):
                return self._fragments(found)
            if found.vr == "SQ" or begins_items:
                return self._sequence(level, found, level.end, ended=False)
            raise Undecodable(f"element {found.tag:08X} has VR {found.vr} and no length")
        end = found.start + found.length
        if end > level.end:
            raise _cut()
        if not found.tag & 0xFFFF or found.tag in LEFT_OUT:  # group lengths mean nothing any more
            self.position = end
            return b""
        alike = self._is_alike(level, found)
        if found.vr == "SQ" and begins_items and not alike:
            return self._sequence(level, found, end, ended=True)
        self.position = end
        if alike and not found.length % 2:
            self._remember(level, found)
            return bytes(self.data[found.head : end])
        return self._value(level, found)

    def _is_alike(self, level: Level, found: Element) -> bool:
        """Whether an element can be copied whole."""
        return level.order == "<" and level.implicit == self.implicit

    def _value(self, level: Level, found: Element) -> bytes:
        self._remember(level, found)
        value = bytes(self.data[found.start : found.start + found.length])
        vr = "UN" if found.vr == "SQ" and value else self._settled(level, found)
        if level.order == ">":
            value = little_endian(value, vr)
        if len(value) % 2:  # as no writer should have left it
            value += b"\0" if vr in LONG_VRS or vr == "UI" else b" "
        return element_header(found.tag, vr, len(value), implicit=self.implicit) + value

    def _sequence(self, level: Level, found: Element, end: int, *, ended: bool) -> bytes:
        """A sequence, written without lengths; without `ended` it ends with a delimiter."""
        inner = Level(level, name_of(turned(found.tag)), level.charset, level.order)
        if level.order == ">" and self._begins_items("<", found.start):
            inner.order = "<"  # what came as UN is little endian (PS3.5 §6.2.2)
        written = [element_header(found.tag, "SQ", UNDEFINED, implicit=self.implicit)]
        self.position = found.start
        while not (ended and self.position == end):
            if self.position + 8 > end:
                raise _cut()
            group, number = HALVES[inner.order](self.data, self.position)
            length = WORDS[inner.order](self.data, self.position + 4)[0]
            self.position += 8
            if (group, number) == (0xFFFE, 0xE0DD):
                break
            if (group, number) != (0xFFFE, 0xE000):
                raise Undecodable("something that is no item lies in a sequence")
            written += self._item(inner, end, length)
        return b"".join((*written, SEQUENCE_END))

    def _item(self, inner: Level, end: int, length: int) -> list[bytes]:
        inner.open = length == UNDEFINED
        inner.end = end if inner.open else self.position + length
        if inner.end > end:
            raise _cut()
        inner.out = {}
        told = inner.outer is None or inner.outer.implicit
        inner.implicit = told or _is_implicit(self.data, self.position, inner.end, told=told)
        elements = [self._copied(inner, found) for found in self.elements(inner)]
        return [item_header(UNDEFINED), *elements, ITEM_END]

    def _fragments(self, found: Element) -> bytes:
        """Compressed pixels within a sequence, as they are."""
        self.has_fragments = True
        at = found.start
        while True:
            if at + 8 > len(self.data):
                raise _cut()
            group, number = HALVES["<"](self.data, at)
            length = WORDS["<"](self.data, at + 4)[0]
            at += 8
            if group != 0xFFFE or number not in (0xE000, 0xE0DD):
                raise Undecodable("something that is no fragment lies among fragments")
            if number == 0xE0DD:
                break
            at += length
        self.position = at
        head = element_header(found.tag, "OB", UNDEFINED, implicit=self.implicit)
        return head + bytes(self.data[found.start : at])

    def _header(self, level: Level, tag: int) -> Element:
        data, at, order = self.data, self.position, level.order
        if level.implicit:
            vr = level.known_vr(turned(tag))
            return Element(tag, vr, at, at + 8, WORDS[order](data, at + 4)[0])
        raw = bytes(data[at + 4 : at + 6])
        known = EXPLICIT_VRS.get(raw)
        if known is None and not b"AA" <= raw <= b"ZZ":  # no VR, against the transfer syntax
            vr = level.known_vr(turned(tag))
            return Element(tag, vr, at, at + 8, WORDS[order](data, at + 4)[0])
        if known not in LONG_VRS:
            return Element(tag, known or "UN", at, at + 8, SHORTS[order](data, at + 6)[0])
        if at + 12 > level.end:
            raise _cut()
        length = WORDS[order](data, at + 8)[0]
        if known == "UN" and length == UNDEFINED:
            known = "SQ"  # of a relay that does not know it (PS3.5 §6.2.2)
        return Element(tag, known or "UN", at, at + 12, length)

    def _settled(self, level: Level, found: Element) -> str:
        """The VR of an element for which the dictionary leaves a choice (PS3.5 §A.1)."""
        if found.vr == "US or SS":
            return "SS" if level.inherited(PIXEL_REPRESENTATION) == 1 else "US"
        if " or " not in found.vr:
            return found.vr
        one = found.tag == 0x00283006 and level.first_value(SELECTED_LUT) == 1
        return "US" if one else "OW"

    def _remember(self, level: Level, found: Element) -> None:
        """Keep what later elements' VRs depend on."""
        if level.out is None or not found.length or found.length > MOST_REMEMBERED:
            return
        value = bytes(self.data[found.start : found.start + found.length])
        key = f"{found.tag:08X}"
        if key in (PIXEL_REPRESENTATION, SELECTED_LUT) and len(value) >= 2:
            level.out[key] = {"Value": [SHORTS[level.order](value)[0]]}
        elif found.tag & 0x10000 and 0x10 <= found.tag & 0xFFFF < 0x100:
            level.out[key] = {"Value": [value.decode("latin-1").strip(" \0")]}

    def _begins_items(self, order: str, at: int) -> bool:
        if at + 4 > len(self.data):
            return False
        return HALVES[order](self.data, at) in ((0xFFFE, 0xE000), (0xFFFE, 0xE0DD))


def _cut() -> Undecodable:
    return Undecodable("the data set is cut short, or a length in it is wrong")
