"""Native frames: values one after another, little-endian (PS3.5 §8.1.1, Annex D)."""

from __future__ import annotations

import numpy as np

from filmroom.dicom.pixel_format import YBR_FULL, YBR_FULL_422, PixelFormat
from filmroom.errors import Undecodable
from filmroom.pixels.values import Decoded, Values, dtype_of, only_stored_bits, shape_of

YBR_PARTIAL_422 = "YBR_PARTIAL_422"
HALF_COLOUR = (YBR_FULL_422, YBR_PARTIAL_422)
AT_ONCE = 1 << 18  # cells unpacked at a time, each of which takes a byte a bit


def decode_native(frame: bytes, format: PixelFormat) -> Decoded:
    """The values of a frame that begins with a byte; Undecodable where it is cut short.

    Values with half the colour are given with all of it, each pair of pixels sharing one.
    """
    photometric = format.photometric
    halved = photometric in HALF_COLOUR and format.samples == 3 and not _is_whole(frame, format)
    count = format.values * 2 // 3 if halved else format.values
    needed = (count * format.bits_allocated + 7) // 8
    if halved and format.columns % 2:
        raise Undecodable("two pixels share their colour, and a row has an odd number of them")
    if len(frame) < needed:
        raise Undecodable(f"a native frame is cut short: {len(frame)} of {needed} bytes")
    values = _cells(frame, count, format)
    if not format.floating:
        values = only_stored_bits(values, format, format.bits_allocated)
    if halved:
        values = _with_all_colour(values)
    elif format.by_plane and format.samples > 1:
        planes = values.reshape(format.samples, format.rows, format.columns)
        values = np.moveaxis(planes, 0, -1)
    photometric = YBR_FULL if photometric == YBR_FULL_422 else photometric
    return Decoded(np.ascontiguousarray(values).reshape(shape_of(format)), photometric)


def _is_whole(frame: bytes, format: PixelFormat) -> bool:
    """Whether nothing was halved, whatever is said: writers forget to say what they decoded."""
    return len(frame) * 8 >= format.values * format.bits_allocated


def encode_native(values: Values, format: PixelFormat) -> bytes:
    """Values as a frame, colour by pixel."""
    if format.bits_allocated == 1:
        return np.packbits(values.reshape(-1), bitorder="little").tobytes()
    dtype = dtype_of(format)
    if dtype.itemsize * 8 != format.bits_allocated:
        return _packed(values, format.bits_allocated)
    return values.astype(dtype, copy=False).tobytes()


def _cells(frame: bytes, count: int, format: PixelFormat) -> Values:
    dtype = dtype_of(format)
    if dtype.itemsize * 8 == format.bits_allocated:
        return np.frombuffer(frame, dtype, count)
    bits = format.bits_allocated
    octets = np.frombuffer(frame, np.uint8, (count * bits + 7) // 8)
    if bits == 1:
        return np.unpackbits(octets, count=count, bitorder="little").view(dtype)
    return _unpacked(octets, count, bits, np.dtype(f"<u{dtype.itemsize}")).view(dtype)


def _unpacked(octets: Values, count: int, bits: int, dtype: np.dtype[np.unsignedinteger]) -> Values:
    """Cells of any width, as of twelve bits: the first in the least bits of the first byte."""
    cells = np.empty(count, dtype)
    for start in range(0, count, AT_ONCE):  # which begins with a byte: AT_ONCE is a multiple of 8
        many = min(AT_ONCE, count - start)
        part = octets[start * bits // 8 : (start * bits + many * bits + 7) // 8]
        table = np.unpackbits(part, count=many * bits, bitorder="little").reshape(many, bits)
        wide = np.zeros((many, dtype.itemsize * 8), np.uint8)
        wide[:, :bits] = table
        cells[start : start + many] = np.packbits(wide, axis=1, bitorder="little").view(dtype)[:, 0]
    return cells


def _packed(values: Values, bits: int) -> bytes:
    """The reverse of `_unpacked`."""
    flat, parts = np.ascontiguousarray(values).reshape(-1, 1), []
    for start in range(0, len(flat), AT_ONCE):
        octets = flat[start : start + AT_ONCE].view(np.uint8)
        table = np.unpackbits(octets, axis=1, count=bits, bitorder="little")
        parts.append(np.packbits(table, bitorder="little").tobytes())
    return b"".join(parts)


def _with_all_colour(values: Values) -> Values:
    """Y1 Y2 Cb Cr of each pair of pixels as Y Cb Cr of each (PS3.3 §C.7.6.3.1.2)."""
    pairs = values.reshape(-1, 4)
    full = np.empty((len(pairs), 2, 3), values.dtype)
    full[:, :, 0] = pairs[:, :2]
    full[:, :, 1:] = pairs[:, None, 2:]
    return full
