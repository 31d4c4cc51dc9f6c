"""From stored values to shades of grey: modality, VOI and presentation LUTs (PS3.4 §N.2.1).

A shade is a P-Value scaled to 8 bits: 0 is black, 255 white.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.pixel_format import MONOCHROME1, PixelFormat
from filmroom.model.instance import Attributes
from filmroom.model.rendering import VoiFunction, Window
from filmroom.pixels.elements import functional_group, item, number, text
from filmroom.pixels.luts import Lut, lut
from filmroom.pixels.values import Values
from filmroom.pixels.windows import (
    between,
    coefficients,
    guessed,
    sample,
    through,
    voi_attributes,
    window_of,
)

RESCALE_INTERCEPT = "00281052"
RESCALE_SLOPE = "00281053"
PIXEL_VALUE_TRANSFORMATION = "00289145"
DOSE_GRID_SCALING = "3004000E"
MODALITY_LUT = "00283000"
VOI_LUT = "00283010"
PRESENTATION_LUT = "20500010"
PRESENTATION_LUT_SHAPE = "20500020"
MAXIMUM_FRACTIONAL_VALUE = "0062000E"
SEGMENTATION_TYPE = "00620001"

EXACT = 1 << 24
"""Up to where float32 holds every whole number."""

Shades = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Rescale:
    """A linear modality transformation."""

    slope: float = 1
    intercept: float = 0

    def of(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The modality values of stored ones."""
        if self == Rescale():
            return inputs
        return inputs * inputs.dtype.type(self.slope) + inputs.dtype.type(self.intercept)


@dataclass(frozen=True, slots=True)
class Grayscale:
    """The transformations that a frame's values go through, one after another."""

    modality: Rescale | Lut
    voi: Window | Lut | None
    """None where nothing says what to show: it is to be guessed from the values."""
    presentation: Lut | None = None
    inverse: bool = False
    """Whether the least value is white."""

    @np.errstate(over="ignore", invalid="ignore")  # of numbers beyond all measure
    def seen(self, values: Values, padding: NDArray[np.bool_] | None) -> Grayscale:
        """This, its window guessed from the whole frame's stored values if it has none."""
        if self.voi is not None:
            return self
        sampled = _floats(sample(values))
        if padding is not None:
            sampled = sampled[~sample(padding)]
        return replace(self, voi=guessed(self.modality.of(sampled)))

    @np.errstate(over="ignore", invalid="ignore")
    def shades(self, values: Values) -> Shades:
        """The shades of stored values, in whatever shape; `voi` must be known."""
        if line := self._line():
            return _along(values, *line)
        kind = values.dtype
        if kind.kind in "iu" and kind.itemsize <= 2 and values.size > 1 << (8 * kind.itemsize):
            unsigned = np.dtype(f"u{kind.itemsize}")
            inputs = np.arange(1 << (8 * kind.itemsize), dtype=unsigned).view(kind)
            return self._steps(inputs).take(values.view(unsigned))
        return self._steps(values)

    def _line(self) -> tuple[float, float] | None:
        """Slope and offset from stored values to 0 … 1, if all is one line, cut off at both."""
        modality, voi = self.modality, self.voi
        if not (isinstance(modality, Rescale) and isinstance(voi, Window)) or self.presentation:
            return None
        slope, offset = coefficients(voi)
        if voi.function is VoiFunction.SIGMOID or np.isinf(slope):
            return None
        offset += slope * modality.intercept
        slope *= modality.slope
        return (-slope, 1 - offset) if self.inverse else (slope, offset)

    def _steps(self, values: Values) -> Shades:
        shown = self.modality.of(_floats(values, copy=True))
        if isinstance(self.voi, Window):
            shown = through(self.voi, shown)
        elif self.voi is not None:
            shown = self.voi.of(shown) / np.float32(self.voi.most)
        if self.presentation:
            table = self.presentation
            shown = table.of(shown * (len(table.entries) - 1) + table.first)
            shown /= np.float32(table.most)
        if self.inverse:
            shown = 1 - shown
        return _bytes(shown * 255 + shown.dtype.type(0.5))


