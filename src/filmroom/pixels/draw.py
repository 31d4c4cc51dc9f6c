"""Frames as pictures: from coded pixels to a picture file (PS3.18 §8.3.5, PS3.4 §N.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.pixel_format import PixelFormat, pixel_format
from filmroom.errors import Malformed, NotAcceptable, TooLarge
from filmroom.model.instance import Attributes
from filmroom.model.pixels import Image
from filmroom.model.rendering import IccProfile, Rendering
from filmroom.pixels.colour import channels, is_coloured, rgb
from filmroom.pixels.decode import decode
from filmroom.pixels.frame_times import frame_times
from filmroom.pixels.grayscale import Grayscale, grayscale
from filmroom.pixels.padding import padding
from filmroom.pixels.picture import GIF, encode
from filmroom.pixels.profiles import in_profile
from filmroom.pixels.values import Decoded, Values
from filmroom.pixels.viewport import (
    MOST_PIXELS,
    Picture,
    Placement,
    aspect_of,
    cut,
    place,
    reduced,
    reduction,
    scaled,
    whole,
    within,
)


def draw(
    frames: Sequence[bytes], numbers: Sequence[int], image: Image, rendering: Rendering
) -> bytes:
    """Frames (numbered from 1) as a picture file; several only as an animated GIF."""
    if not frames or len(frames) != len(numbers):
        raise Malformed("a picture is made of one frame or more, each with its number")
    if len(frames) > 1 and rendering.media_type != GIF:
        raise NotAcceptable(f"{rendering.media_type} shows one frame, not {len(frames)}")
    format = pixel_format(image.attributes)
    placement = _placement(image.attributes, numbers[0], format, rendering)
    if placement.width * placement.height * len(frames) > MOST_PIXELS:
        raise TooLarge(f"an animation of more than {MOST_PIXELS} pixels, all its frames together")
    pictures, profile = [], None
    for frame, number in zip(frames, numbers, strict=True):
        decoded = decode(frame, image.transfer_syntax, format)
        picture = _picture(decoded, number, image.attributes, format, rendering, placement)
        picture, profile = _profiled(picture, image.attributes, rendering)
        pictures.append(picture)
    durations = frame_times(image.attributes, numbers)
    return encode(pictures, rendering.media_type, rendering.quality, profile, durations)


def _placement(
    attributes: Attributes, frame: int, format: PixelFormat, rendering: Rendering
) -> Placement:
    asked = rendering.viewport.region or whole(format)
    region = within(asked, format.rows, format.columns)
    if region is None:
        raise Malformed("the region lies outside of the image")
    return place(
        region, aspect_of(attributes, frame), rendering.viewport, enlarge=rendering.enlarge
    )


def _picture(
    decoded: Decoded,
    number: int,
    attributes: Attributes,
    format: PixelFormat,
    rendering: Rendering,
    placement: Placement,
) -> Picture:
    """A frame in its place."""
    if is_coloured(decoded.photometric, format):
        stored, meaning = channels(decoded.values, decoded.photometric, attributes, format)
        part, region = cut(stored, placement.region)
        return rgb(scaled(part, region, placement), meaning)
    shown = grayscale(attributes, number, replace(format, photometric=decoded.photometric))
    if rendering.window:
        shown = replace(shown, voi=rendering.window)
    padded = padding(decoded.values, attributes, format)
    shown = shown.seen(decoded.values, padded)
    return _shaded(decoded.values, shown, padded, placement)


def _shaded(
    values: Values,
    shown: Grayscale,
    padded: NDArray[np.bool_] | None,
    placement: Placement,
) -> Picture:
    """Stored values as shades in their place.

    What becomes much smaller is first reduced, since fewer values then need shades;
    but not padding, whose mean with real values would be neither.
    """
    part, region = cut(values, placement.region)
    by = reduction(region, placement) if padded is None else 1
    shades = shown.shades(reduced(part, by) if by > 1 else part)
    if padded is not None:
        shades[cut(padded, placement.region)[0]] = 0
    return scaled(shades, region, placement, by)


def _profiled(
    picture: Picture, attributes: Attributes, rendering: Rendering
) -> tuple[Picture, bytes | None]:
    if rendering.icc_profile is IccProfile.NO:
        return picture, None
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    return in_profile(picture, attributes, rendering.icc_profile)
