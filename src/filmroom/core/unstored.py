"""An archive of one instance that is staged and not stored yet, for verbs that read instances."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from filmroom.core.absent import NothingKept
from filmroom.core.archive import Archive
from filmroom.dicom.bulk import BulkIndex
from filmroom.dicom.frames import FrameIndex, Span
from filmroom.dicom.scan import Scan
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.metadata import Metadata
from filmroom.model.pixels import Pixels
from filmroom.model.selection import Selection

if TYPE_CHECKING:
    from filmroom.model.ports import InstanceIndex, Storage


def unstored(
    archive: Archive, data: memoryview, scanned: Scan, digest: str, pixels: Pixels
) -> tuple[Archive, Located]:
    """An archive that holds nothing but a scanned file, and where that is; for reading only.

    Nothing that is made of it is kept.
    """
    ref = InstanceRef(scanned.study, scanned.series, scanned.instance)
    located = Located(
        ref,
        scanned.sop_class,
        scanned.transfer_syntax,
        digest,
        len(data),
        len(scanned.frames),
        received=0.0,
    )
    alone = replace(
        archive,
        index=cast("InstanceIndex", _OneScan(scanned)),
        storage=cast("Storage", _OneFile(data)),
        pixels=pixels,
        derived=NothingKept(),
    )
    return alone, located


@dataclass(frozen=True, slots=True)
class _OneScan:
    """What an index tells of an instance, whatever it is asked for."""

    scanned: Scan

    def frames(self, key: str) -> FrameIndex:
        return self.scanned.frames

    def bulk(self, key: str) -> BulkIndex:
        return self.scanned.bulk

    def metadata(self, selection: Selection) -> Metadata:
        text = b"[" + self.scanned.metadata + b"]"
        deflate = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
        pieces = [deflate.compress(text) + deflate.flush()]
        return Metadata(pieces, zlib.crc32(text), len(text), "")


@dataclass(frozen=True, slots=True)
class _OneFile:
    """What a storage gives of a blob, whatever its key."""

    data: memoryview

    def read(self, key: str, span: Span | None = None) -> bytes:
        return bytes(self.data if span is None else self._cut(span))

    def at_hand(self, key: str, span: Span) -> bytes | None:
        return bytes(self._cut(span))

    def chunks(self, key: str, span: Span | None = None, size: int = 1 << 20) -> Iterator[bytes]:
        whole = self.data if span is None else self._cut(span)
        return (bytes(whole[at : at + size]) for at in range(0, len(whole), size))

    @contextmanager
    def view(self, key: str) -> Iterator[memoryview]:
        yield self.data

    def size(self, key: str) -> int:
        return len(self.data)

    def _cut(self, span: Span) -> memoryview:
        return self.data[span.start : span.start + span.length]
