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
    """Which libraries do the work of a codec, and which stranger checks them in the tests."""

    decoder: str
    encoder: str
    tested_against: str


_OURS = "Filmroom"
LIBRARIES = {
    Codec.NATIVE: CodecLibraries(_OURS, _OURS, "pydicom"),
    Codec.DEFLATE: CodecLibraries("zlib", "zlib", "libdeflate"),
    Codec.RLE: CodecLibraries("imagecodecs", "imagecodecs", "DCMTK, GDCM"),
    Codec.JPEG: CodecLibraries(
        "imagecodecs (libjpeg-turbo)", "imagecodecs (libjpeg-turbo)", "DCMTK, GDCM"
    ),
    Codec.JPEG_LS: CodecLibraries(
        "imagecodecs (CharLS)", "pyjpegls (CharLS)", "DCMTK (CharLS), GDCM (CharLS)"
    ),
    Codec.JPEG_2000: CodecLibraries(
        "imagecodecs (OpenJPEG)", "imagecodecs (OpenJPEG)", "pylibjpeg-openjpeg, GDCM"
    ),
    Codec.HTJ2K: CodecLibraries("imagecodecs (OpenJPH)", "imagecodecs (OpenJPH)", "OpenJPEG"),
    Codec.JPEG_XL: CodecLibraries("imagecodecs (libjxl)", "imagecodecs (libjxl)", "jxlpy"),
}
"""The libraries of each codec."""
