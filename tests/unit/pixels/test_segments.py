"""Segmentations in colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pictures import element, native, opened, shown

from filmroom.model.rendering import Rendering, Window
from filmroom.pixels.draw import draw
from filmroom.pixels.segments import USUAL

BLACK = [0, 0, 0]
FIRST, SECOND, THIRD = (list(colour) for colour in USUAL[:3])
# CIELab 50, 80, 67 is a strong red; each value is written on 16 bits.
RED = element(0x7FFF, 0xD0D0, 0xC3C3)
BLACK_IN_LAB = element(0, 0x8080, 0x8080)


def segmentation(kind: str, *segments: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Attributes of a segmentation, for `shown`."""
    return {"t00620001": element(kind), "t00620002": element(*segments, vr="SQ"), **more}


def segment(number: int, colour: dict[str, Any] | None = None) -> dict[str, Any]:
    """An item of Segment Sequence."""
    return {"00620004": element(number)} | ({"0062000D": colour} if colour else {})


def of_frames(*numbers: int) -> dict[str, Any]:
    """Functional groups that say which segment each frame shows."""
    groups = [{"0062000A": element({"0062000B": element(n)}, vr="SQ")} for n in numbers]
    return {"t52009230": element(*groups, vr="SQ")}


MASK = np.array([[0, 1, 1, 0]], np.uint8)


def test_a_segment_has_the_colour_that_is_recommended() -> None:
    red, green, blue = shown(MASK, **segmentation("BINARY", segment(1, RED)))[0, 1].tolist()

    assert red > 200
    assert max(green, blue) < 80


@pytest.mark.parametrize("colour", [None, BLACK_IN_LAB, element(1, 2)])
def test_a_segment_without_a_colour_that_is_seen_has_a_usual_one(colour: Any) -> None:
    got = shown(MASK, **segmentation("BINARY", segment(1, colour)))

    assert got.tolist() == [[BLACK, FIRST, FIRST, BLACK]]


def test_each_frame_has_the_colour_of_its_segment() -> None:
    told = segmentation("BINARY", segment(1), segment(2), **of_frames(2, 1))

    assert shown(MASK, frame=1, **told)[0, 1].tolist() == SECOND
    assert shown(MASK, frame=2, **told)[0, 1].tolist() == FIRST


def test_one_bit_a_pixel() -> None:
    image, _ = native(np.zeros((1, 8), np.uint8))
    image.attributes.update({"00280100": element(1), "00280101": element(1)})
    image.attributes["00620001"] = element("BINARY")

    got = opened(draw([bytes([0b00000110])], [1], image, Rendering("image/png")))

    assert got[0, :4].tolist() == [BLACK, FIRST, FIRST, BLACK]


def test_a_fraction_is_as_bright_as_it_is_large() -> None:
    fractions = np.array([[0, 50, 100, 200]], np.uint8)

    got = shown(fractions, **segmentation("FRACTIONAL", t0062000E=element(200)))

    halves = [round(each / 2) for each in FIRST]
    assert got[0, 0].tolist() == BLACK
    assert np.abs(got[0, 2] - np.array(halves)).max() <= 1
    assert got[0, 3].tolist() == FIRST


def test_each_label_of_a_map_has_its_colour() -> None:
    labels = np.array([[0, 1, 2, 3]], np.uint16)
    told = segmentation("LABELMAP", segment(1), segment(2), segment(3))

    assert shown(labels, **told).tolist() == [[BLACK, FIRST, SECOND, THIRD]]


def test_a_label_that_is_not_described_is_shown_too() -> None:
    labels = np.array([[0, 65535]], np.uint16)

    got = shown(labels, **segmentation("LABELMAP", segment(1), segment(2)))

    assert got.tolist() == [[BLACK, SECOND]]


def test_a_window_changes_no_colour() -> None:
    rendering = Rendering("image/png", window=Window(1000, 10))

    assert shown(MASK, rendering, **segmentation("BINARY")).tolist() == [
        [BLACK, FIRST, FIRST, BLACK]
    ]


def test_what_makes_no_sense_is_shown_nevertheless() -> None:
    told = segmentation("BINARY", {}, {"00620004": element("x")}, t52009230=element({}, vr="SQ"))

    assert shown(MASK, **told).tolist() == [[BLACK, FIRST, FIRST, BLACK]]


def test_other_images_stay_grey() -> None:
    assert shown(MASK).ndim == 2
    assert shown(MASK, t00620001=element("UNHEARD OF")).ndim == 2
