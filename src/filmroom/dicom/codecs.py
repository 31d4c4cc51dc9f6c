"""Codecs: what decodes and encodes the frames of transfer syntaxes, by name only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Codec(StrEnum):
    """One family of codestreams."""

    NATIVE = "native"
    """Values as they are, little-endian."""
    DEFLATE = "deflate"
    """A native frame as one raw deflate stream (PS3.5 §8.2.17)."""
    RLE = "rle"
    JPEG = "jpeg"
    JPEG_LS = "jpegls"
    JPEG_2000 = "jpeg2000"
    HTJ2K = "htj2k"
    JPEG_XL = "jpegxl"


@dataclass(frozen=True, slots=True)
class CodecLibraries:
    """Which libraries do the work of a codec, and which stranger checks them in the tests.

    All but zlib and our own come with imagecodecs; some JPEG-LS is encoded by pyjpegls.
    """

    decoder: str
    encoder: str
    tested_against: str


_OURS = "Filmroom"
LIBRARIES = {
    Codec.NATIVE: CodecLibraries(_OURS, _OURS, "pydicom"),
    Codec.DEFLATE: CodecLibraries("zlib", "zlib", "libdeflate"),
    Codec.RLE: CodecLibraries("imagecodecs", "imagecodecs", "DCMTK, pydicom"),
    Codec.JPEG: CodecLibraries("libjpeg-turbo", "libjpeg-turbo", "DCMTK, GDCM, jpegtran"),
    Codec.JPEG_LS: CodecLibraries("CharLS", "CharLS", "DCMTK and GDCM (other CharLS)"),
    Codec.JPEG_2000: CodecLibraries("OpenJPEG", "OpenJPEG", "GDCM (other OpenJPEG)"),
    Codec.HTJ2K: CodecLibraries("OpenJPH", "OpenJPH", "OpenJPEG"),
    Codec.JPEG_XL: CodecLibraries("libjxl", "libjxl", "djxl (an older libjxl)"),
}
"""The libraries of each codec."""
