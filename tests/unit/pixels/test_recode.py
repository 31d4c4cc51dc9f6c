"""Frames coded anew for good: every bit comes back, or they stay as they are."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import pytest

from filmroom.dicom.pixel_format import pixel_format
from filmroom.errors import Undecodable, Unsupported
from filmroom.model.pixels import Coded, Image
from filmroom.pixels import recode as recoding
from filmroom.pixels.decode import decode
from filmroom.pixels.recode import recode
from filmroom.pixels.transcode import transcode

ROOT = "1.2.840.10008.1.2"
NATIVE, RLE, JPEG_LOSSLESS, JPEG_2000 = (f"{ROOT}{end}" for end in (".1", ".5", ".4.70", ".4.90"))
TARGETS = {"htj2k": f"{ROOT}.4.202", "jpegls": f"{ROOT}.4.80", "jpeg2000": JPEG_2000}
WAVES = (np.add.outer(np.arange(40), np.arange(60)) * 37) % 4096


def attributes(**numbers: int) -> dict[str, Any]:
    """Image pixel attributes; those of an image of 40 x 60 x 12 bits, but for what is named."""
    usual = {
        "samples": 1, "rows": 40, "columns": 60, "allocated": 16, "stored": 12, "high": 11,
        "signed": 0,
    }  # fmt: skip
    tags = {
        "samples": "00280002", "planar": "00280006", "rows": "00280010", "columns": "00280011",
        "allocated": "00280100", "stored": "00280101", "high": "00280102", "signed": "00280103",
    }  # fmt: skip
    named = {tags[name]: number for name, number in (usual | numbers).items()}
    photometric = "RGB" if named["00280002"] == 3 else "MONOCHROME2"
    return {
        **{tag: {"vr": "US", "Value": [number]} for tag, number in named.items()},
        "00280004": {"vr": "CS", "Value": [photometric]},
    }


def values_of(coded: Coded, told: dict[str, Any], target: str) -> np.ndarray:
    known = {tag: element for tag, element in (told | coded.changes).items() if element}
    return decode(coded.data, target, pixel_format(known)).values


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("signed", [0, 1])
def test_grey_values_come_back(target: str, signed: int) -> None:
    told = attributes(signed=signed)
    values = (WAVES - 2048 * signed).astype("<i2" if signed else "<u2")

    coded = recode(values.tobytes(), Image(NATIVE, told), target)

    assert np.array_equal(values_of(coded, told, target), values)
    assert len(coded.data) < values.nbytes


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("planar", [0, 1])
def test_colours_come_back_however_they_were_laid_out(target: str, planar: int) -> None:
    told = attributes(samples=3, planar=planar, allocated=8, stored=8, high=7)
    values = np.stack([WAVES % 200, WAVES % 90, 255 - WAVES % 150], -1).astype(np.uint8)
    laid_out = values.transpose(2, 0, 1) if planar else values

    coded = recode(laid_out.tobytes(), Image(NATIVE, told), target)

    assert coded.changes["00280006"]["Value"] == [0]
    assert np.array_equal(values_of(coded, told, target), values)


@pytest.mark.parametrize("source", [RLE, JPEG_LOSSLESS, JPEG_2000])
def test_what_is_compressed_without_loss_can_be_recoded(source: str) -> None:
    told = attributes()
    frame = transcode(WAVES.astype("<u2").tobytes(), Image(NATIVE, told), source).data

    coded = recode(frame, Image(source, told), TARGETS["jpegls"])

    assert np.array_equal(values_of(coded, told, TARGETS["jpegls"]), WAVES)


def test_bits_beside_the_pixels_keep_a_frame_as_it_is() -> None:
    values = WAVES.astype("<u2")
    values[3, 5] |= 1 << 13  # as of an overlay in unused bits

    with pytest.raises(Undecodable, match="bits beside"):
        recode(values.tobytes(), Image(NATIVE, attributes()), TARGETS["htj2k"])


def test_a_codec_that_loses_a_bit_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(frame: bytes, syntax: str, format: Any) -> Any:
        found = decode(frame, syntax, format)
        if syntax == NATIVE:
            return found
        changed = found.values.copy()
        changed[20, 30] ^= 1
        return type(found)(changed, found.photometric)

    monkeypatch.setattr(recoding, "decode", lossy)

    with pytest.raises(Undecodable, match="same pixels"):
        recode(WAVES.astype("<u2").tobytes(), Image(NATIVE, attributes()), TARGETS["htj2k"])


@pytest.mark.parametrize(
    ("numbers", "frame"),
    [
        pytest.param({"allocated": 1, "stored": 1, "high": 0}, bytes(300), id="one bit"),
        pytest.param({"high": 15}, WAVES.astype("<u2").tobytes(), id="another high bit"),
        pytest.param({"allocated": 12}, bytes(3600), id="packed"),
    ],
)
def test_what_a_target_would_lay_out_otherwise_stays(numbers: dict[str, int], frame: bytes) -> None:
    with pytest.raises((Unsupported, Undecodable)):
        recode(frame, Image(NATIVE, attributes(**numbers)), TARGETS["htj2k"])


def test_a_damaged_frame_stays() -> None:
    cut = imagecodecs.jpegls_encode(WAVES.astype(np.uint16))[:200]

    with pytest.raises(Undecodable):
        recode(bytes(cut), Image(TARGETS["jpegls"], attributes()), TARGETS["htj2k"])
