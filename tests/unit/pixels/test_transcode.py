"""Frames from one transfer syntax into another: what is kept as it is, and what is not."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import pytest

from filmroom.dicom.pixel_format import pixel_format
from filmroom.dicom.transfer_syntaxes import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from filmroom.errors import Undecodable, Unsupported
from filmroom.model.pixels import Image
from filmroom.pixels.decode import decode
from filmroom.pixels.transcode import transcode

ROOT = "1.2.840.10008.1.2"
JPEG, JPEG_EXTENDED, JPEG_LS, RLE = (f"{ROOT}.{n}" for n in ("4.50", "4.51", "4.80", "5"))
RECOMPRESSED, HTJ2K, RPCL = f"{ROOT}.4.111", f"{ROOT}.4.201", f"{ROOT}.4.202"

COLOURS = np.random.default_rng(5).integers(0, 40, (16, 24, 3)).cumsum(1).astype(np.uint8)
GREYS = np.random.default_rng(6).integers(0, 90, (16, 24)).cumsum(1).astype(np.uint16)


def attributes(values: np.ndarray, bits: int, photometric: str, **more: Any) -> dict[str, Any]:
    samples = 3 if values.ndim == 3 else 1
    numbers = {
        "00280002": samples,
        "00280010": values.shape[0],
        "00280011": values.shape[1],
        "00280100": 8 if bits <= 8 else 16,
        "00280101": bits,
        "00280102": bits - 1,
        "00280103": 0,
    } | ({"00280006": 0} if samples == 3 else {})
    found: dict[str, Any] = {tag: {"vr": "US", "Value": [n]} for tag, n in numbers.items()}
    return found | {"00280004": {"vr": "CS", "Value": [photometric]}} | more


def jpeg(values: np.ndarray = COLOURS) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(values, 90, subsampling="422"))


def test_native_frames_are_the_same_bytes_in_every_native_syntax() -> None:
    for source in (EXPLICIT_BIG, EXPLICIT_LITTLE):
        coded = transcode(b"anything", Image(source, {}), IMPLICIT_LITTLE)
        assert (coded.data, coded.changes) == (b"anything", {})


def test_a_progressive_frame_is_a_frame_of_the_plain_syntax() -> None:
    format = attributes(GREYS, 12, "MONOCHROME2")
    native = Image(EXPLICIT_LITTLE, format)
    rpcl = transcode(GREYS.tobytes(), native, RPCL)
    assert transcode(rpcl.data, Image(RPCL, format), HTJ2K).data == rpcl.data
    plain = transcode(GREYS.tobytes(), native, HTJ2K)
    again = transcode(plain.data, Image(HTJ2K, format), RPCL)
    assert again.data == rpcl.data != plain.data


@pytest.mark.parametrize("values", [COLOURS, COLOURS[..., 0].copy()], ids=["colour", "grey"])
def test_a_jpeg_frame_comes_back_from_jpeg_xl_to_the_byte(values: np.ndarray) -> None:
    stored = attributes(values, 8, "YBR_FULL_422" if values.ndim == 3 else "MONOCHROME2")
    frame = jpeg(values)
    packed = transcode(frame, Image(JPEG, stored), RECOMPRESSED)
    assert packed.changes == {}
    assert packed.data[4:8] == b"JXL "
    back = transcode(packed.data, Image(RECOMPRESSED, stored), JPEG)
    assert back.data == frame
    shown = decode(packed.data, RECOMPRESSED, pixel_format(stored))
    assert np.array_equal(shown.values, decode(frame, JPEG, pixel_format(stored)).values)


def test_an_extended_frame_of_8_bits_is_one_of_baseline_but_for_its_marker() -> None:
    baseline = jpeg()
    extended = baseline.replace(b"\xff\xc0", b"\xff\xc1", 1)
    image = Image(JPEG_EXTENDED, attributes(COLOURS, 8, "YBR_FULL_422"))

    for frame in (baseline, extended):
        coded = transcode(frame, image, JPEG)
        assert (coded.data, coded.changes) == (baseline, {})


def test_an_extended_frame_of_12_bits_is_none_of_baseline() -> None:
    image = Image(JPEG_EXTENDED, attributes(GREYS, 12, "MONOCHROME2"))
    native = Image(EXPLICIT_LITTLE, attributes(GREYS, 12, "MONOCHROME2"))
    frame = transcode(GREYS.tobytes(), native, JPEG_EXTENDED).data

    with pytest.raises(Unsupported, match="8 bits"):
        transcode(frame, image, JPEG)


def test_what_was_never_jpeg_is_coded_anew() -> None:
    stored = attributes(COLOURS, 8, "YBR_FULL_422")
    frame = bytes(imagecodecs.jpegxl_encode(COLOURS, lossless=True))
    coded = transcode(frame, Image(RECOMPRESSED, stored), JPEG)
    assert coded.data[:2] == b"\xff\xd8"
    assert coded.changes["00280004"] == {"vr": "CS", "Value": ["YBR_FULL_422"]}


def test_only_jpeg_frames_are_recompressed() -> None:
    stored = attributes(GREYS, 12, "MONOCHROME2")
    with pytest.raises(Unsupported, match="made of JPEG frames only"):
        transcode(GREYS.tobytes(), Image(EXPLICIT_LITTLE, stored), RECOMPRESSED)
    extended = bytes(imagecodecs.jpeg8_encode(GREYS & 0xFFF, 90, bitspersample=12))
    with pytest.raises(Unsupported, match="8 bits that are not lossless"):
        transcode(extended, Image(f"{ROOT}.4.51", stored), RECOMPRESSED)


def test_colour_that_was_subsampled_is_told_to_be_rgb() -> None:
    stored = attributes(COLOURS, 8, "YBR_FULL_422")
    coded = transcode(jpeg(), Image(JPEG, stored), EXPLICIT_LITTLE)
    assert len(coded.data) == COLOURS.size
    assert coded.changes["00280004"] == {"vr": "CS", "Value": ["RGB"]}
    assert coded.changes["00280006"] == {"vr": "US", "Value": [0]}
    assert "00282110" not in coded.changes


def test_planes_are_told_to_be_gone() -> None:
    stored = attributes(COLOURS, 8, "RGB") | {"00280006": {"vr": "US", "Value": [1]}}
    by_plane = np.moveaxis(COLOURS, -1, 0).tobytes()
    coded = transcode(by_plane, Image(EXPLICIT_LITTLE, stored), JPEG_LS)
    assert coded.changes["00280006"] == {"vr": "US", "Value": [0]}
    told = pixel_format(stored | coded.changes)
    assert np.array_equal(decode(coded.data, JPEG_LS, told).values, COLOURS)


def test_a_lossy_method_is_added_to_those_before() -> None:
    before = {"00282114": {"vr": "CS", "Value": ["ISO_15444_1"]}}
    stored = attributes(COLOURS, 8, "RGB", **before)
    coded = transcode(COLOURS.tobytes(), Image(EXPLICIT_LITTLE, stored), JPEG)
    assert coded.changes["00282110"] == {"vr": "CS", "Value": ["01"]}
    assert coded.changes["00282114"] == {"vr": "CS", "Value": ["ISO_15444_1", "ISO_10918_1"]}
    assert before["00282114"]["Value"] == ["ISO_15444_1"]


def test_what_nothing_codes_is_unsupported() -> None:
    stored = attributes(GREYS, 12, "MONOCHROME2")
    with pytest.raises(Unsupported, match="nothing here decodes JPIP Referenced"):
        transcode(b"", Image(f"{ROOT}.4.94", stored), RLE)
    with pytest.raises(Unsupported, match="nothing here encodes Explicit VR Big Endian"):
        transcode(b"", Image(EXPLICIT_LITTLE, stored), EXPLICIT_BIG)


def test_a_damaged_frame_is_undecodable() -> None:
    stored = attributes(COLOURS, 8, "YBR_FULL_422")
    with pytest.raises(Undecodable, match="16 rows and 8 columns, its data set says 16 and 24"):
        transcode(jpeg(COLOURS[:, :8]), Image(JPEG, stored), RECOMPRESSED)
