"""Damaged streams: an error or a film, in bounded memory, and nothing else."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from mp4_file import film
from video_streams import Avc, Hevc, Packets

from filmroom.dicom.video.remux import remux
from filmroom.errors import Undecodable


def _streams() -> list[tuple[bytes, bool]]:
    avc, hevc = Avc(weighted=True, rate=(25, 1)), Hevc(rate=(25, 1), reference_sets=True)
    units = [avc.slice("IDR"), *(avc.slice("P", k, 2 * k) for k in range(1, 6))]
    more = [hevc.slice(19), *(hevc.slice(1, k) for k in range(1, 6))]
    packets = Packets()
    packed = packets.tables() + packets.pes(avc.stream(*units))
    return [(avc.stream(*units), False), (hevc.stream(*more), True), (packed, False)]


@given(
    which=st.sampled_from(_streams()),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 3000),
)
def test_whatever_is_changed_it_is_a_film_or_an_error(
    which: tuple[bytes, bool], changes: list[tuple[int, int]], cut: int
) -> None:
    data, is_hevc = bytearray(which[0]), which[1]
    for at, value in changes:
        data[at % len(data)] = value

    with suppress(Undecodable):
        made = film(bytes(data[: cut or None]), is_hevc=is_hevc)
        assert len(made.samples) >= 1


@given(st.binary(max_size=500).map(lambda tail: Avc().stream(Avc().slice("IDR")) + tail))
def test_whatever_follows_it_is_a_film_or_an_error(data: bytes) -> None:
    with suppress(Undecodable):
        assert len(film(data).samples) >= 1


def test_a_long_video_is_never_held_in_memory() -> None:
    avc = Avc()
    frame = b"\0\0\0\1" + avc.slice("IDR", body=b"\x55" * 100_000)

    def pieces() -> Iterator[bytes]:
        yield avc.stream()
        for _ in range(2000):
            yield frame

    tracemalloc.start()
    made = remux(pieces(), is_hevc=False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert made.size > 200_000_000
    assert peak < 4_000_000
