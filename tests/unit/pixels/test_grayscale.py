"""Stored values become shades of grey: modality, VOI and presentation LUTs, padding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pictures import PNG, bulk, element, native, opened, shown

from filmroom.model.instance import Attributes
from filmroom.model.rendering import VoiFunction, Window
from filmroom.pixels.draw import draw

EXACT = VoiFunction.LINEAR_EXACT


def window(center: float, width: float, function: str = "LINEAR_EXACT") -> Attributes:
    return {
        "t00281050": element(center, vr="DS"),
        "t00281051": element(width, vr="DS"),
        "t00281056": element(function, vr="CS"),
    }


def rescale(slope: float, intercept: float) -> Attributes:
    return {"00281053": element(slope, vr="DS"), "00281052": element(intercept, vr="DS")}


def sequence(*items: Attributes) -> Attributes:
    return {"vr": "SQ", "Value": list(items)}


def table(entries: list[int], first: int = 0, bits: int = 16) -> Attributes:
    """A sequence of one LUT."""
    return sequence(
        {
            "00283002": element(len(entries), first, bits),
            "00283006": bulk(np.array(entries, "<u2").tobytes()),
        }
    )


STEPS = np.array([[0, 100, 200, 300, 400]], np.uint16)


def test_a_window_is_in_modality_values() -> None:
    rescaled = {f"t{tag}": found for tag, found in rescale(2, -200).items()}

    picture = shown(STEPS, **window(200, 400), **rescaled)

    assert picture.tolist() == [[0, 0, 128, 255, 255]]


def test_the_windows_function_is_that_of_the_image() -> None:
    assert shown(STEPS, **window(200, 400)).tolist() == [[0, 64, 128, 191, 255]]
    # 255 / (1 + e^2), 255 / (1 + e), …
    sigmoid = shown(STEPS, **window(200, 400, "SIGMOID"))
    assert sigmoid.tolist() == [[30, 69, 128, 186, 225]]
    assert shown(STEPS, **window(200.5, 401, "LINEAR")).tolist() == [[0, 64, 128, 191, 255]]


def test_signed_values() -> None:
    signed = np.array([[-1000, -500, 0, 500, 1000]], np.int16)

    assert shown(signed, **window(0, 2000)).tolist() == [[0, 64, 128, 191, 255]]


@pytest.mark.parametrize("kind", [np.uint32, np.int32])
def test_values_of_32_bits_are_told_apart(kind: type) -> None:
    base = 2_000_000_000
    pixels = np.array([[base, base + 1, base + 2, base + 3, base + 4]], kind)

    assert shown(pixels, **window(base + 2, 4)).tolist() == [[0, 64, 128, 191, 255]]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floating_values_need_no_window(kind: type) -> None:
    pixels = np.array([[0.0, 0.25, 0.5, 0.75, 1.0]], kind) * 1e-3

    assert shown(pixels, **window(5e-4, 1e-3)).tolist() == [[0, 64, 128, 191, 255]]
    assert shown(np.tile(pixels, (50, 1))).tolist()[0] == [0, 64, 128, 191, 255]


def test_a_linear_window_of_floating_values_is_exact() -> None:
    pixels = np.array([[0.0, 0.25, 0.5, 0.75, 1.0]], np.float32)

    assert shown(pixels, **window(0.5, 1, "LINEAR")).tolist() == [[0, 64, 128, 191, 255]]
    asked = replace(PNG, window=Window(0.5, 1, VoiFunction.LINEAR))
    assert shown(pixels, asked).tolist() == [[0, 64, 128, 191, 255]]


def test_what_is_no_number_is_black() -> None:
    pixels = np.array([[0, 1, np.nan, np.inf, -np.inf]], np.float32)

    assert shown(pixels, **window(0.5, 1)).tolist() == [[0, 255, 0, 255, 0]]


def test_a_double_beyond_all_floats_is_white() -> None:
    pixels = np.array([[0, 1, 1e300, -1e300]], np.float64)

    assert shown(pixels, **window(0.5, 1)).tolist() == [[0, 255, 255, 0]]


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(
    ("center", "width", "slope", "intercept"),
    [(1, 1e-300, 1, 0), (1e300, 1, 1, 0), (1, 1, 1e300, 0), (1, 2, 1e300, -1e300)],
)
def test_numbers_beyond_all_measure_are_shown_somehow(
    center: float, width: float, slope: float, intercept: float, function: str
) -> None:
    rescaled = {f"t{tag}": found for tag, found in rescale(slope, intercept).items()}

    assert shown(STEPS, **window(center, width, function), **rescaled).shape == STEPS.shape


def test_monochrome1_shows_its_least_value_white() -> None:
    picture = shown(STEPS, **window(200, 400), t00280004=element("MONOCHROME1", vr="CS"))

    assert picture.tolist() == [[255, 191, 128, 64, 0]]


def test_an_inverse_presentation_lut_shape_inverts_once() -> None:
    inverse = {"t20500020": element("INVERSE", vr="CS")}
    both = inverse | {"t00280004": element("MONOCHROME1", vr="CS")}

    assert shown(STEPS, **window(200, 400), **inverse).tolist() == [[255, 191, 128, 64, 0]]
    assert shown(STEPS, **window(200, 400), **both).tolist() == [[255, 191, 128, 64, 0]]


def test_a_modality_lut() -> None:
    squares = table([n * n for n in range(5)], first=100)
    pixels = np.array([[0, 100, 101, 102, 103, 104, 5000]], np.uint16)

    picture = shown(pixels, **window(8, 16), t00283000=squares)

    assert picture.tolist() == [[0, 0, 16, 64, 143, 255, 255]]


def test_a_modality_lut_of_signed_values_begins_below_zero_however_it_is_written() -> None:
    lut = table([0, 10, 20, 30, 40], first=65536 - 2)
    pixels = np.array([[-5, -2, -1, 0, 1, 2]], np.int16)

    assert shown(pixels, **window(20, 40), t00283000=lut).tolist() == [[0, 0, 64, 128, 191, 255]]


def test_a_voi_lut_comes_before_a_window() -> None:
    lut = table([0, 4095, 1024, 4095, 0], first=100, bits=12)
    pixels = np.array([[0, 100, 101, 102, 103, 104, 999]], np.uint16)

    picture = shown(pixels, **window(8, 16), t00283010=lut)

    assert picture.tolist() == [[0, 0, 255, 64, 255, 0, 0]]


def test_a_voi_lut_of_negative_modality_values() -> None:
    lut = table([0, 64, 128, 255], first=65536 - 1000, bits=8)
    rescaled = {f"t{tag}": found for tag, found in rescale(1, -1024).items()}
    pixels = np.array([[24, 25, 26, 27, 1000]], np.uint16)

    assert shown(pixels, t00283010=lut, **rescaled).tolist() == [[0, 64, 128, 255, 255]]


def test_a_lut_of_8_bits_may_be_packed() -> None:
    packed = sequence({"00283002": element(4, 0, 8), "00283006": bulk(bytes([0, 50, 100, 255]))})
    listed = sequence({"00283002": element(4, 0, 8), "00283006": element(50 << 8, 255 << 8 | 100)})
    pixels = np.array([[0, 1, 2, 3]], np.uint16)

    assert shown(pixels, t00283010=packed).tolist() == [[0, 50, 100, 255]]
    assert shown(pixels, t00283010=listed).tolist() == [[0, 50, 100, 255]]


@pytest.mark.parametrize(
    "broken",
    [
        sequence({"00283002": element(5, 0)}),
        sequence({"00283002": element(5, 0, 16), "00283006": bulk(b"\0\0")}),
        sequence({"00283002": element(5, 0, 99), "00283006": bulk(bytes(10))}),
        sequence({"00283002": element(5, 0, 0), "00283006": bulk(bytes(10))}),
        sequence({"00283002": element("x", 0, 16), "00283006": {"vr": "OW"}}),
        sequence({"00283002": element(5, 0, 16), "00283006": {"InlineBinary": "§"}}),
        {"vr": "SQ", "Value": [None]},
    ],
)
def test_a_lut_that_makes_no_sense_is_left_aside(broken: Attributes) -> None:
    picture = shown(STEPS, **window(200, 400), t00283010=broken, t00283000=broken)

    assert picture.tolist() == [[0, 64, 128, 191, 255]]


def test_the_window_asked_for_comes_before_all() -> None:
    asked = replace(PNG, window=Window(100, 200, EXACT))

    picture = shown(STEPS, asked, **window(0, 1), t00283010=table([1, 2, 3]))

    assert picture.tolist() == [[0, 128, 255, 255, 255]]


def functional_groups() -> Attributes:
    """A shared window, rescaling of each frame, and the third frame's own window."""
    voi = {"00281050": element(200), "00281051": element(400), "00281056": element("LINEAR_EXACT")}
    own = {"00281050": element(100), "00281051": element(200), "00281056": element("LINEAR_EXACT")}
    scale = [sequence(rescale(1, 0)), sequence(rescale(2, 0)), sequence(rescale(1, -100))]
    frames: list[Attributes] = [{"00289145": each} for each in scale]
    frames[2]["00289132"] = sequence(own)
    return {
        "t52009229": sequence({"00289132": sequence(voi)}),
        "t52009230": sequence(*frames),
        **window(0, 1),
        "t00281053": element(99),
    }


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (1, [0, 64, 128, 191, 255]),
        (2, [0, 128, 255, 255, 255]),
        (3, [0, 0, 128, 255, 255]),
    ],
)
def test_functional_groups_of_the_very_frame(frame: int, expected: list[int]) -> None:
    assert shown(STEPS, frame=frame, **functional_groups()).tolist() == [expected]


