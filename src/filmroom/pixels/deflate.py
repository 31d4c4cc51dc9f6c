"""Deflated image frames: a native frame as one raw deflate stream (PS3.5 §8.2.17)."""

from __future__ import annotations

import zlib

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.transfer_syntaxes import TransferSyntax
from filmroom.pixels.native import decode_native, encode_native
from filmroom.pixels.values import Coding, Decoded, Values

RAW = -15  # window bits of a stream without header and checksum


def decode_deflate(frame: bytes, format: PixelFormat) -> Decoded:
    """The values of a frame, of which no more than a frame is inflated."""
    most = (format.values * format.bits_allocated + 7) // 8
    inflated = zlib.decompressobj(RAW).decompress(frame, most)
    return decode_native(inflated, format)


def encode_deflate(
    values: Values, format: PixelFormat, syntax: TransferSyntax, quality: int
) -> Coding:
    """Values as a deflated native frame."""
    stream = zlib.compressobj(wbits=RAW)
    data = stream.compress(encode_native(values, format)) + stream.flush()
    return Coding(data, format.photometric)
