"""Frames become pictures."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from pictures import PNG, element, native, shown
from PIL import Image as Pillow

from filmroom.errors import Malformed, NotAcceptable, TooLarge
from filmroom.model.rendering import Region, Rendering, Viewport, VoiFunction, Window
from filmroom.pixels.draw import draw

RAMP = np.arange(0, 4096, 256, dtype=np.uint16).reshape(4, 4)


def test_eight_bits_without_a_window_are_shown_as_they_are() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)

    assert (shown(pixels) == pixels).all()


def test_the_window_asked_for_replaces_that_of_the_image() -> None:
    asked = replace(PNG, window=Window(128, 256, VoiFunction.LINEAR_EXACT))
    pixels = np.array([[0, 64, 128, 192, 256, 300]], np.uint16)
    own = {"t00281050": element(10), "t00281051": element(2)}

    assert shown(pixels, asked, **own).tolist() == [[0, 64, 128, 191, 255, 255]]


@pytest.mark.parametrize(
    ("media_type", "form"),
    [
        ("image/jpeg", "JPEG"),
        ("image/png", "PNG"),
        ("image/gif", "GIF"),
        ("image/webp", "WEBP"),
    ],
)
@pytest.mark.parametrize("samples", [1, 3])
def test_each_media_type_shows_the_image(media_type: str, form: str, samples: int) -> None:
    across = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (32, 1))
    pixels = across if samples == 1 else np.stack([across] * 3, axis=-1)
    image, data = native(pixels)

    picture = draw([data], [1], image, Rendering(media_type=media_type, quality=95))

    assert Pillow.open(BytesIO(picture)).format == form
    grey = np.asarray(Pillow.open(BytesIO(picture)).convert("L")).astype(int)
    assert abs(grey - across).max() <= 4


def test_the_viewport_keeps_the_aspect_ratio() -> None:
    pixels = np.zeros((100, 200), np.uint8)

    assert shown(pixels, replace(PNG, viewport=Viewport(50, 50))).shape == (25, 50)
    assert shown(pixels, replace(PNG, viewport=Viewport(None, 50))).shape == (50, 100)
    assert shown(pixels, replace(PNG, viewport=Viewport(400, 400))).shape == (200, 400)
    small = replace(PNG, viewport=Viewport(400, 400), enlarge=False)
    assert shown(pixels, small).shape == (100, 200)


def test_a_region_is_cut_out() -> None:
    pixels = np.arange(100, dtype=np.uint8).reshape(10, 10)
    asked = replace(PNG, viewport=Viewport(region=Region(2, 3, 4, 2)))

    assert shown(pixels, asked).tolist() == [[32, 33, 34, 35], [42, 43, 44, 45]]


def test_a_region_outside_of_the_image_is_refused() -> None:
    asked = replace(PNG, viewport=Viewport(region=Region(20, 0, 4, 4)))

    with pytest.raises(Malformed):
        shown(np.zeros((10, 10), np.uint8), asked)


def test_flips() -> None:
    pixels = np.array([[1, 2], [3, 4]], np.uint8)

    across = shown(pixels, replace(PNG, viewport=Viewport(flip_horizontal=True)))
    down = shown(pixels, replace(PNG, viewport=Viewport(flip_vertical=True)))

    assert across.tolist() == [[2, 1], [4, 3]]
    assert down.tolist() == [[3, 4], [1, 2]]


def test_a_picture_too_large_is_refused_before_it_is_made() -> None:
    with pytest.raises(TooLarge):
        shown(np.zeros((10, 10), np.uint8), replace(PNG, viewport=Viewport(9000, 9000)))


def test_several_frames_are_an_animation_of_their_frame_time() -> None:
    image, first = native(RAMP, t00181063=element("40", vr="DS"))
    second = RAMP[::-1].tobytes()

    moving = Pillow.open(
        BytesIO(draw([first, second], [1, 2], image, Rendering(media_type="image/gif")))
    )

    assert moving.n_frames == 2
    assert moving.info["duration"] == 40
    assert moving.info["loop"] == 0


def test_only_a_gif_moves() -> None:
    image, data = native(RAMP)

    with pytest.raises(NotAcceptable):
        draw([data, data], [1, 2], image, PNG)


def test_a_thumbnail_is_the_mean_of_what_it_covers() -> None:
    noisy = np.random.default_rng(1).integers(1000, 3000, (640, 640)).astype(np.uint16)
    asked = replace(PNG, viewport=Viewport(16, 16), window=Window(2000, 4000))

    picture = shown(noisy, asked)

    assert picture.shape == (16, 16)
    assert abs(picture.astype(int) - 127).max() <= 5


def test_an_odd_size_is_scaled_to_its_very_edges() -> None:
    across = np.tile(np.linspace(0, 60000, 1003), (701, 1)).astype(np.uint16)
    asked = replace(PNG, viewport=Viewport(100, 100), window=Window(30000, 60000))

    row = shown(across, asked)[35].astype(float)

    expected = (np.arange(100) + 0.5) / 100 * 255
    assert abs(row - expected).max() <= 1.5
