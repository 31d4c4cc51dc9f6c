"""Tiles that stand for what has no pixels: a sketch of its kind, and the kind's letters."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import cos, exp, pi, sin

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from filmroom.model.rendering import Rendering, Viewport
from filmroom.pixels.picture import encode

USUAL = 256
"""Pixels of a tile's side where the viewport says nothing."""
LARGEST = 512
FINE = 1024  # pixels that sketches are drawn with, to be scaled down smoothly
UNIT = FINE / 100  # sketches are laid out on a square of 100
LONGEST = 9
"""Letters that fit under a sketch."""

GROUND = (30, 37, 48)
LINE = (156, 176, 196)
FAINT = (74, 90, 108)
LETTERS = (226, 232, 240)
BLUE, GREEN, AMBER, RED = (96, 165, 230), (104, 190, 140), (224, 176, 92), (216, 112, 104)

Colour = tuple[int, int, int]
Points = list[tuple[float, float]]


def icon(kind: str, rendering: Rendering) -> bytes:
    """A square tile for a kind or modality, such as `SR`, that fits into the viewport."""
    side = _side(rendering.viewport)
    tile = _tile(kind.strip().upper()[:LONGEST])
    small = tile.resize((side, side), Pillow.Resampling.BOX, reducing_gap=2.0)
    return encode([np.asarray(small)], rendering.media_type, rendering.quality)


def _side(viewport: Viewport) -> int:
    bounds = [side for side in (viewport.width, viewport.height) if side]
    return max(min([*bounds, LARGEST] if bounds else [USUAL]), 1)


@lru_cache(maxsize=16)
def _tile(kind: str) -> Pillow.Image:
    tile = Pillow.new("RGB", (FINE, FINE), GROUND)
    pen = Pen(ImageDraw.Draw(tile))
    SKETCHES.get(kind, _unknown)(pen)
    pen.letters(kind or "?")
    return tile


class Pen:
    """Draws on a square of 100 by 100, the origin at its top left."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def line(self, points: Points, colour: Colour = LINE, width: float = 2) -> None:
        """A line through points, with round ends and corners."""
        fine = [(x * UNIT, y * UNIT) for x, y in points]
        self._draw.line(fine, colour, round(width * UNIT), joint="curve")
        for x, y in (points[0], points[-1]):
            self.dot(x, y, width / 2, colour)

    def outline(self, points: Points, colour: Colour = LINE, width: float = 2) -> None:
        """A closed line."""
        self.line([*points, *points[:2]], colour, width)

    def area(self, points: Points, colour: Colour) -> None:
        """A filled shape."""
        self._draw.polygon([(x * UNIT, y * UNIT) for x, y in points], colour)

    def dot(self, x: float, y: float, radius: float, colour: Colour = LINE) -> None:
        """A filled circle."""
        box = [side * UNIT for side in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.ellipse(box, colour)

    def letters(self, kind: str) -> None:
        """The kind's name below the sketch."""
        size = 15 if len(kind) <= 5 else 15 * 5 / len(kind)
        font = ImageFont.load_default(size * UNIT)
        self._draw.text((50 * UNIT, 84 * UNIT), kind, LETTERS, font, anchor="mm")


def _ring(
    x: float, y: float, across: float, down: float, wave: float = 0, waves: int = 3
) -> Points:
    """Points of an ellipse, or of a shape that swells and shrinks by a part of its size."""
    angles = [2 * pi * step / 120 for step in range(120)]
    sizes = [1 + wave * sin(waves * angle) for angle in angles]
    return [
        (x + across * size * cos(angle), y + down * size * sin(angle))
        for angle, size in zip(angles, sizes, strict=True)
    ]


def _page(pen: Pen, colour: Colour = LINE) -> None:
    pen.outline([(30, 12), (58, 12), (70, 24), (70, 70), (30, 70)], colour)
    pen.line([(58, 12), (58, 24), (70, 24)], colour)


def _report(pen: Pen) -> None:
    _page(pen)
    for y, end in ((34, 62), (42, 58), (50, 62), (58, 50)):
        pen.line([(38, y), (end, y)], BLUE)


def _document(pen: Pen) -> None:
    _page(pen)
    pen.line([(38, 34), (50, 34)], RED, 3)
    for y, end in ((44, 62), (52, 62), (60, 54)):
        pen.line([(38, y), (end, y)])


def _key(pen: Pen) -> None:
    pen.outline(_ring(34, 42, 13, 13), AMBER, 3.5)
    pen.line([(48, 42), (78, 42)], AMBER, 3.5)
    pen.line([(77, 42), (77, 54)], AMBER, 3.5)
    pen.line([(66, 42), (66, 51)], AMBER, 3.5)


def _contours(pen: Pen) -> None:
    pen.outline(_ring(50, 41, 33, 25, 0.03, 2), FAINT)
    pen.outline(_ring(38, 42, 10, 13, 0.10), GREEN, 2.5)
    pen.outline(_ring(62, 40, 11, 12, 0.12, 2), BLUE, 2.5)
    pen.outline(_ring(50, 57, 4.5, 4.5), RED, 2.5)


def _dose(pen: Pen) -> None:
    for size, colour in ((29, (44, 70, 110)), (22, (52, 122, 120)), (15, AMBER), (8, RED)):
        pen.area(_ring(50, 41, size * 1.15, size, 0.06, 2), colour)


def _plan(pen: Pen) -> None:
    pen.outline(_ring(50, 41, 28, 24), FAINT)
    for degrees in (200, 270, 340):
        way = degrees * pi / 180
        x, y = cos(way), sin(way)
        far, side = (50 + 34 * x, 41 + 31 * y), (-6 * y, 6 * x)
        pen.line([(far[0] + side[0], far[1] + side[1]), (50, 41)], AMBER, 1.5)
        pen.line([(far[0] - side[0], far[1] - side[1]), (50, 41)], AMBER, 1.5)
    pen.dot(50, 41, 5, RED)


