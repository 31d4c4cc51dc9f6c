"""Shutters, and the graphics and texts of presentation states."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pictures import PNG, bulk, element, shown
from test_overlays import plane
from test_presentation import reference, sequence, state

from filmroom.model.instance import Attributes
from filmroom.model.rendering import Viewport
from filmroom.pixels.graphics import circle, curve, ellipse

SIDE = 40
GREY = np.full((SIDE, SIDE), 100, np.uint8)
RED = (54.29, 80.81, 69.89)


def lab(lightness: float, a: float, b: float) -> Attributes:
    """A colour as CIELab (PS3.3 §C.10.7.1.1)."""
    return element(
        round(lightness / 100 * 65535),
        round((a + 128) / 255 * 65535),
        round((b + 128) / 255 * 65535),
    )


def rectangle(left: int, right: int, upper: int, lower: int) -> dict[str, Any]:
    return {
        "t00181600": element("RECTANGULAR", vr="CS"),
        "t00181602": element(left),
        "t00181604": element(right),
        "t00181606": element(upper),
        "t00181608": element(lower),
    }


def presented(
    told: Attributes, pixels: np.ndarray = GREY, viewport: Viewport | None = None
) -> np.ndarray:
    asked = replace(PNG, presentation=told, viewport=viewport or Viewport())
    return shown(pixels, asked, t00080018=element("1.2.3", vr="UI"))


def test_a_rectangle_is_left_open_up_to_its_edges() -> None:
    picture = shown(GREY, **rectangle(5, 10, 3, 30))

    expected = np.zeros((SIDE, SIDE))
    expected[2:30, 4:10] = 100
    assert (picture == expected).all()


def test_a_shutter_shows_its_own_shade_or_colour() -> None:
    told = rectangle(5, 10, 3, 30) | {"t00181622": element(0x8000)}
    colours = np.full((SIDE, SIDE, 3), 100, np.uint8)

    assert shown(GREY, **told)[0, 0] == 128
    assert shown(colours, **told)[0, 0].tolist() == [128] * 3
    red = shown(colours, **told, t00181624=lab(*RED))[0, 0].astype(int)
    assert abs(red - [255, 0, 0]).max() <= 2


def test_a_circle_is_left_open() -> None:
    told = {
        "t00181600": element("CIRCULAR", vr="CS"),
        "t00181610": element(10, 20),
        "t00181612": element(5),
    }

    open_ = shown(GREY, **told) == 100

    rows, columns = np.indices(open_.shape)
    assert (open_ == ((rows - 9) ** 2 + (columns - 19) ** 2 <= 25)).all()


def test_a_polygon_is_left_open() -> None:
    told = {
        "t00181600": element("POLYGONAL", vr="CS"),
        "t00181620": element(5, 5, 5, 30, 30, 30),
    }

    open_ = shown(GREY, **told) == 100

    rows, columns = np.indices(open_.shape) + 1
    inside = (columns <= 30) & (rows >= 5) & (columns >= rows)
    assert (open_ != inside).sum() <= 26  # those on the slope
    assert open_[4, 4]
    assert not open_[3, 4]
    assert open_[29, 29]


def test_of_several_shutters_the_least_is_left_open() -> None:
    told = rectangle(1, 20, 1, 40) | {
        "t00181600": element("RECTANGULAR", "CIRCULAR", vr="CS"),
        "t00181610": element(20, 20),
        "t00181612": element(10),
    }

    open_ = shown(GREY, **told) == 100

    assert open_[19, 15]
    assert not open_[19, 25]
    assert not open_[5, 15]


def test_a_shutter_turns_with_its_image() -> None:
    told = state(**rectangle(1, 10, 1, 20), t00700042=element(90))

    open_ = presented(told) == 100

    assert open_[:10, 20:].all()
    assert open_.sum() == 200


def test_a_shutter_is_scaled_with_its_image() -> None:
    told = state(**rectangle(11, 30, 1, 40))

    open_ = presented(told, viewport=Viewport(80, 80)) == 100

    assert open_[:, 20:60].all()
    assert open_.sum() == 80 * 40


def test_the_shutter_of_a_state_replaces_that_of_the_image() -> None:
    asked = replace(PNG, presentation=state())

    picture = shown(GREY, asked, t00080018=element("1.2.3"), **rectangle(5, 10, 3, 30))

    assert (picture == 100).all()


def test_a_bitmap_can_be_a_shutter() -> None:
    bits = np.zeros((SIDE, SIDE))
    bits[:, :10] = 1
    told = state(
        **plane(bits, group="6002"),
        t00181600=element("BITMAP", vr="CS"),
        t00181623=element(0x6002),
        t00181622=element(0xFFFF),
    )

    picture = presented(told)

    assert (picture[:, :10] == 255).all()
    assert (picture[:, 10:] == 100).all()


@pytest.mark.parametrize(
    "broken",
    [
        {"t00181600": element("RECTANGULAR")},
        {"t00181600": element("CIRCULAR"), "t00181610": element(1)},
        {"t00181600": element("POLYGONAL"), "t00181620": element(1, 2, 3, 4)},
        {"t00181600": element("POLYGONAL"), "t00181620": element("x")},
        {"t00181600": element("HEXAGONAL")},
        {"t00181600": element(None)},
    ],
)
def test_a_shutter_that_makes_no_sense_covers_nothing(broken: Attributes) -> None:
    assert (shown(GREY, **broken) == 100).all()


def graphic(
    kind: str, *data: float, units: str = "PIXEL", filled: str = "N", **more: Any
) -> Attributes:
    return {
        "00700005": element(units, vr="CS"),
        "00700022": element(*data, vr="FL"),
        "00700023": element(kind, vr="CS"),
        "00700024": element(filled, vr="CS"),
    } | {tag.removeprefix("t"): found for tag, found in more.items()}


def drawn(*graphics: Attributes, layer: Attributes | None = None, **more: Any) -> np.ndarray:
    annotation = {"00700002": element("A", vr="CS"), "00700009": sequence(*graphics)}
    layers = sequence({"00700002": element("A"), "00700062": element(1)} | (layer or {}))
    told = state(t00700001=sequence(annotation), t00700060=layers, **more)
    return presented(told)


def places(picture: np.ndarray) -> set[tuple[int, int]]:
    """Columns and rows of what is more than half covered."""
    rows, columns = np.nonzero(picture > 180)
    return set(zip(columns.tolist(), rows.tolist(), strict=True))


def test_a_line() -> None:
    picture = drawn(graphic("POLYLINE", 5, 10.5, 30, 10.5))

    assert places(picture) == {(column, 10) for column in range(5, 30)}


def test_a_closed_line_can_be_filled() -> None:
    corners = (10, 10, 30, 10, 30, 20, 10, 20, 10, 10)

    hollow = drawn(graphic("POLYLINE", *corners))
    filled = drawn(graphic("POLYLINE", *corners, filled="Y"))

    assert hollow[15, 20] == 100
    assert (filled[10:20, 10:30] == 255).all()
    assert filled[8, 20] == 100


def test_a_point() -> None:
    found = places(drawn(graphic("POINT", 20.5, 10.5)))

    assert {(20, 10), (19, 10), (21, 10), (20, 9), (20, 11)} <= found
    assert len(found) <= 21


def test_a_circle_by_its_centre_and_edge() -> None:
    picture = drawn(graphic("CIRCLE", 20, 20, 30, 20))

    found = np.array(sorted(places(picture))) + 0.5
    distances = np.hypot(found[:, 0] - 20, found[:, 1] - 20)
    assert len(found) > 40
    assert abs(distances - 10).max() < 1


def test_an_ellipse_by_its_axes() -> None:
    found = np.array(ellipse([(10, 20), (30, 20), (20, 15), (20, 25)]))

    assert found.min(axis=0).tolist() == pytest.approx([10, 15], abs=0.01)
    assert found.max(axis=0).tolist() == pytest.approx([30, 25], abs=0.01)
    picture = drawn(graphic("ELLIPSE", 10, 20, 30, 20, 20, 15, 20, 25, filled="Y"))
    assert len(places(picture)) == pytest.approx(np.pi * 10.3 * 5.3, rel=0.1)


def test_a_slanted_ellipse() -> None:
    along = np.array(ellipse([(10, 10), (30, 30), (22, 18), (18, 22)])) - 20

    turned = along @ (np.array([[1, -1], [1, 1]]) / np.sqrt(2))
    assert abs(turned).max(axis=0) == pytest.approx([np.hypot(10, 10), np.hypot(2, 2)], rel=0.01)


def test_a_circle_is_closed() -> None:
    points = circle((5, 5), (5, 8))

    assert points[0] == pytest.approx(points[-1])
    assert max(y for _, y in points) == pytest.approx(8, abs=0.01)


def test_a_curve_goes_through_its_points_and_between_them() -> None:
    points = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0)]

    found = np.array(curve(points))

    for point in points:
        assert np.hypot(*(found - point).T).min() < 1e-9
    assert found.max() > 10.5  # it bulges where a line would not
    assert (found[0] == found[-1]).all()


def test_a_curve_is_drawn() -> None:
    picture = drawn(graphic("INTERPOLATED", 5, 20, 20, 5, 35, 20))

    assert (5, 20) in places(picture) | {(5, 20)}
    assert picture[5:7, 18:22].max() > 180


def test_parts_of_the_display_are_units_too() -> None:
    picture = drawn(graphic("POLYLINE", 0.25, 0, 0.25, 1, units="DISPLAY"), t00700042=element(90))

    assert {column for column, _ in places(picture)} <= {9, 10}
    assert (picture > 150).any(axis=1).all()


def test_pixels_of_the_image_turn_with_it() -> None:
    picture = drawn(graphic("POLYLINE", 5.5, 0, 5.5, 40), t00700042=element(90))

    assert (picture[5] == 255).all()
    assert (picture[:4] == 100).all()


def test_graphic_data_may_be_a_bulk_value() -> None:
    data = {"00700022": bulk(np.array([5, 10.5, 30, 10.5], "<f4").tobytes())}

    assert places(drawn(graphic("POLYLINE") | data))


def test_a_layers_shade_and_colour() -> None:
    line = graphic("POLYLINE", 0, 10.5, 40, 10.5)

    assert drawn(line, layer={"00700066": element(0)})[10, 20] == 0
    assert drawn(line, layer={"00700066": element(0xFFFF)})[10, 20] == 255
    red = drawn(line, layer={"00700401": lab(*RED)})
    assert abs(red[10, 20].astype(int) - [255, 0, 0]).max() <= 2
    assert red[30, 20].tolist() == [100] * 3


def test_a_graphic_may_have_its_own_colour() -> None:
    style = {"t00700232": sequence({"00700251": lab(*RED)})}

    picture = drawn(
        graphic("POLYLINE", 0, 10.5, 40, 10.5, **style), graphic("POLYLINE", 0, 20.5, 40, 20.5)
    )

    assert abs(picture[10, 20].astype(int) - [255, 0, 0]).max() <= 2
    assert picture[20, 20].tolist() == [255] * 3


def test_higher_layers_lie_over_lower_ones() -> None:
    def annotation(layer: str) -> Attributes:
        line = graphic("POLYLINE", 0, 10.5, 40, 10.5)
        return {"00700002": element(layer), "00700009": sequence(line)}

    def layer(name: str, order: int, grey: int) -> Attributes:
        return {
            "00700002": element(name),
            "00700062": element(order),
            "00700066": element(grey),
        }

    both = sequence(annotation("TOP"), annotation("BOTTOM"))
    top, bottom = layer("TOP", 2, 0xFFFF), layer("BOTTOM", 1, 0)

    assert presented(state(t00700001=both, t00700060=sequence(top, bottom)))[10, 20] == 255
    top["00700062"] = element(0)
    assert presented(state(t00700001=both, t00700060=sequence(top, bottom)))[10, 20] == 0


def test_graphics_of_other_images_are_not_drawn() -> None:
    line = sequence(graphic("POLYLINE", 0, 10.5, 40, 10.5))
    foreign = {
        "00700002": element("A"),
        "00700009": line,
        "00081140": sequence(reference("9.9")),
    }

    assert (presented(state(t00700001=sequence(foreign))) == 100).all()


def test_overlays_lie_on_the_layer_that_activates_them() -> None:
    bits = np.zeros((SIDE, SIDE))
    bits[5] = 1
    layer = sequence({"00700002": element("MARKS"), "00700066": element(0)})
    activated = {"t60001001": element("MARKS", vr="CS"), "t00700060": layer}

    own = presented(state(**plane(bits), **activated))
    none = presented(state(**plane(bits), t60001001={"vr": "CS"}))

    assert (own[5] == 0).all()
    assert (np.delete(own, 5, axis=0) == 100).all()
    assert (none == 100).all()


def test_a_state_can_activate_the_images_overlays() -> None:
    bits = np.eye(SIDE)
    layer = sequence({"00700002": element("MARKS")})
    told = state(t60001001=element("MARKS"), t00700060=layer)
    image = {"t00080018": element("1.2.3"), **plane(bits)}

    activated = shown(GREY, replace(PNG, presentation=told), **image)
    ignored = shown(GREY, replace(PNG, presentation=state(), overlays=True), **image)

    assert (activated[np.eye(SIDE, dtype=bool)] == 255).all()
    assert (ignored == 100).all()


@pytest.mark.parametrize(
    "broken",
    [
        graphic("POLYLINE"),
        graphic("POLYLINE", 1),
        graphic("POLYLINE", float("nan"), 1),
        graphic("POLYLINE", 1e30, 1e30, 5, 5),
        graphic("CIRCLE", 1, 1),
        graphic("ELLIPSE", 1, 1, 2, 2),
        graphic("SPIRAL", 1, 1, 2, 2),
        graphic("POLYLINE", *([1e5, -1e5] * 60_000)),
        graphic("POLYLINE", 1, 1, filled="Y"),
        {},
    ],
)
def test_a_graphic_that_makes_no_sense_harms_nothing(broken: Attributes) -> None:
    assert drawn(broken).shape[:2] == (SIDE, SIDE)


def written(wording: str, **more: Attributes) -> np.ndarray:
    text = {"00700006": element(wording, vr="ST")}
    text |= {tag.removeprefix("t"): found for tag, found in more.items()}
    annotation = {"00700002": element("A"), "00700008": sequence(text)}
    return presented(state(t00700001=sequence(annotation)), np.full((200, 200), 100, np.uint8))


BOX = {
    "t00700003": element("PIXEL"),
    "t00700010": element(50, 80),
    "t00700011": element(150, 100),
}


def test_a_text_lies_in_its_box() -> None:
    rows, columns = np.nonzero(written("Text", **BOX) > 170)

    assert len(rows) > 20
    assert 78 <= rows.min() <= 90
    assert rows.max() <= 102
    assert 48 <= columns.min() <= 55
    assert columns.max() < 110


@pytest.mark.parametrize(("justified", "middle"), [("LEFT", 65), ("CENTER", 100), ("RIGHT", 135)])
def test_a_text_is_justified(justified: str, middle: int) -> None:
    _, columns = np.nonzero(written("Text", **BOX, t00700012=element(justified)) > 170)

    assert columns.mean() == pytest.approx(middle, abs=7)


def test_a_text_is_read_on_white_and_on_black() -> None:
    picture = written("Text", **BOX)

    assert (picture > 170).any()
    assert (picture < 30).any()


def test_lines_of_a_text_lie_below_each_other() -> None:
    high = BOX | {"t00700010": element(50, 20), "t00700011": element(190, 180)}
    one, two = written("Text", **high), written("Text\r\nText", **high)

    def lines(picture: np.ndarray) -> int:
        return int((picture > 170).any(axis=1).sum())

    assert lines(two) > 1.6 * lines(one)


def test_a_text_beside_its_anchor_is_led_to_it() -> None:
    anchored = {"t00700004": element("PIXEL"), "t00700014": element(20, 30)}

    hidden = written("Text", **anchored, t00700015=element("N"))
    leading = written("Text", **BOX, **anchored, t00700015=element("Y"))

    rows, columns = np.nonzero(hidden > 170)
    assert rows.min() > 30
    assert columns.min() > 20
    assert hidden[30, 20] == 100
    assert leading[30, 20] == 255
    assert leading[55, 35] > 150  # half way from the anchor to the box


def test_a_text_may_have_its_own_colour() -> None:
    style = {"t00700231": sequence({"00700241": lab(*RED)})}

    picture = written("Text", **BOX, **style).astype(int)

    assert (abs(picture - [255, 0, 0]).max(axis=2) <= 60).sum() > 20


@pytest.mark.parametrize("wording", ["", "\n\n", "漢字 שלום", "x" * 100_000, "\0\x07"])
def test_any_wording_is_written(wording: str) -> None:
    assert written(wording, **BOX).shape == (200, 200)
