"""Texts burnt into a picture, and the letters they are written with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pictures import PNG, element, shown

from filmroom.model.instance import Attributes
from filmroom.model.rendering import Annotation, VoiFunction, Window
from filmroom.pixels import lettering as fonts
from filmroom.pixels.annotations import patient_lines, person, technique_lines
from filmroom.pixels.lettering import is_drawable, lettering

PATIENT = {
    "00100010": element({"Alphabetic": "Doe^Jane^Ann"}, vr="PN"),
    "00100020": element("ID  1", vr="LO"),
    "00100030": element("19700131", vr="DA"),
    "00100040": element("F", vr="CS"),
}
TECHNIQUE = {
    "00080020": element("20240115", vr="DA"),
    "00080060": element("CT", vr="CS"),
    "0008103E": element("Thorax\r\n axial", vr="LO"),
    "00200011": element(2, vr="IS"),
    "00200013": element("17", vr="IS"),
    "00280008": element(30, vr="IS"),
}


def test_a_patients_lines() -> None:
    assert patient_lines(PATIENT) == ["Doe Jane Ann", "ID 1", "1970-01-31, F"]


def test_lines_of_what_is_known() -> None:
    assert patient_lines({"00100030": element("1970", vr="DA")}) == ["1970"]
    assert patient_lines({}) == []
    assert technique_lines({}, 1, None) == []


def test_lines_of_how_an_image_was_made() -> None:
    lines = technique_lines(TECHNIQUE, 4, Window(40, 400))

    assert lines == ["2024-01-15", "CT, Thorax axial", "S 2, I 17, F 4/30", "C 40 W 400"]


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ({"Alphabetic": "Yamada^Tarou", "Ideographic": ""}, "Yamada Tarou"),
        ({"Alphabetic": "Doe^^^Dr^"}, "Doe Dr"),
        ({"Ideographic": "Ideo^Graph", "Alphabetic": "Alpha^Bet"}, "Ideo Graph"),
        ({"Alphabetic": None}, ""),
        ({}, ""),
        ("no groups", ""),
    ],
)
def test_a_persons_name(groups: object, expected: str) -> None:
    assert person({"00100010": element(groups, vr="PN")}, "00100010") == expected


@pytest.fixture
def own_font_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine without any fonts."""
    monkeypatch.setattr(fonts, "_fonts", lambda: ("",))


@pytest.mark.usefixtures("own_font_only")
def test_a_name_in_letters_that_nothing_draws_is_written_alphabetically() -> None:
    name = {"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}

    assert person({"00100010": element(name, vr="PN")}, "00100010") == "Yamada Tarou"


@pytest.mark.usefixtures("own_font_only")
@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Plain (ASCII)\nlines", "Plain (ASCII)\nlines"),
        ("Müller Łódź", "Muller ?odz"),
        ("山", "?"),
        ("tab\tbell\a", "tab bell "),
        ("", ""),
    ],
)
def test_what_no_font_has_is_drawn_as_well_as_can_be(text: str, drawn: str) -> None:
    assert lettering(text, 12)[0] == drawn


@pytest.mark.usefixtures("own_font_only")
def test_what_can_be_drawn_is_known() -> None:
    assert is_drawable("Doe Jane")
    assert not is_drawable("山田")


def annotated(
    *annotations: Annotation, side: int = 400, samples: int = 1, **more: Attributes
) -> np.ndarray:
    shape = (side, side) if samples == 1 else (side, side, samples)
    asked = replace(PNG, annotations=frozenset(annotations))
    told = {f"t{tag}": found for tag, found in (PATIENT | TECHNIQUE).items()}
    return shown(np.full(shape, 90, np.uint8), asked, **told, **more)


def test_the_patient_is_named_at_the_upper_left() -> None:
    rows, columns = np.nonzero(annotated(Annotation.PATIENT) == 255)

    assert len(rows) > 100
    assert rows.max() < 100
    assert columns.max() < 200


def test_the_technique_is_told_at_the_upper_right() -> None:
    rows, columns = np.nonzero(annotated(Annotation.TECHNIQUE) == 255)

    assert len(rows) > 100
    assert rows.max() < 130
    assert columns.min() > 200


def test_letters_have_a_rim() -> None:
    picture = annotated(*Annotation)

    assert (picture == 0).any()
    assert (picture[200:] == 90).all()


def test_texts_over_colours_are_white() -> None:
    picture = annotated(Annotation.PATIENT, samples=3)

    assert (picture == 255).all(axis=2).any()


def test_nothing_is_written_unless_asked_for() -> None:
    assert (annotated() == 90).all()


def test_the_window_that_is_told_is_the_one_that_was_used() -> None:
    asked = replace(PNG, annotations=frozenset({Annotation.TECHNIQUE}))
    pixels = np.full((300, 300), 90, np.uint16)

    with_40 = shown(pixels, replace(asked, window=Window(40, 400, VoiFunction.LINEAR)))
    with_41 = shown(pixels, replace(asked, window=Window(41, 400, VoiFunction.LINEAR)))

    assert (with_40[:50] != with_41[:50]).any()


@pytest.mark.parametrize("side", [1, 2, 16])
def test_even_the_smallest_picture_can_be_written_on(side: int) -> None:
    assert annotated(*Annotation, side=side).shape == (side, side)