def _floats(values: Values, *, copy: bool = False) -> NDArray[np.float32]:
    """Values to calculate with, of 64 bits only where 32 would not tell them apart."""
    wide = values.dtype.itemsize > 2 and values.dtype.kind in "iu"
    if wide and values.size and max(abs(int(values.min())), abs(int(values.max()))) > EXACT:
        return values.astype(np.float64, copy=copy)
    return values.astype(np.float32, copy=copy)


def _along(values: Values, slope: float, offset: float) -> Shades:
    shades = _floats(values, copy=True)
    shades *= shades.dtype.type(slope * 255)
    shades += shades.dtype.type(offset * 255 + 0.5)
    return _bytes(shades)


def _bytes(shades: NDArray[np.float32]) -> Shades:
    """Cut off to 8 bits; what is no number is black."""
    np.fmax(shades, 0, out=shades)
    np.fmin(shades, 255, out=shades)
    return shades.astype(np.uint8)


def grayscale(
    attributes: Attributes, frame: int, format: PixelFormat, window: Window | None = None
) -> Grayscale:
    """The transformations of a frame (from 1) as its own attributes say, but for a `window`."""
    modality = modality_of(attributes, frame, format)
    voi: Window | Lut | None = window
    if voi is None:
        told = voi_attributes(attributes, frame)
        voi = voi_of(told, modality, format) or _whole_range(attributes, modality, format)
    shape = text(attributes, PRESENTATION_LUT_SHAPE)
    return Grayscale(modality, voi, inverse=format.photometric == MONOCHROME1 or shape == "INVERSE")


def modality_of(attributes: Attributes, frame: int, format: PixelFormat) -> Rescale | Lut:
    """The modality LUT or rescaling of a frame, that of its functional group first."""
    group = functional_group(attributes, PIXEL_VALUE_TRANSFORMATION, frame)
    table = lut(item(attributes, MODALITY_LUT), signed=format.signed)
    if table and not group:
        return table
    chosen = group or attributes
    slope = number(chosen, RESCALE_SLOPE) or number(attributes, DOSE_GRID_SCALING) or 1
    return Rescale(slope, number(chosen, RESCALE_INTERCEPT) or 0)


def voi_of(
    attributes: Attributes, modality: Rescale | Lut, format: PixelFormat
) -> Window | Lut | None:
    """What a VOI LUT module says: its first table, else its first window."""
    below_zero = format.signed if isinstance(modality, Rescale) else False
    if isinstance(modality, Rescale) and (modality.intercept < 0 or modality.slope < 0):
        below_zero = True
    return lut(item(attributes, VOI_LUT), signed=below_zero) or window_of(attributes)


def presentation_of(attributes: Attributes) -> tuple[Lut | None, bool]:
    """A presentation LUT, and whether its shape inverts (PS3.3 §C.11.6)."""
    return (
        lut(item(attributes, PRESENTATION_LUT)),
        text(attributes, PRESENTATION_LUT_SHAPE) == "INVERSE",
    )


def _whole_range(
    attributes: Attributes, modality: Rescale | Lut, format: PixelFormat
) -> Window | None:
    """All values that can be, for what has no window and needs none.

    Those are masks, and images of 8 bits, which are made to be shown as they are.
    """
    if isinstance(modality, Lut):
        return between(0, modality.most)
    if format.bits_stored > 8 or format.floating or modality != Rescale():
        return None
    most = 2**format.bits_stored - 1
    match text(attributes, SEGMENTATION_TYPE):
        case "FRACTIONAL":
            most = int(number(attributes, MAXIMUM_FRACTIONAL_VALUE) or most)
        case "LABELMAP":
            return None
    low = -(2 ** (format.bits_stored - 1)) if format.signed else 0
    return between(low, low + most)
