"""Texts burnt into a picture: who it is of, and how it was made (PS3.18 §8.3.5.1.1)."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw

from filmroom.model.instance import Attributes
from filmroom.model.rendering import Annotation, Window
from filmroom.pixels.elements import number, text, values
from filmroom.pixels.lettering import is_drawable, lettering
from filmroom.pixels.viewport import Picture

PATIENT_NAME = "00100010"
PATIENT_ID = "00100020"
PATIENT_BIRTH_DATE = "00100030"
PATIENT_SEX = "00100040"
STUDY_DATE = "00080020"
MODALITY = "00080060"
SERIES_DESCRIPTION = "0008103E"
SERIES_NUMBER = "00200011"
INSTANCE_NUMBER = "00200013"
NUMBER_OF_FRAMES = "00280008"

SHARE = 28
"""How many lines of text would fill the picture's shorter side."""
SMALLEST = 9  # pixels
LARGEST = 48  # pixels
LONGEST = 64  # characters of a line


def patient_lines(attributes: Attributes) -> list[str]:
    """Name, ID, birth date and sex, as far as they are known."""
    born = date(text(attributes, PATIENT_BIRTH_DATE))
    sex = text(attributes, PATIENT_SEX)
    return _known(
        person(attributes, PATIENT_NAME),
        text(attributes, PATIENT_ID),
        ", ".join(_known(born, sex)),
    )


def technique_lines(attributes: Attributes, frame: int, window: Window | None) -> list[str]:
    """Study date, modality, series, instance and frame, and the window that was used."""
    series, instance = number(attributes, SERIES_NUMBER), number(attributes, INSTANCE_NUMBER)
    frames = number(attributes, NUMBER_OF_FRAMES) or 1
    return _known(
        date(text(attributes, STUDY_DATE)),
        ", ".join(_known(text(attributes, MODALITY), text(attributes, SERIES_DESCRIPTION))),
        ", ".join(
            _known(
                f"S {series:g}" if series is not None else "",
                f"I {instance:g}" if instance is not None else "",
                f"F {frame}/{frames:g}" if frames > 1 else "",
            )
        ),
        f"C {window.center:.6g}  W {window.width:.6g}" if window else "",
    )


def annotated(
    picture: Picture,
    wanted: Set[Annotation],
    attributes: Attributes,
    frame: int,
    window: Window | None,
) -> Picture:
    """The picture with the texts wanted in its upper corners."""
    if Annotation.PATIENT in wanted:
        picture = _written(picture, patient_lines(attributes), right=False)
    if Annotation.TECHNIQUE in wanted:
        picture = _written(picture, technique_lines(attributes, frame, window), right=True)
    return picture


def _written(picture: Picture, lines: list[str], *, right: bool) -> Picture:
    """White letters with a black rim, which can be read on anything."""
    if not lines:
        return picture
    rows, columns = picture.shape[:2]
    size = min(max(min(rows, columns) / SHARE, SMALLEST), LARGEST)
    drawn, font = lettering("\n".join(line[:LONGEST] for line in lines), size)
    canvas = Pillow.fromarray(np.ascontiguousarray(picture))
    margin = size / 3
    ImageDraw.Draw(canvas).multiline_text(
        (columns - margin if right else margin, margin),
        drawn,
        fill="white",
        font=font,
        anchor="ra" if right else "la",
        align="right" if right else "left",
        stroke_width=max(round(size / 12), 1),
        stroke_fill="black",
    )
    return np.asarray(canvas)


def person(attributes: Attributes, tag: str) -> str:
    """A person's name as it is read, in the first of its forms that there are letters for."""
    found = next((value for value in values(attributes, tag) if isinstance(value, dict)), {})
    forms = [found.get(group) for group in ("Ideographic", "Alphabetic", "Phonetic")]
    readable = [" ".join(form.split("^")).strip() for form in forms if isinstance(form, str)]
    named = [" ".join(form.split()) for form in readable if form]
    return next(filter(is_drawable, named), next(iter(named[1:] or named), ""))


def date(value: str) -> str:
    """A DICOM date as in ISO 8601; anything else as it is."""
    if len(value) == 8 and value.isdecimal():
        return f"{value[:4]}-{value[4:6]}-{value[6:]}"
    return value


def _known(*words: str) -> list[str]:
    """Those that say something, on one line each."""
    return [line for line in (" ".join(word.split()) for word in words) if line]
