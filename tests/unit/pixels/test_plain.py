"""Plain frames drawn where they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pictures import element, native, opened

from filmroom.errors import Undecodable
from filmroom.model.pixels import Image
from filmroom.model.rendering import (
    Annotation,
    IccProfile,
    Region,
    Rendering,
    Viewport,
    VoiFunction,
    Window,
)
from filmroom.pixels import plain
from filmroom.pixels.draw import draw
from filmroom.pixels.plain import LARGEST, REDUCED, plain_drawing

SMALL = Rendering(viewport=Viewport(128, 128))
DEFLATED, IMPLICIT, BIG_ENDIAN = (
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2",
    "1.2.840.10008.1.2.2",
)
JLS = "1.2.840.10008.1.2.4.80"
PATIENT = "Doe^Jane"


def slope(rows: int, columns: int, kind: str, most: int) -> NDArray[Any]:
    """Values from one corner to the other, from 0 or as far below it as above."""
    ramp = np.add.outer(np.linspace(0, most / 2, rows), np.linspace(0, most / 2, columns))
    return (ramp - (most / 2 if kind.startswith("i") else 0)).astype(kind)


def is_plain(image: Image, rendering: Rendering, size: int) -> bool:
    return plain_drawing(image, 1, rendering, size) is not None


def draw_plain(frame: bytes, number: int, image: Image, rendering: Rendering) -> bytes:
    drawing = plain_drawing(image, number, rendering, len(frame))
    assert drawing is not None
    size = drawing.piece
    return drawing.draw(frame[at : at + size] for at in range(0, len(frame), size))


def shades_of(picture: bytes) -> NDArray[np.int16]:
    return opened(picture).astype(np.int16)


@pytest.mark.parametrize(
    ("values", "more"),
    [
        (slope(512, 512, "u2", 4095), {"t00280101": element(12), "t00280102": element(11)}),
        (slope(512, 512, "u2", 65535), {}),
        (slope(300, 200, "i2", 60000), {"t00281052": element(-10), "t00281053": element(2)}),
        (slope(200, 300, "i2", 60000), {"t00280004": element("MONOCHROME1", vr="CS")}),
        (slope(700, 511, "u1", 255), {}),
        (slope(2500, 2048, "u2", 4095), {"t00280101": element(12), "t00280102": element(11)}),
        (slope(1111, 1500, "i2", 60000), {"t00281052": element(-10), "t00281053": element(2)}),
        (slope(2048, 2048, "u1", 255), {}),
        (slope(64, 64, "u2", 4000), {"t00281050": element(1000), "t00281051": element(500)}),
        (slope(256, 256, "u2", 900), {"t00280120": element(0)}),
        (slope(100, 100, "u2", 900), {"t00280030": element(2.0, 1.0, vr="DS")}),
        (slope(100, 100, "u2", 900), {"t20500020": element("INVERSE", vr="CS")}),
    ],
)
@pytest.mark.parametrize("window", [None, Window(500, 900), Window(9, 90, VoiFunction.SIGMOID)])
def test_a_picture_is_the_one_that_a_worker_draws(
    values: NDArray[Any], more: dict[str, Any], window: Window | None
) -> None:
    image, frame = native(values, **more)
    rendering = replace(SMALL, window=window)

    assert is_plain(image, rendering, len(frame))
    assert draw_plain(frame, 1, image, rendering) == draw([frame], [1], image, rendering)


def test_each_pixel_is_the_mean_of_a_square() -> None:
    values = np.random.default_rng(5).integers(0, 4096, (512, 512)).astype(np.uint16)
    image, frame = native(values, t00280101=element(12), t00280102=element(11))
    rendering = replace(SMALL, window=Window(2048, 4096), quality=100)

    means = values.reshape(128, 4, 128, 4).mean(axis=(1, 3)) / 4095 * 255
    found = shades_of(draw_plain(frame, 1, image, rendering))

    assert np.abs(found - means).max() < 3


@pytest.mark.parametrize(
    ("rendering", "more"),
    [
        (replace(SMALL, media_type="image/png"), {}),
        (Rendering(), {}),
        (Rendering(viewport=Viewport(128)), {}),
        (Rendering(viewport=Viewport(512, 512)), {}),
        (Rendering(viewport=Viewport(128, 128, Region(0, 0, 9, 9))), {}),
        (replace(SMALL, annotations=frozenset([Annotation.PATIENT])), {}),
        (replace(SMALL, overlays=True), {}),
        (replace(SMALL, presentation={}), {}),
        (replace(SMALL, icc_profile=IccProfile.SRGB), {}),
        (SMALL, {"t00283000": {"vr": "SQ", "Value": []}}),
        (SMALL, {"t00283010": {"vr": "SQ", "Value": []}}),
        (SMALL, {"t00620001": element("BINARY", vr="CS")}),
        (SMALL, {"t00181600": element("CIRCULAR", vr="CS")}),
        (SMALL, {"t00280004": element("RGB", vr="CS")}),
        (SMALL, {"t00280004": element("PALETTE COLOR", vr="CS")}),
        (SMALL, {"t00280002": element(3)}),
        (SMALL, {"t00280100": element(12), "t00280101": element(12)}),
        (SMALL, {"t00280100": element(32)}),
        (SMALL, {"t7FE00008": {"vr": "OF"}}),
        (SMALL, {"t00280010": element()}),
    ],
)
def test_everything_else_is_for_a_worker(rendering: Rendering, more: dict[str, Any]) -> None:
    image, frame = native(slope(32, 32, "u2", 900), **more)

    assert not is_plain(image, rendering, len(frame))


@pytest.mark.parametrize("syntax", [IMPLICIT, DEFLATED, BIG_ENDIAN])
def test_native_frames_are_plain_whatever_their_data_set_is_wrapped_in(syntax: str) -> None:
    image, frame = native(slope(32, 32, "u2", 900))

    assert is_plain(replace(image, transfer_syntax=syntax), SMALL, len(frame))
    assert not is_plain(replace(image, transfer_syntax=JLS), SMALL, len(frame))


def test_large_frames_are_for_a_worker_and_sooner_where_padding_keeps_them_large() -> None:
    image, _ = native(slope(32, 32, "u2", 900))
    padded, _ = native(slope(32, 32, "u2", 900), t00280120=element(0))

    assert is_plain(image, SMALL, LARGEST)
    assert not is_plain(image, SMALL, LARGEST + 1)
    assert is_plain(padded, SMALL, REDUCED)
    assert not is_plain(padded, SMALL, REDUCED + 1)


def test_a_frame_that_is_cut_short_is_no_picture() -> None:
    image, frame = native(slope(32, 32, "u2", 900))

    with pytest.raises(Undecodable, match="cut short"):
        draw_plain(frame[:-1], 1, image, SMALL)


def test_a_large_frame_is_taken_in_strips_and_told_if_the_last_is_missing() -> None:
    image, frame = native(slope(2048, 2048, "u2", 900))
    drawing = plain_drawing(image, 1, replace(SMALL, window=Window(500, 900)), len(frame))

    assert drawing is not None
    assert 0 < drawing.piece < len(frame) / 3
    assert drawing.piece % (2 * 2048 * 16) == 0
    with pytest.raises(Undecodable, match="cut short"):
        drawing.draw([frame[: drawing.piece]])
    with pytest.raises(Undecodable, match="cut short"):
        drawing.draw([frame[: drawing.piece - 1]])
    with pytest.raises(Undecodable, match="cut short"):
        drawing.draw([])


def test_what_goes_wrong_is_an_error_of_the_archive_and_tells_nothing_of_the_patient(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError(PATIENT)

    monkeypatch.setattr(plain, "shaded", fail)
    image, frame = native(slope(32, 32, "u2", 900))

    with pytest.raises(Undecodable, match=r"drawn \(ZeroDivisionError\)$"):
        draw_plain(frame, 1, image, SMALL)
    assert PATIENT not in caplog.text + str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    "more",
    [
        {"t00281052": element("x", vr="DS"), "t00281053": element(float("inf"), vr="DS")},
        {"t00281050": element(1e308, vr="DS"), "t00281051": element(1e-308, vr="DS")},
        {"t00281053": element(1e300, vr="DS"), "t00281052": element(-1e300, vr="DS")},
        {"t00280101": element(1), "t00280102": element(0)},
        {"t00280102": element(40000)},
        {"t00280120": element(-(10**30))},
        {"t00280034": element("1", "1000000", vr="IS")},
        {"t52009229": element("no", "items", vr="SQ"), "t52009230": element(7, vr="SQ")},
    ],
)
def test_senseless_attributes_make_a_picture_or_an_error(more: dict[str, Any]) -> None:
    image, frame = native(slope(300, 300, "u2", 65535), **more)

    try:
        picture = draw_plain(frame, 1, image, SMALL)
    except Undecodable:
        return
    assert max(opened(picture).shape) <= 128


def test_a_frame_of_another_shape_than_its_bytes_is_refused_before_memory_is_taken() -> None:
    image, frame = native(slope(32, 32, "u2", 900))
    sides = {"00280010": element(65535), "00280011": element(65535)}
    lying = Image(image.transfer_syntax, image.attributes | sides)

    with pytest.raises(Undecodable, match="cut short"):
        draw_plain(frame, 1, lying, SMALL)
