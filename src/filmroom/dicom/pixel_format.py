"""The shape of an image's pixels, as its Image Pixel Module says (PS3.3 §C.7.6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from filmroom.errors import Malformed

PIXEL_DATA = "7FE00010"
FLOAT_PIXEL_DATA = "7FE00008"
DOUBLE_FLOAT_PIXEL_DATA = "7FE00009"

MONOCHROME1 = "MONOCHROME1"
MONOCHROME2 = "MONOCHROME2"
PALETTE_COLOR = "PALETTE COLOR"
RGB = "RGB"
YBR_FULL = "YBR_FULL"
YBR_FULL_422 = "YBR_FULL_422"
YBR_ICT = "YBR_ICT"
YBR_RCT = "YBR_RCT"

MOST_BITS = 64


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the stored values of a frame are laid out."""

    rows: int
    columns: int
    samples: int
    """Samples per Pixel."""
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    by_plane: bool
    """Planar Configuration 1: all of one colour first."""
    photometric: str
    floating: bool = False
    """Float (32 bits) or Double Float (64 bits) Pixel Data."""

    @property
    def values(self) -> int:
        """Values of one frame."""
        return self.rows * self.columns * self.samples

    @property
    def frame_length(self) -> int:
        """Bytes of one frame in native form, a last incomplete byte counted whole."""
        if self.photometric == YBR_FULL_422 and self.samples == 3:
            return (self.rows * self.columns * 2 * self.bits_allocated + 7) // 8
        return (self.values * self.bits_allocated + 7) // 8


def pixel_format(attributes: dict[str, Any]) -> PixelFormat:
    """Read the format from a data set in the DICOM JSON Model; Malformed where it has none."""
    floating = not {FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA}.isdisjoint(attributes)
    allocated = _number(
        attributes,
        "00280100",
        64 if DOUBLE_FLOAT_PIXEL_DATA in attributes else 32 if floating else None,
    )
    stored = _number(attributes, "00280101", allocated)
    samples = _number(attributes, "00280002", 1)
    found = PixelFormat(
        rows=_number(attributes, "00280010"),
        columns=_number(attributes, "00280011"),
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=_number(attributes, "00280102", stored - 1),
        signed=_number(attributes, "00280103", 0) == 1,
        by_plane=_number(attributes, "00280006", 0) == 1,
        photometric=_text(attributes, "00280004") or (RGB if samples == 3 else MONOCHROME2),
        floating=floating,
    )
    sides = (found.rows, found.columns, found.samples)
    if min(sides) < 1 or not 1 <= stored <= allocated <= MOST_BITS:
        raise Malformed("the image pixel attributes describe no image")
    return found


def _number(attributes: dict[str, Any], tag: str, default: int | None = None) -> int:
    values = attributes.get(tag, {}).get("Value") or [default]
    if values[0] is None:
        raise Malformed(f"no image: attribute {tag} is missing")
    try:
        return int(values[0])
    except (TypeError, ValueError, OverflowError) as error:
        raise Malformed(f"no image: attribute {tag} is no number") from error


def _text(attributes: dict[str, Any], tag: str) -> str:
    values = attributes.get(tag, {}).get("Value") or [""]
    return str(values[0] or "").strip()
