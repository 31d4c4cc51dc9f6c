"""Runs of bytes, kept as arrays so that tens of thousands cost little (PS3.5 §A.4)."""

from __future__ import annotations

import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add
from typing import overload

_HEAD = struct.Struct("<BQQ")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of bytes: `start` counts from the first byte of the file.

    In a deflated file it counts as if the data set had been inflated in place.
    """

    start: int
    length: int


class Spans(Sequence[Span]):
    """A sequence of spans; each `Span` is made when it is asked for."""

    __slots__ = ("lengths", "starts")

    def __init__(self, starts: Iterable[int] = (), lengths: Iterable[int] = ()) -> None:
        self.starts = starts if isinstance(starts, array) else array("Q", starts)
        self.lengths = lengths if isinstance(lengths, array) else array("Q", lengths)

    @classmethod
    def of(cls, spans: Sequence[Span]) -> Spans:
        """The same spans, as arrays."""
        if isinstance(spans, Spans):
            return spans
        return cls((span.start for span in spans), (span.length for span in spans))

    @property
    def total(self) -> int:
        """Bytes of all spans together."""
        return sum(self.lengths)

    def cut(self, first: int, end: int) -> tuple[Span, ...]:
        """The spans from number `first` up to but not including `end`, counted from 0."""
        return tuple(map(Span, self.starts[first:end], self.lengths[first:end]))

    def pack(self) -> bytes:
        """The spans as a few bytes: lengths, and gaps between a span's end and the next's start."""
        if not self.starts:
            return b""
        gaps = array(
            "q",
            [
                b - a - n
                for a, n, b in zip(self.starts, self.lengths, self.starts[1:], strict=False)
            ],
        )
        alike = len(set(gaps)) <= 1 and -128 <= (gaps[0] if gaps else 0) < 128
        body = array("Q" if max(self.lengths) >> 32 else "I", self.lengths).tobytes()
        body = bytes([len(body) // len(self.lengths), 1 if alike else 0]) + body
        body += gaps[:1].tobytes() if alike else gaps.tobytes()
        return _HEAD.pack(1, len(self.starts), self.starts[0]) + zlib.compress(body, 1)

    @classmethod
    def unpack(cls, packed: bytes | memoryview) -> Spans:
        """The spans that `pack` made these bytes of."""
        if not packed:
            return cls()
        _, count, start = _HEAD.unpack_from(packed)
        body = memoryview(zlib.decompress(packed[_HEAD.size :]))
        width, alike = body[0], body[1]
        split = 2 + width * count
        lengths = array("Q", array("Q" if width == 8 else "I", body[2:split].tobytes()))
        gaps = array("q", body[split:].tobytes())
        if alike:
            gap = gaps[0] if gaps else 0
            steps: Iterable[int] = map(gap.__add__, lengths[:-1])
        else:
            steps = map(add, lengths[:-1], gaps)
        return cls(accumulate(steps, initial=start), lengths)

    @overload
    def __getitem__(self, index: int) -> Span: ...
    @overload
    def __getitem__(self, index: slice) -> Spans: ...
    def __getitem__(self, index: int | slice) -> Span | Spans:
        if isinstance(index, slice):
            return Spans(self.starts[index], self.lengths[index])
        return Span(self.starts[index], self.lengths[index])

    def __len__(self) -> int:
        return len(self.starts)

    def __iter__(self) -> Iterator[Span]:
        return map(Span, self.starts, self.lengths)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Spans):
            return self.starts == other.starts and self.lengths == other.lengths
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Spans({len(self)} spans, {self.total} bytes)"
