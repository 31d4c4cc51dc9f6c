"""Transfer syntaxes: how a data set is written, and the media type of its frames.

One table for PS3.5 Annex A, PS3.6 Annex A and PS3.18 §8.7.3.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import Enum

from filmroom.dicom.codecs import Codec

OCTET_STREAM = "application/octet-stream"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"


class Pixels(Enum):
    """How top-level pixel data is written."""

    NATIVE = "native"
    ENCAPSULATED = "encapsulated"
    VIDEO = "video"
    """Encapsulated, and all fragments are one stream, however many frames it shows."""
    REFERENCED = "referenced"
    """Not in the data set: fetched from a JPIP provider or a video flow."""
    UNKNOWN = "unknown"
    """A private syntax: the data set itself tells."""


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """One transfer syntax."""

    uid: str
    name: str
    pixels: Pixels
    media_type: str
    """Of a frame as stored (PS3.18 Table 8.7.3-4 and -5)."""
    implicit: bool = False
    big_endian: bool = False
    """Whether the data set's numbers and words are big endian."""
    big_endian_pixels: bool = False
    """Whether words of native pixel data are big endian."""
    deflated: bool = False
    """Whether all after the File Meta Information is one deflate stream."""
    decoder: Codec | None = None
    """What makes values of a frame; None where nothing here does."""
    encoder: Codec | None = None
    """What makes a frame of values; None where nothing here does, or nothing should."""
    lossy: bool = False
    """Whether its frames may have lost something when they were coded."""

    @property
    def encapsulated(self) -> bool:
        """Whether pixel data is written as fragments."""
        return self.pixels in (Pixels.ENCAPSULATED, Pixels.VIDEO)

    @property
    def video(self) -> bool:
        """Whether pixel data is one video stream."""
        return self.pixels is Pixels.VIDEO


def _compressed(
    media_type: str,
    names: dict[str, str],
    codec: Codec | None = None,
    *,
    pixels: Pixels = Pixels.ENCAPSULATED,
    lossy: Container[str] = (),
    undecoded: Container[str] = (),
    unencoded: Container[str] = (),
) -> list[TransferSyntax]:
    """Encapsulated explicit little endian syntaxes below 1.2.840.10008.1.2 of one media type.

    `codec` decodes and encodes all but those named; what it does not decode it does not encode.
    """
    return [
        TransferSyntax(
            f"1.2.840.10008.1.2.{suffix}",
            name,
            pixels,
            media_type,
            decoder=None if suffix in undecoded else codec,
            encoder=None if suffix in undecoded or suffix in unencoded else codec,
            lossy=suffix in lossy,
        )
        for suffix, name in names.items()
    ]


_NATIVE = [
    TransferSyntax(
        IMPLICIT_LITTLE,
        "Implicit VR Little Endian",
        Pixels.NATIVE,
        OCTET_STREAM,
        implicit=True,
        decoder=Codec.NATIVE,
        encoder=Codec.NATIVE,
    ),
    TransferSyntax(
        EXPLICIT_LITTLE,
        "Explicit VR Little Endian",
        Pixels.NATIVE,
        OCTET_STREAM,
        decoder=Codec.NATIVE,
        encoder=Codec.NATIVE,
    ),
    TransferSyntax(
        DEFLATED,
        "Deflated Explicit VR Little Endian",
        Pixels.NATIVE,
        OCTET_STREAM,
        deflated=True,
        decoder=Codec.NATIVE,
        encoder=Codec.NATIVE,
    ),
    TransferSyntax(
        EXPLICIT_BIG,
        "Explicit VR Big Endian",
        Pixels.NATIVE,
        OCTET_STREAM,
        big_endian=True,
        big_endian_pixels=True,
        decoder=Codec.NATIVE,
    ),
    TransferSyntax(
        "1.2.840.113619.5.2",
        "Implicit VR Big Endian DLX (GE Private)",
        Pixels.NATIVE,
        OCTET_STREAM,
        implicit=True,
        big_endian_pixels=True,
        decoder=Codec.NATIVE,
    ),
    TransferSyntax(
        "1.2.840.10008.1.20",
        "Papyrus 3 Implicit VR Little Endian",
        Pixels.NATIVE,
        OCTET_STREAM,
        implicit=True,
        decoder=Codec.NATIVE,
    ),
]

_JPEG = {
    "4.50": "JPEG Baseline (Process 1)",
    "4.51": "JPEG Extended (Process 2 and 4)",
    "4.52": "JPEG Extended (Process 3 and 5)",
    "4.53": "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8)",
    "4.54": "JPEG Spectral Selection, Non-Hierarchical (Process 7 and 9)",
    "4.55": "JPEG Full Progression, Non-Hierarchical (Process 10 and 12)",
    "4.56": "JPEG Full Progression, Non-Hierarchical (Process 11 and 13)",
    "4.57": "JPEG Lossless, Non-Hierarchical (Process 14)",
    "4.58": "JPEG Lossless, Non-Hierarchical (Process 15)",
    "4.59": "JPEG Extended, Hierarchical (Process 16 and 18)",
    "4.60": "JPEG Extended, Hierarchical (Process 17 and 19)",
    "4.61": "JPEG Spectral Selection, Hierarchical (Process 20 and 22)",
    "4.62": "JPEG Spectral Selection, Hierarchical (Process 21 and 23)",
    "4.63": "JPEG Full Progression, Hierarchical (Process 24 and 26)",
    "4.64": "JPEG Full Progression, Hierarchical (Process 25 and 27)",
    "4.65": "JPEG Lossless, Hierarchical (Process 28)",
    "4.66": "JPEG Lossless, Hierarchical (Process 29)",
    "4.70": "JPEG Lossless, Non-Hierarchical, First-Order Prediction",
}
_JPEG_LOSSLESS = {"4.57", "4.58", "4.65", "4.66", "4.70"}
_JPEG_UNDECODED = {"4.58", *(f"4.{number}" for number in range(59, 67))}
"""Arithmetic lossless and hierarchical: no maintained library has these."""
_JPEG_UNENCODED = {f"4.{number}" for number in range(52, 57)}
"""Retired processes: nobody should be sent these any more."""

