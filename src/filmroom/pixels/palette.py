"""Palette colour: values that are numbers of colours (PS3.3 §C.7.6.3.1.5, §C.7.9)."""

from __future__ import annotations

from collections.abc import Iterator

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
    data = segments.tolist()
    for done, (kind, length, at) in enumerate(_segments(data, count)):
        if done > count:  # each should give at least one
            raise Undecodable("a segmented palette of more segments than entries")
        if kind == DISCRETE:
            entries += data[at : at + length]
        elif kind == LINEAR and entries:
            rise = np.linspace(entries[-1], data[at], length + 1)[1:]
            entries += np.rint(rise).astype(int).tolist()
        else:
            raise Undecodable("a segmented palette that makes no sense")
        if len(entries) >= count:
            break
    return np.array(entries[:count], np.uint16)


def _segments(data: list[int], count: int) -> Iterator[tuple[int, int, int]]:
    """Kind, length and first word of each discrete or linear segment, also of those repeated."""
    at = 0
    while at + 2 < len(data):
        kind, length = data[at : at + 2]
        if kind == INDIRECT and at + 3 < len(data):
            again = (data[at + 2] | data[at + 3] << 16) // 2
            for _ in range(min(length, count)):
                repeated = data[again : again + 3]
                if len(repeated) < 3:
                    break
                yield repeated[0], repeated[1], again + 2
                again += _words(*repeated[:2])
        else:
            yield kind, length, at + 2
        at += _words(kind, length)


def _words(kind: int, length: int) -> int:
    """How long a segment is."""
    return {DISCRETE: 2 + length, LINEAR: 3}.get(kind, 4)
