"""HEVC in a byte stream, and what MP4 says of it (ITU-T H.265 §7.4.2.4, ISO 14496-15 §8)."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

from filmroom.dicom.video.bits import Bits
from filmroom.dicom.video.hevc_sets import (
    HEADER,
    PictureSet,
    Sequence,
    read_picture_set,
    read_sequence,
    read_video_set,
)
from filmroom.dicom.video.mp4_boxes import box
from filmroom.dicom.video.parameter_sets import Sets
from filmroom.dicom.video.pictures import Look, Part, Picture
from filmroom.errors import Undecodable

LAST_SLICE = 31
RADL, RASL = (6, 7), (8, 9)
LAST_NOT_REFERENCED = 14  # up to here even types are not referred to within their sub-layer
RANDOM_ACCESS = range(16, 24)
BROKEN_LINK = range(16, 19)
IDR = (19, 20)
VPS, SPS, PPS = 32, 33, 34
DELIMITER, END_OF_SEQUENCE, END_OF_STREAM, FILLER, SEI = 35, 36, 37, 38, 39
DROPPED = frozenset([DELIMITER, END_OF_STREAM, FILLER])
AHEAD = frozenset([VPS, SPS, PPS, DELIMITER, SEI, *range(41, 45), *range(48, 56)])
LONGEST_HEADER = 64  # bytes of a slice, up to its picture order count
NO_PARALLELISM_TOLD, NO_REGION_TOLD, NO_FRAME_RATE_TOLD = 0xFC, 0xF000, 0


class Hevc:
    """The reader of one stream's NAL units; only the base layer is read."""

    def __init__(self) -> None:
        self._sets = {VPS: Sets(), SPS: Sets(), PPS: Sets()}
        self._sequences: dict[int, Sequence] = {}
        self._pictures: dict[int, PictureSet] = {}
        self._rate: Fraction | None = None
        self._shown: Sequence | None = None
        self._high = self._low = 0  # of the last picture that orders go by
        self._is_first = True
        self._skips_leading = True

    def part(self, head: bytes) -> Part:
        """What a NAL unit is; parameter sets are learnt on the way."""
        if len(head) < HEADER or _layer(head):
            return Part.OTHER
        kind = head[0] >> 1 & 63
        if kind <= LAST_SLICE:
            return Part.FIRST if head[HEADER:] >= b"\x80" else Part.SLICE
        if kind == SPS:
            number, sequence = read_sequence(head)
            self._sequences[number] = sequence
            self._sets[SPS].add(number, head)
        elif kind == PPS:
            number, picture_set = read_picture_set(head)
            self._pictures[number] = picture_set
            self._sets[PPS].add(number, head)
        elif kind == VPS:
            number, self._rate = read_video_set(head)
            self._sets[VPS].add(number, head)
        elif kind in (END_OF_SEQUENCE, END_OF_STREAM):
            self._is_first = True
        return Part.AHEAD if kind in AHEAD else Part.OTHER

    def picture(self, head: bytes) -> Picture:
        """The picture that this first slice begins."""
        kind, temporal = head[0] >> 1 & 63, (head[1] & 7) - 1
        found = None
        with suppress(Undecodable):
            found = self._read_order(head, kind)
        if found is None:
            return Picture(is_key=False, begins=False, order=0, is_shown=False)
        bits, low = found
        begins = kind in RANDOM_ACCESS and (self._is_first or kind in (*IDR, *BROKEN_LINK))
        if kind in RANDOM_ACCESS:
            # Leading pictures refer to what was before: not there after these (§8.1.3).
            self._is_first, self._skips_leading = False, begins
        high = 0 if begins else self._high_for(low, bits)
        is_leading = kind in (*RADL, *RASL)
        is_referenced = kind > LAST_NOT_REFERENCED or kind % 2 == 1
        if temporal == 0 and not is_leading and is_referenced:
            self._high, self._low = high, low
        return Picture(
            is_key=kind in RANDOM_ACCESS,
            begins=begins,
            order=high + low,
            is_shown=not (kind in RASL and self._skips_leading),
        )

    def _read_order(self, head: bytes, kind: int) -> tuple[int, int] | None:
        """The bits of the count, and its low part (§7.3.6.1); None without parameter sets."""
        bits = Bits(head[HEADER:LONGEST_HEADER])
        bits.u(2 if kind in RANDOM_ACCESS else 1)
        picture_set = self._pictures.get(bits.ue())
        sequence = self._sequences.get(picture_set.sequence) if picture_set else None
        if picture_set is None or sequence is None:
            return None
        self._shown = self._shown or sequence
        bits.u(picture_set.extra_bits)
        bits.ue()
        bits.u(picture_set.has_output_flag + 2 * sequence.separate_planes)
        return sequence.order_bits, 0 if kind in IDR else bits.u(sequence.order_bits)

    def _high_for(self, low: int, bits: int) -> int:
        """§8.3.1."""
        period = 1 << bits
        if low < self._low and self._low - low >= period // 2:
            return self._high + period
        if low > self._low and low - self._low > period // 2:
            return self._high - period
        return self._high

    def is_kept(self, head: bytes) -> bool:
        """Whether a NAL unit belongs into a sample, apart from parameter sets."""
        return len(head) >= HEADER and not _layer(head) and head[0] >> 1 & 63 not in DROPPED

    def is_parameter_set(self, head: bytes) -> bool:
        """Whether a NAL unit is a parameter set."""
        return bool(head) and head[0] >> 1 & 63 in (VPS, SPS, PPS)

    @property
    def has_varied(self) -> bool:
        """Whether a parameter set came that differs from the first of its number."""
        return any(sets.varied for sets in self._sets.values())

    def look(self) -> Look:
        """How pictures look; Undecodable if no slice could be read."""
        if self._shown is None:
            raise Undecodable("no HEVC picture is in the video stream")
        look = self._shown.look
        return replace(look, rate=look.rate or self._rate)

    def sample_entry(self) -> tuple[bytes, bytes]:
        """The type of the MP4 sample entry, and the box of the decoder's configuration."""
        shown = self._shown
        if shown is None or not all(sets.first for sets in self._sets.values()):
            raise Undecodable("the video stream's HEVC parameter sets are missing")
        fields = struct.pack(
            ">B12sHBBBBHBB",
            1,
            shown.profile,
            NO_REGION_TOLD,
            NO_PARALLELISM_TOLD,
            0xFC | shown.chroma_format,
            0xF8 | shown.luma_depth - 8,
            0xF8 | shown.chroma_depth - 8,
            NO_FRAME_RATE_TOLD,
            shown.layers << 3 | shown.nested << 2 | 3,
            len(self._sets),
        )
        complete = 0 if self.has_varied else 0x80
        arrays = [_array(kind | complete, sets.all()) for kind, sets in self._sets.items()]
        # Parameter sets that change on the way are in the samples (ISO 14496-15 §8.4.1).
        return b"hev1" if self.has_varied else b"hvc1", box(b"hvcC", fields, *arrays)


def _layer(head: bytes) -> int:
    return (head[0] & 1) << 5 | head[1] >> 3


def _array(kind: int, sets: list[bytes]) -> bytes:
    """Parameter sets of one kind, in an HEVC decoder configuration."""
    parts = [struct.pack(">H", len(each)) + each for each in sets]
    return struct.pack(">BH", kind, len(sets)) + b"".join(parts)
