"""Content of blobs whose data set is deflated (PS3.5 §A.5): inflated as far as is needed, once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from weakref import finalize

from filmroom.core.content import CHUNK, cut
from filmroom.dicom.frames import Span
from filmroom.dicom.part10 import read_file_meta
from filmroom.errors import Broken, NotFound
from filmroom.model.ports import Storage

IN_MEMORY = 16 << 20
"""Bytes up to which what was inflated stays in memory; more goes to a file without a name."""


class InflatedBlob:
    """A blob as if its data set had been inflated in place: shared by the parts of one answer.

    Nothing is inflated before it is read, nor twice, in whatever order parts are
    read. For one thread at a time. How much there can be was bounded at ingest.
    """

    def __init__(self, storage: Storage, key: str) -> None:
        self._storage, self._key = storage, key
        self._spool = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 -- goes with this
        finalize(self, self._spool.close)
        self._source: Iterator[bytes] | None = None
        self._start = 0
        self._held = 0

    @property
    def size(self) -> int:
        """Bytes of the file if its data set were inflated in place: for that all of it is."""
        self._read(0, 0)
        while self._source is not None and (piece := next(self._source, None)) is not None:
            self._keep(piece)
        return self._start + self._held

    def run(self, span: Span) -> Iterator[bytes]:
        """The bytes of a span, in pieces."""
        for at in range(span.start, span.start + span.length, CHUNK):
            yield self._read(at, min(CHUNK, span.start + span.length - at))

    def _read(self, at: int, length: int) -> bytes:
        if self._source is None:
            self._start = _data_set(self._storage, self._key)
            self._source = _inflate(self._storage, self._key, self._start)
        wanted = at - self._start + length
        while self._held < wanted:
            piece = next(self._source, None)
            if piece is None:
                raise Broken(f"blob {self._key} ends before byte {at + length} when inflated")
            self._keep(piece)
        self._spool.seek(max(at - self._start, 0))
        return self._spool.read(length)

    def _keep(self, piece: bytes) -> None:
        self._spool.seek(self._held)
        self._spool.write(piece)
        self._held += len(piece)


def _data_set(storage: Storage, key: str) -> int:
    """Where the data set begins in a file."""
    try:
        with storage.view(key) as file:
            return read_file_meta(file).end
    except NotFound as error:
        raise Broken(f"blob {key} is gone") from error


def _inflate(storage: Storage, key: str, start: int) -> Iterator[bytes]:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    deflated = Span(start, storage.size(key) - start)
    for chunk in storage.chunks(key, deflated, CHUNK // 16):
        pending = chunk
        while pending and not stream.eof:
            yield stream.decompress(pending, CHUNK)
            pending = stream.unconsumed_tail
    yield stream.flush()


@dataclass(frozen=True, slots=True)
class InflatedContent:
    """Runs of an inflated blob, one after another."""

    blob: InflatedBlob
    spans: tuple[Span, ...]

    @property
    def size(self) -> int:
        return sum(span.length for span in self.spans)

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        for span in cut(self.spans, within) if within else self.spans:
            yield from self.blob.run(span)

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def at_hand(self) -> bytes | None:
        return None  # inflating takes its time
