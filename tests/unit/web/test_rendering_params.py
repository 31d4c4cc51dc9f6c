"""Query string → Rendering: both doors' parameters, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from filmroom.errors import Malformed
from filmroom.model.instance import InstanceRef
from filmroom.model.rendering import (
    Annotation,
    IccProfile,
    Region,
    Rendering,
    Viewport,
    VoiFunction,
    Window,
)
from filmroom.settings.pixels import PixelSettings
from filmroom.web.rendering_params import (
    Asked,
    read_fractions,
    read_frame_number,
    read_rendering,
    read_thumbnail,
    read_wado_rendering,
)

SETTINGS = PixelSettings(rendered_pixels=1_000_000)


def asked(query: str) -> Asked:
    return read_rendering(QueryParams(query), "1.2", SETTINGS)


def rendering(query: str) -> Rendering:
    return asked(query).rendering


def test_what_is_not_said_has_its_default() -> None:
    assert asked("") == Asked(Rendering(), None)


def test_an_empty_parameter_is_not_said() -> None:
    assert asked("viewport=&window=&quality=&annotation=&iccprofile=&presentationUID=") == asked("")


@pytest.mark.parametrize(
    ("text", "viewport"),
    [
        ("256,256", Viewport(256, 256)),
        ("256%2C128", Viewport(256, 128)),
        ("%20256%20,%20128%20", Viewport(256, 128)),
        ("256,", Viewport(256, None)),
        (",128", Viewport(None, 128)),
        ("64,64,1.5,2,30,40", Viewport(64, 64, Region(1.5, 2, 30, 40))),
        ("64,64,10,20", Viewport(64, 64, Region(10, 20, math.inf, math.inf))),
        ("64,64,,,30,", Viewport(64, 64, Region(0, 0, 30, math.inf))),
        (",,10,20,30,40", Viewport(None, None, Region(10, 20, 30, 40))),
        ("64,64,,,,", Viewport(64, 64)),
        ("64,64,0,0,-30,40", Viewport(64, 64, Region(0, 0, 30, 40), flip_horizontal=True)),
        ("64,64,0,0,30,-40", Viewport(64, 64, Region(0, 0, 30, 40), flip_vertical=True)),
        (
            "64,64,0,0,-30,-4e1",
            Viewport(64, 64, Region(0, 0, 30, 40), flip_horizontal=True, flip_vertical=True),
        ),
    ],
)
def test_a_viewport_is_read(text: str, viewport: Viewport) -> None:
    assert rendering(f"viewport={text}").viewport == viewport


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("40,400,linear", Window(40, 400)),
        ("40,400", Window(40, 400)),
        ("-600.5%2C1600%2Csigmoid", Window(-600.5, 1600, VoiFunction.SIGMOID)),
        ("0,0.5,linear-exact", Window(0, 0.5, VoiFunction.LINEAR_EXACT)),
        ("0,0.5,LINEAR_EXACT", Window(0, 0.5, VoiFunction.LINEAR_EXACT)),
        ("1e3,2.5E2,SIGMOID", Window(1000, 250, VoiFunction.SIGMOID)),
    ],
)
def test_a_window_is_read(text: str, window: Window) -> None:
    assert rendering(f"window={text}").window == window


def test_the_other_parameters_are_read() -> None:
    got = rendering("quality=7&annotation=technique,patient&iccprofile=sRGB&overlays=yes")

    assert got == Rendering(
        quality=7,
        annotations=frozenset({Annotation.PATIENT, Annotation.TECHNIQUE}),
        icc_profile=IccProfile.SRGB,
        overlays=True,
    )


def test_what_is_not_said_comes_from_the_settings() -> None:
    settings = PixelSettings(lossy_quality=55, burn_overlays=True)
    query = QueryParams("")

    assert read_rendering(query, "1.2", settings).rendering == Rendering(quality=55, overlays=True)
    assert read_wado_rendering(query, "1.2", settings).rendering.quality == 55
    assert read_thumbnail(query, 128, settings).quality == 55


def test_a_presentation_state_is_one_of_the_study() -> None:
    got = asked("presentationSeriesUID=1.2.3&presentationUID=1.2.3.4")

    assert got.presentation == InstanceRef("1.2", "1.2.3", "1.2.3.4")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("viewport=256", "viewport"),
        ("viewport=0,10", "viewport"),
        ("viewport=-1,10", "viewport"),
        ("viewport=10.5,10", "viewport"),
        ("viewport=a,b", "viewport"),
        ("viewport=١,١", "viewport"),
        ("viewport=1,2,3,4,5,6,7", "viewport"),
        ("viewport=10,10,-1,0,5,5", "viewport"),
        ("viewport=10,10,0,0,0,5", "viewport"),
        ("viewport=10,10,0,0,nan,5", "viewport"),
        ("viewport=10,10,0,0,inf,5", "viewport"),
        ("viewport=10,10,0,0,1e99,5", "viewport"),
        ("viewport=1001,1000", "rendered_pixels"),
        ("viewport=1000001,", "rendered_pixels"),
        ("viewport=9999999999,1", "viewport"),
        ("viewport=1,1&viewport=2,2", "viewport"),
        ("window=40", "window"),
        ("window=40,400,linear,x", "window"),
        ("window=,400,linear", "window"),
        ("window=40,,linear", "window"),
        ("window=40,0,linear", "window"),
        ("window=40,0.5,linear", "window"),
        ("window=40,0,sigmoid", "window"),
        ("window=40,-1,linear-exact", "window"),
        ("window=40,400,cubic", "linear-exact"),
        ("window=nan,400", "window"),
        ("window=40,inf", "window"),
        ("window=1_0,400", "window"),
        ("window=0x10,400", "window"),
        ("quality=0", "quality"),
        ("quality=101", "quality"),
        ("quality=50.5", "quality"),
        ("quality=best", "quality"),
        ("annotation=name", "annotation"),
        ("iccprofile=cmyk", "iccprofile"),
        ("overlays=perhaps", "overlays"),
        ("presentationUID=1.2.3", "presentationSeriesUID"),
        ("presentationSeriesUID=1.2.3", "presentationUID"),
        ("presentationUID=x&presentationSeriesUID=1.2", "presentationUID"),
        ("presentationUID=1.3&presentationSeriesUID=1.2&window=40,400", "exclude"),
    ],
)
def test_what_cannot_be_read_is_named(query: str, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        asked(query)


def test_a_value_of_any_length_makes_a_short_message() -> None:
    with pytest.raises(Malformed) as refused:
        asked("window=" + "<" * 100_000 + ",1")
    assert len(str(refused.value)) < 100


@given(st.text(max_size=60))
def test_no_text_fails_otherwise(text: str) -> None:
    for name in ("viewport", "window", "quality", "annotation", "iccprofile", "presentationUID"):
        try:
            got = read_rendering(QueryParams([(name, text)]), "1.2", SETTINGS).rendering
        except Malformed:
            continue
        assert (got.viewport.width or 1) * (got.viewport.height or 1) <= 1_000_000
        assert got.window is None or math.isfinite(got.window.center + got.window.width)


def test_a_thumbnail_fits_a_square_and_is_never_enlarged() -> None:
    assert read_thumbnail(QueryParams(""), 128, SETTINGS) == Rendering(
        viewport=Viewport(128, 128), enlarge=False
    )
    assert read_thumbnail(QueryParams("viewport=256%2C200"), 128, SETTINGS) == Rendering(
        viewport=Viewport(256, 200), enlarge=False
    )


def test_nothing_is_written_on_a_thumbnail() -> None:
    asked_for_more = QueryParams("annotation=patient&overlays=yes&window=1,2&quality=3")

    assert read_thumbnail(asked_for_more, 128, SETTINGS) == read_thumbnail(
        QueryParams(""), 128, SETTINGS
    )


@pytest.mark.parametrize("text", ["10,10,1,1,5,5", "10,10,,,-5,5", "1001,1000", "x"])
def test_a_thumbnail_shows_the_whole_image(text: str) -> None:
    with pytest.raises(Malformed, match="viewport"):
        read_thumbnail(QueryParams({"viewport": text}), 128, SETTINGS)


def wado(query: str) -> Asked:
    return read_wado_rendering(QueryParams(query), "1.2", SETTINGS)


def test_wado_uris_parameters_are_read() -> None:
    assert wado(
        "rows=100&columns=200&windowCenter=40&windowWidth=400&imageQuality=80&annotation=patient"
    ) == Asked(
        Rendering(
            viewport=Viewport(200, 100),
            window=Window(40, 400),
            quality=80,
            annotations=frozenset({Annotation.PATIENT}),
        )
    )
    assert wado("rows=100").rendering.viewport == Viewport(None, 100)
    assert wado("presentationUID=1.3&presentationSeriesUID=1.4").presentation == InstanceRef(
        "1.2", "1.4", "1.3"
    )


def test_wado_uris_region_is_in_parts_of_the_image() -> None:
    assert read_fractions(QueryParams("region=0.25%2C0%2C0.75%2C1")) == (0.25, 0, 0.75, 1)
    assert read_fractions(QueryParams("")) is None


def test_wado_uris_frame_is_a_number_from_1() -> None:
    assert read_frame_number(QueryParams("frameNumber=3")) == 3
    assert read_frame_number(QueryParams("frameNumber=")) is None


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "1,2"])
def test_a_frame_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="frameNumber"):
        read_frame_number(QueryParams({"frameNumber": text}))


@pytest.mark.parametrize(
    "text", ["0,0,1", "0,0,1,1,1", "0.5,0,0.5,1", "0,1,1,0", "-0.1,0,1,1", "0,0,1.1,1", "a,b,c,d"]
)
def test_a_region_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="region"):
        read_fractions(QueryParams({"region": text}))


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("rows=0", "rows"),
        ("columns=x", "columns"),
        ("rows=1001&columns=1000", "rendered_pixels"),
        ("windowCenter=40", "windowWidth"),
        ("windowWidth=40", "windowCenter"),
        ("windowCenter=40&windowWidth=0", "windowWidth"),
        ("imageQuality=101", "imageQuality"),
        ("annotation=all", "annotation"),
        ("presentationUID=1.3", "presentationSeriesUID"),
        ("presentationUID=1.3&presentationSeriesUID=1.4&windowCenter=1&windowWidth=1", "exclude"),
        ("presentationUID=1.3&presentationSeriesUID=1.4&region=0,0,1,1", "exclude"),
    ],
)
def test_what_wado_uri_cannot_read_is_named(query: str, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        wado(query)
