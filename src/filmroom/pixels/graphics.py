"""Graphic annotations of presentation states: layers, lines and shapes (PS3.3 §C.10.5).

Shapes are drawn on a mask, finer than the picture, which is then laid over it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, cos, hypot, sin, tau

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from filmroom.model.instance import Attributes
from filmroom.pixels.cielab import Colour, colour_of
from filmroom.pixels.elements import floats, item, items, number, text
from filmroom.pixels.overlays import blend
from filmroom.pixels.viewport import Picture, Placement

GRAPHIC_LAYER = "00700002"
LAYERS = "00700060"
LAYER_ORDER = "00700062"
LAYER_GREY = "00700066"
LAYER_COLOUR = "00700401"

GRAPHICS = "00700009"
GRAPHIC_UNITS = "00700005"
GRAPHIC_DATA = "00700022"
GRAPHIC_TYPE = "00700023"
GRAPHIC_FILLED = "00700024"
LINE_STYLE = "00700232"
FILL_STYLE = "00700233"
PATTERN_ON_COLOUR = "00700251"
LINE_THICKNESS = "00700253"

WHITE = 255
FINE = 3  # mask pixels, either way, for one of the picture's
FINE_UP_TO = 4 << 20  # pixels of a picture; larger ones are fine enough
THIN = 400  # lines of usual width beside each other fill the picture's shorter side
MOST_OBJECTS = 2_000  # of a layer
MOST_POINTS = 100_000  # of a layer
ARC = 96  # sides of the polygon that stands for an ellipse
CURVE = 16  # pieces of a curve between two of its points

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Layer:
    """A graphic layer: what lies on it is drawn together."""

    name: str
    colour: int | Colour


def layers(state: Attributes) -> list[Layer]:
    """The graphic layers of a presentation state, the lowest first (PS3.3 §C.10.7)."""
    described = sorted(items(state, LAYERS), key=lambda layer: number(layer, LAYER_ORDER) or 0)
    return [Layer(text(layer, GRAPHIC_LAYER), _colour(layer)) for layer in described]


def _colour(layer: Attributes) -> int | Colour:
    grey = number(layer, LAYER_GREY)
    shade = WHITE if grey is None else min(max(int(grey), 0), 0xFFFF) >> 8
    return colour_of(layer, LAYER_COLOUR) or shade


class Mask:
    """What is drawn in one colour; the picture shows as much of it as the mask covers."""

    def __init__(self, picture: Picture, colour: int | Colour) -> None:
        rows, columns = picture.shape[:2]
        self.colour = colour
        self.thin = max(min(rows, columns) / THIN, 1.0)
        """Pixels of a usual line's width."""
        self._picture = picture
        self._fine = FINE if rows * columns <= FINE_UP_TO else 1
        self._canvas = Pillow.new("L", (columns * self._fine, rows * self._fine))
        self._draw = ImageDraw.Draw(self._canvas)

    def line(self, points: Points, width: float, *, filled: bool = False) -> None:
        """A line through positions of the picture, or the area that it surrounds too."""
        fine = [(x * self._fine - 0.5, y * self._fine - 0.5) for x, y in points]
        if filled and len(points) > 2:
            self._draw.polygon(fine, fill=WHITE)
        self._draw.line(fine, WHITE, max(round(width * self._fine), 1), joint="curve")

    def dot(self, x: float, y: float, radius: float) -> None:
        """A filled circle."""
        sides = (x - radius, y - radius, x + radius, y + radius)
        self._draw.ellipse([side * self._fine - 0.5 for side in sides], WHITE)

    def laid_over(self) -> Picture:
        """The picture with what was drawn."""
        cover = self._canvas.reduce(self._fine) if self._fine > 1 else self._canvas
        return blend(self._picture, np.asarray(cover), self.colour)

    def in_colour(self, colour: int | Colour) -> Mask:
        """A mask to draw on in that colour: this one, or one over the picture made so far."""
        return self if colour == self.colour else Mask(self.laid_over(), colour)


