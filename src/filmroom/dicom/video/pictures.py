"""Pictures of a stream, as every codec tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from fractions import Fraction
from typing import Protocol


class Part(Enum):
    """What a NAL unit means for the bounds between pictures."""

    FIRST = auto()
    """The first slice of a picture."""
    SLICE = auto()
    """One more slice of the picture that was begun."""
    AHEAD = auto()
    """What can only come before a picture's first slice."""
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Picture:
    """A coded frame, or one field of it."""

    is_key: bool
    """Whether decoding can begin here."""
    begins: bool
    """Whether all pictures before it are shown before it, whatever their `order`."""
    order: int
    """The picture order count: smaller is shown earlier."""
    frame: int = -1
    """What the two fields of a frame have in common; -1 for a whole frame."""
    is_bottom: bool = False
    is_shown: bool = True
    """Not so where it is damaged, or refers to what comes before the stream begins."""


@dataclass(frozen=True, slots=True)
class Look:
    """How pictures look, from a sequence parameter set."""

    width: int
    height: int
    """Samples of luma, cropped."""
    aspect: tuple[int, int] = (1, 1)
    """Width and height of a sample."""
    rate: Fraction | None = None
    """Frames per second, if it is told."""
    colour: tuple[int, int, int, bool] | None = None
    """Colour primaries, transfer characteristics, matrix, full range (ITU-T H.273)."""


class Codec(Protocol):
    """What reads the NAL units of one stream, in their order."""

    def part(self, head: bytes) -> Part:
        """What a NAL unit is; parameter sets are learnt on the way."""

    def picture(self, head: bytes) -> Picture:
        """The picture that this first slice begins."""

    def is_kept(self, head: bytes) -> bool:
        """Whether a NAL unit belongs into a sample, apart from parameter sets."""

    def is_parameter_set(self, head: bytes) -> bool:
        """Whether a NAL unit is a parameter set."""

    @property
    def has_varied(self) -> bool:
        """Whether a parameter set came that differs from the first of its number."""

    def look(self) -> Look:
        """How pictures look; Undecodable if no slice could be read."""

    def sample_entry(self) -> tuple[bytes, bytes]:
        """The type of the MP4 sample entry, and the box of the decoder's configuration."""


ASPECTS = (
    (1, 1), (1, 1), (12, 11), (10, 11), (16, 11), (40, 33), (24, 11), (20, 11), (32, 11),
    (80, 33), (18, 11), (15, 11), (64, 33), (160, 99), (4, 3), (3, 2), (2, 1),
)  # fmt: skip
"""Sample aspect ratios by number (H.264 Table E-1, H.265 Table E.1)."""
EXTENDED_SAR = 255
