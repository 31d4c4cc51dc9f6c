"""Palette colour: values that are numbers of colours (PS3.3 §C.7.6.3.1.5, §C.7.9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmroom.errors import Undecodable
from filmroom.model.instance import Attributes
from filmroom.pixels.elements import numbers, words
from filmroom.pixels.luts import ALL_WORDS, Lut, lut
from filmroom.pixels.values import Values

DESCRIPTORS = ("00281101", "00281102", "00281103")
TABLES = ("00281201", "00281202", "00281203")
SEGMENTED_TABLES = ("00281221", "00281222", "00281223")

DISCRETE, LINEAR, INDIRECT = 0, 1, 2


def coloured(values: Values, attributes: Attributes) -> NDArray[np.uint8]:
    """The red, green and blue (rows, columns, 3) that stored values stand for."""
    kind = values.dtype
    if kind.kind not in "iu" or kind.itemsize > 2:
        raise Undecodable("palette colour of values that are no numbers of 8 or 16 bits")
    signed = kind.kind == "i"
    unsigned = np.dtype(f"u{kind.itemsize}")
    inputs = np.arange(1 << (8 * kind.itemsize), dtype=unsigned).view(kind).astype(np.float32)
    tables = [
        _table(attributes, *tags, signed=signed)
        for tags in zip(DESCRIPTORS, TABLES, SEGMENTED_TABLES, strict=True)
    ]
    colours = np.stack([_eight_bits(table).of(inputs) for table in tables], axis=-1)
    return colours.astype(np.uint8).take(values.view(unsigned), axis=0)


def _table(
    attributes: Attributes, descriptor: str, table: str, segmented: str, *, signed: bool
) -> Lut:
    found = lut(attributes, descriptor, table, signed=signed)
    if found is None and segmented in attributes:
        described = numbers(attributes, descriptor)
        count = int(described[0]) & 0xFFFF or ALL_WORDS if described else 0
        entries = expanded(words(attributes, segmented), count)
        plain = {
            descriptor: attributes.get(descriptor, {}),
            table: {"vr": "OW", "Value": entries.tolist()},
        }
        found = lut(plain, descriptor, table, signed=signed)
    if found is None:
        raise Undecodable("palette colour without a palette that makes sense")
    return found


def _eight_bits(table: Lut) -> Lut:
    """The table with entries of 8 bits.

    Some writers say 16 bits of entries that use 8, or the other way round.
    """
    high = int(table.entries.max()) > 0xFF
    shift = max(table.bits if high else 8, 16 if high and table.bits <= 8 else 0) - 8
    return Lut(table.entries >> np.uint16(shift), table.first, 8)


def expanded(segments: NDArray[np.uint16], count: int) -> NDArray[np.uint16]:
    """At most `count` entries of a segmented table, written out (PS3.3 §C.7.9.2)."""
    entries: list[int] = []
    _expand(segments.tolist(), 0, len(segments), entries, count, direct=False)
    return np.array(entries[:count], np.uint16)


def _expand(
    data: list[int],
    at: int,
    most: int,
    entries: list[int],
    count: int,
    *,
    direct: bool,
) -> None:
    """Write out at most `most` segments from word `at`; `direct`: none may refer to others."""
    done = 0
    while at + 1 < len(data) and len(entries) < count and done < most:
        kind, length = data[at : at + 2]
        done += 1
        if kind == DISCRETE:
            entries += data[at + 2 : at + 2 + length]
            at += 2 + length
        elif kind == LINEAR and entries and at + 2 < len(data):
            start, end = entries[-1], data[at + 2]
            rise = np.linspace(start, end, length + 1)[1:] if length else np.empty(0)
            entries += np.rint(rise).astype(int).tolist()
            at += 3
        elif kind == INDIRECT and not direct and at + 3 < len(data):
            offset = (data[at + 2] | data[at + 3] << 16) // 2
            _expand(data, offset, length, entries, count, direct=True)
            at += 4
        else:
            raise Undecodable("a segmented palette that makes no sense")
