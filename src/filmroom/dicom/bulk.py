"""Bulk values: those left out of the metadata and fetched by URI (PS3.18 §10.4.1.1.5)."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from filmroom.dicom.frames import Span
from filmroom.dicom.spans import Spans
from filmroom.errors import NotFound

__all__ = ["BulkIndex", "BulkValue", "little_endian"]

_ENTRY = struct.Struct("<HHII")  # bytes of path, VR and packed spans; number of spans

WORDS = {
    "OW": 2, "US": 2, "SS": 2, "AT": 2,
    "OL": 4, "OF": 4, "UL": 4, "SL": 4, "FL": 4,
    "OD": 8, "OV": 8, "UV": 8, "SV": 8, "FD": 8,
}  # fmt: skip  # bytes of what is swapped between byte orders
_CODES = {2: "H", 4: "I", 8: "Q"}


@dataclass(frozen=True, slots=True)
class BulkValue:
    """One bulk value and where its bytes lie.

    `path` names it below `…/bulkdata/`: a tag, or tags and item numbers from 1
    joined by "/": `30060039/1/30060040/2/30060050`.
    `spans` is the value as stored; of encapsulated pixel data, its fragments.
    """

    path: str
    vr: str
    spans: Sequence[Span]

    @property
    def length(self) -> int:
        """Bytes of the value."""
        return Spans.of(self.spans).total


@dataclass(frozen=True, slots=True)
class BulkIndex:
    """All bulk values of one instance."""

    values: Sequence[BulkValue] = ()

    def find(self, path: str) -> BulkValue:
        """The value at `path`; NotFound if there is none."""
        for value in self.values:
            if value.path == path:
                return value
        raise NotFound(f"no bulk data at {path}")

    def pack(self) -> bytes:
        """The index as a few bytes, to be kept in a row."""
        parts = []
        for value in self.values:
            path, vr = value.path.encode(), value.vr.encode()
            spans = Spans.of(value.spans).pack()
            parts += [_ENTRY.pack(len(path), len(vr), len(spans), 0), path, vr, spans]
        return b"".join(parts)

    @classmethod
    def unpack(cls, packed: bytes) -> BulkIndex:
        """The index that `pack` made these bytes of."""
        values, at = [], 0
        while at < len(packed):
            path, vr, spans, _ = _ENTRY.unpack_from(packed, at)
            ends = at + _ENTRY.size + path, at + _ENTRY.size + path + vr
            values.append(
                BulkValue(
                    packed[at + _ENTRY.size : ends[0]].decode(),
                    packed[ends[0] : ends[1]].decode(),
                    Spans.unpack(packed[ends[1] : ends[1] + spans]),
                )
            )
            at = ends[1] + spans
        return cls(tuple(values))


def little_endian(value: bytes, vr: str) -> bytes:
    """A value of a big endian data set in the byte order that PS3.18 §8.7.3 sends."""
    width = WORDS.get(vr)
    if width is None or len(value) % width:
        return value
    words = array(_CODES[width], value)
    words.byteswap()
    return words.tobytes()
