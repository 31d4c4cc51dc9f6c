"""A frame coded anew for good: only if decoding gives back every bit of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import PixelFormat, pixel_format
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import Undecodable, Unsupported
from filmroom.model.pixels import Coded, Image
from filmroom.pixels.decode import Decoded, decode
from filmroom.pixels.encode import ALLOCATED, HIGH_BIT, LOSSY, SAMPLES, STORED, encode
from filmroom.pixels.native import encode_native

SHAPE = (SAMPLES, ALLOCATED, STORED, HIGH_BIT)
"""Attributes that must stay: others than the pixels' readers go by them."""


def recode(frame: bytes, image: Image, target: str) -> Coded:
    """A frame in a lossless transfer syntax, proven to hold the same pixels.

    Undecodable if it does not, Unsupported where the target cannot carry them.
    """
    source = transfer_syntax(image.transfer_syntax)
    format = pixel_format(image.attributes)
    if format.bits_allocated == 1:
        raise Unsupported("readers of segmentations expect one-bit pixels to be native")
    decoded = decode(frame, source.uid, format)
    meant = replace(format, photometric=decoded.photometric, by_plane=False)
    data, changes = encode(decoded.values, meant, target, quality=100)
    if LOSSY in changes or any(
        tag in changes and changes[tag] != image.attributes.get(tag) for tag in SHAPE
    ):
        raise Unsupported("the target changes more than how pixels are coded")
    attributes = {**image.attributes, **changes}
    told = {tag: element for tag, element in attributes.items() if element is not None}
    again = decode(data, target, pixel_format(told))
    if not _is_same(decoded, again):
        raise Undecodable("decoding does not give back the same pixels")
    if source.decoder is Codec.NATIVE and _native(again, format) != frame:
        raise Undecodable("bits beside the pixels would be lost")
    return Coded(data, changes)


def _is_same(one: Decoded, other: Decoded) -> bool:
    return (
        one.photometric == other.photometric
        and one.values.dtype == other.values.dtype
        and np.array_equal(one.values, other.values)
    )


def _native(decoded: Decoded, format: PixelFormat) -> bytes:
    """The frame that these values are when native, laid out as it was."""
    values = decoded.values
    if format.by_plane and format.samples > 1:
        values = np.ascontiguousarray(np.moveaxis(values, -1, 0))
    return encode_native(values, format)
