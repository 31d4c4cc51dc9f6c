"""Tiles for what has no pixels."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from pictures import opened
from PIL import Image as Pillow

from filmroom.model.rendering import Rendering, Viewport
from filmroom.pixels.icons import GROUND, SKETCHES, icon


def tile(kind: str, viewport: Viewport | None = None) -> np.ndarray:
    return opened(icon(kind, Rendering(media_type="image/png", viewport=viewport or Viewport())))


@pytest.mark.parametrize("kind", SKETCHES)
def test_every_kind_has_a_sketch_and_its_letters(kind: str) -> None:
    drawn = (tile(kind) != GROUND).any(axis=2)

    assert drawn[: 256 * 3 // 4].mean() > 0.02
    assert drawn[256 * 3 // 4 :].mean() > 0.02


def test_kinds_are_told_apart() -> None:
    tiles = {kind: tile(kind).tobytes() for kind in SKETCHES}

    assert len(set(tiles.values())) == len(tiles)


def test_an_unknown_kind_is_named() -> None:
    assert (tile("XYZ") != tile("ZYX")).any()
    assert (tile("XYZ")[:180] == tile("ZYX")[:180]).all()


@pytest.mark.parametrize("kind", ["", "  ", "sr", "ÄÖ漢字", "X" * 64])
def test_any_kind_gets_a_tile(kind: str) -> None:
    assert tile(kind).shape == (256, 256, 3)


def test_the_case_of_a_kind_says_nothing() -> None:
    assert (tile("sr") == tile("SR")).all()


@pytest.mark.parametrize(
    ("viewport", "side"),
    [
        (Viewport(), 256),
        (Viewport(64, 64), 64),
        (Viewport(64, 32), 32),
        (Viewport(None, 100), 100),
        (Viewport(5000, 5000), 512),
        (Viewport(1, 1), 1),
    ],
)
def test_a_tile_fits_into_the_viewport(viewport: Viewport, side: int) -> None:
    assert tile("SR", viewport).shape == (side, side, 3)


def test_a_tile_comes_in_the_media_type_asked_for() -> None:
    assert Pillow.open(BytesIO(icon("SR", Rendering()))).format == "JPEG"