def with_shapes(
    picture: Picture, annotations: Sequence[Attributes], layer: Layer, placement: Placement
) -> Picture:
    """The picture with the graphic objects of these annotations, in the layer's colour."""
    shapes = [shape for each in annotations for shape in items(each, GRAPHICS)][:MOST_OBJECTS]
    mask, points = Mask(picture, layer.colour), 0
    for shape in shapes:
        coordinates = floats(shape, GRAPHIC_DATA)
        points += len(coordinates) // 2
        if points > MOST_POINTS:
            break
        places = positions(placement, text(shape, GRAPHIC_UNITS), coordinates)
        if places:
            mask = mask.in_colour(_own_colour(shape) or layer.colour)
            _draw(mask, shape, places)
    return mask.laid_over() if shapes else picture


def _own_colour(shape: Attributes) -> Colour | None:
    style = FILL_STYLE if _is_filled(shape) else LINE_STYLE
    return colour_of(item(shape, style), PATTERN_ON_COLOUR)


def _is_filled(shape: Attributes) -> bool:
    return text(shape, GRAPHIC_FILLED) == "Y"


def _draw(mask: Mask, shape: Attributes, points: Points) -> None:
    width = mask.thin * min(max(number(item(shape, LINE_STYLE), LINE_THICKNESS) or 1, 1), 20)
    filled = _is_filled(shape)
    match text(shape, GRAPHIC_TYPE):
        case "POINT":
            for point in points:
                mask.dot(*point, mask.thin * 2)
        case "POLYLINE":
            mask.line(points, width, filled=filled)
        case "INTERPOLATED":
            mask.line(curve(points), width, filled=filled)
        case "CIRCLE" if len(points) >= 2:
            mask.line(circle(*points[:2]), width, filled=filled)
        case "ELLIPSE" if len(points) >= 4:
            mask.line(ellipse(points[:4]), width, filled=filled)


def positions(placement: Placement, units: str, coordinates: Sequence[float]) -> Points:
    """Where in the picture points lie, given in pixels of the image or in parts of what is shown.

    None if one of them is so far away that drawing would take ages.
    """
    lay = placement.relative if units == "DISPLAY" else placement.point
    found = [lay(x, y) for x, y in zip(coordinates[::2], coordinates[1::2], strict=False)]
    most = 10 * max(placement.width, placement.height) + 10_000
    return found if all(abs(side) < most for point in found for side in point) else []


def circle(center: tuple[float, float], edge: tuple[float, float]) -> Points:
    """Points of a circle, the first one again at the end."""
    radius = hypot(edge[0] - center[0], edge[1] - center[1])
    return _oval(center, (radius, 0), radius)


def ellipse(axes: Points) -> Points:
    """Points of an ellipse, given both ends of its major axis, then of its minor axis."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = axes
    along = ((x2 - x1) / 2, (y2 - y1) / 2)
    return _oval(((x1 + x2) / 2, (y1 + y2) / 2), along, hypot(x4 - x3, y4 - y3) / 2)


def _oval(center: tuple[float, float], along: tuple[float, float], across: float) -> Points:
    major, turn = hypot(*along), atan2(along[1], along[0])
    angles = [tau * step / ARC for step in range(ARC + 1)]
    return [
        (
            center[0] + major * cos(angle) * cos(turn) - across * sin(angle) * sin(turn),
            center[1] + major * cos(angle) * sin(turn) + across * sin(angle) * cos(turn),
        )
        for angle in angles
    ]


def curve(points: Points) -> Points:
    """A smooth curve (Catmull-Rom) through all points, closed if it ends where it begins."""
    if len(points) < 3:
        return points
    closed = points[0] == points[-1]
    before, after = (points[-2], points[1]) if closed else (points[0], points[-1])
    ends = np.array([before, *points, after])
    p0, p1, p2, p3 = (ends[start : len(ends) - 3 + start, None] for start in range(4))
    t = np.linspace(0, 1, CURVE, endpoint=False)[:, None]
    between = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    return [(x, y) for x, y in between.reshape(-1, 2).tolist()] + points[-1:]
