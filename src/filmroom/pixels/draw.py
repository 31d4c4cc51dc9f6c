"""Frames as pictures: from coded pixels to a picture file (PS3.18 §8.3.5, PS3.4 §N.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from filmroom.dicom.pixel_format import PALETTE_COLOR, RGB, PixelFormat
from filmroom.errors import Malformed, NotAcceptable, TooLarge
from filmroom.model.pixels import Image
from filmroom.model.rendering import IccProfile, Rendering, Window
from filmroom.pixels.annotations import annotated
from filmroom.pixels.colour import channels, is_coloured, rgb
from filmroom.pixels.covers import covered
from filmroom.pixels.decode import decode
from filmroom.pixels.decode_small import decode_small, early_by
from filmroom.pixels.frame_times import frame_times
from filmroom.pixels.grayscale import Grayscale, grayscale
from filmroom.pixels.padding import is_padded, padding
from filmroom.pixels.picture import GIF, encode
from filmroom.pixels.presentation import presented, pseudo_coloured
from filmroom.pixels.profiles import in_profile
from filmroom.pixels.scene import Scene, scenes
from filmroom.pixels.shaded import shaded
from filmroom.pixels.values import Decoded
from filmroom.pixels.viewport import (
    MOST_PIXELS,
    Picture,
    cut,
    most_reduced,
    scaled,
    within,
)
from filmroom.pixels.windows import exact


def draw(
    frames: Sequence[bytes], numbers: Sequence[int], image: Image, rendering: Rendering
) -> bytes:
    """Frames (numbered from 1) as a picture file; several only as an animated GIF.

    Undecodable for pixels that nothing can be made of, Malformed for a region or a
    presentation state that are not of this image, TooLarge for too many pixels.
    """
    if not frames or len(frames) != len(numbers):
        raise Malformed("a picture is made of one frame or more, each with its number")
    if len(frames) > 1 and rendering.media_type != GIF:
        raise NotAcceptable(f"{rendering.media_type} shows one frame, not {len(frames)}")
    shown = scenes(numbers, image, rendering)
    placement = shown[0].placement
    if placement.width * placement.height * len(frames) > MOST_PIXELS:
        raise TooLarge(f"an animation of more than {MOST_PIXELS} pixels, all its frames together")
    window = rendering.window
    if len(frames) > 1 and window is None:
        # A window guessed for each frame would make the animation flicker.
        window = _guess(shown[len(shown) // 2], frames[len(shown) // 2])
    pictures = [_drawn(scene, frame, window) for scene, frame in zip(shown, frames, strict=True)]
    profiled = [_profiled(shown[0], picture) for picture in pictures]
    return encode(
        [picture for picture, _ in profiled],
        rendering.media_type,
        rendering.quality,
        profiled[0][1],
        frame_times(image.attributes, numbers),
    )


def _drawn(scene: Scene, frame: bytes, window: Window | None) -> Picture:
    """A frame in its place, with all that lies over it."""
    decoded, by = _decoded(scene, frame, window)
    if is_coloured(decoded.photometric, scene.format):
        picture, window = _coloured(decoded, by, scene), None
    else:
        picture, window = _grey(decoded, by, scene, window)
    picture = covered(picture, scene, frame)
    wanted = scene.rendering.annotations
    return annotated(picture, wanted, scene.attributes, scene.number, window)


def _decoded(scene: Scene, frame: bytes, window: Window | None) -> tuple[Decoded, int]:
    """A frame's values, and by how much they are reduced already: 1 for not at all.

    They are whole where their values must not be mixed, or a window is guessed from them.
    """
    format, syntax = scene.format, scene.image.transfer_syntax
    mixes = format.photometric != PALETTE_COLOR and not is_padded(scene.attributes)
    if mixes and (format.samples > 1 or _transformations(scene, format, window).voi is not None):
        small = decode_small(frame, syntax, format, most_reduced(scene.placement))
        if small is not None:
            return small
    return decode(frame, syntax, format), 1


def _coloured(decoded: Decoded, by: int, scene: Scene) -> Picture:
    stored, meaning = channels(decoded.values, decoded.photometric, scene.attributes, scene.format)
    part, region = cut(stored, scene.placement.region, by)
    if within(region, part.shape[0] * by, part.shape[1] * by) != region:
        part, meaning = rgb(part, meaning), RGB  # what lies around it is black in that only
    return rgb(scaled(part, region, scene.placement, by, early_by(by)), meaning)


def _grey(
    decoded: Decoded, by: int, scene: Scene, window: Window | None
) -> tuple[Picture, Window | None]:
    """Shades in their place, and the window they are seen through."""
    shown = _transformations(scene, replace(scene.format, photometric=decoded.photometric), window)
    picture, shown = shaded(
        decoded.values, shown, scene.attributes, scene.format, scene.placement, by, early_by(by)
    )
    if scene.presentation:
        picture = pseudo_coloured(picture, scene.presentation)
    return picture, shown.voi if isinstance(shown.voi, Window) else None


def _transformations(scene: Scene, format: PixelFormat, window: Window | None) -> Grayscale:
    if scene.presentation:
        shown = presented(scene.presentation, scene.attributes, scene.number, format)
    else:
        shown = grayscale(scene.attributes, scene.number, format, window)
    voi = window or shown.voi
    if format.floating and isinstance(voi, Window):
        voi = exact(voi)
    return replace(shown, voi=voi)


def _guess(scene: Scene, frame: bytes) -> Window | None:
    """The window that has to be guessed from a frame's values, if there is need."""
    format = scene.format
    if format.samples > 1 or format.photometric == PALETTE_COLOR:
        return None
    shown = _transformations(scene, format, None)
    if shown.voi is not None:
        return None
    values = decode(frame, scene.image.transfer_syntax, format).values
    seen = shown.seen(values, padding(values, scene.attributes, format)).voi
    return seen if isinstance(seen, Window) else None


def _profiled(scene: Scene, picture: Picture) -> tuple[Picture, bytes | None]:
    wanted = scene.rendering.icc_profile
    if wanted is IccProfile.NO:
        return picture, None
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    state = scene.presentation.state if scene.presentation else {}
    return in_profile(picture, [state, scene.attributes], wanted)
