"""Where an image's pixels come to lie in a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pictures import PNG, element, shown

from filmroom.errors import TooLarge
from filmroom.model.instance import Attributes
from filmroom.model.rendering import Region, Viewport
from filmroom.pixels.viewport import (
    aspect_of,
    place,
    reduced,
    reduction,
    scaled,
)

SQUARE = Region(0, 0, 100, 100)


@pytest.mark.parametrize(
    ("region", "aspect", "viewport", "size"),
    [
        (Region(0, 0, 100, 50), 1, Viewport(), (100, 50)),
        (Region(0, 0, 100, 50), 1, Viewport(50, 50), (50, 25)),
        (Region(0, 0, 100, 50), 1, Viewport(50, 10), (20, 10)),
        (Region(0, 0, 100, 50), 1, Viewport(50), (50, 25)),
        (Region(0, 0, 100, 50), 1, Viewport(None, 100), (200, 100)),
        (Region(0, 0, 100, 100), 2, Viewport(), (100, 200)),
        (Region(0, 0, 100, 100), 0.5, Viewport(), (200, 100)),
        (Region(0, 0, 100, 100), 2, Viewport(100, 100), (50, 100)),
        (Region(0, 0, 1000, 1), 1, Viewport(100, 100), (100, 1)),
        (Region(10.5, 3, 9.5, 20), 1, Viewport(), (10, 20)),
    ],
)
def test_an_image_fits_its_viewport(
    region: Region, aspect: float, viewport: Viewport, size: tuple[int, int]
) -> None:
    placement = place(region, aspect, viewport)

    assert (placement.width, placement.height) == size


def test_a_quarter_turn_changes_the_sides() -> None:
    placement = place(Region(0, 0, 100, 50), 1, Viewport(60, 60), rotation=90)

    assert (placement.width, placement.height) == (30, 60)
    assert placement.upright == (60, 30)


def test_a_picture_has_a_most_number_of_pixels() -> None:
    with pytest.raises(TooLarge):
        place(Region(0, 0, 1e9, 1e9), 1, Viewport())
    with pytest.raises(TooLarge):
        place(SQUARE, 1, Viewport(), magnification=1000)
    place(Region(0, 0, 1e9, 1e9), 1, Viewport(100, 100))


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, 1),
        ({"00280034": element("2", "1", vr="IS")}, 2),
        ({"00280030": element(0.5, 0.25)}, 2),
        ({"00181164": element(0.1, 0.2)}, 0.5),
        ({"00280034": element(1, 1), "00280030": element(2, 1)}, 1),
        ({"00280034": element(0, 1), "00280030": element(2, 1)}, 2),
        ({"00280030": element(0.5, 0.5004)}, 1),
        ({"00280030": element(1000, 1)}, 1),
        ({"00280030": element(-1, 1)}, 1),
        ({"00280030": element("a", "b")}, 1),
    ],
)
def test_pixels_that_are_no_squares(attributes: Attributes, expected: float) -> None:
    assert aspect_of(attributes, 1) == expected


def test_the_spacing_of_the_very_frame() -> None:
    def measures(rows: float, columns: float) -> Attributes:
        spacing = {"00280030": element(rows, columns)}
        return {"00289110": {"vr": "SQ", "Value": [spacing]}}

    attributes = {
        "52009229": {"vr": "SQ", "Value": [measures(1, 2)]},
        "52009230": {"vr": "SQ", "Value": [{}, measures(3, 1)]},
    }

    assert aspect_of(attributes, 1) == 0.5
    assert aspect_of(attributes, 2) == 3


def test_oblong_pixels_are_stretched() -> None:
    pixels = np.zeros((10, 10), np.uint8)

    assert shown(pixels, t00280034=element(2, 1)).shape == (20, 10)
    assert shown(pixels, t00280030=element(1, 3)).shape == (10, 30)


@pytest.mark.parametrize("by", [2, 3, 7])
@pytest.mark.parametrize("shape", [(7, 9), (6, 6), (1, 20), (50, 33)])
def test_reduction_gives_the_means_of_squares(by: int, shape: tuple[int, int]) -> None:
    values = np.random.default_rng(2).integers(0, 60000, shape).astype(np.uint16)

    found = reduced(values, by)

    expected = [
        [values[y : y + by, x : x + by].mean() for x in range(0, shape[1], by)]
        for y in range(0, shape[0], by)
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "bits"),
    [("u1", 8), ("i1", 8), ("u2", 16), ("i2", 16), ("u2", 12), ("i2", 12), ("i4", 30)],
)
def test_no_sum_is_too_large_for_its_type(kind: str, bits: int) -> None:
    most = 2 ** (bits - 1) - 1 if kind.startswith("i") else 2**bits - 1
    values = np.full((40, 40), most, kind)
    values[:, 20:] = -most - 1 if kind.startswith("i") else most

    found = reduced(values, 20, bits)

    np.testing.assert_allclose(found, [[most, values[0, -1]]] * 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("image", "picture", "by"),
    [
        ((512, 512), Viewport(128, 128), 4),
        ((512, 512), Viewport(512, 512), 1),
        ((510, 510), Viewport(128, 128), 1),
        ((1000, 1000), Viewport(128, 128), 3),
        ((900, 300), Viewport(300, 300), 3),
        ((512, 512), Viewport(128, 128, Region(0, 0, 256, 256)), 1),
    ],
)
def test_what_fits_is_reduced_at_once_and_the_rest_by_half_of_it(
    image: tuple[int, int], picture: Viewport, by: int
) -> None:
    region = picture.region or Region(0, 0, image[1], image[0])

    assert reduction(image, region, place(region, 1, picture)) == by


CORNERS = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)


@pytest.mark.parametrize(
    ("rotation", "across", "down", "expected"),
    [
        (0, False, False, [[10, 20, 30], [40, 50, 60]]),
        (90, False, False, [[40, 10], [50, 20], [60, 30]]),
        (180, False, False, [[60, 50, 40], [30, 20, 10]]),
        (270, False, False, [[30, 60], [20, 50], [10, 40]]),
        (0, True, False, [[30, 20, 10], [60, 50, 40]]),
        (0, False, True, [[40, 50, 60], [10, 20, 30]]),
        (90, True, False, [[10, 40], [20, 50], [30, 60]]),
    ],
)
def test_turns_and_flips(rotation: int, across: bool, down: bool, expected: list) -> None:
    placement = place(
        Region(0, 0, 3, 2),
        1,
        Viewport(),
        rotation=rotation,
        flip_horizontal=across,
        flip_vertical=down,
    )

    picture = scaled(CORNERS, placement.region, placement)

    assert picture.tolist() == expected
    for row in range(2):
        for column in range(3):
            x, y = placement.point(column + 0.5, row + 0.5)
            assert picture[int(y), int(x)] == CORNERS[row, column]


def test_the_flip_of_a_request_undoes_that_of_a_state() -> None:
    placement = place(SQUARE, 1, Viewport(flip_horizontal=True), flip_horizontal=True)

    assert not placement.flip_horizontal


def test_what_lies_outside_of_the_image_is_black() -> None:
    pixels = np.full((4, 4), 200, np.uint8)
    region = Region(-2, 1, 8, 6)

    picture = scaled(pixels, region, place(region, 1, Viewport()))

    assert picture.shape == (6, 8)
    assert (picture[:3, 2:6] == 200).all()
    assert picture.sum() == 200 * 12


def test_a_region_wholly_outside_is_black() -> None:
    region = Region(10, 10, 4, 4)

    picture = scaled(np.full((4, 4, 3), 9, np.uint8), region, place(region, 1, Viewport()))

    assert picture.shape == (4, 4, 3)
    assert not picture.any()


def test_a_part_of_a_region_can_lie_between_pixels() -> None:
    ramp = np.tile(np.arange(0, 200, 2, dtype=np.uint8), (10, 1))
    asked = replace(PNG, viewport=Viewport(50, 5, Region(10.5, 0, 50, 5)))

    row = shown(ramp, asked)[2].astype(float)

    assert abs(row[5:-5] - (10.5 + np.arange(50)[5:-5]) * 2).max() <= 1


def test_scaling_down_and_up_hits_the_same_places() -> None:
    bar = np.zeros((512, 512), np.uint8)
    bar[128:256, 64:192] = 255
    for side in (64, 100, 128, 511, 700):
        picture = shown(bar, replace(PNG, viewport=Viewport(side, side))) / 255
        rows, columns = np.indices(picture.shape) + 0.5
        assert picture.mean() == pytest.approx(1 / 16, rel=0.02)
        assert (rows * picture).sum() / picture.sum() == pytest.approx(192 / 512 * side, abs=0.1)
        assert (columns * picture).sum() / picture.sum() == pytest.approx(side / 4, abs=0.15)


def test_sixteen_bits_scaled_down_hit_the_same_places() -> None:
    bar = np.zeros((1024, 1024), np.uint16)
    bar[256:512, 128:384] = 4095
    told = {"t00281050": element(2048), "t00281051": element(4096)}
    for side in (32, 50, 100, 200):
        picture = shown(bar, replace(PNG, viewport=Viewport(side, side)), **told) / 255
        rows, columns = np.indices(picture.shape) + 0.5
        assert picture.mean() == pytest.approx(1 / 16, rel=0.05)
        assert (rows * picture).sum() / picture.sum() == pytest.approx(side * 3 / 8, abs=0.15)
        assert (columns * picture).sum() / picture.sum() == pytest.approx(side / 4, abs=0.15)
