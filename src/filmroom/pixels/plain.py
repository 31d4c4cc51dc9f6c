"""Small pictures of plain frames, drawn where they are asked for: no worker is needed for them.

Plain is a native frame of grey values over which nothing lies: no codec reads it, and the work
is bounded by its size. See docs/decisions/0020-plain-frames-are-drawn-in-the-server.md.
"""

from __future__ import annotations

import logging
import traceback

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import MONOCHROME1, MONOCHROME2, PixelFormat, pixel_format
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import ArchiveError, Malformed, Undecodable
from filmroom.model.pixels import Image
from filmroom.model.rendering import IccProfile, Rendering
from filmroom.pixels.grayscale import MODALITY_LUT, SEGMENTATION_TYPE, VOI_LUT, grayscale
from filmroom.pixels.jpeg_file import jpeg_file
from filmroom.pixels.native import decode_native
from filmroom.pixels.padding import is_padded
from filmroom.pixels.shaded import shaded
from filmroom.pixels.viewport import aspect_of, place, whole

AT_ONCE = 1 << 20
"""Bytes of an instance whose frame is drawn in less than a millisecond."""
LARGEST = 16 << 20
"""Bytes of a frame that is drawn sooner than it would be handed to a worker."""
SMALL = 256 * 256
"""Pixels of a picture that is shaded and coded in a fraction of a millisecond."""

SHUTTER_SHAPE = "00181600"
NOT_PLAIN = (MODALITY_LUT, VOI_LUT, SEGMENTATION_TYPE, SHUTTER_SHAPE)
"""Attributes that mean more work, or take it through other code."""

log = logging.getLogger(__name__)


def is_plain(image: Image, rendering: Rendering, size: int) -> bool:
    """Whether `draw_plain` can do it, for a frame of so many bytes."""
    viewport, attributes = rendering.viewport, image.attributes
    return (
        size <= LARGEST
        and rendering.media_type == "image/jpeg"
        and 0 < (viewport.width or 0) * (viewport.height or 0) <= SMALL
        and viewport.region is None
        and rendering.presentation is None
        and not rendering.annotations
        and not rendering.overlays
        and rendering.icc_profile is IccProfile.NO
        and transfer_syntax(image.transfer_syntax).decoder is Codec.NATIVE
        and not any(tag in attributes for tag in NOT_PLAIN)
        and (size <= AT_ONCE or not is_padded(attributes))  # padding keeps it from being reduced
        and _is_grey(image)
    )


def _is_grey(image: Image) -> bool:
    try:
        format = pixel_format(image.attributes)
    except Malformed:
        return False
    return (
        format.samples == 1
        and format.bits_allocated in (8, 16)
        and format.photometric in (MONOCHROME1, MONOCHROME2)
        and not format.floating
    )


def draw_plain(frame: bytes, number: int, image: Image, rendering: Rendering) -> bytes:
    """A frame (numbered from 1) as a JPEG file; Undecodable where nothing can be made of it."""
    try:
        return _drawn(frame, number, image, rendering, pixel_format(image.attributes))
    except ArchiveError:
        raise
    except Exception as error:
        # Without its message, which may name a patient.
        where = "".join(traceback.format_tb(error.__traceback__))
        log.warning("a picture failed", extra={"error": type(error).__name__, "traceback": where})
        raise Undecodable(f"the frame cannot be drawn ({type(error).__name__})") from None


def _drawn(
    frame: bytes, number: int, image: Image, rendering: Rendering, format: PixelFormat
) -> bytes:
    attributes = image.attributes
    aspect = aspect_of(attributes, number)
    placement = place(whole(format), aspect, rendering.viewport, enlarge=rendering.enlarge)
    shown = grayscale(attributes, number, format, rendering.window)
    values = decode_native(frame, format).values
    picture, _ = shaded(values, shown, attributes, format, placement)
    return jpeg_file(picture, rendering.quality)
