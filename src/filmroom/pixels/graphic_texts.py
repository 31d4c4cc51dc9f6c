"""Text annotations of presentation states, in their boxes or beside their anchors (§C.10.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from filmroom.model.instance import Attributes
from filmroom.pixels.cielab import Colour, colour_of
from filmroom.pixels.elements import item, items, numbers, text
from filmroom.pixels.graphics import MOST_OBJECTS, Layer, Mask, positions
from filmroom.pixels.lettering import lettering
from filmroom.pixels.viewport import Picture, Placement

TEXTS = "00700008"
TEXT_STYLE = "00700231"
TEXT_COLOUR = "00700241"
BOX_UNITS = "00700003"
ANCHOR_UNITS = "00700004"
UNFORMATTED_TEXT = "00700006"
BOX_TOP_LEFT = "00700010"
BOX_BOTTOM_RIGHT = "00700011"
JUSTIFICATION = "00700012"
ANCHOR = "00700014"
ANCHOR_VISIBLE = "00700015"

MOST_CHARACTERS = 2_000  # of a text
SHARE = 32  # lines of usual text below each other fill the picture's shorter side
SMALLEST, LARGEST = 9.0, 40.0  # pixels
HIGH, WIDE = 1.25, 0.55  # of a line and of a letter, for letters of size 1
DARK = 96  # shades below which a colour gets a light rim

Position = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in the picture."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text in its place."""

    wording: str
    box: Box | None
    anchor: Position | None
    leads: bool
    """Whether the anchor is marked, and a line leads to it."""
    justified: str
    """left, center or right."""
    colour: int | Colour

    def corner(self, gap: float) -> tuple[Position, str]:
        """Where the text begins, ends or has its middle, and which of them: la, ra or ma."""
        if self.box is None:
            x, y = self.anchor or (0, 0)
            return (x + gap, y + gap), "la"
        left, top, right, _ = self.box
        match self.justified:
            case "right":
                return (right, top), "ra"
            case "center":
                return ((left + right) / 2, top), "ma"
        return (left, top), "la"


def with_texts(
    picture: Picture, annotations: Sequence[Attributes], layer: Layer, placement: Placement
) -> Picture:
    """The picture with the text objects of these annotations, in the layer's colour."""
    written = [each for annotation in annotations for each in items(annotation, TEXTS)]
    read = [_text(each, layer, placement) for each in written[:MOST_OBJECTS]]
    texts = [each for each in read if each is not None]
    if not texts:
        return picture
    mask = Mask(picture, layer.colour)
    for each in texts:
        if each.leads and each.anchor:
            mask = mask.in_colour(each.colour)
            mask.dot(*each.anchor, mask.thin * 2)
            start, _ = each.corner(mask.thin * 4)
            mask.line([each.anchor, _nearest(each.box, each.anchor, start)], mask.thin)
    picture = mask.laid_over()
    if picture.ndim == 2 and any(isinstance(each.colour, tuple) for each in texts):
        picture = np.repeat(picture[..., None], 3, axis=2)
    canvas = Pillow.fromarray(np.ascontiguousarray(picture))
    for each in texts:
        _write(canvas, each, mask.thin * 4)
    return np.asarray(canvas)


def _text(written: Attributes, layer: Layer, placement: Placement) -> Text | None:
    wording = text(written, UNFORMATTED_TEXT).replace("\r\n", "\n").replace("\r", "\n")
    box, anchor = _box(written, placement), _anchor(written, placement)
    if not wording or (box is None and anchor is None):
        return None
    justified = text(written, JUSTIFICATION).lower()
    return Text(
        wording[:MOST_CHARACTERS],
        box,
        anchor,
        text(written, ANCHOR_VISIBLE) == "Y",
        justified if justified in ("center", "right") else "left",
        colour_of(item(written, TEXT_STYLE), TEXT_COLOUR) or layer.colour,
    )


def _box(written: Attributes, placement: Placement) -> Box | None:
    corners = [*numbers(written, BOX_TOP_LEFT)[:2], *numbers(written, BOX_BOTTOM_RIGHT)[:2]]
    ends = positions(placement, text(written, BOX_UNITS), corners)
    if len(ends) != 2:
        return None
    (left, right), (top, bottom) = (sorted(sides) for sides in zip(*ends, strict=True))
    return left, top, right, bottom


def _anchor(written: Attributes, placement: Placement) -> Position | None:
    place = numbers(written, ANCHOR)
    found = positions(placement, text(written, ANCHOR_UNITS), place)
    return found[0] if len(found) == 1 else None


def _write(canvas: Pillow.Image, each: Text, gap: float) -> None:
    """Letters with a rim of the opposite shade, so that they are read on anything."""
    drawn, font = lettering(each.wording, _size(canvas, each))
    shades = each.colour if isinstance(each.colour, tuple) else (each.colour,) * 3
    rim = 255 if sum(shades) < 3 * DARK else 0
    at, anchor = each.corner(gap)
    ImageDraw.Draw(canvas).multiline_text(
        at,
        drawn,
        fill=shades if canvas.mode == "RGB" else shades[0],
        font=font,
        anchor=anchor,
        align=each.justified,
        stroke_width=1,
        stroke_fill=(rim,) * 3 if canvas.mode == "RGB" else rim,
    )


def _size(canvas: Pillow.Image, each: Text) -> float:
    """Pixels high that letters are: what fits the box, if that can still be read."""
    usual = min(max(min(canvas.size) / SHARE, SMALLEST), LARGEST)
    if each.box is None:
        return usual
    left, top, right, bottom = each.box
    lines = each.wording.split("\n")
    fits = min((bottom - top) / len(lines) / HIGH, (right - left) / max(map(len, lines)) / WIDE)
    return min(max(fits, SMALLEST), usual * 1.5)


def _nearest(box: Box | None, point: Position, otherwise: Position) -> Position:
    """The point of a box that is nearest to another one."""
    if box is None:
        return otherwise
    left, top, right, bottom = box
    return min(max(point[0], left), right), min(max(point[1], top), bottom)
