"""Pixel padding: values that are no part of the image, shown as background (PS3.3 §C.7.5.1.1.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.model.instance import Attributes
from filmroom.pixels.elements import number
from filmroom.pixels.values import Values

PADDING_VALUE = "00280120"
PADDING_RANGE_LIMIT = "00280121"
FLOAT_PADDING = ("00280122", "00280124")
DOUBLE_FLOAT_PADDING = ("00280123", "00280125")


def is_padded(attributes: Attributes) -> bool:
    """Whether a value is named that is padding."""
    return PADDING_VALUE in attributes


def padding(
    values: Values, attributes: Attributes, format: PixelFormat
) -> NDArray[np.bool_] | None:
    """Which stored values are padding; None if there is not a single one.

    Values may be written as unsigned numbers though the pixels are signed.
    """
    value, limit = _range(attributes, format)
    if value is None:
        return None
    if limit is None or limit == value:
        found = np.equal(values, value)
    else:
        low, high = sorted((value, limit))
        found = np.greater_equal(values, low)
        found &= np.less_equal(values, high)
    return found if found.any() else None


def _range(attributes: Attributes, format: PixelFormat) -> tuple[float | None, float | None]:
    if format.floating:
        tags = DOUBLE_FLOAT_PADDING if format.bits_allocated == 64 else FLOAT_PADDING
        return number(attributes, tags[0]), number(attributes, tags[1])
    return (
        _stored(number(attributes, PADDING_VALUE), format),
        _stored(number(attributes, PADDING_RANGE_LIMIT), format),
    )


def _stored(value: float | None, format: PixelFormat) -> int | None:
    if value is None:
        return None
    whole = int(value)
    if format.signed and whole >= 1 << (format.bits_stored - 1):
        bits = format.bits_stored if whole < 1 << format.bits_stored else format.bits_allocated
        whole -= 1 << bits
    return whole