def _treatment(pen: Pen) -> None:
    _plan(pen)
    pen.line([(62, 58), (68, 65), (82, 48)], GREEN, 4)


def _segments(pen: Pen) -> None:
    pen.outline(_ring(50, 41, 33, 25, 0.03, 2), FAINT)
    pen.area(_ring(37, 42, 11, 14, 0.10), GREEN)
    pen.area(_ring(62, 38, 12, 12, 0.12, 2), BLUE)
    pen.area(_ring(54, 58, 6, 4.5), AMBER)


def _trace(pen: Pen) -> None:
    for at in (20, 40, 60, 80):
        pen.line([(at, 14), (at, 68)], FAINT, 0.6)
    for at in (14, 32, 50, 68):
        pen.line([(12, at), (88, at)], FAINT, 0.6)
    steps = [12 + step / 4 for step in range(76 * 4 + 1)]
    pen.line([(x, 54 - _beat((x - 12) % 38)) for x in steps], GREEN, 2)


def _beat(at: float) -> float:
    """The height of one heartbeat's P, Q, R, S and T waves."""
    waves = ((7, 9, 2.5), (13, -5, 0.8), (14.5, 34, 1.1), (16.5, -9, 0.9), (26, 11, 3))
    return sum(size * exp(-(((at - peak) / width) ** 2)) for peak, size, width in waves)


def _sound(pen: Pen) -> None:
    heights = (6, 14, 24, 12, 30, 40, 22, 34, 18, 26, 10, 5)
    for step, high in enumerate(heights):
        x = 17 + step * 6
        pen.line([(x, 41 - high / 2), (x, 41 + high / 2)], BLUE, 3)


def _presentation(pen: Pen) -> None:
    pen.outline([(20, 16), (80, 16), (80, 66), (20, 66)])
    pen.outline(_ring(42, 42, 12, 12), AMBER, 2)
    pen.line([(70, 24), (53, 36)], AMBER)
    pen.line([(53, 36), (59, 35)], AMBER)
    pen.line([(53, 36), (56, 30)], AMBER)


def _video(pen: Pen) -> None:
    pen.outline([(16, 18), (84, 18), (84, 64), (16, 64)])
    for x in (24, 37, 50, 63, 76):
        pen.dot(x, 23.5, 1.8, FAINT)
        pen.dot(x, 58.5, 1.8, FAINT)
    pen.area([(43, 31), (43, 51), (60, 41)], BLUE)


def _mesh(pen: Pen) -> None:
    top, bottom, middle = (50, 12), (50, 70), (50, 41)
    left, right = [(25, 26), (25, 56)], [(75, 26), (75, 56)]
    pen.area([top, right[0], middle, left[0]], (52, 74, 98))
    pen.area([left[0], middle, bottom, left[1]], (42, 58, 78))
    pen.outline([top, right[0], right[1], bottom, left[1], left[0]], BLUE)
    pen.line([left[0], middle, right[0]], BLUE)
    pen.line([middle, bottom], BLUE)


def _registration(pen: Pen) -> None:
    pen.outline([(20, 14), (62, 14), (62, 52), (20, 52)])
    pen.outline([(36, 28), (80, 33), (76, 68), (32, 63)], AMBER)
    pen.line([(49, 35), (49, 47)], GREEN)
    pen.line([(43, 41), (55, 41)], GREEN)


def _marks(pen: Pen) -> None:
    pen.outline(_ring(50, 41, 33, 25, 0.03, 2), FAINT)
    for x, y, colour in ((36, 34, GREEN), (60, 30, BLUE), (66, 50, AMBER), (44, 54, RED)):
        pen.line([(x - 4, y), (x + 4, y)], colour)
        pen.line([(x, y - 4), (x, y + 4)], colour)


def _map(pen: Pen) -> None:
    colours = [(44, 70, 110), (52, 122, 120), GREEN, AMBER, RED]
    for row in range(5):
        for column in range(6):
            at = exp(-(((row - 2) / 2) ** 2) - ((column - 3) / 2) ** 2)
            x, y = 20 + column * 10, 16 + row * 10
            pen.area([(x, y), (x + 9, y), (x + 9, y + 9), (x, y + 9)], colours[int(at * 4.99)])


def _unknown(pen: Pen) -> None:
    pen.outline([(26, 16), (74, 16), (74, 66), (26, 66)], FAINT)
    for x in (40, 50, 60):
        pen.dot(x, 41, 2.5)


SKETCHES: dict[str, Callable[[Pen], None]] = {
    **dict.fromkeys(("SR", "CDA"), _report),
    **dict.fromkeys(("DOC", "PDF"), _document),
    **dict.fromkeys(("RTPLAN", "PLAN", "RTIMAGE"), _plan),
    **dict.fromkeys(("ECG", "HD", "EPS", "EEG", "EMG", "EOG", "RESP"), _trace),
    **dict.fromkeys(("AU", "AUDIO"), _sound),
    **dict.fromkeys(("M3D", "STL", "OBJ", "MTL"), _mesh),
    **dict.fromkeys(("FID", "ANN"), _marks),
    **dict.fromkeys(("PMAP", "RWV"), _map),
    "KO": _key,
    "PR": _presentation,
    "REG": _registration,
    "RTDOSE": _dose,
    "RTRECORD": _treatment,
    "RTSTRUCT": _contours,
    "SEG": _segments,
    "VIDEO": _video,
}
"""What is sketched for each kind; anything else gets a tile that says only its name."""
