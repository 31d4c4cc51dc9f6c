"""Overlay planes: where they lie, and over which frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pictures import PNG, bulk, element, shown

from filmroom.model.instance import Attributes
from filmroom.model.rendering import Viewport
from filmroom.pixels.overlays import blend

OVERLAID = replace(PNG, overlays=True)
BLACK = np.zeros((8, 8), np.uint8)


def plane(
    bits: np.ndarray, row: int = 1, column: int = 1, group: str = "6000", **more: Attributes
) -> Attributes:
    """An overlay; rows and columns of its origin count from 1."""
    packed = np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()
    shape = bits.shape[-2:]
    return {
        f"t{group}0010": element(shape[0]),
        f"t{group}0011": element(shape[1]),
        f"t{group}0040": element("G", vr="CS"),
        f"t{group}0050": element(row, column, vr="SS"),
        f"t{group}0100": element(1),
        f"t{group}0102": element(0),
        f"t{group}3000": bulk(packed + b"\0" * (len(packed) % 2)),
    } | {f"t{group}{tag.removeprefix('e')}": found for tag, found in more.items()}


def test_an_overlay_is_white_where_it_is_set() -> None:
    bits = np.eye(8, dtype=bool)

    assert (shown(BLACK, OVERLAID, **plane(bits)) == np.eye(8) * 255).all()


def test_overlays_are_shown_only_where_asked_for() -> None:
    assert not shown(BLACK, **plane(np.ones((8, 8)))).any()


@pytest.mark.parametrize(
    ("row", "column", "expected"),
    [
        (3, 5, (slice(2, 4), slice(4, 7))),
        (0, 0, (slice(0, 1), slice(0, 2))),
        (8, 8, (slice(7, 8), slice(7, 8))),
        (9, 1, (slice(0, 0), slice(0, 0))),
        (-50, 1, (slice(0, 0), slice(0, 0))),
    ],
)
def test_an_overlay_lies_at_its_origin(
    row: int, column: int, expected: tuple[slice, slice]
) -> None:
    white = np.zeros((8, 8))
    white[expected] = 255

    picture = shown(BLACK, OVERLAID, **plane(np.ones((2, 3)), row, column))

    assert (picture == white).all()


def test_several_groups_lie_over_each_other() -> None:
    first = np.zeros((8, 8))
    second = np.zeros((8, 8))
    first[0], second[:, 0] = 1, 1

    picture = shown(BLACK, OVERLAID, **plane(first), **plane(second, group="601E"))

    assert (picture == np.maximum(first, second) * 255).all()


@pytest.mark.parametrize(("frame", "lit"), [(1, None), (2, 0), (3, 1), (4, 2), (5, None)])
def test_frames_of_an_overlay_begin_at_the_image_frame_they_say(
    frame: int, lit: int | None
) -> None:
    # 3 x 3 bits a plane: the second and third one begin within a byte.
    bits = np.zeros((3, 3, 3))
    for number in range(3):
        bits[number, number] = 1
    told = plane(bits, e0015=element(3), e0051=element(2))

    picture = shown(np.zeros((3, 3), np.uint8), OVERLAID, frame=frame, **told)

    expected = bits[lit] * 255 if lit is not None else np.zeros((3, 3))
    assert (picture == expected).all()


def test_an_overlay_without_frames_lies_over_all_of_them() -> None:
    assert shown(BLACK, OVERLAID, frame=7, **plane(np.ones((8, 8)))).all()


def test_an_overlay_in_the_unused_bits_of_the_pixels() -> None:
    bits = np.eye(8, dtype=np.uint16)
    pixels = np.full((8, 8), 100, np.uint16) | bits << 12
    told = {
        "t00280101": element(12),
        "t00280102": element(11),
        "t00281050": element(2048),
        "t00281051": element(4096),
        "t60000010": element(8),
        "t60000011": element(8),
        "t60000100": element(16),
        "t60000102": element(12),
    }

    assert (shown(pixels, **told) == 6).all()
    assert (shown(pixels, OVERLAID, **told) == np.where(bits, 255, 6)).all()


def test_stored_bits_are_no_overlay() -> None:
    pixels = np.full((8, 8), 0x0FFF, np.uint16)
    told = {
        "t00280101": element(12),
        "t00280102": element(11),
        "t00281050": element(2048),
        "t00281051": element(4096),
        "t60000010": element(8),
        "t60000011": element(8),
        "t60000102": element(5),
        "t20500020": element("INVERSE"),
    }

    assert not shown(pixels, OVERLAID, **told).any()


@pytest.mark.parametrize(
    "broken",
    [
        {"t60003000": bulk(b"\0")},
        {"t60003000": {"vr": "OW"}},
        {"t60000010": element(0)},
        {"t60000011": element(-8)},
        {"t60000010": element(60000), "t60000011": element(60000)},
        {"t60000050": element(1)},
        {"t60000050": element("x", "y")},
    ],
)
def test_an_overlay_that_makes_no_sense_harms_nothing(broken: Attributes) -> None:
    told = plane(np.zeros((8, 8))) | broken

    assert not shown(BLACK, OVERLAID, **told).any()


def test_an_overlay_is_scaled_with_its_image() -> None:
    bits = np.zeros((64, 64))
    bits[16:32, 32:48] = 1
    asked = replace(OVERLAID, viewport=Viewport(16, 16))

    picture = shown(np.zeros((64, 64), np.uint8), asked, **plane(bits))

    assert picture[5:7, 9:11].min() == 255
    assert picture[:3].max() == 0
    assert picture[:, :7].max() == 0


def test_an_overlay_over_colours_is_white() -> None:
    colours = np.full((8, 8, 3), [10, 20, 30], np.uint8)

    picture = shown(colours, OVERLAID, **plane(np.eye(8)))

    assert picture[0, 0].tolist() == [255, 255, 255]
    assert picture[0, 1].tolist() == [10, 20, 30]


def test_half_a_cover_is_half_a_colour() -> None:
    grey = np.full((1, 3), 100, np.uint8)

    mixed = blend(grey, np.array([[0, 128, 255]], np.uint8), 200)
    red = blend(grey, np.array([[0, 128, 255]], np.uint8), (255, 0, 0))

    assert mixed.tolist() == [[100, 150, 200]]
    assert red.tolist() == [[[100, 100, 100], [178, 50, 50], [255, 0, 0]]]
