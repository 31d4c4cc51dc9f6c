"""Bulk values: those left out of the metadata and fetched by URI (PS3.18 §10.4.1.1.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filmroom.dicom.frames import Span
from filmroom.errors import NotFound


@dataclass(frozen=True, slots=True)
class BulkValue:
    """One bulk value and where its bytes lie.

    `path` names it below `…/bulkdata/`: a tag, or tags and item numbers from 1
    joined by "/": `30060039/1/30060040/2/30060050`.
    `spans` is the value as stored; of encapsulated pixel data, its fragments.
    """

    path: str
    vr: str
    spans: tuple[Span, ...]

    @property
    def length(self) -> int:
        """Bytes of the value."""
        return sum(span.length for span in self.spans)


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
        raise NotImplementedError

    @classmethod
    def unpack(cls, packed: bytes) -> BulkIndex:
        """The index that `pack` made these bytes of."""
        raise NotImplementedError
