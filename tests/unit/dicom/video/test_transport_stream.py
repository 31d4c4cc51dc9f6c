"""Videos in transport streams, as MP4 files (ISO 13818-1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mp4_file import Film, film
from video_streams import Avc, Hevc, Packets, stream

from filmroom.dicom.spans import Span
from filmroom.dicom.video.remux import remux
from filmroom.dicom.video.transport_stream import is_transport_stream
from filmroom.errors import Undecodable

AVC = Avc()
PICTURES = [
    AVC.stream(AVC.slice("IDR", body=b"first" * 400)),
    *(stream(AVC.slice("P", k, 2 * k, body=b"next" * (37 * k))) for k in range(1, 12)),
]


def packed(packets: Packets, *, header: int = 5) -> bytes:
    return packets.tables() + b"".join(packets.pes(each, header=header) for each in PICTURES)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("spare", [0, 1, 100, 170])
@pytest.mark.parametrize("header", [0, 5, 175, 200])
def test_the_pictures_are_those_of_the_plain_stream(
    header: int, spare: int, *, timed: bool
) -> None:
    data = packed(Packets(spare=spare, timed=timed), header=header)

    assert is_transport_stream(data)
    assert film(data).units == film(b"".join(PICTURES)).units


def test_packets_that_are_sent_twice_count_once() -> None:
    packets = Packets()
    data = packets.tables()
    for each in PICTURES:
        data += packets.again(packets._packets(packets.pid, b"\0\0\1\xe0\0\0\x80\0\0" + each))

    assert film(data).units == film(b"".join(PICTURES)).units


def test_pictures_need_not_begin_with_a_packet() -> None:
    packets = Packets()
    whole = b"".join(PICTURES)
    data = packets.tables()
    data += b"".join(packets.pes(whole[at : at + 333]) for at in range(0, len(whole), 333))

    assert film(data).units == film(whole).units


def test_the_tables_say_which_codec_it_is() -> None:
    hevc = Hevc()
    packets = Packets(stream_type=0x24)
    data = packets.tables() + packets.pes(hevc.stream(hevc.slice(19), hevc.slice(1, 1)))

    assert film(data, is_hevc=False).entry[4:8] == b"hvc1"


@given(size=st.integers(1, 3000), start=st.integers(0, 20_000), length=st.integers(1, 9000))
def test_it_is_read_in_any_pieces_and_given_in_any_ranges(
    size: int, start: int, length: int
) -> None:
    data = packed(Packets())
    first = data[:1000]
    rest = [data[at : at + size] for at in range(1000, len(data), size)]
    made = remux([first, *rest], is_hevc=False)
    pieces = made.chunks(lambda s: data[s.start : s.start + s.length], Span(start, length))

    assert b"".join(pieces) == film(data).file[start : start + length]


def test_other_codecs_have_to_be_coded_anew() -> None:
    packets = Packets(stream_type=2)

    with pytest.raises(Undecodable, match="MPEG-2"):
        remux([packed(packets)], is_hevc=False)


def _without_tables() -> bytes:
    return b"".join(Packets().pes(each) for each in PICTURES)


def _out_of_step() -> bytes:
    data = packed(Packets())
    return data[: 188 * 10] + b"lost" + data[188 * 10 :]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_without_tables(), id="no tables"),
        pytest.param(Packets().tables() * 3, id="no video"),
        pytest.param(_out_of_step(), id="out of step"),
        pytest.param(
            Packets().tables() + Packets()._packets(0x101, b"not a PES packet" * 40),
            id="no packet header",
        ),
    ],
)
def test_damaged_streams_are_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        remux([data], is_hevc=False)


def test_a_film_is_whole_even_if_the_last_packet_is_not() -> None:
    made = film(packed(Packets())[:-100])

    assert isinstance(made, Film)
    assert len(made.samples) == len(PICTURES)
