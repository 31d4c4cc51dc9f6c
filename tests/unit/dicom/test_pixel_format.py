"""The shape of an image's pixels, or an error."""

from __future__ import annotations

import pytest

from filmroom.dicom.pixel_format import pixel_format
from filmroom.errors import Malformed

IMAGE = {
    "00280002": [1],
    "00280004": ["MONOCHROME1 "],
    "00280010": [20],
    "00280011": [30],
    "00280100": [16],
    "00280101": [12],
    "00280102": [11],
    "00280103": [1],
}


def told(**changes: list[object]) -> dict[str, dict[str, object]]:
    values = IMAGE | {tag.removeprefix("t"): found for tag, found in changes.items()}
    return {tag: {"vr": "US", "Value": found} for tag, found in values.items()}


def test_what_an_image_says_of_itself() -> None:
    format = pixel_format(told())

    assert (format.rows, format.columns, format.samples) == (20, 30, 1)
    assert (format.bits_allocated, format.bits_stored, format.high_bit) == (16, 12, 11)
    assert format.signed
    assert format.photometric == "MONOCHROME1"
    assert format.frame_length == 1200


@pytest.mark.parametrize(
    "changes",
    [
        {"t00280010": [0]},
        {"t00280010": [-20], "t00280011": [-30]},
        {"t00280002": [-1], "t00280010": [-20]},
        {"t00280010": [{}]},
        {"t00280010": ["many"]},
        {"t00280010": [float("inf")]},
        {"t00280010": [None]},
        {"t00280010": []},
        {"t00280101": [17]},
        {"t00280101": [0]},
        {"t00280100": [128], "t00280101": [128]},
    ],
)
def test_what_is_no_image(changes: dict[str, list[object]]) -> None:
    with pytest.raises(Malformed, match="no image"):
        pixel_format(told(**changes))
