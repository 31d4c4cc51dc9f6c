"""Where each frame lies in a file: native, offset tables, fragments (PS3.5 §A.4)."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import overload

from filmroom.dicom.spans import Span, Spans
from filmroom.errors import Malformed, NotFound

__all__ = ["ITEM_HEADER", "FrameIndex", "Span", "by_table", "encapsulated", "native"]

ITEM_HEADER = 8  # bytes: the Item tag and its 32-bit length

_NATIVE = struct.Struct("<cQQQ")
_GROUPED = struct.Struct("<cII")


class NativeFrames(Sequence[tuple[Span, ...]]):
    """Uncompressed frames one after another, from three numbers.

    `bits` is the length of a frame in bits: frames of one-bit pixels need not end
    with a byte, and then a frame's span has all bytes that it touches.
    """

    __slots__ = ("bits", "many", "start")

    def __init__(self, start: int, bits: int, count: int) -> None:
        self.start, self.bits, self.many = start, bits, count

    def __len__(self) -> int:
        return self.many

    @overload
    def __getitem__(self, index: int) -> tuple[Span, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[Span, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[Span, ...] | Sequence[tuple[Span, ...]]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(self.many)))
        if not -self.many <= index < self.many:
            raise IndexError(index)
        first = (index % self.many) * self.bits
        start, end = first // 8, (first + self.bits + 7) // 8
        return (Span(self.start + start, end - start),)

    def pack(self) -> bytes:
        """The frames as a few bytes."""
        return _NATIVE.pack(b"N", self.start, self.bits, self.many)


class GroupedFrames(Sequence[tuple[Span, ...]]):
    """Compressed frames: fragments, and the number of the first one of each frame.

    Without `first` each fragment is a frame.
    """

    __slots__ = ("first", "fragments")

    def __init__(self, fragments: Spans, first: Iterable[int] | None = None) -> None:
        self.fragments = fragments
        self.first = None if first is None else array("I", first)

    def __len__(self) -> int:
        return len(self.fragments) if self.first is None else len(self.first)

    @overload
    def __getitem__(self, index: int) -> tuple[Span, ...]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[tuple[Span, ...]]: ...
    def __getitem__(self, index: int | slice) -> tuple[Span, ...] | Sequence[tuple[Span, ...]]:
        count = len(self)
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(count)))
        if not -count <= index < count:
            raise IndexError(index)
        number = index % count
        if self.first is None:
            return (self.fragments[number],)
        end = self.first[number + 1] if number + 1 < count else len(self.fragments)
        return self.fragments.cut(self.first[number], end)

    def pack(self) -> bytes:
        """The frames as a few bytes."""
        first = array("I") if self.first is None else self.first
        head = _GROUPED.pack(b"F" if self.first is None else b"G", len(self), len(first))
        return head + first.tobytes() + self.fragments.pack()


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """For each frame, in order, the spans that make it up.

    A native frame is one span. An encapsulated frame is its fragments' values,
    without item headers: joined, they are one complete codestream.
    """

    frames: Sequence[tuple[Span, ...]] = ()

    def __len__(self) -> int:
        return len(self.frames)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FrameIndex) and tuple(self.frames) == tuple(other.frames)

    def __hash__(self) -> int:
        return hash(tuple(self.frames))

    def spans(self, number: int) -> tuple[Span, ...]:
        """The spans of frame `number`; frames are numbered from 1 (PS3.3 Table 10-3)."""
        if not 1 <= number <= len(self.frames):
            raise NotFound(f"no frame {number} among {len(self.frames)}")
        return self.frames[number - 1]

    @property
    def byte_aligned(self) -> bool:
        """Whether every frame begins with a byte; if not, pass what was read to `align`."""
        return not (isinstance(self.frames, NativeFrames) and self.frames.bits % 8)

    def align(self, number: int, read: bytes) -> bytes:
        """The bytes of frame `number` from the bytes of its spans.

        They differ only for one-bit pixels whose frames do not end with a byte: then
        the first pixel comes to the least bit of the first byte (PS3.5 §8.1.1), and
        unused bits of the last byte are zero.
        """
        if not isinstance(self.frames, NativeFrames) or not self.frames.bits % 8:
            return read
        bits = self.frames.bits
        value = int.from_bytes(read, "little") >> ((number - 1) * bits % 8)
        return (value & ((1 << bits) - 1)).to_bytes((bits + 7) // 8, "little")

    def pack(self) -> bytes:
        """The index as a few bytes, to be kept in a row."""
        frames = self.frames
        if not len(frames):
            return b""
        if not isinstance(frames, (NativeFrames, GroupedFrames)):
            first = [0]
            for spans in frames[:-1]:
                first.append(first[-1] + len(spans))
            frames = GroupedFrames(Spans.of([span for spans in frames for span in spans]), first)
        return frames.pack()

    @classmethod
    def unpack(cls, packed: bytes) -> FrameIndex:
        """The index that `pack` made these bytes of."""
        if not packed:
            return cls()
        if packed[:1] == b"N":
            return cls(NativeFrames(*_NATIVE.unpack(packed)[1:]))
        kind, _, listed = _GROUPED.unpack_from(packed)
        split = _GROUPED.size + 4 * listed
        first = array("I", packed[_GROUPED.size : split])
        return cls(GroupedFrames(Spans.unpack(packed[split:]), None if kind == b"F" else first))


def native(start: int, frame_length: int, count: int) -> FrameIndex:
    """Index uncompressed frames of `frame_length` bytes, one after another from `start`."""
    return native_bits(start, 8 * frame_length, count)


def native_bits(start: int, frame_bits: int, count: int) -> FrameIndex:
    """The same for frames of `frame_bits` bits, packed without padding between them."""
    return FrameIndex(NativeFrames(start, frame_bits, count))


def encapsulated(
    fragments: Sequence[Span],
    offsets: Sequence[int],
    count: int,
    lengths: Sequence[int] = (),
    begins: Sequence[int] = (),
) -> FrameIndex:
    """Index `count` compressed frames; raises Malformed where they cannot be told apart.

    `offsets` is the offset table, basic or extended, empty if the file has none: bytes
    from the first fragment's item header to that of each frame's first fragment.
    `lengths` are the bytes of each frame, from an extended table. `begins` are the
    numbers (from 0) of the fragments that begin with a codestream's first marker. A
    table that contradicts the fragments is passed over, and then they must tell.
    """
    spans = Spans.of(fragments)
    if offsets and (found := by_table(spans, offsets, count, lengths)) is not None:
        return found
    if count == 1 and len(spans):
        return FrameIndex(GroupedFrames(spans, None if len(spans) == 1 else [0]))
    if len(spans) == count:
        return FrameIndex(GroupedFrames(spans))
    if len(begins) == count and begins[:1] == [0]:
        return FrameIndex(GroupedFrames(spans, begins))
    raise Malformed(f"{len(spans)} fragments do not make {count} frames, and no offset table tells")


def by_table(
    spans: Spans, offsets: Sequence[int], count: int, lengths: Sequence[int] = ()
) -> FrameIndex | None:
    """Index frames as an offset table has them; None if the table is wrong."""
    found = _by_offsets(spans, offsets, count, lengths)
    return None if found is None else FrameIndex(found)


def _by_offsets(
    spans: Spans, offsets: Sequence[int], count: int, lengths: Sequence[int]
) -> GroupedFrames | None:
    if len(offsets) != count or not spans or offsets[0] != 0:
        return None
    if lengths:
        return _by_extended(spans, offsets, lengths)
    base = spans.starts[0]
    number = {start - base: i for i, start in enumerate(spans.starts)}
    first = [number.get(offset, -1) for offset in offsets]
    if -1 in first or any(b <= a for a, b in pairwise(first)):
        return None
    return GroupedFrames(spans, None if len(first) == len(spans) else first)


def _by_extended(
    spans: Spans, offsets: Sequence[int], lengths: Sequence[int]
) -> GroupedFrames | None:
    """Frames of one fragment each, whose lengths leave padding out (PS3.3 §C.7.6.3.1.8)."""
    base = spans.starts[0]
    if len(offsets) != len(spans) or len(lengths) != len(spans):
        return None
    for start, stored, offset, length in zip(
        spans.starts, spans.lengths, offsets, lengths, strict=True
    ):
        if start - base != offset or not 0 < length <= stored:
            return None
    return GroupedFrames(Spans(spans.starts, lengths))
