"""Codestreams that lie, were cut or are damaged: a clear error, no matter what."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from coded import ROOT, changed, layout, picture

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from filmroom.errors import Undecodable
from filmroom.pixels.decode import decode
from filmroom.pixels.encode import encode
from filmroom.pixels.jpeg2000_header import codestream_of, read_jpeg2000_header
from filmroom.pixels.jpegxl import RECOMPRESSION, recompress
from filmroom.pixels.jpegxl_header import read_jpegxl_header

CODESTREAMS = [
    uid
    for uid, syntax in TRANSFER_SYNTAXES.items()
    if syntax.encoder and uid.startswith(f"{ROOT}.4.")
]
NATIVE = [f"{ROOT}.1", f"{ROOT}.5", f"{ROOT}.8.1"]


def coded(uid: str, format: PixelFormat) -> tuple[bytes, PixelFormat]:
    """A frame, and the format that its data set then says."""
    if uid == RECOMPRESSION:
        frame, told = coded(f"{ROOT}.4.50", format)
        return recompress(frame), told
    data, changes = encode(picture(format), format, uid)
    return data, changed(format, changes)


@pytest.mark.parametrize("uid", CODESTREAMS)
def test_other_dimensions_than_the_data_set_says_are_refused(uid: str) -> None:
    frame, told = coded(uid, layout(8))
    for lie in ({"rows": 62}, {"columns": 82}, {"rows": 83, "columns": 61}, {"rows": 60000}):
        with pytest.raises(Undecodable, match=r"61 rows and 83 columns, its data set says"):
            decode(frame, uid, replace(told, **lie))


@pytest.mark.parametrize("uid", CODESTREAMS)
def test_other_samples_than_the_data_set_says_are_refused(uid: str) -> None:
    for samples, wrong in ((1, 3), (3, 1)):
        frame, told = coded(uid, layout(8, samples=samples))
        with pytest.raises(Undecodable, match=r"components|samples"):
            decode(frame, uid, replace(told, samples=wrong))


@pytest.mark.parametrize(
    "uid", [u for u in CODESTREAMS if u not in (f"{ROOT}.4.50", RECOMPRESSION)]
)
def test_more_bits_than_the_data_set_allocates_are_refused(uid: str) -> None:
    frame, told = coded(uid, layout(12))
    narrow = replace(told, bits_allocated=8, bits_stored=8, high_bit=7)
    with pytest.raises(Undecodable, match="samples of 12 bits, its data set allocates 8"):
        decode(frame, uid, narrow)


@pytest.mark.parametrize("uid", [*CODESTREAMS, *NATIVE])
def test_a_frame_that_was_cut_is_refused(uid: str) -> None:
    frame, told = coded(uid, layout(8))
    for part in (0, 0.1, 0.5, 0.9, 0.99):
        with pytest.raises(Undecodable):
            decode(frame[: int(len(frame) * part)], uid, told)
    assert decode(frame + b"\0", uid, told).values.shape == (61, 83)


@pytest.mark.parametrize("uid", CODESTREAMS)
def test_vast_dimensions_are_refused_before_anything_is_allocated(uid: str) -> None:
    frame, told = coded(uid, layout(8))
    with pytest.raises(Undecodable, match="at most 1073741824 are decoded"):
        decode(frame, uid, replace(told, rows=65535, columns=65535))


def test_a_codestream_that_says_it_is_vast_is_refused_by_its_header() -> None:
    format = layout(8)
    jpeg = bytearray(coded(f"{ROOT}.4.50", format)[0])
    struct.pack_into(">HH", jpeg, jpeg.index(b"\xff\xc0") + 5, 65500, 65500)
    with pytest.raises(Undecodable, match="has 65500 rows and 65500 columns"):
        decode(bytes(jpeg), f"{ROOT}.4.50", format)
    jp2 = bytearray(coded(f"{ROOT}.4.90", format)[0])
    struct.pack_into(">II", jp2, 8, 1 << 30, 1 << 30)
    with pytest.raises(Undecodable, match="tiles; at most 65535"):
        decode(bytes(jp2), f"{ROOT}.4.90", format)


def test_tiles_must_cover_the_image_from_its_corner() -> None:
    frame, format = coded(f"{ROOT}.4.201", layout(12))
    moved = bytearray(frame)
    struct.pack_into(">I", moved, 32, 5)  # the tiles begin within the image
    with pytest.raises(Undecodable, match="image size makes no sense"):
        decode(bytes(moved), f"{ROOT}.4.201", format)


def test_an_rle_frame_names_no_bytes_outside_of_it() -> None:
    frame, format = coded(f"{ROOT}.5", layout(16))
    for count, offset, why in (
        (3, 64, "has 3 segments, its data set makes 2"),
        (2, 63, "lie outside"),
        (2, 1 << 31, "lie outside"),
        (2, len(frame), "lie outside"),
    ):
        lying = struct.pack("<II", count, offset) + frame[8:]
        with pytest.raises(Undecodable, match=why):
            decode(lying, f"{ROOT}.5", format)


def test_a_deflated_frame_inflates_to_no_more_than_a_frame() -> None:
    bomb = coded(f"{ROOT}.8.1", layout(8, rows=900, columns=900))[0]
    found = decode(bomb, f"{ROOT}.8.1", layout(8, rows=2, columns=2))
    assert found.values.shape == (2, 2)


def test_an_error_in_the_middle_of_a_codestream_is_no_image() -> None:
    frame, format = coded(f"{ROOT}.4.201", layout(12))
    start = frame.index(b"\xff\x93") + 2
    refused = 0
    for at in range(start, len(frame) - 2, 97):
        damaged = bytearray(frame)
        damaged[at : at + 2] = b"\xff\xff"
        try:
            decode(bytes(damaged), f"{ROOT}.4.201", format)
        except Undecodable:
            refused += 1
    assert refused > 10


def test_near_lossless_values_beyond_the_stored_bits_are_cut_off() -> None:
    format = layout(12)
    values = np.where(picture(format) > 2000, 4095, 0).astype(np.uint16)
    frame = bytes(imagecodecs.jpegls_encode(values, 100))  # of 16 bits, 100 off at most
    found = decode(frame, f"{ROOT}.4.81", format).values
    assert abs(found.astype(int) - values).max() <= 100
    lossless = bytes(imagecodecs.jpegls_encode(values | np.uint16(0x8000)))  # an overlay
    assert np.array_equal(decode(lossless, f"{ROOT}.4.80", format).values, values)


def test_jpeg_xl_that_is_more_than_an_image_is_refused() -> None:
    values = picture(layout(8))
    format = layout(8)
    floats = bytes(imagecodecs.jpegxl_encode((values / 255).astype(np.float32), lossless=True))
    alpha = bytes(imagecodecs.jpegxl_encode(np.stack([values, values], -1), lossless=True))
    frames = np.stack([values] * 3)[..., None].repeat(3, -1)
    moving = bytes(imagecodecs.jpegxl_encode(frames, lossless=True))
    for frame in (floats, alpha, moving):
        with pytest.raises(Undecodable, match="animation, extra channels or floating"):
            decode(frame, f"{ROOT}.4.110", format)


@pytest.mark.parametrize("rows", [1, 8, 61, 256, 257, 512, 600, 9000])
@pytest.mark.parametrize("columns", [1, 8, 64, 320, 512, 683, 9000])
def test_jpeg_xl_dimensions_are_read_in_every_form(rows: int, columns: int) -> None:
    if rows * columns > 1_000_000:
        columns = 12
    for dtype in (np.uint8, np.uint16):
        frame = bytes(imagecodecs.jpegxl_encode(np.zeros((rows, columns), dtype), effort=1))
        header = read_jpegxl_header(frame)
        assert (header.rows, header.columns) == (rows, columns)
        assert header.precision == np.dtype(dtype).itemsize * 8


def test_jpeg_2000_in_the_boxes_of_a_file_is_decoded() -> None:
    format = layout(12)
    boxed = bytes(imagecodecs.jpeg2k_encode(picture(format), codecformat="JP2", bitspersample=12))
    assert boxed[4:8] == b"jP  "
    assert np.array_equal(decode(boxed, f"{ROOT}.4.90", format).values, picture(format))
    at = boxed.index(b"jp2c") - 4
    unsized = boxed[:at] + b"\0\0\0\0" + boxed[at + 4 :]
    assert codestream_of(unsized) == boxed[at + 8 :]
    with pytest.raises(Undecodable, match="holds no codestream"):
        codestream_of(boxed[:at])


@pytest.mark.parametrize(("one", "two"), [(".4.90", ".4.92"), (".4.91", ".4.93")])
def test_part_2_is_decoded_where_a_codestream_is_a_frame(one: str, two: str) -> None:
    frame, told = coded(ROOT + one, layout(12))
    found = decode(frame, ROOT + two, told).values
    assert np.array_equal(found, decode(frame, ROOT + one, told).values)
    several = bytes(
        imagecodecs.jpeg2k_encode(np.zeros((5, 61, 83), np.uint16), codecformat="J2K", planar=True)
    )
    with pytest.raises(Undecodable, match="has 5 components, its data set says 1"):
        decode(several, ROOT + two, told)


def test_a_tile_part_of_unknown_length_ends_with_the_codestream() -> None:
    frame, format = coded(f"{ROOT}.4.90", layout(12))
    part = frame.index(b"\xff\x90") + 6
    open_ended = frame[:part] + b"\0\0\0\0" + frame[part + 4 :]
    assert np.array_equal(decode(open_ended, f"{ROOT}.4.90", format).values, picture(format))
    with pytest.raises(Undecodable, match="cut short"):
        decode(open_ended[:-2], f"{ROOT}.4.90", format)


@pytest.mark.parametrize("uid", [f"{ROOT}.4.90", f"{ROOT}.4.201"])
@pytest.mark.parametrize("bits", [12, 16])
def test_a_sign_that_the_codestream_does_not_tell_is_that_of_the_data_set(
    uid: str, bits: int
) -> None:
    signed, unsigned = layout(bits, signed=True), layout(bits)
    values = picture(signed)
    raw = values.view("<u2") & np.uint16((1 << bits) - 1)
    frame = encode(raw, unsigned, uid)[0]
    assert np.array_equal(decode(frame, uid, signed).values, values)
    frame = encode(values, signed, uid)[0]
    assert read_jpeg2000_header(frame).signed
    assert np.array_equal(decode(frame, uid, unsigned).values, raw)


@pytest.mark.parametrize(
    ("suffix", "bits", "samples"),
    [
        *((".4.50", 8, 3), (".4.51", 12, 1), (".4.70", 16, 1), (".4.80", 12, 1), (".4.81", 8, 3)),
        *((".4.90", 12, 1), (".4.91", 8, 3), (".4.110", 12, 1), (".4.111", 8, 3), (".4.112", 8, 3)),
        *((".4.201", 12, 1), (".4.202", 8, 3), (".4.203", 8, 3), (".5", 16, 3), (".8.1", 16, 1)),
    ],
)
def test_damage_at_random_breaks_nothing(
    suffix: str, bits: int, samples: int, tmp_path: Path
) -> None:
    """In a process of its own, so that a crash is a failure and not the end of the tests."""
    frame, told = coded(ROOT + suffix, layout(bits, samples=samples, rows=40, columns=48))
    (tmp_path / "frame").write_bytes(frame)
    program = Path(__file__).parents[2] / "fuzz" / "fuzz_pixels.py"
    photometric = told.photometric
    done = subprocess.run(
        [
            *(sys.executable, program, tmp_path / "frame", ROOT + suffix),
            *("--rounds", "150", "--seed", "1", "--bits", str(told.bits_stored)),
            *("--samples", str(samples), "--rows", "40", "--columns", "48"),
            *("--photometric", photometric, "--out", tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONFAULTHANDLER": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    counts = dict(each.split("=") for each in done.stdout.split())
    assert int(counts["decoded"]) + int(counts["refused"]) == 150
    assert int(counts["refused"]) > 20
