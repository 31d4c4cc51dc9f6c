"""RLE: PackBits, a segment a byte plane, the most significant first (PS3.5 Annex G)."""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise

import imagecodecs
import numpy as np

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.transfer_syntaxes import TransferSyntax
from filmroom.errors import Undecodable, Unsupported
from filmroom.pixels.native import decode_native
from filmroom.pixels.values import Coding, Decoded, Values, dtype_of, only_stored_bits, shape_of

HEADER = struct.Struct("<16I")  # number of segments, and where each begins
MOST_SEGMENTS = 15


def decode_rle(frame: bytes, format: PixelFormat) -> Decoded:
    """The values of a frame; one-bit values are packed as in a native frame."""
    if format.bits_allocated == 1:
        (packed,) = _segments(frame, 1, (format.values + 7) // 8)
        return decode_native(packed, format)
    dtype = dtype_of(format)
    plane = format.rows * format.columns
    if dtype.itemsize * 8 != format.bits_allocated:
        raise Undecodable(f"RLE of values of {format.bits_allocated} bits is not known")
    segments = _segments(frame, format.samples * dtype.itemsize, plane)
    octets = np.empty((plane, format.samples, dtype.itemsize), np.uint8)
    for number, segment in enumerate(segments):
        sample, byte = divmod(number, dtype.itemsize)
        octets[:, sample, -1 - byte] = np.frombuffer(segment, np.uint8, plane)
    values = octets.view(dtype).reshape(shape_of(format))
    return Decoded(only_stored_bits(values, format, format.bits_allocated), format.photometric)


def _segments(frame: bytes, count: int, length: int) -> list[bytes]:
    """The unpacked segments, each of at least `length` bytes."""
    if len(frame) < HEADER.size:
        raise Undecodable("the RLE frame is cut short: it has no header")
    said, *offsets = HEADER.unpack_from(frame)
    if said != count or count > MOST_SEGMENTS:
        raise Undecodable(f"the RLE frame has {said} segments, its data set makes {count}")
    bounds = [*offsets[:count], len(frame)]
    if bounds[0] < HEADER.size or any(end <= start for start, end in pairwise(bounds)):
        raise Undecodable("the RLE frame's segments lie outside of it")
    return [_unpack(frame[start:end], length) for start, end in pairwise(bounds)]


def _unpack(segment: bytes, length: int) -> bytes:
    unpacked = imagecodecs.packbits_decode(segment, out=2 * length + HEADER.size)
    if len(unpacked) < length:
        raise Undecodable(f"an RLE segment is cut short: {len(unpacked)} of {length} bytes")
    return bytes(unpacked)


def encode_rle(values: Values, format: PixelFormat, syntax: TransferSyntax, quality: int) -> Coding:
    """Values as a frame, each row of a byte plane packed on its own."""
    packed = [
        _even(bytes(imagecodecs.packbits_encode(plane, axis=-1)))
        for plane in _planes(values, format)
    ]
    if len(packed) > MOST_SEGMENTS:
        raise Unsupported(f"{syntax.name} has {MOST_SEGMENTS} segments, not {len(packed)}")
    starts = accumulate(map(len, packed[:-1]), initial=HEADER.size)
    offsets = [*starts, *[0] * (MOST_SEGMENTS - len(packed))]
    return Coding(b"".join([HEADER.pack(len(packed), *offsets), *packed]), format.photometric)


def _planes(values: Values, format: PixelFormat) -> list[Values]:
    """Bytes of equal weight, the most significant first, sample by sample."""
    if format.bits_allocated == 1:
        return [np.packbits(values.reshape(-1), bitorder="little").reshape(1, -1)]
    size = format.bits_allocated // 8
    octets = np.ascontiguousarray(values).view(np.uint8)
    octets = octets.reshape(format.rows, format.columns, format.samples, size)
    return [
        octets[:, :, sample, byte].copy()
        for sample in range(format.samples)
        for byte in reversed(range(size))
    ]


def _even(segment: bytes) -> bytes:
    return segment + b"\0" * (len(segment) % 2)
