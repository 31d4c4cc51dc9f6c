"""JPEG-LS (ISO/IEC 14495-1, PS3.5 §8.2.3)."""

from __future__ import annotations

import imagecodecs
import jpeg_ls
import numpy as np

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.transfer_syntaxes import TransferSyntax
from filmroom.errors import Undecodable
from filmroom.pixels.jpeg_header import JPEG_LS, read_jpeg_header
from filmroom.pixels.values import Coding, Samples, Values, span_of, unsigned

INTERLEAVED_BY_SAMPLE = 2
LOSSLESS_QUALITY = 100
NEAR_PARTS = 3200
SPIFF = b"\xff\xe8"
SCAN = b"\xff\xda"
ROOM = 4096  # bytes: for headers; noise may become larger than it was
MOST_NEAR = 255  # ISO/IEC 14495-1 §C.2.3


def decode_jpegls(frame: bytes, format: PixelFormat) -> Samples:
    """The samples of a codestream of any interleave mode.

    One that was cut is refused by its missing end marker: the library takes seconds to see it.
    """
    header = read_jpeg_header(frame)
    if header.process != JPEG_LS:
        raise Undecodable("no JPEG-LS codestream, but one of JPEG")
    header.check("JPEG-LS", format)
    values = imagecodecs.jpegls_decode(frame)
    if format.samples > 1 and values.shape == (format.samples, format.rows, format.columns):
        values = np.moveaxis(values, 0, -1)  # interleave mode none: by plane
    return Samples(values, header.precision, format.photometric, lossy=_is_near(frame))


def _is_near(frame: bytes) -> bool:
    """Whether values may differ from what was coded, as the first scan says."""
    scan = frame.find(SCAN)
    return scan >= 0 and any(frame[scan + 5 + 2 * frame[scan + 4] :][:1])


def encode_jpegls(
    values: Values, format: PixelFormat, syntax: TransferSyntax, quality: int
) -> Coding:
    """Values as a codestream, colour by pixel."""
    near = _near(values, format, quality) if syntax.lossy else 0
    samples = unsigned(values, format)
    data = None
    if format.bits_stored != samples.itemsize * 8:
        data = _encode_few_bits(samples, format, near)
    return Coding(data or _encode_whole(samples, near), format.photometric, lossy=near > 0)


def _encode_few_bits(samples: Values, format: PixelFormat, near: int) -> bytes | None:
    """A codestream of the stored bits; None of noise, for which the library has no room."""
    try:
        data = jpeg_ls.encode_buffer(
            samples.tobytes(),
            format.rows,
            format.columns,
            format.samples,
            max(format.bits_stored, 2),
            near,
            INTERLEAVED_BY_SAMPLE,
        )
    except RuntimeError:
        return None
    return bytes(data)


def _encode_whole(samples: Values, near: int) -> bytes:
    """A codestream of 8 or 16 bits, without the file header that the library puts first."""
    data = bytes(imagecodecs.jpegls_encode(samples, near, out=2 * samples.nbytes + ROOM))
    at = 2
    while data[at : at + 2] == SPIFF:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data[:2] + data[at:]


def _near(values: Values, format: PixelFormat, quality: int) -> int:
    """The greatest error of a value: at quality 90 a 320th of their span, at 100 none."""
    if quality >= LOSSLESS_QUALITY:
        return 0
    wanted = round(span_of(values) * (LOSSLESS_QUALITY - quality) / NEAR_PARTS)
    return min(max(wanted, 1), MOST_NEAR, ((1 << format.bits_stored) - 1) // 2)
