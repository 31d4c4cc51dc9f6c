"""VOI: which values are shown, and through which function (PS3.3 §C.11.2, PS3.4 §N.2.1.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmroom.model.instance import Attributes
from filmroom.model.rendering import VoiFunction, Window
from filmroom.pixels.elements import functional_group, number, text
from filmroom.pixels.values import Values

WINDOW_CENTER = "00281050"
WINDOW_WIDTH = "00281051"
VOI_LUT_FUNCTION = "00281056"
FRAME_VOI_LUT = "00289132"

FUNCTIONS = {
    "LINEAR": VoiFunction.LINEAR,
    "LINEAR_EXACT": VoiFunction.LINEAR_EXACT,
    "SIGMOID": VoiFunction.SIGMOID,
}

SAMPLED = 1 << 16
"""Values that a window is guessed from, at least; of a smaller image all."""
TAIL = 0.5
"""Percent of the values, at either end, that a guessed window leaves out."""


def window_of(attributes: Attributes) -> Window | None:
    """The first window of a VOI LUT module; None if it has none that can be used."""
    center, width = number(attributes, WINDOW_CENTER), number(attributes, WINDOW_WIDTH)
    if center is None or width is None or width <= 0:
        return None
    function = FUNCTIONS.get(text(attributes, VOI_LUT_FUNCTION), VoiFunction.LINEAR)
    return Window(center, width, function)


def voi_attributes(attributes: Attributes, frame: int) -> Attributes:
    """The VOI LUT module of a frame (from 1), of its functional group or of the whole image."""
    return functional_group(attributes, FRAME_VOI_LUT, frame) or attributes


def exact(window: Window) -> Window:
    """A window for values that are no whole numbers, for which LINEAR was not made.

    Its half a value either way may be all that there is: from 0 to 1 it is a threshold.
    """
    if window.function is VoiFunction.LINEAR:
        return Window(window.center, window.width, VoiFunction.LINEAR_EXACT)
    return window


def between(low: float, high: float) -> Window:
    """The window that shows exactly the values from `low`, as black, to `high`, as white."""
    return Window((low + high) / 2, high - low, VoiFunction.LINEAR_EXACT)


def guessed(values: NDArray[np.float32]) -> Window:
    """A window for values that come without one: all but the outermost percentiles.

    Of values that are nearly all the same (a dose, a mask) the outermost are what
    there is to see, so then it is all of them. A single value is set against zero.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return between(0, 1)
    low, high = map(float, np.percentile(finite, [TAIL, 100 - TAIL]))
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    if high <= low:
        low, high = min(low, 0.0), max(high, 0.0)
    return between(low, high) if high > low else between(0, 1)


def coefficients(window: Window) -> tuple[float, float]:
    """The linear function `x * slope + offset` of a window, to be clipped to 0 and 1.

    A LINEAR window narrower than one value, which the standard forbids, is what
    LINEAR_EXACT makes of it: its writer meant values that are no whole numbers.
    """
    center, width = window.center, window.width
    if window.function is VoiFunction.LINEAR and width >= 1:
        center, width = center - 0.5, width - 1
    if width <= 0:  # a threshold: LINEAR of width 1
        return float("inf"), -center
    return 1 / width, 0.5 - center / width


def through(window: Window, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values seen through a window, from 0 to 1 (§C.11.2.1.2, §C.11.2.1.3); changed in place."""
    if window.function is VoiFunction.SIGMOID:
        values -= window.center
        values *= -4 / window.width
        np.clip(values, -80, 80, out=values)  # where float32 cannot tell it from 0 or 1
        np.exp(values, out=values)
        values += 1
        return np.reciprocal(values, out=values)
    slope, offset = coefficients(window)
    if np.isinf(slope):
        return np.greater(values, -offset).astype(np.float32)
    values *= slope
    values += offset
    return np.clip(values, 0, 1, out=values)


def sample(values: Values) -> Values:
    """Some of an image's values, evenly spread, the same ones each time."""
    step = max(int((values.size / SAMPLED) ** 0.5), 1)
    return values[step // 2 :: step, step // 2 :: step]
