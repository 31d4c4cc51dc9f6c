"""Small pictures of plain frames, drawn where they are asked for: no worker is needed for them.

Plain is a native frame of grey values over which nothing lies: no codec reads it, and the work
is bounded by its size. See docs/decisions/0020-plain-frames-are-drawn-in-the-server.md.
"""

from __future__ import annotations

import logging
import traceback
from functools import partial

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
from filmroom.pixels.viewport import aspect_of, place, whole

LARGEST = 16 << 20
"""Bytes of a frame that is drawn sooner than it would be handed to a worker."""
REDUCED = 1 << 20
"""Bytes of a frame from which on it is only drawn here if fewer values than it has need shades."""
SMALL = 256 * 256
"""Pixels of a picture that is shaded and coded in a fraction of a millisecond."""

JPEG = "image/jpeg"
SHUTTER_SHAPE = "00181600"
NOT_PLAIN = (MODALITY_LUT, VOI_LUT, SEGMENTATION_TYPE, SHUTTER_SHAPE)
"""Attributes that mean more work, or take it through other code."""

log = logging.getLogger(__name__)


def plain_drawing(image: Image, rendering: Rendering, size: int) -> Drawing | None:
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
    return partial(_draw, image.attributes, rendering, format) if _is_grey(format) else None


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


def _draw(
    attributes: Attributes, rendering: Rendering, format: PixelFormat, frame: bytes, number: int
) -> bytes:
    try:
        return _drawn(attributes, rendering, format, frame, number)
    except ArchiveError:
        raise
    except Exception as error:
        # Without its message, which may name a patient.
        where = "".join(traceback.format_tb(error.__traceback__))
        log.warning("a picture failed", extra={"error": type(error).__name__, "traceback": where})
        raise Undecodable(f"the frame cannot be drawn ({type(error).__name__})") from None


def _drawn(
    attributes: Attributes, rendering: Rendering, format: PixelFormat, frame: bytes, number: int
) -> bytes:
    aspect = aspect_of(attributes, number)
    placement = place(whole(format), aspect, rendering.viewport, enlarge=rendering.enlarge)
    shown = grayscale(attributes, number, format, rendering.window)
    values = decode_native(frame, format).values
    picture, _ = shaded(values, shown, attributes, format, placement)
    return jpeg_file(picture, rendering.quality)
