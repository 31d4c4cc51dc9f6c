"""Where an image's pixels come to lie in a picture: region, scale, rotation and flips.

Positions in the image count columns and rows of it from its top left corner, as real
numbers: a pixel reaches from one whole number to the next. Positions in the picture
likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.errors import TooLarge
from filmroom.model.instance import Attributes
from filmroom.model.rendering import Region, Viewport
from filmroom.pixels.elements import functional_group, numbers
from filmroom.pixels.values import Values

PIXEL_ASPECT_RATIO = "00280034"
PIXEL_SPACING = "00280030"
IMAGER_PIXEL_SPACING = "00181164"
NOMINAL_SCANNED_PIXEL_SPACING = "00182010"
PIXEL_MEASURES = "00289110"

MOST_PIXELS = 64 << 20
"""Of a picture, all its frames together."""
OBLONG = 20.0
"""How many times as long as wide pixels may be; what says more is taken for a mistake."""
SQUARE = 0.002
"""How much longer one side of a pixel may be before the picture makes up for it."""

Picture = NDArray[np.uint8]
"""(rows, columns) of grey or (rows, columns, 3) of red, green and blue."""


@dataclass(frozen=True, slots=True)
class Placement:
    """The part of an image that is shown, and how.

    It is cut out, turned, flipped and then scaled. What of `region` lies outside of
    the image is shown as background.
    """

    region: Region
    width: int
    """Columns of the picture."""
    height: int
    rotation: int = 0
    """Degrees clockwise: 0, 90, 180 or 270."""
    flip_horizontal: bool = False
    """After the rotation."""
    flip_vertical: bool = False

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the picture before it is turned."""
        turned = self.rotation % 180 != 0
        return (self.height, self.width) if turned else (self.width, self.height)

    @property
    def scale(self) -> tuple[float, float]:
        """Pixels of the upright picture for one of the image, across and down."""
        width, height = self.upright
        return width / self.region.width, height / self.region.height

    def point(self, column: float, row: float) -> tuple[float, float]:
        """Where a position in the image lies in the picture."""
        return self.relative(
            *_turned(
                (column - self.region.x) / self.region.width,
                (row - self.region.y) / self.region.height,
                self,
            )
        )

    def relative(self, across: float, down: float) -> tuple[float, float]:
        """Where a position given in parts of the picture lies in it."""
        return across * self.width, down * self.height


def _turned(x: float, y: float, placement: Placement) -> tuple[float, float]:
    """A position in the unit square, after rotation and flips."""
    match placement.rotation:
        case 90:
            x, y = 1 - y, x
        case 180:
            x, y = 1 - x, 1 - y
        case 270:
            x, y = y, 1 - x
    return (
        1 - x if placement.flip_horizontal else x,
        1 - y if placement.flip_vertical else y,
    )


def place(
    region: Region,
    aspect: float,
    viewport: Viewport,
    *,
    rotation: int = 0,
    flip_horizontal: bool = False,
    flip_vertical: bool = False,
    magnification: float = 1,
    enlarge: bool = True,
) -> Placement:
    """Fit a region of an image into a viewport; without one, `magnification` is its scale.

    `aspect` is the height of the image's pixels divided by their width. The shorter
    side of a pixel keeps its length, the longer one is stretched, so nothing is lost.
    """
    width, height = region.width * max(1 / aspect, 1), region.height * max(aspect, 1)
    if rotation % 180:
        width, height = height, width
    bounds = [
        side / length
        for side, length in ((viewport.width, width), (viewport.height, height))
        if side is not None
    ]
    scale = min(bounds) if bounds else magnification
    if bounds and not enlarge:
        scale = min(scale, 1)
    columns, rows = max(round(width * scale), 1), max(round(height * scale), 1)
    if columns * rows > MOST_PIXELS:
        raise TooLarge(f"a picture of {columns} x {rows} pixels is more than {MOST_PIXELS}")
    return Placement(
        region,
        columns,
        rows,
        rotation % 360,
        flip_horizontal != viewport.flip_horizontal,
        flip_vertical != viewport.flip_vertical,
    )


def aspect_of(attributes: Attributes, frame: int) -> float:
    """The height of a frame's pixels divided by their width (PS3.3 §C.7.6.3.1.7)."""
    measures = functional_group(attributes, PIXEL_MEASURES, frame) or {}
    for source, tag in (
        (attributes, PIXEL_ASPECT_RATIO),
        (measures, PIXEL_SPACING),
        (attributes, PIXEL_SPACING),
        (attributes, IMAGER_PIXEL_SPACING),
        (attributes, NOMINAL_SCANNED_PIXEL_SPACING),
    ):
        found = ratio(numbers(source, tag))
        if found is not None:
            return found
    return 1


def ratio(sides: list[float]) -> float | None:
    """Height divided by width of a pixel, from these two; None if they make no sense."""
    if len(sides) != 2 or min(sides) <= 0:
        return None
    found = sides[0] / sides[1]
    if not 1 / OBLONG <= found <= OBLONG:
        return None
    return 1 if abs(found - 1) < SQUARE else found


def whole(format: PixelFormat) -> Region:
    """All of an image."""
    return Region(0, 0, format.columns, format.rows)


def within(region: Region, rows: int, columns: int) -> Region | None:
    """The part of a region that lies in an image of this size; None if there is none."""
    left, top = max(region.x, 0.0), max(region.y, 0.0)
    right = min(region.x + region.width, float(columns))
    bottom = min(region.y + region.height, float(rows))
    if left >= right or top >= bottom:
        return None
    return Region(left, top, right - left, bottom - top)


