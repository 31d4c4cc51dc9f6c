"""Overlay planes: bitmaps that lie over an image (PS3.3 §C.9.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.model.instance import Attributes
from filmroom.pixels.decode import decode
from filmroom.pixels.elements import binary, number, numbers
from filmroom.pixels.viewport import Picture, Placement, cut, scaled

GROUPS = tuple(f"{group:04X}" for group in range(0x6000, 0x6020, 2))
ROWS, COLUMNS = "0010", "0011"
NUMBER_OF_FRAMES_IN_OVERLAY = "0015"
ORIGIN = "0050"
IMAGE_FRAME_ORIGIN = "0051"
BITS_ALLOCATED = "0100"
BIT_POSITION = "0102"
DATA = "3000"
ACTIVATION_LAYER = "1001"

EXACT = (Codec.NATIVE, Codec.DEFLATE, Codec.RLE)
"""What keeps all bits, also those that are not stored."""
MOST_BITS = 1 << 28  # of one plane


@dataclass(frozen=True, slots=True)
class Overlay:
    """A plane as it lies over one frame."""

    group: str
    bits: NDArray[np.uint8]
    """(rows, columns) of 0 and 1."""
    row: int
    """Of the image, from 0, where the plane's first row lies; it may begin outside."""
    column: int


def overlays(attributes: Attributes, frame: int) -> list[Overlay]:
    """The planes that a data set holds for a frame (from 1); none that make no sense."""
    found = [_overlay(attributes, group, frame) for group in groups(attributes)]
    return [overlay for overlay in found if overlay is not None]


def groups(attributes: Attributes) -> list[str]:
    """The groups of overlay planes that there are, as in `6000`."""
    return [group for group in GROUPS if group + ROWS in attributes]


def embedded(
    attributes: Attributes, frame: bytes, syntax: str, format: PixelFormat
) -> list[Overlay]:
    """The planes in the unused bits of the pixels themselves (retired; PS3.5-2004 §8.1.2)."""
    stored = range(format.high_bit + 1 - format.bits_stored, format.high_bit + 1)
    positions = {group: number(attributes, group + BIT_POSITION) for group in groups(attributes)}
    within = {
        group: int(position)
        for group, position in positions.items()
        if position and group + DATA not in attributes
        if 0 < position < format.bits_allocated and int(position) not in stored
    }
    exact = transfer_syntax(syntax).decoder in EXACT
    if not within or not exact or format.samples != 1 or format.floating:
        return []
    whole = replace(
        format,
        bits_stored=format.bits_allocated,
        high_bit=format.bits_allocated - 1,
        signed=False,
    )
    words = decode(frame, syntax, whole).values
    return [
        Overlay(group, (words >> position & 1).astype(np.uint8), 0, 0)
        for group, position in within.items()
    ]


def _overlay(attributes: Attributes, group: str, frame: int) -> Overlay | None:
    rows = int(number(attributes, group + ROWS) or 0)
    columns = int(number(attributes, group + COLUMNS) or 0)
    plane = _plane_of(attributes, group, frame)
    if plane is None or rows <= 0 or columns <= 0 or rows * columns > MOST_BITS:
        return None
    first = plane * rows * columns
    data = binary(attributes, group + DATA)[first // 8 : (first + rows * columns + 7) // 8]
    bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[first % 8 :]
    if len(bits) < rows * columns:
        return None
    origin = numbers(attributes, group + ORIGIN)
    row, column = (int(at) - 1 for at in origin) if len(origin) == 2 else (0, 0)
    return Overlay(group, bits[: rows * columns].reshape(rows, columns), row, column)


def _plane_of(attributes: Attributes, group: str, frame: int) -> int | None:
    """Which of an overlay's frames (from 0) lies over a frame; its only one lies over all."""
    count = number(attributes, group + NUMBER_OF_FRAMES_IN_OVERLAY)
    if count is None:
        return 0
    plane = frame - int(number(attributes, group + IMAGE_FRAME_ORIGIN) or 1)
    return plane if 0 <= plane < count else None


def mask(overlay: Overlay, format: PixelFormat, placement: Placement) -> Picture:
    """How much of each of the picture's pixels an overlay covers, from 0 to 255."""
    canvas = np.zeros((format.rows, format.columns), np.uint8)
    top, left = max(overlay.row, 0), max(overlay.column, 0)
    inside = overlay.bits[top - overlay.row :, left - overlay.column :]
    area = canvas[top : top + inside.shape[0], left : left + inside.shape[1]]
    area[:] = inside[: area.shape[0], : area.shape[1]] * np.uint8(255)
    part, region = cut(canvas, placement.region)
    return scaled(part, region, placement)


def blend(picture: Picture, cover: Picture, colour: int | tuple[int, int, int]) -> Picture:
    """A picture with a colour laid over it, as much as `cover` (0 to 255) says.

    A grey picture becomes a coloured one where the colour is no grey.
    """
    if not cover.any():
        return picture
    if picture.ndim == 2 and not isinstance(colour, int):
        picture = np.repeat(picture[..., None], 3, axis=2)
    share = cover.astype(np.uint16)
    if picture.ndim == 3:
        share = share[..., None]
    laid = np.array(colour, np.uint16)
    return ((picture * (255 - share) + laid * share + 127) // 255).astype(np.uint8)
