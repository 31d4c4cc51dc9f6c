"""JPEG in every process that is decoded, and what its three components mean."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from coded import ROOT, first_frame, layout, picture, run_dcmtk

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.pixels.decode import decode
from filmroom.pixels.jpeg_header import read_jpeg_header
from filmroom.pixels.values import Values
from filmroom.testing.objects import header, part10

BASELINE, EXTENDED = f"{ROOT}.4.50", f"{ROOT}.4.51"
LOSSLESS, FIRST_ORDER = f"{ROOT}.4.57", f"{ROOT}.4.70"
SPECTRAL, PROGRESSION = f"{ROOT}.4.53", f"{ROOT}.4.55"


def native(format: PixelFormat, values: Values) -> bytes:
    """An uncompressed file."""
    dataset = header()
    dataset.SamplesPerPixel = format.samples
    dataset.PhotometricInterpretation = format.photometric
    if format.samples == 3:
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = format.rows, format.columns
    dataset.BitsAllocated, dataset.BitsStored = format.bits_allocated, format.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = format.high_bit, int(format.signed)
    data = values.tobytes()
    vr = "OB" if format.bits_allocated == 8 else "OW"
    dataset.add_new("PixelData", vr, data + b"\0" * (len(data) % 2))
    return part10(dataset)


def by_dcmcjpeg(format: PixelFormat, folder: Path, *options: str) -> tuple[bytes, bytes]:
    """A picture as DCMTK codes it: the file, and its frame."""
    (folder / "native.dcm").write_bytes(native(format, picture(format)))
    subprocess.run(
        ["dcmcjpeg", *options, "native.dcm", "jpeg.dcm"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    file = (folder / "jpeg.dcm").read_bytes()
    return file, first_frame(pydicom.dcmread(folder / "jpeg.dcm"))


@pytest.mark.parametrize(
    ("options", "uid", "bits"),
    [
        (["+eb"], BASELINE, 8),
        (["+ee"], EXTENDED, 8),
        (["+ee"], EXTENDED, 12),
        (["+es"], SPECTRAL, 8),
        (["+es"], SPECTRAL, 12),
        (["+ep"], PROGRESSION, 8),
        (["+ep"], PROGRESSION, 12),
    ],
)
def test_lossy_processes(options: list[str], uid: str, bits: int, tmp_path: Path) -> None:
    format = layout(bits)
    file, frame = by_dcmcjpeg(format, tmp_path, *options)
    ours = decode(frame, uid, format).values.astype(int)
    assert abs(ours - run_dcmtk(file, uid, tmp_path)).max() <= 2
    assert abs(ours - picture(format).astype(int)).mean() < (1 << bits) / 64


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("selection", range(1, 8))
def test_lossless_with_every_predictor(
    selection: int, bits: int, signed: bool, tmp_path: Path
) -> None:
    format = layout(bits, signed=signed)
    _, frame = by_dcmcjpeg(format, tmp_path, "+el", "+sv", str(selection))
    assert np.array_equal(decode(frame, LOSSLESS, format).values, picture(format))


def test_lossless_of_first_order_and_in_colour(tmp_path: Path) -> None:
    for format in (layout(16), layout(8, samples=3)):
        _, frame = by_dcmcjpeg(format, tmp_path, "+e1")
        decoded = decode(frame, FIRST_ORDER, format)
        assert decoded.photometric == format.photometric
        assert np.array_equal(decoded.values, picture(format))


def test_a_point_transform_loses_low_bits_only(tmp_path: Path) -> None:
    format = layout(12)
    _, frame = by_dcmcjpeg(format, tmp_path, "+el", "+pt", "3")
    decoded = decode(frame, LOSSLESS, format)
    assert np.array_equal(decoded.values >> 3, picture(format) >> 3)


@pytest.mark.parametrize(
    ("options", "process"),
    [
        (["-arithmetic"], 0xC9),
        (["-arithmetic", "-progressive"], 0xCA),
        (["-progressive"], 0xC2),
        (["-restart", "1"], 0xC0),
    ],
)
def test_arithmetic_and_progressive_coding_and_restarts_change_nothing(
    options: list[str], process: int
) -> None:
    format = layout(8, samples=3)
    plain = bytes(imagecodecs.jpeg8_encode(picture(format), 90))
    other = subprocess.run(
        ["jpegtran", "-copy", "all", *options], input=plain, check=True, capture_output=True
    ).stdout
    assert read_jpeg_header(other).process == process
    uid = {0xC9: f"{ROOT}.4.52", 0xCA: f"{ROOT}.4.56", 0xC2: PROGRESSION}.get(process, BASELINE)
    format = replace(format, photometric="YBR_FULL")
    found = decode(other, uid, format).values
    assert np.array_equal(found, decode(plain, BASELINE, format).values)


def without(marker: bytes, frame: bytes) -> bytes:
    """A codestream without its segments of a kind."""
    at = frame.find(marker)
    return (
        frame if at < 0 else frame[:at] + frame[at + 2 + int.from_bytes(frame[at + 2 : at + 4]) :]
    )


def coloured(*, transformed: bool, adobe: bool, jfif: bool, letters: bool = False) -> bytes:
    """A picture whose markers say of colour what is asked, whether it is so or not."""
    values = picture(layout(8, samples=3))
    space = "YCBCR" if transformed else "RGB"
    frame = bytes(imagecodecs.jpeg8_encode(values, 95, colorspace="RGB", outcolorspace=space))
    frame = without(b"\xff\xee", without(b"\xff\xe0", frame))
    header = frame.index(b"\xff\xc0")
    names = b"RGB" if letters else b"\1\2\3"
    frame = bytearray(frame)
    frame[header + 10 : header + 19 : 3] = names
    scan = frame.index(b"\xff\xda")
    frame[scan + 5 : scan + 11 : 2] = names
    markers = b"\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0" * jfif
    markers += (b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transformed])) * adobe
    return b"\xff\xd8" + markers + bytes(frame[2:])


COLOURS = [
    # transformed, Adobe, JFIF, letters, photometric of the data set
    (True, False, True, False, "YBR_FULL_422"),
    (True, False, False, False, "YBR_FULL"),
    (True, True, False, False, "YBR_FULL_422"),
    (True, True, False, False, "RGB"),  # Adobe's marker knows
    (True, False, True, False, "RGB"),  # JFIF has no RGB
    (False, True, False, False, "RGB"),
    (False, True, False, False, "YBR_FULL"),
    (False, False, False, False, "RGB"),
    (False, False, False, True, "RGB"),
    (False, False, False, True, "YBR_FULL_422"),
]


@pytest.mark.parametrize(("transformed", "adobe", "jfif", "letters", "photometric"), COLOURS)
def test_colour_is_rgb_whatever_the_data_set_says(
    transformed: bool, adobe: bool, jfif: bool, letters: bool, photometric: str
) -> None:
    frame = coloured(transformed=transformed, adobe=adobe, jfif=jfif, letters=letters)
    format = replace(layout(8, samples=3), photometric=photometric)
    decoded = decode(frame, BASELINE, format)
    assert decoded.photometric == "RGB"
    assert abs(decoded.values.astype(int) - picture(format)).mean() < 4


def test_subsampled_colour_is_never_rgb() -> None:
    format = layout(8, samples=3)
    frame = bytes(imagecodecs.jpeg8_encode(picture(format), 95, subsampling="420"))
    decoded = decode(without(b"\xff\xe0", frame), BASELINE, format)
    assert abs(decoded.values.astype(int) - picture(format)).mean() < 6


def test_lossless_colour_is_what_the_data_set_says() -> None:
    for stored, meant in (("YBR_FULL", "YBR_FULL"), ("YBR_FULL_422", "YBR_FULL"), ("RGB", "RGB")):
        format = replace(layout(8, samples=3), photometric=stored)
        frame = bytes(
            imagecodecs.jpeg8_encode(
                picture(format), lossless=True, colorspace="RGB", outcolorspace="RGB"
            )
        )
        decoded = decode(frame, FIRST_ORDER, format)
        assert decoded.photometric == meant
        assert np.array_equal(decoded.values, picture(format))


def test_a_sign_that_fills_sixteen_bits_is_the_sign_of_twelve() -> None:
    format = layout(12, signed=True)
    filled = picture(format).view("<u2")  # two's complement, extended
    frame = bytes(imagecodecs.jpeg8_encode(filled, lossless=True, bitspersample=16))
    assert np.array_equal(decode(frame, FIRST_ORDER, format).values, picture(format))


def test_overlays_in_unused_bits_are_no_values() -> None:
    format = layout(12)
    overlaid = picture(format) | np.uint16(0x8000)
    frame = bytes(imagecodecs.jpeg8_encode(overlaid, lossless=True, bitspersample=16))
    assert np.array_equal(decode(frame, FIRST_ORDER, format).values, picture(format))


def test_values_beyond_the_stored_bits_are_cut_off_where_coding_made_them() -> None:
    format = layout(10)
    values = np.where(picture(format) > 512, 1023, 0).astype(np.uint16)  # which overshoots
    frame = bytes(imagecodecs.jpeg8_encode(values, 60, bitspersample=12))
    found = decode(frame, EXTENDED, format).values
    assert found.max() == 1023
    assert abs(found.astype(int) - values).mean() < 40
