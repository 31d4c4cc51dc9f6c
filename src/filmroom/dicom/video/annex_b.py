"""NAL units in a byte stream: found by their start codes (ITU-T H.264 and H.265, Annex B)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from filmroom.errors import Undecodable

START_CODE = b"\0\0\1"
FORBIDDEN = b"\x80"  # the first bit
HEAD = 4096
"""Bytes of a NAL unit that are looked at: all of a parameter set, the header of a slice."""
MOST_NALS = 1 << 23
"""Far more than a day of video has; a stream of nothing but start codes has more."""


class Nal(NamedTuple):
    """A NAL unit; bytes are counted in the elementary stream."""

    start: int
    """Of its first byte, after the start code."""
    end: int
    """Without the zeros that follow it."""
    head: bytes
    """Its first bytes, at most HEAD of them."""


def nals(pieces: Iterable[bytes]) -> Iterator[Nal]:
    """The NAL units of a stream that is read once, in pieces of any length.

    What is none, being empty or with the forbidden bit set, is left out. Undecodable if
    the stream begins so: then it is made of MPEG's other units, which begin alike.
    """
    units = _coded(pieces)
    first = next(units, None)
    if first is not None and first.head >= FORBIDDEN:
        raise Undecodable("the video is no byte stream of NAL units")
    for unit in chain((first,), units):
        if unit is not None and b"" < unit.head < FORBIDDEN:
            yield unit


def _coded(pieces: Iterable[bytes]) -> Iterator[Nal]:
    """Whatever begins with a start code."""
    window, at = b"", 0  # what is at hand, and where it begins
    start, solid, head = -1, 0, b""  # the open NAL unit, and the end of what is not zero in it
    count = 0
    for piece in chain(pieces, (None,)):
        window += piece or b""
        limit = len(window) if piece is None else len(window) - HEAD - len(START_CODE)
        begin = 0
        while 0 <= (found := window.find(START_CODE, begin)) < limit:
            if start >= 0:
                end = _solid(window, at, begin, found, solid)
                yield Nal(start, end, head[: end - start])
            begin = found + len(START_CODE)
            start = solid = at + begin
            head = window[begin : begin + HEAD]
            count += 1
            if count > MOST_NALS:
                raise Undecodable(f"the video stream has over {MOST_NALS} NAL units")
        done = max(begin, limit)
        solid = _solid(window, at, begin, done, solid)
        window, at = window[done:], at + done
    if start >= 0:
        yield Nal(start, solid, head[: solid - start])


def _solid(window: bytes, at: int, begin: int, end: int, solid: int) -> int:
    """Where the last byte before `end` that is not zero ends; `solid` if all since are zero."""
    if begin < end and window[end - 1]:
        return at + end
    stripped = len(window[begin:end].rstrip(b"\0"))
    return at + begin + stripped if stripped else solid


def with_lengths(run: bytes, is_kept: Callable[[bytes], bool]) -> bytes:
    """The kept NAL units of a run, each after its length (ISO 14496-15 §5.3.4.2)."""
    parts = []
    for nal in nals((run,)):
        if is_kept(nal.head):
            parts.append((nal.end - nal.start).to_bytes(4, "big"))
            parts.append(run[nal.start : nal.end])
    return b"".join(parts)
