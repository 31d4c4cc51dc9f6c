"""CIELab values of the standard as red, green and blue (PS3.3 §C.10.7.1.1)."""

from __future__ import annotations

import numpy as np

from filmroom.model.instance import Attributes
from filmroom.pixels.elements import numbers

D50 = np.array([0.9642, 1.0, 0.8249])
# From CIE XYZ under D50 to linear sRGB (D65), Bradford-adapted.
TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
EPSILON = 6 / 29

Colour = tuple[int, int, int]


def colour_of(attributes: Attributes, tag: str) -> Colour | None:
    """A recommended colour as sRGB of 8 bits; None if there is none."""
    encoded = numbers(attributes, tag)
    if len(encoded) != 3 or not all(0 <= value <= 0xFFFF for value in encoded):
        return None
    return srgb(
        encoded[0] / 0xFFFF * 100, encoded[1] / 0xFFFF * 255 - 128, encoded[2] / 0xFFFF * 255 - 128
    )


def srgb(lightness: float, a: float, b: float) -> Colour:
    """A colour as sRGB of 8 bits; the nearest there is in each channel."""
    middle = (lightness + 16) / 116
    steps = np.array([middle + a / 500, middle, middle - b / 200])
    relative = np.where(steps > EPSILON, steps**3, 3 * EPSILON**2 * (steps - 4 / 29))
    linear = np.clip(TO_SRGB @ (relative * D50), 0, 1)
    coded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = np.rint(coded * 255).astype(int).tolist()
    return red, green, blue
