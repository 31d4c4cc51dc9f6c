"""VOI functions by their definitions, and windows for values that come without one."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import element

from filmroom.model.rendering import VoiFunction, Window
from filmroom.pixels.windows import between, guessed, sample, through, window_of

LINEAR, EXACT, SIGMOID = VoiFunction.LINEAR, VoiFunction.LINEAR_EXACT, VoiFunction.SIGMOID


def seen(window: Window, *values: float) -> list[float]:
    return through(window, np.array(values, np.float32)).tolist()


# The examples of PS3.3 §C.11.2.1.2.1 and, from its formula, values within the window.
@pytest.mark.parametrize(
    ("center", "width", "value", "expected"),
    [
        (2048, 4096, 0, 0),
        (2048, 4096, 4095, 1),
        (2048, 4096, 2047.5, 0.5),
        (2048, 4096, 1023.75, 0.25),
        (2048, 1, 2047.5, 0),
        (2048, 1, 2048, 1),
        (0, 100, -50, 0),
        (0, 100, 49, 1),
        (0, 100, -0.5, 0.5),
        (0, 100, 24.25, 0.75),
        (0, 1, -0.5, 0),
        (0, 1, 0, 1),
        (40, 400, 39.5, 0.5),
        (40, 400, -160, 0),
        (40, 400, 239, 1),
        (40, 400, -1024, 0),
        (40, 400, 3071, 1),
    ],
)
def test_linear(center: float, width: float, value: float, expected: float) -> None:
    assert seen(Window(center, width, LINEAR), value) == pytest.approx([expected], abs=1e-6)


# The examples of PS3.3 §C.11.2.1.3.2.
@pytest.mark.parametrize(
    ("center", "width", "value", "expected"),
    [
        (2048, 4096, 0, 0),
        (2048, 4096, 4096, 1),
        (2048, 4096, 2048, 0.5),
        (2048, 1, 2047.5, 0),
        (2048, 1, 2048.5, 1),
        (2048, 1, 2048.25, 0.75),
        (0, 100, -50, 0),
        (0, 100, 50, 1),
        (0, 100, 25, 0.75),
        (0.5, 0.1, 0.475, 0.25),
    ],
)
def test_linear_exact(center: float, width: float, value: float, expected: float) -> None:
    assert seen(Window(center, width, EXACT), value) == pytest.approx([expected], abs=1e-6)


# 1 / (1 + e^(-4 (x - c) / w)), PS3.3 §C.11.2.1.3.1.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (40, 0.5),
        (140, 0.7310586),
        (240, 0.8807971),
        (-60, 0.2689414),
        (-160, 0.1192029),
        (-1e9, 0),
        (1e9, 1),
    ],
)
def test_sigmoid(value: float, expected: float) -> None:
    assert seen(Window(40, 400, SIGMOID), value) == pytest.approx([expected], abs=1e-6)


def test_a_linear_window_narrower_than_a_value_is_taken_exactly() -> None:
    assert seen(Window(0.5, 0.5, LINEAR), 0.25, 0.5, 0.75) == [0, 0.5, 1]


def test_the_first_of_several_windows_counts() -> None:
    several = {"00281050": element("40", "300", vr="DS"), "00281051": element(400, 1500)}

    assert window_of(several) == Window(40, 400, LINEAR)
    assert window_of(several | {"00281056": element("SIGMOID")}) == Window(40, 400, SIGMOID)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"00281050": element(40)},
        {"00281050": element(40), "00281051": element(0)},
        {"00281050": element(40), "00281051": element(-1)},
        {"00281050": element("forty"), "00281051": element(400)},
        {"00281050": element("nan"), "00281051": element("inf")},
        {"00281050": {"vr": "DS"}, "00281051": {"vr": "DS", "Value": [None]}},
    ],
)
def test_no_window_is_better_than_one_that_makes_no_sense(attributes: dict) -> None:
    assert window_of(attributes) is None


def test_a_guessed_window_leaves_out_the_outermost_values() -> None:
    values = np.concatenate([np.arange(1000), [1e6], [-1e6]]).astype(np.float32)

    low, high = edges(guessed(values))

    assert 0 <= low <= 10
    assert 990 <= high <= 999


def edges(window: Window) -> tuple[float, float]:
    return window.center - window.width / 2, window.center + window.width / 2


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 0, 0, 0], (0, 1)),
        ([7, 7, 7, 7], (0, 7)),
        ([-7, -7], (-7, 0)),
        ([0] * 999 + [5], (0, 5)),
        ([float("nan"), float("inf")], (0, 1)),
        ([], (0, 1)),
    ],
)
def test_a_window_is_guessed_for_whatever_there_is(
    values: list[float], expected: tuple[float, float]
) -> None:
    assert edges(guessed(np.array(values, np.float32))) == expected


def test_a_window_between_two_values_shows_them_as_black_and_white() -> None:
    assert seen(between(100, 300), 100, 200, 300) == pytest.approx([0, 0.5, 1])


def test_large_images_are_sampled_evenly() -> None:
    rows, columns = np.indices((3000, 2000), np.int32)

    assert 1 << 15 < sample(rows).size < 1 << 17
    assert abs(sample(rows).mean() - 1500) < 10
    assert abs(sample(columns).mean() - 1000) < 10
