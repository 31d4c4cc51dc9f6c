"""Stored values as arrays: their type, their range, and how a codec's samples become them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.errors import Undecodable

Values = NDArray[Any]
"""(rows, columns) or (rows, columns, samples), stored values in the type of the format."""

MOST_BYTES = 1 << 30  # of one frame's values; a whole-slide image's tile has far fewer


@dataclass(frozen=True, slots=True)
class Decoded:
    """The values of a frame."""

    values: Values
    """(rows, columns) or (rows, columns, samples), perhaps not to be written to; one-bit
    values are 0 and 1 as uint8."""
    photometric: str
    """What the values mean, which may differ from what the frame was coded as."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What a codestream held, as its decoder gives it."""

    values: Values
    """(rows, columns) or (rows, columns, samples)."""
    precision: int
    """Bits that the codestream says each sample has."""
    photometric: str
    lossy: bool = False
    """Whether samples may lie beyond the range of what was coded."""


def dtype_of(format: PixelFormat) -> np.dtype[Any]:
    """The little-endian type that holds stored values."""
    if format.floating:
        return np.dtype("<f8" if format.bits_allocated == 64 else "<f4")
    size = next(bits for bits in (8, 16, 32, 64) if format.bits_allocated <= bits) // 8
    return np.dtype(f"<{'i' if format.signed else 'u'}{size}")


def shape_of(format: PixelFormat) -> tuple[int, ...]:
    """The shape of a frame's values."""
    plane = (format.rows, format.columns)
    return plane if format.samples == 1 else (*plane, format.samples)


def range_of(format: PixelFormat) -> tuple[int, int]:
    """The least and the greatest value that Bits Stored can hold."""
    if format.signed:
        return -(1 << (format.bits_stored - 1)), (1 << (format.bits_stored - 1)) - 1
    return 0, (1 << format.bits_stored) - 1


def check_size(format: PixelFormat) -> None:
    """Refuse what would take too much memory, before any is taken."""
    size = format.values * dtype_of(format).itemsize
    if size > MOST_BYTES:
        raise Undecodable(f"a frame of {size} bytes; at most {MOST_BYTES} are decoded")


def fit(samples: Samples, format: PixelFormat) -> Decoded:
    """A codec's samples as stored values of the format; Undecodable where they do not fit.

    Codestreams often hold bits without a sign, or more bits than are stored: of lossless
    ones the stored bits count (PS3.5 §8.1.1), of lossy ones the nearest value does.
    """
    values = samples.values
    if values.shape != shape_of(format):
        raise Undecodable(
            f"the codestream holds {'x'.join(map(str, values.shape))} samples where the data set"
            f" says {'x'.join(map(str, shape_of(format)))}"
        )
    if values.dtype.kind not in "iu":
        raise Undecodable("the codestream holds samples that are no integers")
    if samples.lossy and samples.precision > format.bits_stored and not _wraps(samples, format):
        values = np.clip(values, *range_of(format))
    else:
        values = only_stored_bits(values, format, samples.precision)
    return Decoded(values.astype(dtype_of(format), copy=False), samples.photometric)


def _wraps(samples: Samples, format: PixelFormat) -> bool:
    """Whether samples without a sign hold the bits of values with one."""
    return format.signed and samples.values.dtype.kind == "u"


def only_stored_bits(values: Values, format: PixelFormat, bits: int) -> Values:
    """Cells of `bits` bits without what lies around the stored ones, the sign extended.

    Retired images kept overlays in the unused bits (PS3.5 §8.1.1).
    """
    dtype = dtype_of(format)
    cells: Values = values
    shift = format.high_bit + 1 - format.bits_stored
    if shift > 0 and format.high_bit < bits:
        cells = cells >> shift
    if cells.dtype.itemsize != dtype.itemsize:
        cells = cells.astype(dtype)
    spare = dtype.itemsize * 8 - format.bits_stored
    kept = bits <= format.bits_stored and (cells.dtype.kind == "i") == format.signed
    if spare and not kept and not _fit(cells.view(dtype), format):
        cells = cells.view(f"<u{dtype.itemsize}") << spare
        cells = cells.view(dtype) >> spare  # of a signed type this extends the sign
    return cells.view(dtype)


def _fit(cells: Values, format: PixelFormat) -> bool:
    """Whether the spare bits are as they should be already; to look costs less than to write."""
    least, most = range_of(format)
    return bool(cells.max() <= most and (not format.signed or cells.min() >= least))


@dataclass(frozen=True, slots=True)
class Coding:
    """What an encoder made, and how the data set must describe it."""

    data: bytes
    photometric: str
    lossy: bool = False
    bits_allocated: int | None = None
    """Where it differs from the format's."""
    bits_stored: int | None = None


def unsigned(values: Values, format: PixelFormat) -> Values:
    """The stored bits as numbers without a sign, in the fewest whole bytes.

    Codestreams without a sign carry those of two's complement (PS3.5 §8.2.1).
    """
    dtype = np.dtype("u1") if format.bits_stored <= 8 else np.dtype("<u2")
    if not format.signed:
        return np.ascontiguousarray(values.astype(dtype, copy=False))
    mask = (1 << format.bits_stored) - 1
    return np.ascontiguousarray((values.view(f"u{values.itemsize}") & mask).astype(dtype))


def span_of(values: Values) -> int:
    """The greatest difference between two values, at least 1: what a loss is measured by."""
    return max(int(values.max()) - int(values.min()), 1)
