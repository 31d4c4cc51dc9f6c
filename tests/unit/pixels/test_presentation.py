"""Presentation states: an image shown as somebody wanted it shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pictures import PNG, bulk, element, shown

from filmroom.errors import Malformed, TooLarge
from filmroom.model.instance import Attributes
from filmroom.model.rendering import Region, Viewport, VoiFunction, Window

IMAGE = "1.2.3"


def sequence(*items: Attributes) -> Attributes:
    return {"vr": "SQ", "Value": list(items)}


def reference(instance: str = IMAGE, *frames: int) -> Attributes:
    found = {"00081155": element(instance, vr="UI")}
    return found | ({"00081160": element(*frames, vr="IS")} if frames else {})


def area(columns: int, rows: int, **more: Attributes) -> Attributes:
    """A displayed area from the first pixel to this one."""
    return {
        "00700052": element(1, 1, vr="SL"),
        "00700053": element(columns, rows, vr="SL"),
        "00700100": element("SCALE TO FIT", vr="CS"),
    } | {tag.removeprefix("t"): found for tag, found in more.items()}


def state(*references: Attributes, **more: Attributes) -> Attributes:
    """A presentation state of images; keywords are tags with a `t` before them."""
    series = {"00081140": sequence(*(references or [reference()]))}
    return {
        "00081115": sequence(series),
        "20500020": element("IDENTITY", vr="CS"),
    } | {tag.removeprefix("t"): found for tag, found in more.items()}


def voi(center: float, width: float, *references: Attributes) -> Attributes:
    found = {
        "00281050": element(center),
        "00281051": element(width),
        "00281056": element("LINEAR_EXACT"),
    }
    return found | ({"00081140": sequence(*references)} if references else {})


def presented(
    pixels: np.ndarray,
    with_state: Attributes,
    *,
    viewport: Viewport | None = None,
    window: Window | None = None,
    frame: int = 1,
    **more: Attributes,
) -> np.ndarray:
    asked = replace(PNG, presentation=with_state, viewport=viewport or Viewport(), window=window)
    return shown(pixels, asked, frame=frame, t00080018=element(IMAGE, vr="UI"), **more)


STEPS = np.array([[0, 100, 200, 300, 400]], np.uint16)


def rescale(slope: float, intercept: float) -> dict[str, Any]:
    return {"t00281053": element(slope), "t00281052": element(intercept)}


def test_the_states_window_replaces_that_of_the_image() -> None:
    told = state(t00283110=sequence(voi(200, 400)))

    picture = presented(STEPS, told, t00281050=element(1), t00281051=element(1))

    assert picture.tolist() == [[0, 64, 128, 191, 255]]


def test_the_states_modality_transformation_replaces_that_of_the_image() -> None:
    own = rescale(5, 5)

    with_one = state(t00283110=sequence(voi(0, 400)), **rescale(1, -200))
    without = state(t00283110=sequence(voi(200, 400)))

    assert presented(STEPS, with_one, **own).tolist() == [[0, 64, 128, 191, 255]]
    assert presented(STEPS, without, **own).tolist() == [[0, 64, 128, 191, 255]]


def test_the_rescaling_of_each_frame_stays_since_no_state_can_hold_it() -> None:
    scale = {"00281053": element(2), "00281052": element(0)}
    groups = sequence({}, {"00289145": sequence(scale)})
    told = state(reference(), t00283110=sequence(voi(400, 800)))

    picture = presented(STEPS, told, frame=2, t52009230=groups)

    assert picture.tolist() == [[0, 64, 128, 191, 255]]


def test_without_a_window_all_values_are_shown() -> None:
    pixels = np.array([[0, 1024, 2048, 4095]], np.uint16)
    told = {"t00280101": element(12), "t00280102": element(11)}

    assert presented(pixels, state(), **told).tolist() == [[0, 64, 128, 255]]


def test_the_images_photometric_interpretation_is_overridden() -> None:
    inverse = {"t20500020": element("INVERSE", vr="CS")}
    mono1 = {"t00280004": element("MONOCHROME1", vr="CS")}
    window = {"t00283110": sequence(voi(200, 400))}

    assert presented(STEPS, state(**window), **mono1).tolist() == [[0, 64, 128, 191, 255]]
    assert presented(STEPS, state(**window, **inverse)).tolist() == [[255, 191, 128, 64, 0]]


def test_a_presentation_lut() -> None:
    entries = np.array([0, 60000, 20000, 65535], "<u2")
    lut = {"00283002": element(4, 0, 16), "00283006": bulk(entries.tobytes())}
    told = state(t00283110=sequence(voi(1.5, 3)), t20500010=sequence(lut))
    del told["20500020"]

    picture = presented(np.array([[0, 1, 2, 3]], np.uint16), told)

    assert picture.tolist() == [[0, 233, 78, 255]]


def test_a_voi_lut_of_the_state() -> None:
    lut = {
        "00283002": element(3, 100, 8),
        "00283006": bulk(np.array([10, 20, 30], "<u2").tobytes()),
    }
    told = state(t00283110=sequence({"00283010": sequence(lut)}))

    assert presented(STEPS, told).tolist() == [[10, 10, 30, 30, 30]]


def test_the_window_asked_for_replaces_that_of_the_state() -> None:
    told = state(t00283110=sequence(voi(1, 1)))

    picture = presented(STEPS, told, window=Window(200, 400, VoiFunction.LINEAR_EXACT))

    assert picture.tolist() == [[0, 64, 128, 191, 255]]


def test_each_image_and_frame_has_its_own_window() -> None:
    told = state(
        reference(),
        reference("9.9"),
        t00283110=sequence(
            voi(1, 1, reference("9.9")),
            voi(200, 400, reference(IMAGE, 1, 3)),
            voi(100, 200, reference(IMAGE, 2)),
        ),
    )

    assert presented(STEPS, told).tolist() == [[0, 64, 128, 191, 255]]
    assert presented(STEPS, told, frame=2).tolist() == [[0, 128, 255, 255, 255]]
    assert presented(STEPS, told, frame=3).tolist() == [[0, 64, 128, 191, 255]]


@pytest.mark.parametrize(
    "references", [[reference("9.9")], [reference(IMAGE, 2, 3)], [reference("9.9", 1)]]
)
def test_a_state_of_other_images_or_frames_is_refused(references: list[Attributes]) -> None:
    with pytest.raises(Malformed, match="does not refer"):
        presented(STEPS, state(*references))


def test_a_state_that_refers_to_nothing_is_refused() -> None:
    with pytest.raises(Malformed, match="does not refer"):
        presented(STEPS, {"00081115": {"vr": "SQ", "Value": [None]}})


CORNERS = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)


@pytest.mark.parametrize(
    ("rotation", "flip", "expected"),
    [
        (0, "N", [[10, 20, 30], [40, 50, 60]]),
        (90, "N", [[40, 10], [50, 20], [60, 30]]),
        (180, "N", [[60, 50, 40], [30, 20, 10]]),
        (270, "N", [[30, 60], [20, 50], [10, 40]]),
        (0, "Y", [[30, 20, 10], [60, 50, 40]]),
        (90, "Y", [[10, 40], [20, 50], [30, 60]]),
        (45, "N", [[10, 20, 30], [40, 50, 60]]),
    ],
)
def test_rotation_comes_before_the_flip(rotation: int, flip: str, expected: list) -> None:
    told = state(t00700042=element(rotation), t00700041=element(flip, vr="CS"))

    assert presented(CORNERS, told).tolist() == expected


def test_colours_are_turned_too() -> None:
    colours = np.stack([CORNERS] * 3, axis=-1)

    picture = presented(colours, state(t00700042=element(90)))

    assert picture[..., 0].tolist() == [[40, 10], [50, 20], [60, 30]]


TEN = np.arange(100, dtype=np.uint8).reshape(10, 10)


def with_area(**more: Attributes) -> Attributes:
    return state(t0070005A=sequence(area(10, 10) | more))


def corners(left: int, top: int, right: int, bottom: int) -> Attributes:
    return {"00700052": element(left, top), "00700053": element(right, bottom)}


def test_the_displayed_area_is_cut_out() -> None:
    told = with_area(**corners(3, 2, 5, 3))

    assert presented(TEN, told).tolist() == [[12, 13, 14], [22, 23, 24]]


def test_the_corners_of_a_turned_area_are_those_that_are_seen() -> None:
    told = with_area(**corners(5, 3, 3, 2)) | {"00700042": element(180)}

    assert presented(TEN, told).tolist() == [[24, 23, 22], [14, 13, 12]]


def test_an_area_may_reach_beyond_the_image() -> None:
    picture = presented(TEN + 100, with_area(**corners(-1, 0, 12, 11)))

    assert picture.shape == (12, 14)
    assert (picture[1:11, 2:12] == TEN + 100).all()
    assert picture.sum() == (TEN + 100).sum()


def test_beyond_an_image_of_luminance_and_colour_differences_is_black() -> None:
    grey = np.full((10, 10, 3), 128, np.uint8)

    picture = presented(
        grey, with_area(**corners(-1, 0, 12, 11)), t00280004=element("YBR_FULL", vr="CS")
    )

    assert (picture[0] == 0).all()
    assert (picture[5, 5] == 128).all()


def test_an_area_is_fitted_into_the_viewport() -> None:
    told = with_area(**corners(1, 1, 10, 5))

    assert presented(TEN, told, viewport=Viewport(40, 40)).shape == (20, 40)


def test_a_turned_area_is_fitted_into_the_viewport() -> None:
    told = with_area(**corners(1, 1, 10, 5)) | {"00700042": element(90)}

    assert presented(TEN, told, viewport=Viewport(40, 40)).shape == (40, 20)


@pytest.mark.parametrize(("ratio", "side"), [(2, 20), (0.5, 5), (1e9, 640), (-1, 1), (0, 10)])
def test_magnification(ratio: float, side: int) -> None:
    told = with_area(**{"00700100": element("MAGNIFY"), "00700103": element(ratio, vr="FL")})

    assert presented(TEN, told).shape == (side, side)
    assert presented(TEN, told, viewport=Viewport(30, 30)).shape == (30, 30)


def test_true_size_is_shown_pixel_by_pixel() -> None:
    told = with_area(**{"00700100": element("TRUE SIZE"), "00700101": element(0.2, 0.1)})

    assert presented(TEN, told).shape == (20, 10)


def test_the_pixels_of_the_area_decide_on_the_aspect_ratio() -> None:
    told = with_area(**{"00700102": element(1, 2, vr="IS")})

    assert presented(TEN, told, t00280034=element(5, 1)).shape == (10, 20)


def test_the_region_asked_for_replaces_the_displayed_area() -> None:
    told = with_area(**corners(1, 1, 2, 2)) | {"00700041": element("Y", vr="CS")}

    picture = presented(TEN, told, viewport=Viewport(region=Region(4, 4, 3, 2)))

    assert picture.tolist() == [[46, 45, 44], [56, 55, 54]]


def test_an_area_without_end_is_refused_or_fitted() -> None:
    told = with_area(**corners(-(2**31), -(2**31), 2**31 - 1, 2**31 - 1))

    with pytest.raises(TooLarge):
        presented(TEN, told)
    assert presented(TEN, told, viewport=Viewport(50, 50)).shape == (50, 50)


def test_an_area_beside_the_image_is_black() -> None:
    assert not presented(TEN, with_area(**corners(50, 50, 60, 60))).any()


def test_a_palette_of_the_state_gives_grey_images_colours() -> None:
    ramp = bytes(range(256))
    told = state(t00283110=sequence(voi(200, 400)))
    for channel, entries in enumerate((ramp, ramp[::-1], bytes(256)), start=1):
        told[f"0028110{channel}"] = element(256, 0, 8)
        told[f"0028120{channel}"] = bulk(entries)

    picture = presented(STEPS, told)

    assert picture.tolist() == [
        [[0, 255, 0], [64, 191, 0], [128, 127, 0], [191, 64, 0], [255, 0, 0]]
    ]