def test_dose_is_seen_in_gray() -> None:
    asked = replace(PNG, window=Window(2, 4, EXACT))

    picture = shown(STEPS, asked, t3004000E=element("0.01", vr="DS"))

    assert picture.tolist() == [[0, 64, 128, 191, 255]]


def test_one_bit_is_black_or_white() -> None:
    image, _ = native(np.zeros((2, 4), np.uint8))
    image.attributes.update({"00280100": element(1), "00280101": element(1)})

    assert opened(draw([bytes([0b10010110])], [1], image, PNG)).tolist() == [
        [0, 255, 255, 0],
        [255, 0, 0, 255],
    ]


def test_values_without_a_window_are_shown_from_the_least_to_the_greatest() -> None:
    ramp = np.linspace(1000, 3000, 10_000).reshape(100, 100).astype(np.uint16)

    picture = shown(ramp)

    assert picture[0, 0] == 0
    assert picture[-1, -1] == 255
    assert abs(int(picture[50, 0]) - 128) <= 1


@pytest.mark.parametrize("value", [-2000, 63536, 2096])
def test_padding_is_background_and_no_part_of_a_guess(value: int) -> None:
    pixels = np.full((100, 100), -2000, np.int16)
    pixels[50:, 50:] = np.linspace(1000, 1500, 2500).reshape(50, 50)
    told = {"t00280120": element(value), "t00280101": element(12), "t00280102": element(11)}
    told |= {"t00280004": element("MONOCHROME1", vr="CS")}

    picture = shown(pixels, **told)

    assert (picture[:50] == 0).all()
    assert picture[50, 50] == 255
    assert picture[-1, -1] == 0
    assert picture[75, 75] > 100


