"""Display shutters: what of an image is covered (PS3.3 §C.7.6.11, §C.7.6.15)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.model.instance import Attributes
from filmroom.pixels.cielab import Colour, colour_of
from filmroom.pixels.elements import number, numbers, values
from filmroom.pixels.overlays import blend, mask, overlays
from filmroom.pixels.viewport import Picture, Placement, oriented

SHAPE = "00181600"
LEFT, RIGHT, UPPER, LOWER = "00181602", "00181604", "00181606", "00181608"
CENTER, RADIUS = "00181610", "00181612"
VERTICES = "00181620"
PRESENTATION_VALUE = "00181622"
PRESENTATION_COLOUR = "00181624"
OVERLAY_GROUP = "00181623"

MOST_VERTICES = 100_000

Places = NDArray[np.floating[Any]]
Open = NDArray[np.bool_]
"""(rows, columns) of the upright picture: whether the shutter leaves a pixel uncovered."""


def shuttered(
    picture: Picture,
    attributes: Attributes,
    frame: int,
    format: PixelFormat,
    placement: Placement,
) -> Picture:
    """The picture without what the shutters of a data set cover."""
    shapes = [shape for shape in values(attributes, SHAPE) if isinstance(shape, str)]
    if not shapes:
        return picture
    columns, rows = _centres(placement)
    open_ = np.ones((len(rows), len(columns)), np.bool_)
    for shape in shapes:
        match shape.strip():
            case "RECTANGULAR":
                open_ &= _rectangle(attributes, columns, rows)
            case "CIRCULAR":
                open_ &= _circle(attributes, columns, rows)
            case "POLYGONAL":
                open_ &= _polygon(attributes, placement)
    cover = oriented(np.where(open_, 0, 255).astype(np.uint8), placement)
    if "BITMAP" in shapes:
        cover = np.maximum(cover, _bitmap(attributes, frame, format, placement))
    return blend(picture, cover, covering(attributes, coloured=picture.ndim == 3))


def covering(attributes: Attributes, *, coloured: bool) -> int | Colour:
    """What is shown where the shutter is: black unless it says otherwise."""
    colour = colour_of(attributes, PRESENTATION_COLOUR) if coloured else None
    grey = min(max(int(number(attributes, PRESENTATION_VALUE) or 0), 0), 0xFFFF)
    return colour or grey >> 8


def _centres(placement: Placement) -> tuple[Places, Places]:
    """Where in the image the middles of the upright picture's columns and rows lie."""
    columns, rows = placement.upright
    across, down = placement.scale
    region = placement.region
    return (
        region.x + (np.arange(columns) + 0.5) / across,
        region.y + (np.arange(rows) + 0.5) / down,
    )


def _rectangle(attributes: Attributes, columns: Places, rows: Places) -> Open:
    """Columns and rows, counted from 1, from one edge to the other, both of them open."""
    left, right, upper, lower = (number(attributes, tag) for tag in (LEFT, RIGHT, UPPER, LOWER))
    if left is None or right is None or upper is None or lower is None:
        return np.ones((1, 1), np.bool_)
    across = (columns > left - 1) & (columns < right)
    down = (rows > upper - 1) & (rows < lower)
    return down[:, None] & across


def _circle(attributes: Attributes, columns: Places, rows: Places) -> Open:
    center, radius = numbers(attributes, CENTER), number(attributes, RADIUS)
    if len(center) != 2 or radius is None:
        return np.ones((1, 1), np.bool_)
    down, across = rows - (center[0] - 0.5), columns - (center[1] - 0.5)
    inside: Open = (down**2)[:, None] + across**2 <= radius**2
    return inside


def _polygon(attributes: Attributes, placement: Placement) -> Open:
    """Inside of vertices, each a row and a column counted from 1."""
    vertices = numbers(attributes, VERTICES)[: 2 * MOST_VERTICES]
    if len(vertices) < 6:
        return np.ones((1, 1), np.bool_)
    across, down = placement.scale
    region = placement.region
    # Pillow's whole numbers are the middles of pixels, as the standard's are here.
    corners = [
        ((column - 0.5 - region.x) * across - 0.5, (row - 0.5 - region.y) * down - 0.5)
        for row, column in zip(vertices[::2], vertices[1::2], strict=False)
    ]
    canvas = Pillow.new("1", placement.upright)
    ImageDraw.Draw(canvas).polygon(corners, fill=1, outline=1)
    return np.asarray(canvas)


def _bitmap(
    attributes: Attributes, frame: int, format: PixelFormat, placement: Placement
) -> Picture:
    """What an overlay plane covers."""
    group = f"{int(number(attributes, OVERLAY_GROUP) or 0):04X}"
    found = [plane for plane in overlays(attributes, frame) if plane.group == group]
    covers = [mask(plane, format, placement) for plane in found]
    nothing = np.zeros((placement.height, placement.width), np.uint8)
    return next(iter(covers), nothing)
