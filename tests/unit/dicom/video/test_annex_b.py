"""NAL units in a byte stream, however it comes in pieces."""

from __future__ import annotations

import re
from itertools import chain, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.video import annex_b
from filmroom.dicom.video.annex_b import HEAD, START_CODE, nals, with_lengths
from filmroom.errors import Undecodable

STREAMS = st.lists(
    st.sampled_from(
        [b"\0", b"\0\0\1", b"\0\0\0\1", b"\1", b"\7x", b"a\xffbc", b"\0\0\3", b"y" * 5000]
    )
).map(b"".join)


def found_plainly(stream: bytes) -> list[bytes]:
    """The same by taking the stream apart at its start codes."""
    pieces = [piece.rstrip(b"\0") for piece in re.split(b"\0\0\1", stream)[1:]]
    return [piece for piece in pieces if b"" < piece < b"\x80"]


@given(stream=STREAMS, size=st.integers(1, 6000))
def test_units_are_found_wherever_the_stream_is_cut(stream: bytes, size: int) -> None:
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)]

    found = list(nals(pieces))

    assert [stream[nal.start : nal.end] for nal in found] == found_plainly(stream)
    assert [nal.head for nal in found] == [unit[:HEAD] for unit in found_plainly(stream)]


def test_zeros_between_units_belong_to_none_even_if_they_fill_many_pieces() -> None:
    pieces = [b"\0\0\1\x67unit", *([bytes(1 << 16)] * 20), b"\0\0\1\x68unit", bytes(1 << 16)]

    first, second = nals(pieces)

    assert first.end - first.start == 5
    assert second.end - second.start == 5


def test_a_unit_is_never_held_whole() -> None:
    pieces = (bytes([7]) * (1 << 16) for _ in range(1000))

    (nal,) = nals(chain([START_CODE], pieces))

    assert nal.end - nal.start > 900 << 16
    assert len(nal.head) == HEAD


def test_a_stream_of_nothing_but_start_codes_comes_to_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(annex_b, "MOST_NALS", 10_000)

    with pytest.raises(Undecodable, match="NAL units"):
        list(nals(repeat(b"\0\0\1" * 1000)))


def test_what_has_the_forbidden_bit_is_no_unit() -> None:
    found = nals([b"\0\0\1\x67one\0\0\1\xe0packet\0\0\1\0\0\1\x68two"])

    assert [nal.head for nal in found] == [b"\x67one", b"\x68two"]


def test_a_program_stream_is_no_stream_of_units() -> None:
    with pytest.raises(Undecodable, match="NAL units"):
        list(nals([b"\0\0\1\xba\x44\0\0\1\xbb\0\0\0\1\xe0\0\0\0\0\1\x67"]))


def test_units_get_lengths_in_place_of_start_codes() -> None:
    run = b"\0\0\1\x65one\0\0\0\1\x09\xf0\0\0\1\x65three"

    assert with_lengths(run, lambda head: head[0] != 9) == b"\0\0\0\4\x65one\0\0\0\6\x65three"
