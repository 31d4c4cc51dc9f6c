"""H.264 in a byte stream, and what MP4 says of it (ITU-T H.264 §7.4.1, ISO 14496-15 §5)."""

from __future__ import annotations

import struct
from contextlib import suppress

from filmroom.dicom.video.h264_sets import (
    HIGH_PROFILES,
    PictureSet,
    Sequence,
    read_picture_set,
    read_sequence,
)
from filmroom.dicom.video.h264_slices import IDR, Order, read_slice
from filmroom.dicom.video.mp4_boxes import box
from filmroom.dicom.video.parameter_sets import Sets
from filmroom.dicom.video.pictures import Look, Part, Picture
from filmroom.errors import Undecodable

SLICES = frozenset([1, 2, IDR])
SEI, SPS, PPS, DELIMITER, END_OF_STREAM, FILLER = 6, 7, 8, 9, 11, 12
OTHER_VIEWS = frozenset([14, 15, 20, 21])
"""Prefixes, parameter sets and slices of further views and layers (Annexes F to H)."""
UNSPECIFIED = range(24, 32)
DROPPED = OTHER_VIEWS | {DELIMITER, END_OF_STREAM, FILLER, *UNSPECIFIED}
AHEAD = frozenset([SEI, SPS, PPS, DELIMITER, *range(14, 19)])  # §7.4.1.2.3
RECOVERY_POINT = 6  # SEI payload type


class H264:
    """The reader of one stream's NAL units."""

    def __init__(self) -> None:
        self._sequence_sets, self._picture_sets = Sets(), Sets()
        self._sequences: dict[int, Sequence] = {}
        self._pictures: dict[int, PictureSet] = {}
        self._shown: Sequence | None = None
        self._order = Order()
        self._recovers = False

    def part(self, head: bytes) -> Part:
        """What a NAL unit is; parameter sets are learnt on the way."""
        kind = head[0] & 31
        if kind in SLICES:
            # Profiles of DICOM have neither arbitrary slice order nor redundant pictures.
            return Part.FIRST if len(head) > 1 and head[1] & 0x80 else Part.SLICE
        if kind == SPS:
            number, sequence = read_sequence(head)
            self._sequences[number] = sequence
            self._sequence_sets.add(number, head)
        elif kind == PPS:
            number, picture_set = read_picture_set(head)
            self._pictures[number] = picture_set
            self._picture_sets.add(number, head)
        elif kind == SEI:
            self._recovers = self._recovers or is_recovery_point(head)
        return Part.AHEAD if kind in AHEAD else Part.OTHER

    def picture(self, head: bytes) -> Picture:
        """The picture that this first slice begins."""
        recovers, self._recovers = self._recovers, False
        found = None
        with suppress(Undecodable):
            found = read_slice(head, self._sequences, self._pictures)
        if found is None:
            return Picture(is_key=False, begins=False, order=0, is_shown=False)
        first, sequence = found
        self._shown = self._shown or sequence
        return Picture(
            is_key=first.is_idr or recovers,
            begins=first.is_idr or first.resets,
            order=self._order.of(first, sequence),
            frame=first.frame_number if first.is_field else -1,
            is_bottom=first.is_bottom,
        )

    def is_kept(self, head: bytes) -> bool:
        """Whether a NAL unit belongs into a sample, apart from parameter sets."""
        return bool(head) and head[0] & 31 not in DROPPED

    def is_parameter_set(self, head: bytes) -> bool:
        """Whether a NAL unit is a parameter set."""
        return bool(head) and head[0] & 31 in (SPS, PPS)

    @property
    def has_varied(self) -> bool:
        """Whether a parameter set came that differs from the first of its number."""
        return self._sequence_sets.varied or self._picture_sets.varied

    def look(self) -> Look:
        """How pictures look; Undecodable if no slice could be read."""
        if self._shown is None:
            raise Undecodable("no H.264 picture is in the video stream")
        return self._shown.look

    def sample_entry(self) -> tuple[bytes, bytes]:
        """The type of the MP4 sample entry, and the box of the decoder's configuration."""
        sequences, pictures = self._sequence_sets.all(), self._picture_sets.all()
        shown = self._shown
        if shown is None or len(sequences) > 31 or len(pictures) > 255:
            raise Undecodable("the video stream's H.264 parameter sets are missing or too many")
        profile = sequences[0][1:4]
        parts = [b"\1", profile, bytes([0xFC | 3, 0xE0 | len(sequences)])]
        parts += [struct.pack(">H", len(each)) + each for each in sequences]
        parts.append(bytes([len(pictures)]))
        parts += [struct.pack(">H", len(each)) + each for each in pictures]
        if profile[0] in HIGH_PROFILES:
            depths = (0xF8 | shown.luma_depth - 8, 0xF8 | shown.chroma_depth - 8)
            parts.append(bytes([0xFC | shown.chroma_format, *depths, 0]))
        # Parameter sets that change on the way are in the samples (ISO 14496-15 §5.3.3).
        return b"avc3" if self.has_varied else b"avc1", box(b"avcC", *parts)


def is_recovery_point(head: bytes) -> bool:
    """Whether an SEI message says that decoding can begin with the next picture (§D.2.8)."""
    at = 1
    while at + 2 < len(head):
        kind, at = _extended(head, at)
        size, at = _extended(head, at)
        if kind == RECOVERY_POINT:
            return at < len(head) and bool(head[at] & 0x80)  # recovery_frame_cnt is 0
        at += size
    return False


def _extended(head: bytes, at: int) -> tuple[int, int]:
    """A number in bytes of 255 and a last smaller one, and where it ends (§7.3.2.3.1)."""
    value = 0
    while at < len(head) and head[at] == 255:
        value, at = value + 255, at + 1
    return (value + head[at], at + 1) if at < len(head) else (value, at)
