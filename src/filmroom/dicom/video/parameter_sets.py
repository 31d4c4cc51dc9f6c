"""What H.264 and H.265 say alike in their sequence parameter sets: the VUI's beginning, lists."""

from __future__ import annotations

from fractions import Fraction

from filmroom.dicom.video.annex_b import HEAD
from filmroom.dicom.video.bits import Bits
from filmroom.dicom.video.pictures import ASPECTS, EXTENDED_SAR
from filmroom.errors import Undecodable

LARGEST_SIDE = 16384  # samples: more than any level allows
UNSPECIFIED = 2  # of colour primaries, transfer characteristics and matrix coefficients


def read_aspect(bits: Bits) -> tuple[int, int]:
    """Width and height of a sample (H.264 §E.2.1)."""
    if not bits.flag():
        return (1, 1)
    number = bits.u(8)
    if number == EXTENDED_SAR:
        width, height = bits.u(16), bits.u(16)
        return (width, height) if width and height else (1, 1)
    return ASPECTS[number] if number < len(ASPECTS) else (1, 1)


def read_colour(bits: Bits) -> tuple[int, int, int, bool] | None:
    """Overscan is passed over; the video signal type's colours, None if it has none."""
    if bits.flag():  # overscan_info_present_flag
        bits.u(1)
    if not bits.flag():  # video_signal_type_present_flag
        return None
    bits.u(3)
    full_range = bits.flag()
    if not bits.flag():
        return (UNSPECIFIED, UNSPECIFIED, UNSPECIFIED, True) if full_range else None
    return (bits.u(8), bits.u(8), bits.u(8), full_range)


def read_rate(bits: Bits, ticks_per_frame: int) -> Fraction | None:
    """Frames per second from num_units_in_tick and time_scale."""
    tick, scale = bits.u(32), bits.u(32)
    return Fraction(scale, tick * ticks_per_frame) if tick and scale else None


def checked_side(samples: int) -> int:
    """A width or height that can be true."""
    if not 0 < samples <= LARGEST_SIDE:
        raise Undecodable(f"the video stream says that a side has {samples} samples")
    return samples


class Sets:
    """Parameter sets of one kind as they came, by their number."""

    def __init__(self) -> None:
        self.first: dict[int, bytes] = {}
        """The first of each number: what a decoder is set up with."""
        self.varied = False

    def add(self, number: int, whole: bytes) -> None:
        """Note one; Undecodable if it is too long to be one."""
        if len(whole) >= HEAD:
            raise Undecodable("a parameter set of the video stream is too long")
        if self.first.setdefault(number, whole) != whole:
            self.varied = True

    def all(self) -> list[bytes]:
        """The first of each number."""
        return list(self.first.values())
