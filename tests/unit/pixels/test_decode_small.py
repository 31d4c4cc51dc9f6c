"""Thumbnails of JPEG 2000 are made of what its codestream holds at a lower resolution."""

from __future__ import annotations

from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
from pictures import PNG, element, native, opened

from filmroom.dicom.pixel_format import PixelFormat, pixel_format
from filmroom.dicom.transfer_syntaxes import EXPLICIT_LITTLE as NATIVE
from filmroom.errors import Undecodable
from filmroom.model.instance import Attributes
from filmroom.model.pixels import Image
from filmroom.model.rendering import Region, Rendering, Viewport, Window
from filmroom.pixels import draw as drawing
from filmroom.pixels.decode import Decoded, decode
from filmroom.pixels.decode_small import decode_small
from filmroom.pixels.draw import draw

JPEG_2000, HTJ2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201"
SMALL = replace(PNG, viewport=Viewport(40, 40), enlarge=False)


def scene(rows: int = 501, columns: int = 403) -> np.ndarray:
    """Waves, from 0 to 1."""
    waves = np.add.outer(np.sin(np.arange(rows) / 40), np.cos(np.arange(columns) / 55))
    return (waves + 2) / 4


def stored(bits: int, *, signed: bool = False, samples: int = 1) -> np.ndarray:
    values = scene() * (2**bits - 1) - (2 ** (bits - 1) if signed else 0)
    kind = f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}"
    values = values.astype(kind)
    return values if samples == 1 else np.stack([values, values[::-1], values[:, ::-1]], -1)


def coded(pixels: np.ndarray, bits: int, syntax: str) -> tuple[Image, bytes]:
    told = {"t00280101": element(bits), "t00280102": element(bits - 1)}
    low = -(2 ** (bits - 1)) if pixels.dtype.kind == "i" else 0
    told |= {"t00281050": element(low + 2 ** (bits - 1)), "t00281051": element(2**bits)}
    image, _ = native(pixels, **told)
    if syntax == HTJ2K:
        frame = imagecodecs.htj2k_encode(pixels)
    else:
        frame = imagecodecs.jpeg2k_encode(
            pixels, codecformat="J2K", reversible=True, level=0, bitspersample=bits
        )
    return replace(image, transfer_syntax=syntax), bytes(frame)


@pytest.fixture
def decoded_whole(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The transfer syntaxes of the frames that are decoded whole."""
    seen: list[str] = []

    def noted(frame: bytes, syntax: str, format: PixelFormat) -> Decoded:
        seen.append(syntax)
        return decode(frame, syntax, format)

    monkeypatch.setattr(drawing, "decode", noted)
    return seen


@pytest.mark.parametrize("syntax", [JPEG_2000, HTJ2K])
@pytest.mark.parametrize(
    ("bits", "signed", "samples"),
    [
        (8, False, 1),
        (12, False, 1),
        (16, False, 1),
        (16, True, 1),
        (8, False, 3),
    ],
)
def test_a_thumbnail_is_that_of_the_whole_image(
    bits: int, signed: bool, samples: int, syntax: str, decoded_whole: list[str]
) -> None:
    pixels = stored(bits, signed=signed, samples=samples)
    image, frame = coded(pixels, bits, syntax)

    small = opened(draw([frame], [1], image, SMALL))
    whole = opened(draw([pixels.tobytes()], [1], replace(image, transfer_syntax=NATIVE), SMALL))

    assert decoded_whole == [NATIVE]
    assert small.shape == whole.shape
    assert small.shape[:2] == (40, 32)
    assert abs(small.astype(int) - whole).max() <= 3


@pytest.mark.parametrize("syntax", [JPEG_2000, HTJ2K])
def test_a_region_of_a_thumbnail_is_the_right_one(syntax: str, decoded_whole: list[str]) -> None:
    pixels = stored(12)
    image, frame = coded(pixels, 12, syntax)
    asked = replace(PNG, viewport=Viewport(20, 20, Region(100, 200, 160, 120), True))

    small = opened(draw([frame], [1], image, asked))
    whole = opened(draw([pixels.tobytes()], [1], replace(image, transfer_syntax=NATIVE), asked))

    assert decoded_whole == [NATIVE]
    assert small.shape == whole.shape == (15, 20)
    assert abs(small.astype(int) - whole).max() <= 4


@pytest.mark.parametrize("syntax", [JPEG_2000, HTJ2K])
@pytest.mark.parametrize(
    ("more", "rendering"),
    [
        ({}, PNG),  # as large as the image
        ({}, replace(PNG, viewport=Viewport(250, 250))),  # half as large
        ({"00280120": element(0)}, SMALL),  # padding, which must not be mixed
        ({"00281050": element(), "00281051": element()}, SMALL),  # a window is guessed
    ],
)
def test_what_needs_all_values_is_decoded_whole(
    more: Attributes, rendering: Rendering, syntax: str, decoded_whole: list[str]
) -> None:
    image, frame = coded(stored(12), 12, syntax)
    image.attributes.update(more)

    draw([frame], [1], image, rendering)

    assert decoded_whole == [syntax]


def test_a_window_asked_for_needs_no_guess(decoded_whole: list[str]) -> None:
    image, frame = coded(stored(12), 12, HTJ2K)
    del image.attributes["00281050"]

    draw([frame], [1], image, replace(SMALL, window=Window(2048, 4096)))

    assert decoded_whole == []


@pytest.mark.parametrize("syntax", [JPEG_2000, HTJ2K])
@pytest.mark.parametrize("damage", ["cut", "size", "none"])
def test_damage_is_found_as_in_whole_decoding(damage: str, syntax: str) -> None:
    image, frame = coded(stored(12), 12, syntax)
    if damage == "cut":
        frame = frame[: len(frame) // 2]
    if damage == "size":
        image.attributes["00280010"] = element(600)
    if damage == "none":
        frame = b""

    with pytest.raises(Undecodable):
        draw([frame], [1], image, SMALL)


@pytest.mark.parametrize(("most", "by"), [(2, 2), (3, 2), (4, 4), (15, 8), (1000, 32)])
def test_the_resolution_is_the_lowest_that_is_enough(most: int, by: int) -> None:
    image, frame = coded(stored(16), 16, HTJ2K)

    small = decode_small(frame, HTJ2K, pixel_format(image.attributes), most)

    assert small is not None
    decoded, found = small
    assert found == by
    assert decoded.values.shape == (-(-501 // by), -(-403 // by))


@pytest.mark.parametrize("syntax", [NATIVE, "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "9"])
def test_other_syntaxes_have_one_resolution(syntax: str) -> None:
    image, frame = coded(stored(16), 16, HTJ2K)

    assert decode_small(frame, syntax, pixel_format(image.attributes), 8) is None
