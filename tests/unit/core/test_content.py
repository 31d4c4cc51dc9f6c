"""Content: cut, inflated and swapped, at whatever place it is cut."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.core import content
from filmroom.core.content import (
    AlignedContent,
    MemoryContent,
    StoredContent,
    SwappedContent,
    cut,
)
from filmroom.core.inflating import InflatedBlob, InflatedContent
from filmroom.dicom.frames import Span, native_bits
from filmroom.errors import Broken
from filmroom.model.answer import Content
from filmroom.storage.memory import MemoryStorage, open_storage
from filmroom.testing.objects import image, part10

DATA = bytes(range(256)) * 4


def kept(storage: MemoryStorage, data: bytes) -> str:
    staged = storage.stage()
    staged.write(data)
    return staged.commit()


@pytest.fixture(scope="module")
def storage() -> MemoryStorage:
    return open_storage("memory:")


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(content, "CHUNK", 48)
    return


SPANS = st.lists(
    st.builds(Span, st.integers(0, 900), st.integers(0, 100)), min_size=1, max_size=5
).map(tuple)
RUN = st.builds(Span, st.integers(0, 300), st.integers(0, 300))


def _joined(spans: tuple[Span, ...], data: bytes = DATA) -> bytes:
    return b"".join(data[span.start : span.start + span.length] for span in spans)


def _same_at_every_cut(made: Content, expected: bytes, run: Span) -> None:
    within = Span(min(run.start, len(expected)), 0)
    within = Span(within.start, min(run.length, len(expected) - within.start))
    assert made.size == len(expected)
    assert made.read() == expected
    assert b"".join(made.chunks()) == expected
    assert b"".join(made.chunks(within)) == _joined((within,), expected)


@given(SPANS, RUN)
def test_spans_are_cut_as_if_laid_end_to_end(spans: tuple[Span, ...], run: Span) -> None:
    assert _joined(cut(spans, run)) == _joined(spans)[run.start : run.start + run.length]


@given(SPANS, RUN)
def test_stored_content_is_its_spans(spans: tuple[Span, ...], run: Span) -> None:
    storage = open_storage("memory:")
    made = StoredContent(storage, kept(storage, DATA), spans)

    _same_at_every_cut(made, _joined(spans), run)


@given(SPANS, RUN, st.sampled_from([1, 2, 4, 8]))
def test_swapped_content_turns_each_word_and_leaves_an_incomplete_one(
    spans: tuple[Span, ...], run: Span, width: int
) -> None:
    words = _joined(spans)
    whole = len(words) - len(words) % width
    turned = [words[at : at + width][::-1] for at in range(0, whole, width)]

    _same_at_every_cut(
        SwappedContent(MemoryContent(words), width), b"".join(turned) + words[whole:], run
    )


def test_a_deflated_data_set_is_read_as_if_it_were_not(storage: MemoryStorage) -> None:
    file = part10(image(rows=64, columns=64))
    start = 132 + 12 + int.from_bytes(file[140:144], "little")
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = file[:start] + deflate.compress(file[start:]) + deflate.flush()
    spans = (Span(start + 10, 300), Span(len(file) - 500, 500))

    made = InflatedContent(InflatedBlob(storage, kept(storage, deflated)), spans)

    _same_at_every_cut(made, _joined(spans, file), Span(290, 100))


def test_a_deflated_data_set_that_ends_early_is_our_fault(storage: MemoryStorage) -> None:
    file = part10(image())
    start = 132 + 12 + int.from_bytes(file[140:144], "little")
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = file[:start] + deflate.compress(file[start:]) + deflate.flush()
    key = kept(storage, deflated)

    with pytest.raises(Broken, match="ends before byte"):
        InflatedContent(InflatedBlob(storage, key), (Span(len(file) - 4, 8),)).read()


def test_one_bit_frames_begin_with_a_byte_of_their_own() -> None:
    index = native_bits(0, 9, 3)  # bits 0-8, 9-17, 18-26
    packed = (0b101010101 | 0b111000111 << 9 | 0b000000001 << 18).to_bytes(4, "little")
    frames = []
    for number in (1, 2, 3):
        (span,) = index.spans(number)
        stored = MemoryContent(packed[span.start : span.start + span.length])
        frames.append(AlignedContent(stored, index, number))

    assert [frame.read() for frame in frames] == [b"\x55\x01", b"\xc7\x01", b"\x01\x00"]
    assert [frame.size for frame in frames] == [2, 2, 2]
    assert b"".join(frames[1].chunks(Span(1, 1))) == b"\x01"
