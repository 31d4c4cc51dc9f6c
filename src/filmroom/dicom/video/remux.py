"""A stored stream as an MP4 file: a head, and samples that are made when they are read.

The stream is read once to find its pictures. What is kept of that is some tens of bytes a
picture: where each lies in the stored stream, and where in the file.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import chain

from filmroom.dicom.spans import Span
from filmroom.dicom.video.annex_b import nals, with_lengths
from filmroom.dicom.video.h264 import H264
from filmroom.dicom.video.hevc import Hevc
from filmroom.dicom.video.mp4_boxes import Track, head
from filmroom.dicom.video.pictures import Codec
from filmroom.dicom.video.samples import Sample, samples
from filmroom.dicom.video.transport_stream import (
    AVC_STREAM,
    HEVC_STREAM,
    SEARCHED,
    VIDEO,
    Demultiplexer,
    Layout,
    demultiplexed,
    is_transport_stream,
    read_layout,
)
from filmroom.errors import Broken, Undecodable

MOST_SAMPLES = 1 << 21
"""Nineteen hours at 30 frames a second."""
MOST_DELAY = 16
"""Pictures that a decoder can hold back, of any level."""
USUAL_RATE = Fraction(25)
SLOWEST, FASTEST = Fraction(1, 10), Fraction(1000)
SAME_RATE = Fraction(1, 100)
"""The part by which a rounded frame time may differ from the exact rate."""

READ_AT_ONCE = 1 << 20  # bytes

_HEAD = struct.Struct("<4sIQIHHHHH")
_MARK = b"RMX1"
ELEMENTARY = Layout(0, 0, 0, 0)
"""A stream without packets."""


@dataclass(frozen=True, slots=True)
class Remuxed:
    """An MP4 file over a stored stream."""

    head: bytes
    """All that comes before the samples."""
    layout: Layout
    is_hevc: bool
    sets_from: int
    """The sample from which on parameter sets are kept in the samples."""
    starts: array[int] = field(default_factory=lambda: array("Q"))
    """For each sample, the first stored byte to read."""
    lengths: array[int] = field(default_factory=lambda: array("I"))
    """How many to read."""
    skips: array[int] = field(default_factory=lambda: array("I"))
    """How many bytes of the elementary stream in these come before the sample."""
    runs: array[int] = field(default_factory=lambda: array("I"))
    """How many bytes of the elementary stream are the sample."""
    ends: array[int] = field(default_factory=lambda: array("Q"))
    """Where each sample ends in the file."""

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.ends[-1]

    def chunks(self, stored: Callable[[Span], bytes], within: Span) -> Iterator[bytes]:
        """A run of the file, in pieces of a sample at most; `stored` reads the stream."""
        at, end = within.start, min(within.start + within.length, self.size)
        if at < min(end, len(self.head)):
            yield self.head[at:end]
            at = len(self.head)
        number = bisect_right(self.ends, at)
        while at < end:
            last = self._last_at_hand(number)
            begin = self.starts[number]
            read = memoryview(stored(Span(begin, self.starts[last] + self.lengths[last] - begin)))
            while at < end and number <= last:
                offset = self.starts[number] - begin
                sample = self.sample(number, bytes(read[offset : offset + self.lengths[number]]))
                first = self.ends[number] - len(sample)
                yield sample[at - first : end - first]
                at, number = self.ends[number], number + 1

    def _last_at_hand(self, number: int) -> int:
        """The last sample that is read together with another one, small ones being many."""
        most = self.starts[number] + READ_AT_ONCE
        return max(bisect_right(self.starts, most) - 2, number)

    def sample(self, number: int, read: bytes) -> bytes:
        """A sample (from 0), of the stored bytes that it lies in."""
        run = read
        if self.layout.packet:
            stream = Demultiplexer(self.layout, begun=True).feed(read)
            run = stream[self.skips[number] : self.skips[number] + self.runs[number]]
        codec = _codec(is_hevc=self.is_hevc)
        with_sets = number >= self.sets_from
        sample = with_lengths(
            run, lambda nal: with_sets if codec.is_parameter_set(nal) else codec.is_kept(nal)
        )
        before = self.ends[number - 1] if number else len(self.head)
        if len(sample) != self.ends[number] - before:
            raise Broken(f"picture {number + 1} of a video is not what it was")
        return sample

    def pack(self) -> bytes:
        """All of this as bytes, to be kept."""
        layout = self.layout
        fields = (_MARK, len(self.starts), len(self.head), self.sets_from, self.is_hevc)
        packets = (layout.packet, layout.before, layout.pid, layout.stream_type)
        arrays = (self.starts, self.ends, self.lengths, self.skips, self.runs)
        return b"".join([_HEAD.pack(*fields, *packets), self.head, *map(array.tobytes, arrays)])

    @classmethod
    def unpack(cls, packed: bytes) -> Remuxed:
        """What `pack` made these bytes of."""
        _, count, length, sets_from, is_hevc, *packets = _HEAD.unpack_from(packed)
        at = _HEAD.size + length
        made = cls(packed[_HEAD.size : at], Layout(*packets), bool(is_hevc), sets_from)
        for each in (made.starts, made.ends, made.lengths, made.skips, made.runs):
            each.frombytes(packed[at : at + count * each.itemsize])
            at += count * each.itemsize
        return made


def remux(pieces: Iterable[bytes], *, is_hevc: bool, told: Fraction | None = None) -> Remuxed:
    """Find the pictures of a stream that is read once, in pieces of any length.

    `told` is what the data set says of frames per second. Undecodable if the stream is
    none that MP4 could take without coding it anew.
    """
    stream = iter(pieces)
    begin = next(stream, b"")
    layout = ELEMENTARY
    if is_transport_stream(begin):
        begin = _more(begin, stream)
        layout = read_layout(begin)
        if layout.stream_type not in (AVC_STREAM, HEVC_STREAM):
            raise Undecodable(f"a video in {VIDEO[layout.stream_type]} has to be coded anew")
        is_hevc = layout.stream_type == HEVC_STREAM
    codec = _codec(is_hevc=is_hevc)
    builder = _Builder(codec, layout)
    builder.read(chain((begin,), stream))
    look = codec.look()
    entry, configuration = codec.sample_entry()
    track = Track(
        entry,
        configuration,
        look,
        _rate(told, look.rate),
        builder.sizes,
        builder.shown(),
        builder.keys,
    )
    return builder.remuxed(head(track), is_hevc=is_hevc)


def _more(begin: bytes, stream: Iterator[bytes]) -> bytes:
    """The beginning of a transport stream, long enough for its tables."""
    pieces, size = [begin], len(begin)
    while size < SEARCHED and (piece := next(stream, b"")):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _codec(*, is_hevc: bool) -> Codec:
    return Hevc() if is_hevc else H264()


def _rate(told: Fraction | None, coded: Fraction | None) -> Fraction:
    """Frames per second: as the data set has them, more exactly if the stream agrees."""
    if told is None or not SLOWEST <= told <= FASTEST:
        told = None
    if coded is not None and not SLOWEST <= coded <= FASTEST:
        coded = None
    if told and coded and abs(told - coded) <= SAME_RATE * told:
        told = coded
    return (told or coded or USUAL_RATE).limit_denominator(10_000)


class _Builder:
    """Gathers what is to be known of each sample."""

    def __init__(self, codec: Codec, layout: Layout) -> None:
        self._codec = codec
        self._layout = layout
        self._made = Remuxed(b"", layout, is_hevc=False, sets_from=0)
        self._orders = array("q")
        self._begins: list[int] = []
        self._sets_from: int | None = None
        self.sizes = array("I")
        self.keys = array("I")

    def read(self, pieces: Iterable[bytes]) -> None:
        """Read the stream to its end."""
        packets = Demultiplexer(self._layout) if self._layout.packet else None
        stream = demultiplexed(pieces, packets) if packets else pieces
        for sample in samples(nals(stream), self._codec):
            if len(self.sizes) == MOST_SAMPLES:
                raise Undecodable(f"the video has over {MOST_SAMPLES} pictures")
            self._add(sample, packets)

    def _add(self, sample: Sample, packets: Demultiplexer | None) -> None:
        number, made, picture = len(self.sizes), self._made, sample.picture
        if picture is None:
            return
        start, length, skip = sample.start, sample.end - sample.start, 0
        made.runs.append(length)
        if packets:
            start, length, skip = packets.source(sample.start, sample.end)
        made.starts.append(start)
        made.lengths.append(length)
        made.skips.append(skip)
        if self._sets_from is None and self._codec.has_varied:
            self._sets_from = number
        self.sizes.append(sample.size + (0 if self._sets_from is None else sample.sets))
        self._orders.append(picture.order)
        if picture.is_key or not number:
            self.keys.append(number)
        if picture.begins or not number:
            self._begins.append(number)

    def shown(self) -> array[int]:
        """The place of each sample in the order of showing; as decoded where that can't be told."""
        count = len(self.sizes)
        places = array("I", bytes(4 * count))
        for first, end in zip(self._begins, [*self._begins[1:], count], strict=True):
            for place, number in enumerate(sorted(range(first, end), key=self._orders.__getitem__)):
                places[number] = first + place
        if any(number - place > MOST_DELAY for number, place in enumerate(places)):
            return array("I", range(count))
        return places

    def remuxed(self, head: bytes, *, is_hevc: bool) -> Remuxed:
        """What was gathered, under the head of the file."""
        made, at = self._made, len(head)
        for size in self.sizes:
            at += size
            made.ends.append(at)
        sets_from = len(self.sizes) if self._sets_from is None else self._sets_from
        return Remuxed(
            head, made.layout, is_hevc, sets_from,
            made.starts, made.lengths, made.skips, made.runs, made.ends,
        )  # fmt: skip
