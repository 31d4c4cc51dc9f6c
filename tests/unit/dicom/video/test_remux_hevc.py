"""HEVC streams as MP4 files (ITU-T H.265 §8.1.3, §8.3.1)."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from mp4_file import film
from video_streams import Hevc, stream

from filmroom.dicom.video.remux import remux
from filmroom.errors import Undecodable

TRAIL_N, TRAIL_R, RADL, RASL, IDR, CRA = 0, 1, 6, 8, 19, 21
DELIMITER, END_OF_SEQUENCE, END_OF_STREAM, SEI = 35, 36, 37, 39


def test_a_picture_is_a_sample_with_all_its_slices() -> None:
    hevc = Hevc()
    first = [hevc.slice(IDR), hevc.slice(IDR, first=False)]
    second = [hevc.unit(SEI, b"\x81\x01x\x80"), hevc.slice(TRAIL_R, 1)]
    delimiter = hevc.unit(DELIMITER, b"\x50")
    other = hevc.unit(TRAIL_R, b"\x80another view", layer=1)
    made = film(hevc.stream(delimiter, *first, other, delimiter, *second), is_hevc=True)

    assert made.units == [first, second]
    assert made.keys == [1]


def test_the_decoder_is_told_of_the_parameter_sets() -> None:
    hevc = Hevc(width=128, height=96)
    made = film(hevc.stream(hevc.slice(IDR)), is_hevc=True)

    assert made.entry[4:8] == b"hvc1"
    assert struct.unpack(">HH", made.entry[32:36]) == (128, 96)
    profile = bytes([1, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 93])
    general = profile + b"\xf0\0\xfc\xfd\xf8\xf8\0\0\x0f\x03"
    sets = [(0xA0, hevc.video_set()), (0xA1, hevc.sequence_set()), (0xA2, hevc.picture_set())]
    arrays = [struct.pack(">BHH", kind, 1, len(each)) + each for kind, each in sets]
    assert b"hvcC\1" + general + b"".join(arrays) in made.entry


def test_parameter_sets_that_change_go_with_the_pictures() -> None:
    hevc, larger = Hevc(), Hevc(width=128)
    changed = [larger.sequence_set(), larger.slice(IDR)]
    made = film(hevc.stream(hevc.slice(IDR), hevc.slice(TRAIL_R, 1), *changed), is_hevc=True)

    assert made.entry[4:8] == b"hev1"
    assert made.units[-1] == changed


@pytest.mark.parametrize("bits", [4, 8])
def test_pictures_are_shown_in_the_order_of_their_counts(bits: int) -> None:
    hevc = Hevc(order_bits=bits)
    decoded = [(IDR, 0, 0)]
    for group in range(0, 40, 4):
        decoded += [(TRAIL_R, group + 4, 0), (TRAIL_R, group + 2, 1)]
        decoded += [(TRAIL_N, group + 1, 2), (TRAIL_N, group + 3, 2)]
    units = [hevc.slice(kind, order, temporal=layer) for kind, order, layer in decoded]

    assert film(hevc.stream(*units), is_hevc=True).shown == [order for _, order, _ in decoded]


def test_leading_pictures_are_left_out_only_where_what_they_refer_to_is_missing() -> None:
    hevc = Hevc()
    group = [hevc.slice(CRA, 8), hevc.slice(RASL, 6), hevc.slice(RASL, 7), hevc.slice(TRAIL_R, 9)]
    later = [hevc.slice(CRA, 12), hevc.slice(RASL, 10), hevc.slice(RASL, 11)]
    made = film(hevc.stream(*group, *later), is_hevc=True)

    assert made.units == [[group[0]], [group[3]], [later[0]], [later[1]], [later[2]]]
    assert made.shown == [0, 1, 4, 2, 3]
    assert made.keys == [1, 3]


def test_after_the_end_of_a_sequence_leading_pictures_are_left_out_again() -> None:
    hevc = Hevc()
    end = hevc.unit(END_OF_SEQUENCE, b"")
    units = [hevc.slice(IDR), hevc.slice(TRAIL_R, 1), end]
    units += [hevc.slice(CRA, 8), hevc.slice(RASL, 6), hevc.slice(RADL, 7), hevc.slice(TRAIL_R, 9)]
    made = film(hevc.stream(*units, hevc.unit(END_OF_STREAM, b"")), is_hevc=True)

    assert made.units == [[units[0]], [units[1], end], [units[3]], [units[5]], [units[6]]]
    assert made.shown == [0, 1, 3, 2, 4]


@pytest.mark.parametrize("reference_sets", [False, True])
def test_the_rate_can_be_in_the_video_parameter_set(*, reference_sets: bool) -> None:
    hevc = Hevc(rate=(60000, 1001), reference_sets=reference_sets)
    made = film(hevc.stream(hevc.slice(IDR), hevc.slice(TRAIL_R, 1)), is_hevc=True)

    assert Fraction(*made.rate) == Fraction(60000, 1001)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(Hevc().stream(), id="no picture"),
        pytest.param(stream(Hevc().slice(IDR)), id="no parameter set"),
        pytest.param(
            stream(Hevc().sequence_set(), Hevc().picture_set(), Hevc().slice(IDR)),
            id="no video parameter set",
        ),
        pytest.param(stream(Hevc().unit(33, b"\xff" * 40)), id="a set of ones"),
    ],
)
def test_what_is_no_hevc_is_said_to_be_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        remux([data], is_hevc=True)
