"""Native frames: every layout of cells, and what lies around the stored bits."""

from __future__ import annotations

import numpy as np
import pytest

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.scan import ScanLimits, scan
from filmroom.dicom.transfer_syntaxes import EXPLICIT_LITTLE
from filmroom.errors import Undecodable
from filmroom.pixels.decode import decode
from filmroom.pixels.native import AT_ONCE, decode_native, encode_native
from filmroom.testing.objects import image, part10


def layout(rows: int = 2, columns: int = 4, samples: int = 1, **fields: object) -> PixelFormat:
    known = {
        "bits_allocated": 16,
        "signed": False,
        "by_plane": False,
        "photometric": "MONOCHROME2" if samples == 1 else "RGB",
    } | fields
    known.setdefault("bits_stored", known["bits_allocated"])
    known.setdefault("high_bit", known["bits_stored"] - 1)
    return PixelFormat(rows, columns, samples, **known)


def test_the_first_of_one_bit_pixels_is_the_least_bit_of_the_first_byte() -> None:
    decoded = decode(b"\x01\x80", EXPLICIT_LITTLE, layout(2, 8, bits_allocated=1))
    assert decoded.values.tolist() == [[1, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]]
    assert decoded.values.dtype == np.uint8


def test_a_frame_of_one_bit_pixels_need_not_fill_its_last_byte() -> None:
    format = layout(3, 3, bits_allocated=1)
    decoded = decode_native(b"\xab\x01", format)
    assert decoded.values.tolist() == [[1, 1, 0], [1, 0, 1], [0, 1, 1]]
    assert encode_native(decoded.values, format) == b"\xab\x01"


def test_twelve_bits_are_packed_from_the_least_bit() -> None:
    format = layout(1, 2, bits_allocated=12)
    decoded = decode_native(bytes.fromhex("563412"), format)
    assert decoded.values.tolist() == [[0x456, 0x123]]
    assert decoded.values.dtype == np.uint16
    assert encode_native(decoded.values, format) == bytes.fromhex("563412")


@pytest.mark.parametrize("bits", [3, 12, 24, 40])
def test_packed_cells_of_any_width_come_back(bits: int) -> None:
    format = layout(3, AT_ONCE // 2 + 5, bits_allocated=bits)
    values = np.random.default_rng(bits).integers(0, 1 << bits, (format.rows, format.columns))
    packed = encode_native(values.astype(f"<u{8 if bits > 32 else 4 if bits > 16 else 2}"), format)
    assert len(packed) == format.frame_length
    assert np.array_equal(decode_native(packed, format).values, values)


def test_bits_above_the_stored_ones_are_overlays_and_no_values() -> None:
    format = layout(1, 2, bits_allocated=16, bits_stored=12)
    assert decode_native(b"\xff\x1f\x00\x80", format).values.tolist() == [[0xFFF, 0]]


def test_the_sign_is_the_highest_stored_bit() -> None:
    format = layout(1, 3, bits_stored=12, signed=True)
    decoded = decode_native(np.array([0x0FFF, 0x07FF, 0xF800], "<u2").tobytes(), format)
    assert decoded.values.tolist() == [[-1, 2047, -2048]]
    assert decoded.values.dtype == np.int16


def test_values_below_the_high_bit_are_moved_down() -> None:
    format = layout(1, 2, bits_stored=12, high_bit=15)
    assert decode_native(np.array([0x1234, 0xFFFF], "<u2").tobytes(), format).values.tolist() == [
        [0x123, 0xFFF]
    ]


@pytest.mark.parametrize(
    ("fields", "dtype"),
    [
        ({"bits_allocated": 8}, "u1"),
        ({"bits_allocated": 8, "signed": True}, "i1"),
        ({"bits_allocated": 16}, "<u2"),
        ({"bits_allocated": 16, "signed": True}, "<i2"),
        ({"bits_allocated": 32}, "<u4"),
        ({"bits_allocated": 32, "signed": True}, "<i4"),
        ({"bits_allocated": 64}, "<u8"),
        ({"bits_allocated": 64, "signed": True}, "<i8"),
        ({"bits_allocated": 32, "floating": True}, "<f4"),
        ({"bits_allocated": 64, "floating": True}, "<f8"),
    ],
)
def test_whole_cells_are_values_as_they_are(fields: dict[str, object], dtype: str) -> None:
    format = layout(5, 7, **fields)
    frame = np.random.default_rng(1).bytes(format.frame_length)
    decoded = decode_native(frame, format)
    assert decoded.values.dtype == np.dtype(dtype)
    assert decoded.values.tobytes() == frame
    assert encode_native(decoded.values, format) == frame


def test_colour_by_plane_becomes_colour_by_pixel() -> None:
    format = layout(1, 2, 3, bits_allocated=8, by_plane=True)
    assert decode_native(b"\1\2\3\4\5\6", format).values.tolist() == [[[1, 3, 5], [2, 4, 6]]]


def test_two_pixels_share_the_colour_that_was_halved() -> None:
    format = layout(1, 4, 3, bits_allocated=8, photometric="YBR_FULL_422")
    decoded = decode_native(b"\1\2\x80\x81\3\4\x82\x83", format)
    assert decoded.photometric == "YBR_FULL"
    assert decoded.values.tolist() == [
        [[1, 0x80, 0x81], [2, 0x80, 0x81], [3, 0x82, 0x83], [4, 0x82, 0x83]]
    ]


def test_colour_that_is_only_said_to_be_halved_is_taken_as_it_is() -> None:
    format = layout(1, 4, 3, bits_allocated=8, photometric="YBR_FULL_422")
    decoded = decode_native(bytes(range(12)), format)
    assert decoded.photometric == "YBR_FULL"
    assert decoded.values.reshape(-1).tolist() == list(range(12))


@pytest.mark.parametrize(("samples", "length"), [(2, 32), (3, 48)])
def test_frames_are_as_long_as_what_is_stored(samples: int, length: int) -> None:
    dataset = image(rows=4, columns=4, bits=8, samples=3, frames=2)
    dataset.PhotometricInterpretation = "YBR_FULL_422"
    dataset.PixelData = bytes(2 * 16 * samples)
    index = scan(memoryview(part10(dataset)), ScanLimits(), "").frames
    assert [index.spans(number)[0].length for number in (1, 2)] == [length, length]


def test_halved_colour_needs_pairs_of_pixels() -> None:
    format = layout(2, 3, 3, bits_allocated=8, photometric="YBR_FULL_422")
    with pytest.raises(Undecodable, match="odd number"):
        decode_native(bytes(12), format)


def test_a_frame_that_is_cut_short_is_not_decoded() -> None:
    with pytest.raises(Undecodable, match="cut short: 15 of 16 bytes"):
        decode(bytes(15), EXPLICIT_LITTLE, layout())


def test_a_frame_too_large_for_memory_is_refused_unread() -> None:
    with pytest.raises(Undecodable, match="at most 1073741824 are decoded"):
        decode(b"", EXPLICIT_LITTLE, layout(65535, 65535))
