"""Content of an answer: bytes of a blob that are read when they are sent, whole or cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from filmroom.dicom.frames import FrameIndex, NativeFrames, Span
from filmroom.errors import Broken, NotFound
from filmroom.model.answer import Content
from filmroom.model.ports import Storage

CHUNK = 1 << 20
"""Bytes that are read at once."""


@dataclass(frozen=True, slots=True)
class StoredContent:
    """Runs of one blob, one after another."""

    storage: Storage
    key: str
    spans: tuple[Span, ...]

    @property
    def size(self) -> int:
        return sum(span.length for span in self.spans)

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        try:
            for span in cut(self.spans, within) if within else self.spans:
                yield from self.storage.chunks(self.key, span, CHUNK)
        except NotFound as error:
            raise _lost(self.key) from error

    def read(self) -> bytes:
        try:
            if len(self.spans) == 1:
                return self.storage.read(self.key, self.spans[0])
            return b"".join([self.storage.read(self.key, span) for span in self.spans])
        except NotFound as error:
            raise _lost(self.key) from error

    def at_hand(self) -> bytes | None:
        try:
            found = [self.storage.at_hand(self.key, span) for span in self.spans]
        except NotFound as error:
            raise _lost(self.key) from error
        if len(found) == 1:
            return found[0]
        present = [piece for piece in found if piece is not None]
        return b"".join(present) if len(present) == len(found) else None


def _lost(key: str) -> Broken:
    """A row names a blob that is not there: a lie, and so not the asker's mistake."""
    return Broken(f"blob {key} is gone")


@dataclass(frozen=True, slots=True)
class MemoryContent:
    """Bytes that had to be made."""

    data: bytes

    @property
    def size(self) -> int:
        return len(self.data)

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        start, length = (within.start, within.length) if within else (0, self.size)
        for at in range(start, start + length, CHUNK):
            yield self.data[at : min(at + CHUNK, start + length)]

    def read(self) -> bytes:
        return self.data

    def at_hand(self) -> bytes | None:
        return self.data


@dataclass(frozen=True, slots=True)
class AlignedContent:
    """A frame of one-bit pixels that begins or ends within a byte: read whole, since small."""

    stored: Content
    index: FrameIndex
    number: int

    @property
    def size(self) -> int:
        frames = self.index.frames
        bits = frames.bits if isinstance(frames, NativeFrames) else 8 * self.stored.size
        return (bits + 7) // 8

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        return MemoryContent(self.read()).chunks(within)

    def read(self) -> bytes:
        return self.index.align(self.number, self.stored.read())

    def at_hand(self) -> bytes | None:
        return None  # making them takes its time


@dataclass(frozen=True, slots=True)
class SwappedContent:
    """Big-endian words of `width` bytes turned little-endian; what is left over stays."""

    stored: Content
    width: int

    @property
    def size(self) -> int:
        return self.stored.size

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        start, length = (within.start, within.length) if within else (0, self.size)
        skip = start % self.width
        rest = -(start + length) % self.width
        words = Span(start - skip, min(length + skip + rest, self.size - start + skip))
        left = b""
        for chunk in self.stored.chunks(words):
            left += chunk
            whole = len(left) - len(left) % self.width
            if whole:
                piece = swapped(left[:whole], self.width)[skip : skip + length]
                yield piece
                left, skip, length = left[whole:], 0, length - len(piece)
        if length:
            yield left[skip : skip + length]

    def read(self) -> bytes:
        return swapped(self.stored.read(), self.width)

    def at_hand(self) -> bytes | None:
        return None  # making them takes its time


@dataclass(frozen=True, slots=True)
class CutContent:
    """A run of another content."""

    whole: Content
    run: Span

    @property
    def size(self) -> int:
        return self.run.length

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        start, length = (within.start, within.length) if within else (0, self.size)
        return self.whole.chunks(Span(self.run.start + start, length))

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def at_hand(self) -> bytes | None:
        return None  # making them takes its time


def swapped(words: bytes, width: int) -> bytes:
    """Words of `width` bytes, each turned round; the bytes of an incomplete last one stay."""
    if width <= 1:
        return words
    whole = len(words) - len(words) % width
    turned = bytearray(words)
    for byte in range(width):
        turned[byte:whole:width] = words[width - 1 - byte : whole : width]
    return bytes(turned)


def cut(spans: tuple[Span, ...], within: Span) -> tuple[Span, ...]:
    """Those parts of `spans`, laid end to end, that lie within a run of them."""
    found = []
    first, last = within.start, within.start + within.length
    at = 0
    for span in spans:
        start, end = max(first - at, 0), min(last - at, span.length)
        if start < end:
            found.append(Span(span.start + start, end - start))
        at += span.length
    return tuple(found)