def test_a_range_of_padding() -> None:
    told = {"t00280120": element(0), "t00280121": element(150)}

    picture = shown(STEPS, **window(200, 400), **told, t20500020=element("INVERSE"))

    assert picture.tolist() == [[0, 0, 128, 64, 0]]


def test_padding_of_floating_values() -> None:
    pixels = np.array([[-1.5, 0, 0.5, 1]], np.float32)

    picture = shown(
        pixels, **window(0.5, 1), t00280122=element(-1.5), t00280004=element("MONOCHROME1")
    )

    assert picture.tolist() == [[0, 255, 128, 0]]


def test_padding_is_not_mixed_with_values_when_they_are_scaled_down() -> None:
    pixels = np.full((400, 400), 60000, np.uint16)
    pixels[:, 200:] = 100
    told = {"t00280120": element(60000)}
    asked = replace(PNG, viewport=replace(PNG.viewport, width=4, height=4))

    picture = shown(pixels, asked, **window(100, 200), **told)

    assert (picture[:, 0] == 0).all()
    assert (picture[:, 1] < 20).all()
    assert (picture[:, 3] == 128).all()


@pytest.mark.parametrize("size", [(3, 5), (300, 500)])
def test_a_table_gives_what_the_functions_give(size: tuple[int, int]) -> None:
    """Large images are seen through a table of all values, small ones are not."""
    pixels = np.random.default_rng(3).integers(-32768, 32767, size).astype(np.int16)

    picture = shown(pixels, **window(1000, 8000, "SIGMOID"))

    expected = 255 / (1 + np.exp(-4 * (pixels - 1000.0) / 8000))
    assert abs(picture - expected).max() <= 0.51
