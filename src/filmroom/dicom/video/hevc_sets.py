"""HEVC's parameter sets (ITU-T H.265 §7.3.2, §E.2.1)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction

from filmroom.dicom.video.bits import Bits
from filmroom.dicom.video.parameter_sets import checked_side, read_aspect, read_colour, read_rate
from filmroom.dicom.video.pictures import Look
from filmroom.errors import Undecodable

HEADER = 2  # bytes of a NAL unit's header
MOST_LAYERS = 6  # of sub-layers, besides the first


@dataclass(frozen=True, slots=True)
class Sequence:
    """What a sequence parameter set says."""

    look: Look
    profile: bytes
    """The twelve bytes of general profile, tier, flags and level."""
    layers: int
    """Temporal sub-layers."""
    nested: bool
    chroma_format: int
    luma_depth: int
    chroma_depth: int
    separate_planes: bool
    order_bits: int


@dataclass(frozen=True, slots=True)
class PictureSet:
    """What a picture parameter set says."""

    sequence: int
    has_output_flag: bool
    extra_bits: int


def read_sequence(head: bytes) -> tuple[int, Sequence]:
    """A sequence parameter set's number, and what it says."""
    bits = Bits(head[HEADER:])
    bits.u(4)
    layers = bits.u(3)
    nested = bits.flag()
    profile = _read_profile(bits, layers)
    number, chroma = bits.ue(), bits.ue()
    separate = bits.flag() if chroma == 3 else False
    width, height = bits.ue(), bits.ue()
    if bits.flag():  # conformance_window_flag; units of Table 6-1
        across, down = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1)
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width, height = width - across * (left + right), height - down * (top + bottom)
    width, height = checked_side(width), checked_side(height)
    luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
    order_bits = 4 + bits.ue()
    if chroma > 3 or order_bits > 16 or max(luma_depth, chroma_depth) > 16:
        raise Undecodable("the video stream's sequence parameter set is damaged")
    for _ in range(layers + 1 if bits.flag() else 1):
        bits.ue(), bits.ue(), bits.ue()
    look = Look(width, height)
    with suppress(Undecodable):  # what follows only adds to how it looks
        look = _read_look(bits, width, height, order_bits)
    return number, Sequence(
        look, profile, layers + 1, nested, chroma, luma_depth, chroma_depth, separate, order_bits
    )


def _read_profile(bits: Bits, layers: int) -> bytes:
    """profile_tier_level (§7.3.3): the general part; that of sub-layers is passed over."""
    if layers > MOST_LAYERS:
        raise Undecodable("the video stream's parameter set is damaged")
    general = bits.u(96).to_bytes(12, "big")
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.u(88 * has_profile + 8 * has_level)
    return general


def _read_look(bits: Bits, width: int, height: int, order_bits: int) -> Look:
    """The VUI, and what lies before it."""
    for _ in range(6):
        bits.ue()  # sizes of blocks and depths of transforms
    if bits.flag() and bits.flag():
        _skip_scaling(bits)
    bits.u(2)
    if bits.flag():  # pcm_enabled_flag
        bits.u(8)
        bits.ue(), bits.ue()
        bits.u(1)
    _skip_reference_sets(bits)
    if bits.flag():  # long_term_ref_pics_present_flag
        for _ in range(_few(bits.ue(), 32)):
            bits.u(order_bits + 1)
    bits.u(2)
    if not bits.flag():  # vui_parameters_present_flag
        return Look(width, height)
    aspect, colour = read_aspect(bits), read_colour(bits)
    if bits.flag():
        bits.ue(), bits.ue()
    bits.u(3)
    if bits.flag():  # default_display_window_flag
        for _ in range(4):
            bits.ue()
    rate = read_rate(bits, 1) if bits.flag() else None
    return Look(width, height, aspect, rate, colour)


def _skip_scaling(bits: Bits) -> None:
    """Pass over scaling_list_data (§7.3.4)."""
    for size in range(4):
        for _ in range(0, 6, 3 if size == 3 else 1):
            if not bits.flag():
                bits.ue()
                continue
            if size > 1:
                bits.se()
            for _ in range(min(64, 1 << (4 + (size << 1)))):
                bits.se()


def _skip_reference_sets(bits: Bits) -> None:
    """Pass over the short-term reference picture sets (§7.3.7)."""
    pictures = 0  # of the set before
    for number in range(_few(bits.ue(), 64)):
        if number and bits.flag():
            bits.u(1)
            bits.ue()
            kept = 0
            for _ in range(pictures + 1):
                kept += bits.flag() or bits.flag()
            pictures = kept
        else:
            negative, positive = _few(bits.ue(), 16), _few(bits.ue(), 16)
            pictures = negative + positive
            for _ in range(pictures):
                bits.ue()
                bits.u(1)


def _few(count: int, most: int) -> int:
    if count > most:
        raise Undecodable("the video stream's parameter set is damaged")
    return count


def read_picture_set(head: bytes) -> tuple[int, PictureSet]:
    """A picture parameter set's number, and what it says of slices."""
    bits = Bits(head[HEADER:])
    number, sequence = bits.ue(), bits.ue()
    bits.u(1)
    return number, PictureSet(sequence, bits.flag(), bits.u(3))


def read_video_set(head: bytes) -> tuple[int, Fraction | None]:
    """A video parameter set's number, and frames per second if it tells (§7.3.2.1)."""
    bits = Bits(head[HEADER:])
    number = bits.u(4)
    bits.u(8)
    layers = bits.u(3)
    bits.u(17)
    _read_profile(bits, layers)
    for _ in range(layers + 1 if bits.flag() else 1):
        bits.ue(), bits.ue(), bits.ue()
    last_layer = bits.u(6)
    for _ in range(_few(bits.ue(), 1023)):
        bits.u(last_layer + 1)
    return number, read_rate(bits, 1) if bits.flag() else None
