"""Where frames lie: native, offset tables, fragments (PS3.5 §A.4)."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames

from filmroom.dicom.bulk import BulkIndex, BulkValue, little_endian
from filmroom.dicom.frames import FrameIndex, Span, encapsulated, native, native_bits
from filmroom.dicom.spans import Spans
from filmroom.errors import Malformed, NotFound

FRAMES = st.lists(st.binary(min_size=2, max_size=60), min_size=1, max_size=12)


def fragments_of(value: bytes) -> tuple[list[Span], list[int]]:
    """The fragments of encapsulated pixel data, and its basic offset table."""
    spans, at = [], 0
    while value[at : at + 4] == b"\xfe\xff\x00\xe0":
        (length,) = struct.unpack_from("<I", value, at + 4)
        spans.append(Span(at + 8, length))
        at += 8 + length
    table = value[spans[0].start : spans[0].start + spans[0].length]
    return spans[1:], list(struct.unpack(f"<{len(table) // 4}I", table))


def bytes_of(value: bytes, index: FrameIndex) -> list[bytes]:
    return [b"".join(value[s.start : s.start + s.length] for s in spans) for spans in index.frames]


@given(FRAMES, st.integers(1, 4), st.booleans())
def test_frames_of_random_encapsulation_are_those_that_pydicom_finds(
    frames: list[bytes], pieces: int, has_table: bool
) -> None:
    pieces = min(pieces, min(len(frame) for frame in frames) // 2)
    pieces = pieces if has_table or len(frames) == 1 else 1
    value = encapsulate(frames, fragments_per_frame=max(pieces, 1), has_bot=has_table)
    fragments, offsets = fragments_of(value)

    index = encapsulated(fragments, offsets, len(frames))

    assert bytes_of(value, index) == list(generate_frames(value, number_of_frames=len(frames)))
    assert FrameIndex.unpack(index.pack()) == index


@given(FRAMES)
def test_an_extended_table_gives_each_frame_its_length(frames: list[bytes]) -> None:
    value, offsets, lengths = encapsulate_extended(frames)
    fragments, _ = fragments_of(value)
    longs = f"<{len(frames)}Q"

    index = encapsulated(
        fragments, struct.unpack(longs, offsets), len(frames), struct.unpack(longs, lengths)
    )

    assert bytes_of(value, index) == list(
        generate_frames(value, extended_offsets=(offsets, lengths))
    )
    assert FrameIndex.unpack(index.pack()) == index


THREE = [Span(100, 10), Span(118, 20), Span(146, 30)]


@pytest.mark.parametrize(
    "offsets", [[0], [0, 18], [0, 18, 47], [0, 46, 18], [18, 18, 46], [4, 22, 50], [0, 0, 0]]
)
def test_a_table_that_lies_is_passed_over_when_fragments_tell(offsets: list[int]) -> None:
    index = encapsulated(THREE, offsets, 3)

    assert list(index.frames) == [(span,) for span in THREE]


def test_an_extended_table_leaves_padding_out() -> None:
    index = encapsulated(THREE, [0, 18, 46], 3, [9, 20, 29])

    assert index.frames[0] == (Span(100, 9),)
    assert index.frames[2] == (Span(146, 29),)


def test_an_extended_table_that_lies_is_passed_over() -> None:
    index = encapsulated(THREE, [0, 18, 46], 3, [10, 21, 30])

    assert index.spans(2) == (Span(118, 20),)


def test_fragments_of_a_single_frame_belong_together() -> None:
    assert encapsulated(THREE, [], 1).frames[0] == tuple(THREE)


def test_markers_tell_frames_apart_when_nothing_else_does() -> None:
    index = encapsulated(THREE, [], 2, begins=[0, 2])

    assert list(index.frames) == [(THREE[0], THREE[1]), (THREE[2],)]


@pytest.mark.parametrize(("count", "begins"), [(5, ()), (2, ()), (2, (0,)), (2, (1, 2))])
def test_fragments_that_do_not_make_the_frames_are_malformed(
    count: int, begins: tuple[int, ...]
) -> None:
    with pytest.raises(Malformed, match="3 fragments do not make"):
        encapsulated(THREE, [], count, begins=begins)


def test_frames_are_numbered_from_one() -> None:
    index = native(1000, 512, 3)

    assert index.spans(1) == (Span(1000, 512),)
    assert index.spans(3) == (Span(2024, 512),)
    for number in (0, 4, -1):
        with pytest.raises(NotFound, match=f"no frame {number} among 3"):
            index.spans(number)


@given(st.integers(0, 1 << 40), st.integers(1, 1 << 30), st.integers(1, 1 << 30))
def test_a_native_index_is_a_few_bytes_however_many_frames(
    start: int, length: int, count: int
) -> None:
    index = native(start, length, count)
    packed = index.pack()

    assert len(packed) <= 32
    again = FrameIndex.unpack(packed)
    assert len(again) == count
    assert again.spans(count) == index.spans(count) == (Span(start + (count - 1) * length, length),)


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=9))
def test_one_bit_frames_that_share_a_byte_are_cut_apart(frames: list[list[bool]]) -> None:
    pixels = [bit for frame in frames for bit in frame]
    value = sum(bit << i for i, bit in enumerate(pixels)).to_bytes((len(pixels) + 7) // 8, "little")
    index = native_bits(0, 5, len(frames))

    assert not index.byte_aligned
    for number, frame in enumerate(frames, 1):
        (span,) = index.spans(number)
        read = value[span.start : span.start + span.length]
        assert len(read) == span.length
        assert index.align(number, read) == bytes([sum(bit << i for i, bit in enumerate(frame))])


def test_frames_that_begin_with_a_byte_are_left_as_they_are() -> None:
    index = native(0, 4, 2)

    assert index.byte_aligned
    assert index.align(2, b"abcd") == b"abcd"


def test_an_index_made_of_plain_tuples_can_be_packed() -> None:
    index = FrameIndex(((Span(5, 2), Span(9, 3)), (Span(20, 1),)))

    assert FrameIndex.unpack(index.pack()) == index
    assert list(FrameIndex.unpack(index.pack()).frames) == list(index.frames)


def test_no_frames_are_no_bytes() -> None:
    assert FrameIndex().pack() == b""
    assert len(FrameIndex.unpack(b"")) == 0


def test_a_slide_of_fifty_thousand_tiles_unpacks_in_milliseconds() -> None:
    lengths = [9000 + i * 7919 % 4000 for i in range(50_000)]
    starts = [1000]
    for length in lengths[:-1]:
        starts.append(starts[-1] + length + 8)
    packed = encapsulated(Spans(starts, lengths), [s - 1000 for s in starts], 50_000).pack()

    begun = time.process_time()
    index = FrameIndex.unpack(packed)
    took = time.process_time() - begun

    assert index.spans(50_000) == (Span(starts[-1], lengths[-1]),)
    assert len(packed) < 250_000
    assert took < 0.1  # a few ms on a machine that does nothing else


SPANS = st.lists(
    st.builds(Span, st.integers(0, 1 << 45), st.integers(0, 1 << 36)), max_size=20
).map(Spans.of)


@given(st.lists(st.builds(BulkValue, st.text("0123456789ABCDEF/"), st.just("OW"), SPANS)))
def test_a_bulk_index_survives_packing(values: list[BulkValue]) -> None:
    index = BulkIndex(tuple(values))

    again = BulkIndex.unpack(index.pack())

    assert again == index
    assert [value.length for value in again.values] == [
        sum(span.length for span in value.spans) for value in values
    ]


def test_a_bulk_value_is_found_by_its_path() -> None:
    value = BulkValue("30060039/1/30060050", "DS", (Span(1, 2), Span(4, 3)))
    index = BulkIndex((value,))

    assert index.find("30060039/1/30060050") is value
    assert value.length == 5
    with pytest.raises(NotFound, match="no bulk data at 7FE00010"):
        index.find("7FE00010")


@pytest.mark.parametrize(
    ("vr", "expected"),
    [
        ("OB", b"12345678"), ("UN", b"12345678"), ("OW", b"21436587"),
        ("OF", b"43218765"), ("OL", b"43218765"), ("OD", b"87654321"), ("OV", b"87654321"),
    ],
)  # fmt: skip
def test_words_of_big_endian_values_are_turned(vr: str, expected: bytes) -> None:
    assert little_endian(b"12345678", vr) == expected


def test_spans_are_a_sequence_like_any_other() -> None:
    spans = Spans.of(THREE)

    assert spans == THREE
    assert spans[1:] == Spans.of(THREE[1:])
    assert spans[-1] == Span(146, 30)
    assert list(spans) == THREE
    assert spans.total == 60
    assert hash(spans) == hash(tuple(THREE))
    assert repr(spans) == "Spans(3 spans, 60 bytes)"
    assert spans != Spans()
