"""Shades in their place: from a frame's grey values to an upright, scaled picture."""

from __future__ import annotations

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.model.instance import Attributes
from filmroom.pixels.grayscale import Grayscale
from filmroom.pixels.padding import padding
from filmroom.pixels.values import Values
from filmroom.pixels.viewport import Picture, Placement, cut, reduced, reduction, scaled


def shaded(
    values: Values,
    shown: Grayscale,
    attributes: Attributes,
    format: PixelFormat,
    placement: Placement,
    by: int = 1,
    early: float = 0,
) -> tuple[Picture, Grayscale]:
    """The picture, and the transformations with the window that was guessed if they had none.

    What becomes much smaller is first reduced, since fewer values then need shades;
    but not padding, whose mean with real values would be neither. `by` and `early` are as
    `scaled` has them.
    """
    padded = padding(values, attributes, format)
    shown = shown.seen(values, padded)
    part, region = cut(values, placement.region, by)
    further = reduction(part.shape, region, placement, by) if padded is None else 1
    less = reduced(part, further, format.bits_stored) if further > 1 else part
    shades = shown.shades(less)
    if padded is not None:
        shades[cut(padded, placement.region)[0]] = 0
    return scaled(shades, region, placement, by * further, early), shown