def cut(values: Values, region: Region, by: int = 1) -> tuple[Values, Region]:
    """The pixels that a region touches, and where it lies among them.

    Of an image that was reduced before, which is small, all of them.
    """
    if by > 1:
        return values, region
    left, top = max(floor(region.x), 0), max(floor(region.y), 0)
    right, bottom = max(ceil(region.x + region.width), 0), max(ceil(region.y + region.height), 0)
    inner = Region(region.x - left, region.y - top, region.width, region.height)
    return values[top:bottom, left:right], inner


def most_reduced(placement: Placement) -> int:
    """By how much an image may be reduced before it is scaled, without being seen: 1 or more."""
    across, down = placement.scale
    return max(int(min(1 / across, 1 / down) / 2), 1)


def reduction(shape: tuple[int, ...], region: Region, placement: Placement, by: int = 1) -> int:
    """By how much (rows, columns) are to be reduced that were reduced before: 1 for not at all.

    By all there is where each pixel of the picture then is the mean of a square of them;
    else by as much as is not seen when the rest is scaled. `region` lies in this shape.
    """
    rows, columns = shape
    covers = (region.x, region.y, region.width, region.height) == (0, 0, columns, rows)
    across, down = (round(1 / scale, 9) for scale in placement.scale)
    if by == 1 and across == down == int(across) and covers:
        return int(across)
    return max(min(most_reduced(placement) // by, rows, columns), 1)


def reduced(values: Values, by: int, bits: int = 16) -> NDArray[np.float32]:
    """The means of squares of `by` x `by` values; of what is left of them at the far edges.

    Of integers of two bytes at most `bits` are used.
    """
    return means([summed(values, by, bits)], len(values), by)


def means(parts: Sequence[Values], rows: int, by: int) -> NDArray[np.float32]:
    """The means of squares whose rows were summed, in parts that lie below one another."""
    # Rows were summed first, one beside the other in memory; of columns there are fewer now.
    sums = parts[0] if len(parts) == 1 else np.concatenate(parts)
    found = sums[:, ::by].astype(np.float32)
    for start in range(1, by):
        part = sums[:, start::by]
        found[:, : part.shape[1]] += part
    found /= _counts(rows, by)[:, None]
    found /= _counts(sums.shape[1], by)
    return found


def summed(values: Values, by: int, bits: int) -> Values:
    """The sums of `by` rows each, of the last ones perhaps fewer."""
    rows, columns = values.shape
    whole = rows // by
    if values.dtype.kind not in "iu" or values.dtype.itemsize > 2:
        wide = np.dtype(np.float32)
    else:
        narrow = by << bits <= 1 << 16  # which is as quick as the memory is
        wide = np.dtype(f"{values.dtype.kind}{2 if narrow else 4}")
    sums = np.empty((-(-rows // by), columns), wide)
    blocks = values[: whole * by].reshape(whole, by, columns)
    np.add.reduce(blocks, axis=1, dtype=wide, out=sums[:whole])
    if whole < len(sums):
        np.add.reduce(values[whole * by :], axis=0, dtype=wide, out=sums[whole])
    return sums


def _counts(length: int, by: int) -> NDArray[np.float32]:
    counts = np.full(-(-length // by), by, np.float32)
    counts[-1] = length - by * (len(counts) - 1)
    return counts


def scaled(
    picture: Picture, region: Region, placement: Placement, by: int = 1, early: float = 0
) -> Picture:
    """Bring a region of a picture to its place.

    `by` is how much it was reduced before, and `early` by how many of the image's pixels
    its values were taken before the middles of the squares that they stand for.
    """
    columns, rows = placement.upright
    inside = within(region, picture.shape[0] * by, picture.shape[1] * by)
    if inside is None:
        return oriented(np.zeros((rows, columns, *picture.shape[2:]), np.uint8), placement)
    if inside == region:
        return oriented(_resized(picture, inside, columns, rows, by, early), placement)
    left = round((inside.x - region.x) / region.width * columns)
    top = round((inside.y - region.y) / region.height * rows)
    right = round((inside.x + inside.width - region.x) / region.width * columns)
    bottom = round((inside.y + inside.height - region.y) / region.height * rows)
    framed = np.zeros((rows, columns, *picture.shape[2:]), np.uint8)
    if right > left and bottom > top:
        size = (right - left, bottom - top)
        framed[top:bottom, left:right] = _resized(picture, inside, *size, by, early)
    return oriented(framed, placement)


def _resized(
    picture: Picture, region: Region, columns: int, rows: int, by: int, early: float
) -> Picture:
    left, top = (region.x + early) / by, (region.y + early) / by
    right = min(left + region.width / by, picture.shape[1])
    bottom = min(top + region.height / by, picture.shape[0])
    if (left % 1, top % 1, right, bottom) == (0, 0, left + columns, top + rows):
        return picture[int(top) : int(bottom), int(left) : int(right)]
    smaller = columns < right - left and rows < bottom - top
    # Both filters weigh all that a pixel covers; Hamming is half as costly, bicubic the
    # smoother one where pixels are made up.
    by_weight = Pillow.Resampling.HAMMING if smaller else Pillow.Resampling.BICUBIC
    source = Pillow.fromarray(np.ascontiguousarray(picture))
    box = (left, top, right, bottom)
    return np.asarray(source.resize((columns, rows), by_weight, box=box, reducing_gap=2.0))


def oriented(picture: Picture, placement: Placement) -> Picture:
    """An upright picture turned and flipped."""
    if placement.rotation:
        picture = np.rot90(picture, -placement.rotation // 90)
    if placement.flip_horizontal:
        picture = picture[:, ::-1]
    if placement.flip_vertical:
        picture = picture[::-1]
    return picture
