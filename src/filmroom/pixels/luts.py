"""Lookup tables: descriptor and data, as all of the standard's LUTs have them (PS3.3 §C.11.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from filmroom.model.instance import Attributes
from filmroom.pixels.elements import binary, numbers, words

LUT_DESCRIPTOR = "00283002"
LUT_DATA = "00283006"
ALL_WORDS = 1 << 16
"""Entries of a table whose descriptor says 0: one more than 16 bits can."""


@dataclass(frozen=True, slots=True)
class Lut:
    """A table of values, for consecutive inputs."""

    entries: NDArray[np.uint16]
    first: int
    """The input that the first entry is for; lower ones get it too, as higher ones the last."""
    bits: int
    """Of an entry: the outputs reach from 0 to 2^bits - 1."""

    def of(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Each input's entry; inputs between two whole numbers count as the nearer one."""
        index = np.rint(inputs - np.float32(self.first))
        np.nan_to_num(index, copy=False)
        np.clip(index, 0, len(self.entries) - 1, out=index)
        found: NDArray[np.float32] = self.entries.astype(np.float32).take(index.astype(np.int32))
        return found

    @property
    def most(self) -> int:
        """The highest output."""
        return (1 << self.bits) - 1


def lut(
    attributes: Attributes,
    descriptor: str = LUT_DESCRIPTOR,
    data: str = LUT_DATA,
    *,
    signed: bool = False,
) -> Lut | None:
    """Read a table; None if there is none, or one that makes no sense.

    `signed`: whether its inputs may be negative, so that the first of them is a signed
    number even if it was written as an unsigned one.
    """
    described = numbers(attributes, descriptor)
    if len(described) != 3:
        return None
    count = int(described[0]) & 0xFFFF or ALL_WORDS
    first, bits = int(described[1]), int(described[2])
    if signed and first >= 1 << 15:
        first -= 1 << 16
    entries = _entries(attributes, data, count, bits)
    if entries is None or not 1 <= bits <= 16 or abs(first) > ALL_WORDS:
        return None
    return Lut(entries, first, bits)


def _entries(attributes: Attributes, tag: str, count: int, bits: int) -> NDArray[np.uint16] | None:
    """The entries, of which those of 8 bits may be packed two in a word (PS3.3 §C.11.1.1.1)."""
    found = words(attributes, tag)
    if bits <= 8 and len(found) * 2 <= count + 1:
        raw = binary(attributes, tag) or found.astype("<u2").tobytes()
        found = np.frombuffer(raw, np.uint8).astype(np.uint16)
    return found[:count] if len(found) >= count else None