_MPEG_2 = {
    "4.100": "MPEG2 Main Profile / Main Level",
    "4.100.1": "Fragmentable MPEG2 Main Profile / Main Level",
    "4.101": "MPEG2 Main Profile / High Level",
    "4.101.1": "Fragmentable MPEG2 Main Profile / High Level",
}

_MPEG_4 = {
    "4.102": "MPEG-4 AVC/H.264 High Profile / Level 4.1",
    "4.102.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1",
    "4.103": "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    "4.103.1": "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1",
    "4.104": "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    "4.104.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video",
    "4.105": "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    "4.105.1": "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video",
    "4.106": "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
    "4.106.1": "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2",
}

_HEVC = {
    "4.107": "HEVC/H.265 Main Profile / Level 5.1",
    "4.108": "HEVC/H.265 Main 10 Profile / Level 5.1",
}

_REFERENCED = {
    "4.94": "JPIP Referenced",
    "4.204": "JPIP HTJ2K Referenced",
    "7.1": "SMPTE ST 2110-20 Uncompressed Progressive Active Video",
    "7.2": "SMPTE ST 2110-20 Uncompressed Interlaced Active Video",
    "7.3": "SMPTE ST 2110-30 PCM Digital Audio",
}

_ALL = [
    *_NATIVE,
    *_compressed(
        OCTET_STREAM, {"1.98": "Encapsulated Uncompressed Explicit VR Little Endian"}, Codec.NATIVE
    ),
    *_compressed(OCTET_STREAM, {"8.1": "Deflated Image Frame Compression"}, Codec.DEFLATE),
    *_compressed(
        "image/jpeg",
        _JPEG,
        Codec.JPEG,
        lossy=_JPEG.keys() - _JPEG_LOSSLESS,
        undecoded=_JPEG_UNDECODED,
        unencoded=_JPEG_UNENCODED,
    ),
    *_compressed(
        "image/jls",
        {
            "4.80": "JPEG-LS Lossless Image Compression",
            "4.81": "JPEG-LS Lossy (Near-Lossless) Image Compression",
        },
        Codec.JPEG_LS,
        lossy={"4.81"},
    ),
    *_compressed(
        "image/jp2",
        {
            "4.90": "JPEG 2000 Image Compression (Lossless Only)",
            "4.91": "JPEG 2000 Image Compression",
        },
        Codec.JPEG_2000,
        lossy={"4.91"},
    ),
    *_compressed(
        "image/jpx",
        {
            "4.92": "JPEG 2000 Part 2 Multi-component Image Compression (Lossless Only)",
            "4.93": "JPEG 2000 Part 2 Multi-component Image Compression",
        },
        Codec.JPEG_2000,
        lossy={"4.93"},
        unencoded={"4.92", "4.93"},
    ),
    *_compressed(
        "image/jxl",
        {
            "4.110": "JPEG XL Lossless",
            "4.111": "JPEG XL JPEG Recompression",
            "4.112": "JPEG XL",
        },
        Codec.JPEG_XL,
        lossy={"4.111", "4.112"},
    ),
    *_compressed(
        "image/jphc",
        {
            "4.201": "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
            "4.202": "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)",
            "4.203": "High-Throughput JPEG 2000 Image Compression",
        },
        Codec.HTJ2K,
        lossy={"4.203"},
    ),
    *_compressed("image/dicom-rle", {"5": "RLE Lossless"}, Codec.RLE),
    *_compressed("video/mpeg", _MPEG_2, pixels=Pixels.VIDEO, lossy=_MPEG_2),
    *_compressed("video/mp4", _MPEG_4, pixels=Pixels.VIDEO, lossy=_MPEG_4),
    *_compressed("video/H265", _HEVC, pixels=Pixels.VIDEO, lossy=_HEVC),
    *_compressed(OCTET_STREAM, _REFERENCED, pixels=Pixels.REFERENCED),
    *(
        TransferSyntax(uid, name, Pixels.REFERENCED, OCTET_STREAM, deflated=True)
        for uid, name in {
            "1.2.840.10008.1.2.4.95": "JPIP Referenced Deflate",
            "1.2.840.10008.1.2.4.205": "JPIP HTJ2K Referenced Deflate",
        }.items()
    ),
]

TRANSFER_SYNTAXES = {syntax.uid: syntax for syntax in _ALL}
"""Every known transfer syntax by its UID."""


def transfer_syntax(uid: str) -> TransferSyntax:
    """The transfer syntax of this UID.

    An unknown one is taken for explicit VR little endian, as all syntaxes that are
    not in the table must be (PS3.5 §A.4); its pixel data tells for itself.
    """
    known = TRANSFER_SYNTAXES.get(uid)
    return known or TransferSyntax(uid, "Unknown", Pixels.UNKNOWN, OCTET_STREAM)
