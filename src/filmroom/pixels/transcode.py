"""A frame from one transfer syntax into another."""

from __future__ import annotations

from dataclasses import replace

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import PixelFormat, pixel_format
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import Undecodable, Unsupported
from filmroom.model.instance import Attributes
from filmroom.model.pixels import Coded, Image
from filmroom.pixels.decode import decode
from filmroom.pixels.encode import LOSSY_METHOD, encode
from filmroom.pixels.jpeg import check_jpeg
from filmroom.pixels.jpeg_header import BASELINE_PROCESS, EXTENDED_PROCESS, read_jpeg_header
from filmroom.pixels.jpegxl import RECOMPRESSION, check_jpegxl, jpeg_of, recompress

JPEG_BASELINE, JPEG_EXTENDED = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"
HTJ2K_LOSSLESS, HTJ2K_RPCL, HTJ2K_ANY = (f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))
SAME_BYTES = {
    (HTJ2K_RPCL, HTJ2K_LOSSLESS),
    (HTJ2K_RPCL, HTJ2K_ANY),
    (HTJ2K_LOSSLESS, HTJ2K_ANY),
    ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"),
    ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"),
    ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57"),
    ("1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.112"),
}
"""Frames of the first are frames of the second."""


def transcode(frame: bytes, image: Image, target: str, quality: int = 90) -> Coded:
    """One frame in another transfer syntax, decoded only where its bytes cannot be kept.

    Unsupported where nothing decodes the one or encodes the other, Undecodable where the
    frame is damaged. Of lossy coding the ratio is left to whoever knows all frames.
    """
    source, wanted = transfer_syntax(image.transfer_syntax), transfer_syntax(target)
    if wanted.encoder is None:
        raise Unsupported(f"nothing here encodes {wanted.name} ({wanted.uid})")
    if source.decoder is None:
        raise Unsupported(f"nothing here decodes {source.name} ({source.uid})")
    native = source.decoder is wanted.encoder is Codec.NATIVE
    if native or source.uid == wanted.uid or (source.uid, wanted.uid) in SAME_BYTES:
        return Coded(frame)
    format = pixel_format(image.attributes)
    if wanted.uid == RECOMPRESSION:
        return _recompressed(frame, source.uid, format)
    if source.uid == RECOMPRESSION and wanted.uid == JPEG_BASELINE:
        jpeg = _reconstructed(frame, format)
        if jpeg is not None:
            return Coded(jpeg)
    if (source.uid, wanted.uid) == (JPEG_EXTENDED, JPEG_BASELINE):
        jpeg = _as_baseline(frame, format)
        if jpeg is not None:
            return Coded(jpeg)
    decoded = decode(frame, source.uid, format)
    meant = replace(format, photometric=decoded.photometric, by_plane=False)
    data, changes = encode(decoded.values, meant, target, quality)
    if LOSSY_METHOD in changes:
        changes[LOSSY_METHOD] = _appended(image.attributes, changes[LOSSY_METHOD])
    return Coded(data, changes)


def _recompressed(frame: bytes, source: str, format: PixelFormat) -> Coded:
    """A JPEG frame as JPEG XL, its coefficients kept."""
    if transfer_syntax(source).decoder is not Codec.JPEG:
        raise Unsupported("JPEG XL JPEG Recompression is made of JPEG frames only")
    header = check_jpeg(frame, format)
    if header.lossless or header.precision != 8:
        raise Unsupported("JPEG XL recompresses JPEG frames of 8 bits that are not lossless")
    try:
        return Coded(recompress(frame))
    except RuntimeError as error:
        raise Undecodable(f"a damaged JPEG frame: {error}") from error


def _reconstructed(frame: bytes, format: PixelFormat) -> bytes | None:
    """The JPEG frame that JPEG XL was made of; None if it is not baseline, or was none."""
    if not check_jpegxl(frame, format).recompressed:
        return None
    try:
        jpeg = jpeg_of(frame)
    except RuntimeError as error:
        raise Undecodable(f"a damaged JPEG XL frame: {error}") from error
    return jpeg if read_jpeg_header(jpeg).process == BASELINE_PROCESS else None


def _as_baseline(frame: bytes, format: PixelFormat) -> bytes | None:
    """A frame of JPEG Extended that baseline has too, called so; None if it has more bits.

    Of 8 bits, the processes differ in how many tables there may be, which decoders do not mind.
    """
    header = check_jpeg(frame, format)
    if header.precision != 8 or header.process not in (BASELINE_PROCESS, EXTENDED_PROCESS):
        return None
    if header.process == BASELINE_PROCESS:
        return frame
    at = header.start + 1
    return b"".join((frame[:at], bytes([BASELINE_PROCESS]), frame[at + 1 :]))


def _appended(attributes: Attributes, method: Attributes) -> Attributes:
    """The method after those by which the image was compressed before."""
    before = attributes.get(LOSSY_METHOD, {}).get("Value", [])
    return {"vr": "CS", "Value": [*before, *method["Value"]]}
