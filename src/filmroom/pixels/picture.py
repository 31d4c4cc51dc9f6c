"""Arrays of 8 bits as picture files: JPEG, PNG, GIF, WebP and JPEG XL."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from filmroom.errors import NotAcceptable
from filmroom.pixels.jpeg_file import jpeg_file, save

JPEG = "image/jpeg"
PNG = "image/png"
GIF = "image/gif"
WEBP = "image/webp"
JXL = "image/jxl"

CARRIES_PROFILE = (JPEG, PNG, WEBP)
LONGEST_SIDE = {JPEG: 65_500, GIF: 65_535, WEBP: 16_383}
"""Pixels that the format, or its library, can count."""

Picture = NDArray[np.uint8]
"""(rows, columns) of grey or (rows, columns, 3) of red, green and blue."""


def encode(
    pictures: Sequence[Picture],
    media_type: str,
    quality: int,
    profile: bytes | None = None,
    durations: Sequence[int] = (),
) -> bytes:
    """A picture file; of several pictures, shown `durations` milliseconds each, only as GIF."""
    first = np.ascontiguousarray(pictures[0])
    _check(first, media_type, profile)
    match media_type:
        case "image/jpeg":
            return jpeg_file(first, quality, profile)
        case "image/png":
            return png(first, profile)
        case "image/gif":
            return _gif(pictures, durations)
        case "image/webp":  # method 0 is three times as fast as the usual 4, and 5 % larger
            return save(first, "WEBP", quality=quality, method=0, icc_profile=profile)
        case "image/jxl":
            return _jpeg_xl(first, quality)
    raise NotAcceptable(f"pictures are not made as {media_type}")


def _check(picture: Picture, media_type: str, profile: bytes | None) -> None:
    longest = max(picture.shape[:2])
    if longest > LONGEST_SIDE.get(media_type, longest):
        raise NotAcceptable(f"{media_type} has no room for {longest} pixels side by side")
    if profile and media_type not in CARRIES_PROFILE:
        raise NotAcceptable(f"{media_type} is made without an ICC profile")


def _jpeg_xl(picture: Picture, quality: int) -> bytes:
    """JPEG XL, lossless in the highest quality."""
    if quality >= 100:
        return bytes(imagecodecs.jpegxl_encode(picture, lossless=True, effort=3))
    return bytes(imagecodecs.jpegxl_encode(picture, distance=distance(quality), effort=3))


def distance(quality: int) -> float:
    """The visual distance that JPEG XL allows for a quality; 1 is hardly seen."""
    return 0.1 + (100 - quality) * 0.09


def _gif(pictures: Sequence[Picture], durations: Sequence[int]) -> bytes:
    first, *others = [Pillow.fromarray(np.ascontiguousarray(picture)) for picture in pictures]
    if not others:
        return save(np.ascontiguousarray(pictures[0]), "GIF")
    out = BytesIO()
    first.save(
        out,
        "GIF",
        save_all=True,
        append_images=others,
        duration=list(durations),
        loop=0,
        optimize=False,
    )
    return out.getvalue()


def png(picture: Picture, profile: bytes | None = None) -> bytes:
    """A PNG file, written here: with libdeflate, a fifth of the time that libpng takes (W3C PNG).

    Each row is coded as its differences from pixel to pixel (filter 1), which suits
    images that were scanned or computed.
    """
    rows, columns = picture.shape[:2]
    samples = picture.shape[2] if picture.ndim == 3 else 1
    lines = picture.reshape(rows, columns * samples)
    filtered = np.empty((rows, columns * samples + 1), np.uint8)
    filtered[:, 0] = 1
    filtered[:, 1 : samples + 1] = lines[:, :samples]
    np.subtract(lines[:, samples:], lines[:, :-samples], out=filtered[:, samples + 1 :])
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2 if samples == 3 else 0, 0, 0, 0)
    chunks = [(b"IHDR", header)]
    if profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    deflated = imagecodecs.deflate_encode(filtered.tobytes(), level=1)
    chunks += [(b"IDAT", bytes(deflated)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(data, zlib.crc32(name))
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)
