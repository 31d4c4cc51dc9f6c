"""Kept metadata, parsed one data set after another wherever its pieces are cut."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.core import metadata
from filmroom.core.metadata import data_sets, inflated
from filmroom.model.metadata import Metadata

VALUE = st.one_of(st.text(max_size=30), st.integers(), st.just('}{"]['))
DATA_SET = st.dictionaries(
    st.text(alphabet="0123456789ABCDEF", min_size=8, max_size=8),
    st.fixed_dictionaries({"vr": st.just("LO"), "Value": st.lists(VALUE, max_size=3)}),
    max_size=4,
)


def _kept(text: bytes, cut: int) -> Metadata:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = deflate.compress(text) + deflate.flush()
    pieces = [packed[at : at + cut] for at in range(0, len(packed), cut)]
    return Metadata(pieces, zlib.crc32(text), len(text), "1")


@given(st.lists(DATA_SET, max_size=6), st.integers(1, 60), st.booleans())
def test_every_data_set_is_parsed_wherever_the_pieces_are_cut(
    sets: list[dict], cut: int, escaped: bool
) -> None:
    text = json.dumps(sets, ensure_ascii=escaped).encode("utf-8", "surrogatepass")

    kept = _kept(text, cut)

    assert inflated(kept) == text
    assert list(data_sets(kept)) == json.loads(text)


@pytest.mark.parametrize("at_once", [1, 7, 1 << 20])
def test_a_large_data_set_is_parsed_in_steps_that_grow(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(metadata, "AT_ONCE", at_once)
    sets = [{"00081030": {"vr": "LO", "Value": ["é" * 5000]}}, {}, {"7FE00010": {"vr": "OW"}}]

    assert list(data_sets(_kept(json.dumps(sets, ensure_ascii=False).encode(), 64))) == sets
