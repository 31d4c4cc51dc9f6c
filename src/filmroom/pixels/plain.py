"""Small pictures of plain frames, drawn where they are asked for: no worker is needed for them.

Plain is a native frame of grey values over which nothing lies: no codec reads it, and the work
is bounded by its size. See docs/decisions/0020-plain-frames-are-drawn-in-the-server.md.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import MONOCHROME1, MONOCHROME2, PixelFormat, pixel_format
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import ArchiveError, Malformed, Undecodable
from filmroom.model.instance import Attributes
from filmroom.model.pixels import Drawing, Image
from filmroom.model.rendering import IccProfile, Rendering
from filmroom.pixels.grayscale import MODALITY_LUT, SEGMENTATION_TYPE, VOI_LUT, grayscale
from filmroom.pixels.jpeg_file import jpeg_file
from filmroom.pixels.native import decode_native
from filmroom.pixels.padding import is_padded
from filmroom.pixels.shaded import shaded
from filmroom.pixels.values import Values
from filmroom.pixels.viewport import (
    Picture,
    Placement,
    aspect_of,
    means,
    place,
    reduction,
    scaled,
    summed,
    whole,
)

LARGEST = 16 << 20
"""Bytes of a frame that is drawn sooner than it would be handed to a worker."""
REDUCED = 1 << 20
"""Bytes of a frame from which on it is only drawn here if fewer values than it has need shades."""
STRIP = 2 << 20
"""Bytes that are read and reduced at once: they stay in the processor's cache meanwhile."""
SMALL = 256 * 256
"""Pixels of a picture that is shaded and coded in a fraction of a millisecond."""

JPEG = "image/jpeg"
SHUTTER_SHAPE = "00181600"
NOT_PLAIN = (MODALITY_LUT, VOI_LUT, SEGMENTATION_TYPE, SHUTTER_SHAPE)
"""Attributes that mean more work, or take it through other code."""

log = logging.getLogger(__name__)


def plain_drawing(image: Image, number: int, rendering: Rendering, size: int) -> Drawing | None:
    """What draws frames of at most `size` bytes of an image; None where they are not plain."""
    if size > LARGEST or not _is_small_picture(rendering):
        return None
    attributes = image.attributes
    if transfer_syntax(image.transfer_syntax).decoder is not Codec.NATIVE or any(
        tag in attributes for tag in NOT_PLAIN
    ):
        return None
    if size > REDUCED and is_padded(attributes):  # which keeps it from being reduced
        return None
    try:
        format = pixel_format(attributes)
    except Malformed:
        return None
    return PlainDrawing(attributes, number, rendering, format) if _is_grey(format) else None


def _is_small_picture(rendering: Rendering) -> bool:
    viewport = rendering.viewport
    return (
        rendering.media_type == JPEG
        and 0 < (viewport.width or 0) * (viewport.height or 0) <= SMALL
        and viewport.region is None
        and rendering.presentation is None
        and not rendering.annotations
        and not rendering.overlays
        and rendering.icc_profile is IccProfile.NO
    )


def _is_grey(format: PixelFormat) -> bool:
    return (
        format.samples == 1
        and format.bits_allocated in (8, 16)
        and format.photometric in (MONOCHROME1, MONOCHROME2)
        and not format.floating
    )


@dataclass(frozen=True, slots=True)
class PlainDrawing:
    """How one plain frame (numbered from 1) becomes a JPEG file."""

    attributes: Attributes
    number: int
    rendering: Rendering
    format: PixelFormat

    @property
    def piece(self) -> int:
        """A strip of a large frame; of a small one all of it."""
        return self._strip() * self._line if self._is_large else self.format.frame_length

    def draw(self, pieces: Iterable[bytes]) -> bytes:
        """The picture; Undecodable where nothing can be made of the frame."""
        try:
            return jpeg_file(self._picture(pieces), self.rendering.quality)
        except ArchiveError:
            raise
        except Exception as error:
            kind = type(error).__name__
            # Without its message, which may name a patient.
            where = "".join(traceback.format_tb(error.__traceback__))
            log.warning("a picture failed", extra={"error": kind, "traceback": where})
            raise Undecodable(f"the frame cannot be drawn ({kind})") from None

    def _picture(self, pieces: Iterable[bytes]) -> Picture:
        attributes, format = self.attributes, self.format
        placement = self._placement()
        shown = grayscale(attributes, self.number, format, self.rendering.window)
        if self._is_large and shown.voi is not None and not is_padded(attributes):
            by = self._reduction(placement)
            strips = self._strips(pieces)
            sums = [summed(each, by, format.bits_stored) for each in strips]
            shades = shown.shades(means(sums, format.rows, by))
            return scaled(shades, placement.region, placement, by)
        values = decode_native(b"".join(pieces), format).values
        return shaded(values, shown, attributes, format, placement)[0]

    def _strips(self, pieces: Iterable[bytes]) -> Iterator[Values]:
        """The values of each piece, looked at while they are near the processor."""
        format, most = self.format, self._strip()
        left = format.rows
        for piece in pieces:
            rows = min(most, left)
            if rows:
                yield decode_native(piece, replace(format, rows=rows)).values
            left -= rows
        if left:
            raise Undecodable(
                f"a native frame is cut short: {left} of {format.rows} rows are missing"
            )

    @property
    def _is_large(self) -> bool:
        return self.format.frame_length > REDUCED

    @property
    def _line(self) -> int:
        """Bytes of a row."""
        return self.format.columns * self.format.bits_allocated // 8

    def _strip(self) -> int:
        """Rows of a strip: so many squares that are reduced, one above the other."""
        by = self._reduction(self._placement())
        return max(STRIP // (by * self._line), 1) * by

    def _placement(self) -> Placement:
        aspect = aspect_of(self.attributes, self.number)
        viewport, enlarge = self.rendering.viewport, self.rendering.enlarge
        return place(whole(self.format), aspect, viewport, enlarge=enlarge)

    def _reduction(self, placement: Placement) -> int:
        shape = (self.format.rows, self.format.columns)
        return reduction(shape, placement.region, placement)
