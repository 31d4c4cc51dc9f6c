"""A frame at a lower resolution, which some codestreams give for a part of the work.

For thumbnails only: they are asked for often, and JPEG 2000 takes long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import imagecodecs
import numpy as np
from PIL import Jpeg2KImagePlugin

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.pixels.jpeg2000 import (
    MOST_BIT_PLANES,
    WIDE,
    checked_header,
    heard,
    samples_of,
)
from filmroom.pixels.jpeg2000_header import Jpeg2000Header, codestream_of, with_precision
from filmroom.pixels.values import Decoded, Values, fit, range_of

MOST_BITS = 16


def decode_small(
    frame: bytes, transfer_syntax_uid: str, format: PixelFormat, most: int
) -> tuple[Decoded, int] | None:
    """A frame reduced by a power of two, at most `most`, and by which.

    Every value stands for a square of so many, at the far edges for a part of one. None if
    the frame has to be decoded whole: also where it is damaged, since that says how.
    """
    codec = transfer_syntax(transfer_syntax_uid).decoder
    if most < 2 or codec not in DECODERS:
        return None
    try:
        codestream = codestream_of(frame)
        header = checked_header(codestream, format)
        halvings = min(most.bit_length() - 1, header.levels)
        # Samples that hold the bits of signed values would be mixed as if they had no sign.
        alike = header.signed == format.signed
        values = DECODERS[codec](codestream, header, halvings) if halvings and alike else None
        if values is None:
            return None
        np.clip(values, *range_of(format), out=values)
        by = 1 << halvings
        small = replace(format, rows=-(-format.rows // by), columns=-(-format.columns // by))
        return fit(samples_of(values, header, format), small), by
    except Exception:  # whatever it is, it is not for a thumbnail to find out
        return None


def early_by(by: int) -> float:
    """By how many pixels of the image values lie before the middles of their squares.

    A wavelet's lower resolution keeps every second sample, and weighs those around it.
    """
    return (by - 1) / 2


def _htj2k(codestream: bytes, header: Jpeg2000Header, halvings: int) -> Values | None:
    """Said to be wider than they are, and signed, samples come without a level shift.

    Else those would wrap around that overshoot, as they do at lower resolutions.
    """
    if not header.reversible or header.precision > MOST_BITS:
        return None
    if header.bit_planes > MOST_BIT_PLANES:
        return None
    wide = with_precision(codestream, WIDE, signed=True)
    with heard():
        values = imagecodecs.htj2k_decode(wide, planar=False, skipres=halvings)
    shifted: Values = values if header.signed else values + (1 << (header.precision - 1))
    return shifted


class _Picture(Jpeg2KImagePlugin.Jpeg2KImageFile):
    """As Pillow has it, but that it rounds down what the standard rounds up."""

    def halve(self, times: int) -> None:
        """Reduce the image when it is read."""
        by = 1 << times
        self._size = (-(-self.width // by) * by, -(-self.height // by) * by)
        self.reduce = times


def _jpeg2000(codestream: bytes, header: Jpeg2000Header, halvings: int) -> Values | None:
    """By Pillow, which gives shades of more than 8 bits in 16, beginning with the highest bit."""
    count, bits = len(header.components), header.precision
    if bits > MOST_BITS or count not in (1, 3) or (count == 3 and bits != 8):
        return None
    with _Picture(BytesIO(codestream)) as picture:
        picture.halve(halvings)
        values = np.asarray(picture, np.int32) >> ((16 if bits > 8 else 8) - bits)
    shifted: Values = values - (1 << (bits - 1)) if header.signed else values
    return shifted


DECODERS: dict[Codec, Callable[[bytes, Jpeg2000Header, int], Values | None]] = {
    Codec.JPEG_2000: _jpeg2000,
    Codec.HTJ2K: _htj2k,
}
