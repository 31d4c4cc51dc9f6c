"""What of an image is shown."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from filmroom.core.viewing import frame_for, settled
from filmroom.errors import Malformed, Undecodable
from filmroom.model.rendering import Region, Viewport


def image(columns: int = 64, rows: int = 32, **more: Any) -> dict[str, Any]:
    values = {"00280010": rows, "00280011": columns, "00280100": 8, **more}
    return {tag: {"vr": "US", "Value": [value]} for tag, value in values.items()}


@pytest.mark.parametrize(("count", "frame"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (100, 51)])
def test_the_frame_in_the_middle_stands_for_all(count: int, frame: int) -> None:
    assert frame_for(image(), count) == frame


@pytest.mark.parametrize(
    ("named", "frame"), [(1, 1), (5, 5), (0, 3), (6, 3), (-1, 3), ("4", 3), (None, 3)]
)
def test_the_frame_that_is_named_stands_for_all_if_it_exists(named: Any, frame: int) -> None:
    assert frame_for({"00286010": {"vr": "US", "Value": [named]}}, 5) == frame


def test_a_viewport_without_region_stays_as_it_is() -> None:
    assert settled(Viewport(8, 8), {}, None) == Viewport(8, 8)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (Region(0, 0, inf, inf), Region(0, 0, 64, 32)),
        (Region(10, 20, inf, inf), Region(10, 20, 54, 12)),
        (Region(10, 20, 5, 6), Region(10, 20, 5, 6)),
        (Region(60, 30, 100, 100), Region(60, 30, 4, 2)),
        (Region(0.5, 0.25, 1.5, 1e15), Region(0.5, 0.25, 1.5, 31.75)),
    ],
)
def test_a_region_ends_where_the_image_does(asked: Region, shown: Region) -> None:
    assert settled(Viewport(8, 8, asked), image(), None) == Viewport(8, 8, shown)


@pytest.mark.parametrize("asked", [Region(64, 0, 1, 1), Region(0, 32, 1, 1), Region(1e15, 0, 1, 1)])
def test_a_region_outside_of_the_image_is_refused(asked: Region) -> None:
    with pytest.raises(Malformed, match="64 x 32"):
        settled(Viewport(8, 8, asked), image(), None)


def test_a_region_in_parts_of_the_sides_is_one_in_pixels() -> None:
    assert settled(Viewport(), image(), (0.25, 0.5, 0.75, 1)) == Viewport(
        region=Region(16, 16, 32, 16)
    )


def test_an_image_without_sides_cannot_be_cut() -> None:
    with pytest.raises(Undecodable):
        settled(Viewport(8, 8, Region(0, 0, 1, 1)), {}, None)
