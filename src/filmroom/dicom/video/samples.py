"""Samples of an MP4 track from NAL units: access units, the two fields of a frame together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filmroom.dicom.video.annex_b import START_CODE, Nal
from filmroom.dicom.video.pictures import Codec, Part, Picture
from filmroom.errors import Undecodable

LENGTH = 4  # bytes before each NAL unit of a sample
LARGEST_SAMPLE = 32 << 20
"""Bytes; the largest picture of any level that DICOM has is 25 MB before it is compressed."""


@dataclass(slots=True)
class Sample:
    """One access unit as it lies in the stream; bytes are counted in the elementary stream."""

    start: int
    """Of the start code before its first NAL unit."""
    end: int
    size: int
    """Bytes that it has in MP4, parameter sets left out."""
    sets: int = 0
    """Bytes that parameter sets add to that."""
    picture: Picture | None = None
    is_paired: bool = False

    def joined(self, field: Sample) -> Sample:
        """The frame that this field and the next one make."""
        size, sets = self.size + field.size, self.sets + field.sets
        return Sample(self.start, field.end, size, sets, self.picture, is_paired=True)

    def pairs_with(self, other: Sample) -> bool:
        """Whether the next picture is the second field of this one's frame (H.264 §3.30)."""
        first, second = self.picture, other.picture
        return (
            first is not None
            and second is not None
            and not self.is_paired
            and first.frame == second.frame >= 0
            and first.is_bottom != second.is_bottom
            and not second.begins
        )


def samples(units: Iterable[Nal], codec: Codec) -> Iterator[Sample]:
    """Every access unit that can be shown, in the order of decoding."""
    last: Sample | None = None
    for sample in _access_units(units, codec):
        if sample.end - sample.start > LARGEST_SAMPLE:
            raise Undecodable(f"a picture of the video stream has over {LARGEST_SAMPLE} bytes")
        if last is None:
            last = sample
        elif last.pairs_with(sample):
            last = last.joined(sample)
        else:
            yield last
            last = sample
    if last is not None:
        yield last


def _access_units(units: Iterable[Nal], codec: Codec) -> Iterator[Sample]:
    current = Sample(-1, -1, 0)
    for nal in units:
        part = codec.part(nal.head)
        ends = part in (Part.FIRST, Part.AHEAD) and current.picture is not None
        if ends:
            if current.picture is not None and current.picture.is_shown:
                yield current
            current = Sample(-1, -1, 0)
        if part is Part.FIRST:
            current.picture = codec.picture(nal.head)
        _extend(current, nal, codec)
    if current.picture is not None and current.picture.is_shown:
        yield current


def _extend(sample: Sample, nal: Nal, codec: Codec) -> None:
    if sample.start < 0:
        sample.start = nal.start - len(START_CODE)
    sample.end = nal.end
    if codec.is_parameter_set(nal.head):
        sample.sets += LENGTH + nal.end - nal.start
    elif codec.is_kept(nal.head):
        sample.size += LENGTH + nal.end - nal.start
