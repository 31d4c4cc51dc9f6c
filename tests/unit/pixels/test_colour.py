"""Stored samples become red, green and blue: colour spaces, palettes, ICC profiles."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from pictures import PNG, bulk, element, native, opened, shown
from PIL import Image as Pillow
from PIL import ImageCms

from filmroom.errors import NotAcceptable, Undecodable
from filmroom.model.instance import Attributes
from filmroom.model.rendering import IccProfile, Rendering, Viewport
from filmroom.pixels.cielab import srgb
from filmroom.pixels.draw import draw
from filmroom.pixels.palette import expanded
from filmroom.pixels.profiles import well_known

PRIMARIES = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [10, 20, 30]]


def photometric(name: str) -> Attributes:
    return {"t00280004": element(name, vr="CS")}


def test_red_green_and_blue_are_shown_as_they_are() -> None:
    pixels = np.array([PRIMARIES], np.uint8)

    assert (shown(pixels) == pixels).all()


@pytest.mark.parametrize(
    ("stored", "value", "expected"), [(16, 65535, 255), (16, 32896, 128), (12, 2056, 128)]
)
def test_colours_of_more_than_8_bits(stored: int, value: int, expected: int) -> None:
    pixels = np.full((2, 2, 3), value, np.uint16)

    picture = shown(pixels, t00280101=element(stored), t00280102=element(stored - 1))

    assert (picture == expected).all()


def test_colours_of_32_bits() -> None:
    pixels = np.array([[[0xFFFFFFFF, 0x80000000, 0]]], np.uint32)

    assert shown(pixels).tolist() == [[[255, 128, 0]]]


# From the equations of PS3.3 §C.7.6.3.1.2 for YBR_FULL.
@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([76, 85, 255], [254, 0, 0]),
        ([150, 44, 21], [0, 255, 1]),
        ([29, 255, 107], [0, 0, 254]),
        ([255, 128, 128], [255, 255, 255]),
        ([0, 128, 128], [0, 0, 0]),
        ([100, 150, 100], [61, 112, 139]),
    ],
)
def test_luminance_and_colour_differences(stored: list[int], expected: list[int]) -> None:
    picture = shown(np.array([[stored]], np.uint8), **photometric("YBR_FULL"))

    assert abs(picture[0, 0].astype(int) - expected).max() <= 1


# Luminance from 16 to 235, differences from 16 to 240.
@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ([235, 128, 128], [255, 255, 255]),
        ([16, 128, 128], [0, 0, 0]),
        ([81, 90, 240], [254, 0, 0]),
        ([145, 54, 34], [0, 255, 1]),
        ([41, 240, 110], [0, 0, 255]),
        ([0, 0, 0], [0, 135, 0]),
    ],
)
def test_partial_range(stored: list[int], expected: list[int]) -> None:
    picture = shown(np.array([[stored]], np.uint8), **photometric("YBR_PARTIAL_444"))

    assert abs(picture[0, 0].astype(int) - expected).max() <= 1


def test_retired_colour_spaces() -> None:
    hsv = shown(
        np.array([[[0, 255, 255], [85, 255, 255], [0, 0, 128]]], np.uint8), **photometric("HSV")
    )
    argb = shown(np.array([[[9, 255, 128, 0]]], np.uint8), **photometric("ARGB"))
    cmyk = shown(np.array([[[0, 255, 255, 0], [0, 0, 0, 127]]], np.uint8), **photometric("CMYK"))

    assert hsv.tolist() == [[[255, 0, 0], [0, 255, 0], [128, 128, 128]]]
    assert argb.tolist() == [[[255, 128, 0]]]
    assert cmyk.tolist() == [[[255, 0, 0], [128, 128, 128]]]


def palette(
    red: list[int], green: list[int], blue: list[int], first: int = 0, bits: int = 8
) -> Attributes:
    found: dict[str, Any] = photometric("PALETTE COLOR")
    for channel, entries in enumerate((red, green, blue), start=1):
        found[f"t0028110{channel}"] = element(len(entries), first, bits)
        packed = bits == 8
        data = bytes(entries) if packed else np.array(entries, "<u2").tobytes()
        found[f"t0028120{channel}"] = bulk(data + b"\0" * (len(data) % 2))
    return found


def test_a_palette_of_8_bits() -> None:
    colours = palette([0, 10, 20], [0, 110, 120], [0, 210, 220])
    pixels = np.array([[0, 1, 2, 3, 255]], np.uint8)

    expected = [[0, 0, 0], [10, 110, 210], [20, 120, 220], [20, 120, 220], [20, 120, 220]]
    assert shown(pixels, **colours).tolist() == [expected]


def test_a_palette_of_16_bits_that_begins_later() -> None:
    colours = palette([0, 65535], [32768, 0], [257, 514], first=1000, bits=16)
    pixels = np.array([[0, 1000, 1001, 60000]], np.uint16)

    expected = [[0, 128, 1], [0, 128, 1], [255, 0, 2], [255, 0, 2]]
    assert shown(pixels, **colours).tolist() == [expected]


def test_a_palette_that_says_16_bits_of_entries_that_use_8() -> None:
    colours = palette([0, 10], [0, 110], [0, 210], bits=16)

    assert shown(np.array([[1]], np.uint8), **colours).tolist() == [[[10, 110, 210]]]


@pytest.mark.parametrize("missing", ["t00281101", "t00281202", "t00281203"])
def test_a_palette_that_is_not_there_is_no_picture(missing: str) -> None:
    colours = palette([0, 10], [0, 110], [0, 210])
    del colours[missing]

    with pytest.raises(Undecodable, match="palette"):
        shown(np.array([[1]], np.uint8), **colours)


def test_a_segmented_palette() -> None:
    """Discrete 0, 1; then linear to 5 over 4; then both again; then one entry."""
    segments = [0, 2, 0, 1, 1, 4, 5, 2, 2, 0, 0, 0, 1, 9]
    entries = [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 9]
    colours = palette(entries, entries, entries)
    for channel in (1, 2, 3):
        del colours[f"t0028120{channel}"]
        colours[f"t0028122{channel}"] = element(*segments)
        colours[f"t0028110{channel}"] = element(13, 0, 16)

    picture = shown(np.arange(13, dtype=np.uint8)[None], **colours)

    assert picture[0, :, 0].tolist() == entries


@pytest.mark.parametrize(
    "segments",
    [
        [1, 4, 5],  # linear from nowhere
        [7, 1, 1],  # no such kind
        [0, 1, 5, 2, 3, 6, 0],  # refers to itself
        [0],
        [],
    ],
)
def test_a_segmented_palette_that_makes_no_sense_is_no_picture(segments: list[int]) -> None:
    colours = photometric("PALETTE COLOR")
    for channel in (1, 2, 3):
        colours[f"t0028110{channel}"] = element(16, 0, 16)
        colours[f"t0028122{channel}"] = element(*segments)

    with pytest.raises(Undecodable, match="palette"):
        shown(np.array([[1]], np.uint8), **colours)


def test_a_segmented_palette_is_not_expanded_beyond_its_size() -> None:
    bomb = np.array([0, 1, 0] + [1, 65535, 9] * 1000, np.uint16)

    assert len(expanded(bomb, 256)) == 256


def test_a_segmented_palette_of_nothing_ends() -> None:
    nothing = [0, 0] * 10_000
    again = [2, 10_000, 0, 0] * 10_000

    with pytest.raises(Undecodable, match="palette"):
        expanded(np.array(nothing + again, np.uint16), 256)


def test_a_supplemental_palette_leaves_grey_grey() -> None:
    colours = palette([0, 10], [0, 110], [0, 210]) | photometric("MONOCHROME2")

    assert shown(np.array([[0, 1, 255]], np.uint8), **colours).tolist() == [[0, 1, 255]]


def test_colours_are_scaled_before_they_are_converted() -> None:
    red = np.full((300, 300, 3), [76, 85, 255], np.uint8)

    small = shown(red, replace(PNG, viewport=Viewport(10, 10)), **photometric("YBR_FULL"))

    assert small.shape == (10, 10, 3)
    assert abs(small.astype(int) - [254, 0, 0]).max() <= 1


def profiled(wanted: IccProfile, media_type: str = "image/png", **more: Any) -> Any:
    image, data = native(np.array([PRIMARIES], np.uint8), **more)
    asked = Rendering(media_type=media_type, icc_profile=wanted, quality=100)
    return Pillow.open(BytesIO(draw([data], [1], image, asked)))


def described(picture: Any) -> str:
    opened = ImageCms.ImageCmsProfile(BytesIO(picture.info["icc_profile"]))
    return ImageCms.getProfileDescription(opened).strip()


def test_no_profile_unless_asked_for() -> None:
    own = {"t00282000": bulk(well_known(IccProfile.ADOBE_RGB))}

    assert "icc_profile" not in profiled(IccProfile.NO, **own).info


@pytest.mark.parametrize("media_type", ["image/png", "image/jpeg", "image/webp"])
def test_the_images_own_profile_is_kept(media_type: str) -> None:
    own = well_known(IccProfile.ADOBE_RGB)

    picture = profiled(IccProfile.YES, media_type, t00282000=bulk(own))

    assert picture.info["icc_profile"] == own


def test_the_profile_of_an_optical_path_is_the_images() -> None:
    own = well_known(IccProfile.ROMM_RGB)
    paths = {"vr": "SQ", "Value": [{"00282000": bulk(own)}]}

    assert profiled(IccProfile.YES, t00480105=paths).info["icc_profile"] == own


@pytest.mark.parametrize("own", [b"", b"no profile", bytes(200), b"\0" * (5 << 20)])
def test_an_image_without_a_profile_that_can_be_read_is_taken_for_srgb(own: bytes) -> None:
    picture = profiled(IccProfile.YES, t00282000=bulk(own))

    assert described(picture) == "sRGB built-in"
    assert np.asarray(picture).tolist() == [PRIMARIES]


# What sRGB's primaries are in other spaces, computed from their published chromaticities.
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (IccProfile.SRGB, [[255, 0, 0], [0, 255, 0], [0, 0, 255]]),
        (IccProfile.ADOBE_RGB, [[219, 0, 0], [144, 255, 60], [0, 0, 250]]),
        (IccProfile.DISPLAY_P3, [[234, 51, 35], [117, 251, 76], [0, 0, 245]]),
        (IccProfile.ROMM_RGB, [[179, 70, 27], [138, 237, 78], [86, 36, 235]]),
    ],
)
def test_colours_are_converted(wanted: IccProfile, expected: list[list[int]]) -> None:
    picture = np.asarray(profiled(wanted)).astype(int)

    assert abs(picture[0, :3] - expected).max() <= 2
    assert abs(picture[0, 3] - 255).max() <= 1
    assert abs(picture[0, 4]).max() <= 1


def test_colours_go_from_the_images_profile_to_the_one_asked_for() -> None:
    own = {"t00282000": bulk(well_known(IccProfile.ADOBE_RGB))}
    image, data = native(np.array([[[219, 0, 0], [127, 127, 127]]], np.uint8), **own)

    picture = opened(draw([data], [1], image, replace(PNG, icc_profile=IccProfile.SRGB)))

    assert abs(picture.astype(int) - [[255, 0, 0], [127, 127, 127]]).max() <= 2


def test_a_grey_picture_with_a_profile_has_colours() -> None:
    image, data = native(np.array([[0, 100, 255]], np.uint8))

    picture = opened(draw([data], [1], image, replace(PNG, icc_profile=IccProfile.YES)))

    assert picture.tolist() == [[[0] * 3, [100] * 3, [255] * 3]]


@pytest.mark.parametrize("media_type", ["image/gif", "image/jxl"])
def test_a_media_type_that_has_no_room_for_a_profile(media_type: str) -> None:
    image, data = native(np.zeros((4, 4, 3), np.uint8))

    with pytest.raises(NotAcceptable, match="ICC"):
        draw([data], [1], image, Rendering(media_type=media_type, icc_profile=IccProfile.YES))


# L*a*b* of sRGB's own colours under D50.
@pytest.mark.parametrize(
    ("lab", "expected"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((100, 0, 0), (255, 255, 255)),
        ((53.59, 0, 0), (128, 128, 128)),
        ((54.29, 80.81, 69.89), (255, 0, 0)),
        ((87.82, -79.27, 80.99), (1, 255, 0)),
        ((29.57, 68.30, -112.03), (0, 0, 255)),
    ],
)
def test_cielab(lab: tuple[float, float, float], expected: tuple[int, int, int]) -> None:
    assert abs(np.array(srgb(*lab)) - expected).max() <= 2
