"""Arrays become picture files, and animations keep their time."""

from __future__ import annotations

import zlib
from dataclasses import replace
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
from pictures import element, native, opened
from PIL import Image as Pillow

from filmroom.errors import NotAcceptable
from filmroom.model.instance import Attributes
from filmroom.model.rendering import Rendering, Viewport
from filmroom.pixels.draw import draw
from filmroom.pixels.frame_times import frame_times
from filmroom.pixels.picture import distance, encode, png


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 255, shape).astype(np.uint8)


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (7, 5), (7, 5, 3), (300, 1), (1, 300, 3)])
def test_png_is_exact(shape: tuple[int, ...]) -> None:
    pixels = noise(*shape)

    assert (opened(png(pixels)) == pixels).all()
    assert (np.squeeze(imagecodecs.png_decode(png(pixels))) == np.squeeze(pixels)).all()


def test_png_of_a_view_is_exact() -> None:
    pixels = noise(20, 30, 3)[::-1, ::2]

    assert (opened(encode([pixels], "image/png", 90)) == pixels).all()


def test_png_is_about_as_small_as_others_make_it() -> None:
    across, down = np.meshgrid(np.linspace(0, 6, 400), np.linspace(0, 9, 300))
    pixels = (127 + 120 * np.sin(across) * np.cos(down)).astype(np.uint8)
    out = BytesIO()
    Pillow.fromarray(pixels).save(out, "PNG")

    assert len(png(pixels)) < 1.5 * len(out.getvalue())


def test_png_carries_a_profile() -> None:
    opened_ = Pillow.open(BytesIO(png(noise(4, 4, 3), b"a profile")))

    assert opened_.info["icc_profile"] == b"a profile"


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/webp", "image/jxl"])
@pytest.mark.parametrize("shape", [(200, 200), (200, 200, 3)])
def test_quality_costs_bytes(media_type: str, shape: tuple[int, ...]) -> None:
    across = np.linspace(0, 40, 200)
    wave = np.add.outer(np.sin(across), np.cos(across * 3)) * 50 + 128
    pixels = (wave if len(shape) == 2 else np.stack([wave] * 3, -1)).astype(np.uint8)

    sizes = [len(encode([pixels], media_type, quality)) for quality in (10, 50, 90, 100)]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] / 2


@pytest.mark.parametrize("shape", [(60, 80), (60, 80, 3)])
def test_jpeg_xl_of_full_quality_is_exact(shape: tuple[int, ...]) -> None:
    pixels = noise(*shape)

    assert (imagecodecs.jpegxl_decode(encode([pixels], "image/jxl", 100)) == pixels).all()


@pytest.mark.parametrize(("quality", "expected"), [(99, 0.19), (90, 1), (50, 4.6), (1, 9.01)])
def test_qualities_of_jpeg_xl(quality: int, expected: float) -> None:
    assert distance(quality) == pytest.approx(expected)


def test_what_a_format_cannot_count_is_refused() -> None:
    wide = np.zeros((1, 20_000), np.uint8)

    with pytest.raises(NotAcceptable, match="side by side"):
        encode([wide], "image/webp", 90)
    assert opened(encode([wide], "image/png", 90)).shape == (1, 20_000)


def test_an_unknown_media_type_is_refused() -> None:
    with pytest.raises(NotAcceptable, match="image/tiff"):
        encode([np.zeros((1, 1), np.uint8)], "image/tiff", 90)


def test_grey_and_colours_move() -> None:
    for shape in ((20, 30), (20, 30, 3)):
        pictures = [np.full(shape, 80 * step, np.uint8) for step in range(4)]

        moving = Pillow.open(BytesIO(encode(pictures, "image/gif", 90, None, [50] * 4)))

        assert moving.n_frames == 4
        for step in range(4):
            moving.seek(step)
            assert abs(np.asarray(moving.convert("L")).astype(int) - 80 * step).max() <= 1
            assert moving.info["duration"] == 50


def test_frames_that_are_alike_take_their_time_too() -> None:
    pictures = [np.zeros((4, 4), np.uint8)] * 3 + [np.ones((4, 4), np.uint8)]

    moving = Pillow.open(BytesIO(encode(pictures, "image/gif", 90, None, [50, 60, 70, 80])))

    shown_for = []
    for step in range(moving.n_frames):
        moving.seek(step)
        shown_for.append(moving.info["duration"])
    assert sum(shown_for) == 260


def test_an_animation_without_a_window_does_not_flicker() -> None:
    steps = [np.full((8, 8), value, np.uint16) for value in (0, 1000, 2000)]
    for step in steps:
        step[0] = 500
        step[1] = 1500
    image, _ = native(steps[0])
    asked = Rendering(media_type="image/gif")

    moving = Pillow.open(BytesIO(draw([step.tobytes() for step in steps], [1, 2, 3], image, asked)))

    rows = []
    for step in range(3):
        moving.seek(step)
        rows.append(np.asarray(moving.convert("L"))[:2, 0].tolist())
    assert rows[0] == rows[1] == rows[2]


def test_an_animation_has_a_most_number_of_pixels_in_all() -> None:
    image, data = native(np.zeros((100, 100), np.uint8))
    asked = Rendering(media_type="image/gif", viewport=Viewport(4000, 4000))

    with pytest.raises(Exception, match="all its frames"):
        draw([data] * 5, [1, 2, 3, 4, 5], image, asked)
    assert draw([data], [1], image, replace(asked, viewport=Viewport(10, 10)))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, [100, 100]),
        ({"00181063": element("33.3", vr="DS")}, [33, 33]),
        ({"00180040": element(25, vr="IS")}, [40, 40]),
        ({"00082144": element(10), "00180040": element(25)}, [100, 100]),
        ({"00181065": element(0, 40, 60, 80)}, [40, 60]),
        ({"00181065": element(0, 40), "00181063": element(70)}, [40, 70]),
        ({"00181063": element(1)}, [20, 20]),
        ({"00181063": element(1e9)}, [10_000, 10_000]),
        ({"00181063": element(0)}, [100, 100]),
        ({"00180040": element(-5)}, [100, 100]),
        ({"00181063": element("fast")}, [100, 100]),
    ],
)
def test_how_long_frames_are_shown(attributes: Attributes, expected: list[int]) -> None:
    assert frame_times(attributes, [1, 2]) == expected


def test_checksums_of_png_are_right() -> None:
    data = png(noise(3, 3))

    at, names = 8, []
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        names.append(body[:4])
        assert zlib.crc32(body) == int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        at += 12 + length
    assert names == [b"IHDR", b"IDAT", b"IEND"]
