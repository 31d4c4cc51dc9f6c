"""Frames as pictures: from coded pixels to a picture file (PS3.18 §8.3.5, PS3.4 §N.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from filmroom.errors import Malformed, NotAcceptable, TooLarge
from filmroom.model.pixels import Image
from filmroom.model.rendering import IccProfile, Rendering, Window
from filmroom.pixels.annotations import annotated
from filmroom.pixels.colour import channels, is_coloured, rgb
from filmroom.pixels.covers import covered
from filmroom.pixels.decode import decode
from filmroom.pixels.frame_times import frame_times
from filmroom.pixels.grayscale import Grayscale, grayscale
from filmroom.pixels.padding import padding
from filmroom.pixels.picture import GIF, encode
from filmroom.pixels.presentation import presented, pseudo_coloured
from filmroom.pixels.profiles import in_profile
from filmroom.pixels.scene import Scene, scenes
from filmroom.pixels.values import Decoded
from filmroom.pixels.viewport import MOST_PIXELS, Picture, cut, reduced, reduction, scaled, within


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
    decoded = decode(frame, scene.image.transfer_syntax, scene.format)
    if is_coloured(decoded.photometric, scene.format):
        picture, window = _coloured(decoded, scene), None
    else:
        picture, window = _grey(decoded, scene, window)
    picture = covered(picture, scene, frame)
    wanted = scene.rendering.annotations
    return annotated(picture, wanted, scene.attributes, scene.number, window)


def _coloured(decoded: Decoded, scene: Scene) -> Picture:
    stored, meaning = channels(decoded.values, decoded.photometric, scene.attributes, scene.format)
    part, region = cut(stored, scene.placement.region)
    if within(region, *part.shape[:2]) != region:  # what lies around it is black in RGB only
        return scaled(rgb(part, meaning), region, scene.placement)
    return rgb(scaled(part, region, scene.placement), meaning)


def _grey(decoded: Decoded, scene: Scene, window: Window | None) -> tuple[Picture, Window | None]:
    """Shades in their place, and the window they are seen through.

    What becomes much smaller is first reduced, since fewer values then need shades;
    but not padding, whose mean with real values would be neither.
    """
    shown = _transformations(decoded, scene, window)
    padded = padding(decoded.values, scene.attributes, scene.format)
    shown = shown.seen(decoded.values, padded)
    part, region = cut(decoded.values, scene.placement.region)
    by = reduction(part, scene.placement) if padded is None else 1
    shades = shown.shades(reduced(part, by) if by > 1 else part)
    if padded is not None:
        shades[cut(padded, scene.placement.region)[0]] = 0
    picture = scaled(shades, region, scene.placement, by)
    if scene.presentation:
        picture = pseudo_coloured(picture, scene.presentation)
    return picture, shown.voi if isinstance(shown.voi, Window) else None


def _transformations(decoded: Decoded, scene: Scene, window: Window | None) -> Grayscale:
    format = replace(scene.format, photometric=decoded.photometric)
    attributes = scene.attributes
    if scene.presentation:
        shown = presented(scene.presentation, attributes, scene.number, format)
    else:
        shown = grayscale(attributes, scene.number, format)
    return replace(shown, voi=window) if window else shown


def _guess(scene: Scene, frame: bytes) -> Window | None:
    """The window that has to be guessed from a frame's values, if there is need."""
    decoded = decode(frame, scene.image.transfer_syntax, scene.format)
    if is_coloured(decoded.photometric, scene.format):
        return None
    shown = _transformations(decoded, scene, None)
    if shown.voi is not None:
        return None
    padded = padding(decoded.values, scene.attributes, scene.format)
    seen = shown.seen(decoded.values, padded).voi
    return seen if isinstance(seen, Window) else None


def _profiled(scene: Scene, picture: Picture) -> tuple[Picture, bytes | None]:
    wanted = scene.rendering.icc_profile
    if wanted is IccProfile.NO:
        return picture, None
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    state = scene.presentation.state if scene.presentation else {}
    return in_profile(picture, [state, scene.attributes], wanted)
