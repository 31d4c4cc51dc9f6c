"""Data sets as messages carry them, read and written whole (PS3.5 §7, PS3.18 Annex F).

For identifiers, worklist items and the like: small, without bulk data. Files are scanned
instead (`dicom.scan`).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache, partial
from struct import Struct
from struct import error as StructError  # a class
from typing import Any

from filmroom.dicom.charset_writing import UTF_8, Unwritable, writing
from filmroom.dicom.inflate import in_place
from filmroom.dicom.scan_dictionary import LONG_VRS
from filmroom.dicom.scan_elements import Walk
from filmroom.dicom.scan_limits import MB, ScanLimits
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.dicom.value_writing import Write, writers
from filmroom.errors import Malformed, Refused

LIMITS = ScanLimits(
    elements=500_000, value=16 * MB, deflate_size=64 * MB, bulk_threshold=16 * MB, items=200_000
)
DEEPEST = 80  # levels of nesting that are written
CHARSET = "00080005"

LONGEST = 0xFFFFFFFE  # bytes of a value whose length has 32 bits
_Json = dict[str, Any]
_KEY = re.compile(r"[0-9A-F]{8}", re.ASCII)
_NO_VALUE = (AttributeError, KeyError, OverflowError, StructError, TypeError, ValueError)
_WRITERS = {order: writers(order) for order in "<>"}
ZERO_PADDED = frozenset({"UI", "OB", "UN"})
PLAIN = frozenset(
    ["AE", "AS", "CS", "DA", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
"""VRs of text."""
SHORT = 254  # bytes of a value, an even number
_LENGTHS = {order: Struct(order + "I") for order in "<>"}
_ITEMS = {order: Struct(order + "HH").pack(0xFFFE, 0xE000) for order in "<>"}


@dataclass(frozen=True, slots=True)
class Told:
    """A data set, and in which character set it was told."""

    attributes: _Json
    """In the DICOM JSON Model; Specific Character Set is that of JSON."""
    charset: str
    r"""Specific Character Set as it came, values joined by `\`; "" if there was none."""


def read_dataset(data: bytes | memoryview, syntax: str) -> _Json:
    """The attributes of a data set in the transfer syntax of this UID; raises Malformed.

    Elements whose values are bulk by nature, such as pixel data, come without them.
    """
    return read_told(data, syntax).attributes


def read_told(data: bytes | memoryview, syntax: str) -> Told:
    """The same with the character set that it was in."""
    known = transfer_syntax(syntax)
    view = memoryview(data)
    try:
        with ExitStack() as stack:
            if known.deflated:
                bounds = {"ratio": LIMITS.deflate_ratio, "size": LIMITS.deflate_size}
                view = stack.enter_context(in_place(view, 0, **bounds))
            walk = Walk(view, 0, LIMITS)
            walk.run(implicit=known.implicit, order=">" if known.big_endian else "<")
    except Refused as refusal:
        raise Malformed(str(refusal)) from refusal
    for element, _ in walk.bulk:
        del element["BulkDataURI"]
    return Told(walk.root, "\\".join(walk.declared))


def write_dataset(attributes: _Json, syntax: str, charset: str = UTF_8) -> bytes:
    r"""A data set in the transfer syntax of this UID, in `charset` if that can say it all.

    `charset` is Specific Character Set, values joined by `\`; where it falls short the
    data set is written in UTF-8, and says so. A `BulkDataURI` is written as no value.
    Raises Malformed for what is not the DICOM JSON Model.
    """
    try:
        return form(syntax, charset).dataset(attributes)
    except Unwritable:
        return form(syntax, UTF_8).dataset(attributes)


@dataclass(frozen=True, slots=True)
class _Head:
    """How the elements of one tag and VR are written."""

    start: bytes
    """Up to the length."""
    length: Callable[[int], bytes]
    most: int
    """Bytes of a value that the length can say."""
    pad: bytes
    write: Write | None
    """What writes the value; None for a sequence."""


class Form:
    """How data sets are written in one transfer syntax and one character set."""

    def __init__(self, syntax: str, charset: str) -> None:
        known = transfer_syntax(syntax)
        self._implicit = known.implicit
        self._order = ">" if known.big_endian else "<"
        self._deflated = known.deflated
        self._charset = charset
        self._encode = writing(charset).encode

    def dataset(self, attributes: _Json) -> bytes:
        """A whole data set, which says its character set; raises Malformed, Unwritable."""
        told = {key: element for key, element in attributes.items() if key != CHARSET}
        if self._charset:
            told[CHARSET] = {"vr": "CS", "Value": self._charset.split("\\")}
        return self.joined([self.element(key, told[key]) for key in sorted(told)])

    def joined(self, elements: Iterable[bytes]) -> bytes:
        """A data set of elements, which are in order."""
        data = b"".join(elements)
        if not self._deflated:
            return data
        machine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = machine.compress(data) + machine.flush()
        return packed + b"\0" * (len(packed) % 2)

    def element(self, key: str, element: _Json, depth: int = 0) -> bytes:
        """One element; `depth` is how many sequences it is in."""
        try:
            head = _head(key, element["vr"], self._implicit, self._order)
            if head.write is None:
                value = self._items(element.get("Value") or (), depth)
            else:
                value = head.write(element, self._encode)
        except Malformed:
            raise
        except _NO_VALUE:  # which would quote the value
            raise Malformed("an element is not of the DICOM JSON Model") from None
        if len(value) % 2:
            value += head.pad
        if len(value) > head.most:  # (PS3.5 §6.2.2)
            head = _head(key, "UN", self._implicit, self._order)
        return head.start + head.length(len(value)) + value

    def writer(self, key: str, vr: str) -> Callable[[_Json], bytes]:
        """What writes the elements of one tag: one short value of ASCII at once."""
        if vr not in PLAIN:
            return partial(self.element, key)
        head = _head(key, vr, self._implicit, self._order)
        pad = head.pad
        starts = [head.start + head.length(length) for length in range(0, SHORT + 2, 2)]

        def element(one: _Json) -> bytes:
            values = one.get("Value")
            if values and len(values) == 1 and one["vr"] == vr:
                value = values[0]
                if vr == "PN":
                    value = value.get("Alphabetic") if _is_alphabetic(value) else None
                elif vr == "IS":
                    value = str(value)
                if type(value) is str and len(value) <= SHORT and value.isascii():
                    length = len(value)
                    start = starts[(length + 1) >> 1]
                    return start + value.encode() + pad if length & 1 else start + value.encode()
            return self.element(key, one)

        return element

    def _items(self, items: Sequence[_Json], depth: int) -> bytes:
        if depth >= DEEPEST:
            raise Malformed(f"more than {DEEPEST} levels of nesting")
        length, start = _LENGTHS[self._order].pack, _ITEMS[self._order]
        pieces: list[bytes] = []
        for item in items:
            own = sorted(item.keys() - {CHARSET})
            written = b"".join([self.element(key, item[key], depth + 1) for key in own])
            pieces += start, length(len(written)), written
        return b"".join(pieces)


def _is_alphabetic(name: object) -> bool:
    return type(name) is dict and len(name) == 1


@lru_cache(maxsize=256)
def form(syntax: str, charset: str) -> Form:
    """How data sets are written in a transfer syntax and a character set."""
    return Form(syntax, charset)


@lru_cache(maxsize=16384)
def _head(key: str, vr: str, implicit: bool, order: str) -> _Head:
    """How an element begins; raises Malformed if it cannot be part of a data set."""
    if not _KEY.fullmatch(key) or key < "0004" or key >= "FFFE" or key.endswith("0000"):
        raise Malformed("a key of the DICOM JSON Model is no tag of a data set")
    write = _WRITERS[order].get(vr)
    if write is None and vr != "SQ":
        raise Malformed(f"{key} has a VR that does not exist")
    tag = int(key, 16)
    start = Struct(order + "HH").pack(tag >> 16, tag & 0xFFFF)
    pad = b"\0" if vr in ZERO_PADDED else b" "
    if implicit:
        return _Head(start, _LENGTHS[order].pack, LONGEST, pad, write)
    start += vr.encode()
    if vr in LONG_VRS:
        return _Head(start + b"\0\0", _LENGTHS[order].pack, LONGEST, pad, write)
    return _Head(start, Struct(order + "H").pack, 0xFFFE, pad, write)
