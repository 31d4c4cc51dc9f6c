"""H.264's sequence and picture parameter sets (ITU-T H.264 §7.3.2.1 and §7.3.2.2)."""

from __future__ import annotations

from dataclasses import dataclass

from filmroom.dicom.video.bits import Bits
from filmroom.dicom.video.parameter_sets import checked_side, read_aspect, read_colour, read_rate
from filmroom.dicom.video.pictures import Look
from filmroom.errors import Undecodable

HIGH_PROFILES = frozenset([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135])
"""Profiles whose sequence parameter sets say more of chroma."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """What a sequence parameter set says (§7.3.2.1.1)."""

    look: Look
    chroma_format: int
    luma_depth: int
    chroma_depth: int
    separate_planes: bool
    frame_number_bits: int
    order_type: int
    order_bits: int
    delta_always_zero: bool
    offset_not_reference: int
    offset_bottom: int
    offsets: tuple[int, ...]
    frames_only: bool


@dataclass(frozen=True, slots=True)
class PictureSet:
    """What a picture parameter set says (§7.3.2.2)."""

    sequence: int
    order_of_bottom: bool
    references: tuple[int, int]
    weighted: bool
    weighted_bi: int
    redundant: bool


def read_sequence(head: bytes) -> tuple[int, Sequence]:
    """A sequence parameter set's number, and what it says."""
    profile, bits = head[1], Bits(head[4:])
    number = bits.ue()
    chroma, separate, luma_depth, chroma_depth = 1, False, 8, 8
    if profile in HIGH_PROFILES:
        chroma = bits.ue()
        separate = bits.flag() if chroma == 3 else False
        luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
        bits.u(1)
        if bits.flag():
            _skip_scaling(bits, 8 if chroma != 3 else 12)
    frame_number_bits = 4 + bits.ue()
    order_type = bits.ue()
    order_bits = 4 + bits.ue() if order_type == 0 else 0
    always_zero, not_reference, bottom, offsets = _read_cycle(bits, order_type)
    if max(frame_number_bits, order_bits) > 16 or order_type > 2 or chroma > 3:
        raise Undecodable("the video stream's sequence parameter set is damaged")
    bits.ue()  # max_num_ref_frames
    bits.u(1)
    columns, rows = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.flag()
    bits.u(1 if frames_only else 2)
    look = _read_look(bits, 16 * columns, 16 * rows * (2 - frames_only), chroma, frames_only)
    return number, Sequence(
        look, chroma, luma_depth, chroma_depth, separate, frame_number_bits, order_type,
        order_bits, always_zero, not_reference, bottom, offsets, frames_only,
    )  # fmt: skip


def _skip_scaling(bits: Bits, lists: int) -> None:
    """Pass over the scaling matrices (§7.3.2.1.1.1)."""
    for each in range(lists):
        if not bits.flag():
            continue
        last = following = 8
        for _ in range(16 if each < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _read_cycle(bits: Bits, order_type: int) -> tuple[bool, int, int, tuple[int, ...]]:
    """What counts of type 1 are made of; nothing of other types."""
    if order_type != 1:
        return False, 0, 0, ()
    always_zero, not_reference, bottom, count = bits.flag(), bits.se(), bits.se(), bits.ue()
    if count > 255:
        raise Undecodable("the video stream's sequence parameter set is damaged")
    return always_zero, not_reference, bottom, tuple(bits.se() for _ in range(count))


def _read_look(bits: Bits, width: int, height: int, chroma: int, frames_only: bool) -> Look:
    if bits.flag():  # frame_cropping_flag; units of Table 6-1
        across = 2 if chroma in (1, 2) else 1
        down = (2 if chroma == 1 else 1) * (2 - frames_only)
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width, height = width - across * (left + right), height - down * (top + bottom)
    width, height = checked_side(width), checked_side(height)
    if not bits.flag():  # vui_parameters_present_flag
        return Look(width, height)
    aspect, colour = read_aspect(bits), read_colour(bits)
    if bits.flag():
        bits.ue()  # where chroma samples lie, of both fields
        bits.ue()
    rate = read_rate(bits, 2) if bits.flag() else None  # a tick is a field
    return Look(width, height, aspect, rate, colour)


def read_picture_set(head: bytes) -> tuple[int, PictureSet]:
    """A picture parameter set's number, and what it says."""
    bits = Bits(head[1:])
    number, sequence = bits.ue(), bits.ue()
    bits.u(1)
    order_of_bottom = bits.flag()
    if bits.ue():
        raise Undecodable("the video stream has slice groups, which no profile in DICOM has")
    references = (bits.ue() + 1, bits.ue() + 1)
    weighted, weighted_bi = bits.flag(), bits.u(2)
    bits.se(), bits.se(), bits.se()
    bits.u(2)
    return number, PictureSet(
        sequence, order_of_bottom, references, weighted, weighted_bi, bits.flag()
    )
