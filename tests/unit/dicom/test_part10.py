"""File Meta Information and deflated data sets (PS3.10 §7.1, PS3.5 §A.5)."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scan_bytes import EXPLICIT, IMPLICIT, el, im, meta

from filmroom.dicom.inflate import IN_MEMORY, in_place
from filmroom.dicom.part10 import read_file_meta
from filmroom.errors import Refused


def test_what_the_file_meta_information_says_is_read() -> None:
    said = meta(EXPLICIT, el(0x00020002, "UI", b"1.2.3\0"), el(0x00020003, "UI", b"1.2.3.4\0"))
    found = read_file_meta(memoryview(said + b"\x08\0\x05\0CS\0\0"))

    assert found.transfer_syntax == EXPLICIT
    assert (found.sop_class, found.instance) == ("1.2.3", "1.2.3.4")
    assert found.end == len(said)
    assert found.warnings == ()


def test_file_meta_information_in_implicit_vr_is_read_too() -> None:
    wrongly = bytes(128) + b"DICM" + im(0x00020010, IMPLICIT.encode() + b"\0")

    assert read_file_meta(memoryview(wrongly)).transfer_syntax == IMPLICIT


def test_private_information_may_be_there() -> None:
    said = meta(EXPLICIT, el(0x00020102, "OB", b"\1" * 5000))

    assert read_file_meta(memoryview(said)).end == len(said)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    data = bytes(128) + b"DICM\2\0" + raw
    try:
        found = read_file_meta(memoryview(data))
    except Refused:
        return
    assert 132 <= found.end <= len(data)


def deflate(content: bytes) -> bytes:
    machine = zlib.compressobj(1, zlib.DEFLATED, -15)
    return machine.compress(content) + machine.flush()


@pytest.mark.parametrize("size", [0, 10, 1 << 20, IN_MEMORY + 5])
def test_a_data_set_is_inflated_in_place(size: int) -> None:
    content = bytes(i % 251 for i in range(min(size, 1 << 16))) * (size // (1 << 16) + 1)
    content = content[:size]

    with in_place(memoryview(b"head" + deflate(content)), 4, ratio=10_000) as whole:
        assert bytes(whole) == b"head" + content
