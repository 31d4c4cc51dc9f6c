"""H.264 streams as MP4 files: pictures, their order, their looks (ITU-T H.264 §8.2.1, Annex E)."""

from __future__ import annotations

import struct
from fractions import Fraction

import pytest
from mp4_file import Film, film
from video_streams import DELIMITER, RECOVERY, Avc, stream

from filmroom.dicom.spans import Span
from filmroom.dicom.video import remux as remuxing
from filmroom.dicom.video import samples
from filmroom.dicom.video.mp4_boxes import Track, box, head
from filmroom.dicom.video.pictures import Look
from filmroom.dicom.video.remux import remux
from filmroom.errors import Undecodable


def test_a_picture_is_a_sample_and_the_index_comes_first() -> None:
    avc = Avc()
    slices = [avc.slice("IDR"), avc.slice("P", 1, 2), avc.slice("P", 2, 4)]
    made = film(avc.stream(*slices))

    outer = [path for path in made.boxes if path.count("/") == 1]
    assert outer == ["/ftyp", "/moov", "/mdat"]
    assert made.units == [[each] for each in slices]
    assert made.keys == [1]
    assert made.shown == [0, 1, 2]
    assert "/moov/trak/edts" not in made.boxes


def test_slices_of_a_picture_stay_together_and_delimiters_go() -> None:
    avc = Avc()
    first = [avc.slice("IDR"), avc.slice("IDR", first=3)]
    second = [b"\x06\x05\x01x\x80", avc.slice("P", 1, 2), avc.slice("P", 1, 2, first=2)]
    more = [b"\x0c\xff\xff\x80", b"\x6eprefix", b"\x74another view", b"\x18private", b"\x0b"]
    made = film(avc.stream(*first, *more, DELIMITER, *second))

    assert made.units == [first, second]


def test_the_decoder_is_told_of_parameter_sets_and_samples_are_not() -> None:
    avc = Avc()
    made = film(
        avc.stream(avc.slice("IDR"), avc.sequence_set(), avc.picture_set(), avc.slice("IDR"))
    )
    sequence, picture = avc.sequence_set(), avc.picture_set()

    assert made.entry[4:8] == b"avc1"
    expected = b"avcC\1" + sequence[1:4] + b"\xff\xe1" + struct.pack(">H", len(sequence)) + sequence
    expected += b"\1" + struct.pack(">H", len(picture)) + picture
    assert expected in made.entry
    assert [len(units) for units in made.units] == [1, 1]
    assert made.keys == []  # every picture is one to begin with


def test_parameter_sets_that_change_go_with_the_pictures() -> None:
    avc, larger = Avc(), Avc(columns=3)
    changed = [larger.sequence_set(), larger.picture_set(), larger.slice("IDR")]
    again = [avc.sequence_set(), avc.picture_set(), avc.slice("IDR")]
    made = film(avc.stream(avc.slice("IDR"), avc.slice("P", 1, 2), *changed, *again))

    assert made.entry[4:8] == b"avc3"
    assert made.units[-2:] == [changed, again]


@pytest.mark.parametrize("bits", [4, 6])
def test_b_pictures_are_shown_in_the_order_of_their_counts(bits: int) -> None:
    avc = Avc(order_bits=bits)
    decoded = [("IDR", 0), ("P", 6), ("B", 2), ("B", 4), ("P", 12), ("B", 8), ("B", 10)]
    decoded += [("P", 18), ("B", 14), ("B", 16), ("P", 24), ("B", 20), ("B", 22)]
    made = film(
        avc.stream(*(avc.slice(kind, 0, at, reference=kind != "B") for kind, at in decoded))
    )

    assert made.shown == [at // 2 for _, at in decoded]
    assert struct.unpack(">q", made.boxes["/moov/trak/edts/elst"][16:24]) == (400,)  # a frame


def test_each_group_of_pictures_has_an_order_of_its_own() -> None:
    avc = Avc()
    group = [avc.slice("IDR"), avc.slice("P", 1, 4), avc.slice("B", 2, 2, reference=False)]

    assert film(avc.stream(*group, *group)).shown == [0, 2, 1, 3, 5, 4]


def test_pictures_before_a_reset_are_shown_before_it() -> None:
    avc = Avc(weighted=True, weighted_bi=1)
    made = film(
        avc.stream(
            avc.slice("IDR"),
            avc.slice("P", 1, 8),
            avc.slice("B", 2, 4),
            avc.slice("P", 3, 2, resets=True),
            avc.slice("P", 4, 4),
            avc.slice("B", 5, 2, reference=False),
        )
    )

    assert made.shown == [0, 2, 1, 3, 5, 4]


def test_counts_can_come_from_frame_numbers_alone() -> None:
    avc = Avc(order_type=2)
    frames = [avc.slice("IDR"), *(avc.slice("P", number) for number in range(1, 40))]

    assert film(avc.stream(*frames)).shown == list(range(40))


def test_counts_can_come_from_a_cycle_of_offsets() -> None:
    # One B picture between two P pictures, as Annex examples of type 1 have it.
    avc = Avc(order_type=1, always_zero=True, offset_not_reference=-2, cycle=(4,))
    frames = [avc.slice("IDR")]
    for number in range(1, 20):
        frames.append(avc.slice("P", number))
        frames.append(avc.slice("B", number + 1, reference=False))
    made = film(avc.stream(*frames))

    assert made.shown == [0] + [place for k in range(19) for place in (2 * k + 2, 2 * k + 1)]


def test_an_order_that_no_decoder_could_keep_is_passed_over() -> None:
    avc = Avc(order_bits=10)
    frames = [avc.slice("IDR")] + [avc.slice("P", k, 100 - 2 * k) for k in range(1, 40)]

    assert film(avc.stream(*frames)).shown == list(range(40))


def test_two_fields_are_one_sample() -> None:
    avc = Avc(frames_only=False)
    first = [avc.slice("IDR", 0, 0, bottom=False), avc.slice("P", 0, 1, bottom=True)]
    second = [avc.slice("P", 1, 4, bottom=False), avc.slice("P", 1, 5, bottom=True)]
    third = [
        avc.slice("B", 2, 3, bottom=True, reference=False),
        avc.slice("B", 2, 2, bottom=False, reference=False),
    ]
    alone = [avc.slice("P", 2, 8)]
    units = [
        each for pair in (first, second, third, alone) for one in pair for each in (DELIMITER, one)
    ]
    made = film(avc.stream(*units))

    assert made.units == [first, second, third, alone]
    assert made.shown == [0, 2, 1, 3]


def test_a_field_without_its_other_is_a_sample_alone() -> None:
    avc = Avc(frames_only=False)
    fields = [
        avc.slice("IDR", 0, 0, bottom=False),
        avc.slice("P", 1, 2, bottom=False),
        avc.slice("P", 2, 4, bottom=False),
        avc.slice("P", 2, 5, bottom=True),
    ]

    assert [len(units) for units in film(avc.stream(*fields)).units] == [1, 1, 2]


def test_a_recovery_point_is_a_place_to_begin() -> None:
    avc = Avc()
    made = film(avc.stream(avc.slice("IDR"), avc.slice("P", 1, 2), RECOVERY, avc.slice("I", 2, 4)))

    assert made.keys == [1, 3]


def test_a_stream_cut_at_its_beginning_begins_with_what_can_be_read() -> None:
    avc = Avc()
    made = film(
        stream(avc.slice("P", 1, 2)) + avc.stream(avc.slice("I", 2, 4), avc.slice("P", 3, 6))
    )

    assert [len(units) for units in made.units] == [1, 1]
    assert made.keys == [1]


def test_a_stream_cut_at_its_end_ends_with_what_can_be_read() -> None:
    avc = Avc()
    cut, shorter = avc.slice("P", 2, 4)[:6], avc.slice("P", 2, 4)[:2]
    whole = [avc.slice("IDR"), avc.slice("P", 1, 2)]

    assert film(avc.stream(*whole, cut)).units == [[whole[0]], [whole[1]], [cut]]
    assert film(avc.stream(*whole, shorter)).units == [[whole[0]], [whole[1]]]


@pytest.mark.parametrize(
    ("told", "coded", "expected"),
    [
        pytest.param(None, None, Fraction(25), id="nobody tells"),
        pytest.param(Fraction(10), None, Fraction(10), id="the data set"),
        pytest.param(None, (30000, 1001), Fraction(30000, 1001), id="the stream"),
        pytest.param(Fraction(10), (30, 1), Fraction(10), id="the data set rather"),
        pytest.param(
            Fraction("1000") / Fraction("33.37"), (30000, 1001), Fraction(30000, 1001), id="rounded"
        ),
        pytest.param(Fraction(0), (30, 1), Fraction(30), id="nonsense in the data set"),
        pytest.param(None, (4_000_000, 1), Fraction(25), id="nonsense in the stream"),
    ],
)
def test_the_rate_of_frames(
    told: Fraction | None, coded: tuple[int, int] | None, expected: Fraction
) -> None:
    avc = Avc(rate=coded)
    made = film(avc.stream(avc.slice("IDR"), avc.slice("P", 1, 2)), told)

    assert Fraction(*made.rate) == expected


def test_sides_are_cropped_and_samples_need_not_be_square() -> None:
    avc = Avc(columns=45, rows=36, crop=(0, 8, 0, 4), aspect=(64, 45))
    made = film(avc.stream(avc.slice("IDR")))

    assert struct.unpack(">HH", made.entry[32:36]) == (704, 568)
    assert b"pasp" + struct.pack(">II", 64, 45) in made.entry
    header = made.boxes["/moov/trak/tkhd"]
    assert struct.unpack(">II", header[-8:]) == (round(704 * 64 / 45 * 65536), 568 << 16)


def test_any_range_of_the_file_can_be_read() -> None:
    avc = Avc()
    data = avc.stream(avc.slice("IDR"), *(avc.slice("P", k, 2 * k) for k in range(1, 9)))
    made = remux([data], is_hevc=False)
    whole = film(data).file

    for start in range(0, len(whole), 7):
        for length in (1, 20, 300):
            pieces = made.chunks(lambda s: data[s.start : s.start + s.length], Span(start, length))
            assert b"".join(pieces) == whole[start : start + length]


def test_small_pictures_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remuxing, "READ_AT_ONCE", 1000)
    avc = Avc()
    frames = [avc.slice("P", k, 2 * k, body=b"x" * 90) for k in range(1, 100)]
    data = avc.stream(avc.slice("IDR"), *frames)
    reads: list[Span] = []

    def stored(span: Span) -> bytes:
        reads.append(span)
        return data[span.start : span.start + span.length]

    made = remux([data], is_hevc=False)
    b"".join(made.chunks(stored, Span(0, made.size)))

    assert 8 <= len(reads) <= 20
    assert max(span.length for span in reads) <= 1000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"no video at all", id="no start code"),
        pytest.param(Avc().stream(), id="no picture"),
        pytest.param(stream(Avc().slice("IDR")), id="no parameter set"),
        pytest.param(stream(Avc().sequence_set()[:6], Avc().slice("IDR")), id="a set cut off"),
        pytest.param(stream(b"\x67\x4d\x00\x1e" + bytes(50)), id="a set of zeros"),
        pytest.param(stream(b"\x67" + b"\x55" * 5000, b"\x68"), id="a set too long"),
        pytest.param(Avc(columns=5000).stream(Avc().slice("IDR")), id="sides too long"),
        pytest.param(b"\0\0\1\xba" + bytes(100) + b"\0\0\1\xe0", id="a program stream"),
    ],
)
def test_what_is_no_h264_is_said_to_be_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        remux([data], is_hevc=False)


def test_a_picture_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "LARGEST_SAMPLE", 10_000)
    avc = Avc()

    with pytest.raises(Undecodable, match="10000 bytes"):
        remux([avc.stream(avc.slice("IDR")), b"\x55" * 20_000], is_hevc=False)


def test_pictures_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remuxing, "MOST_SAMPLES", 100)
    avc = Avc()

    with pytest.raises(Undecodable, match="100 pictures"):
        remux([avc.stream(*[avc.slice("IDR")] * 101)], is_hevc=False)


def test_a_file_over_four_gigabytes_has_wide_offsets() -> None:
    sizes = [1 << 31] * 40
    track = Track(
        b"avc1", box(b"avcC"), Look(16, 16), Fraction(25), sizes, shown=range(40), keys=[0]
    )
    begin = head(track)
    data = struct.pack(">I4sQ", 1, b"mdat", 16 + sum(sizes))

    assert begin.endswith(data)
    found = Film(begin[: -len(data)])
    assert found.table("stco", "I") == []
    assert found.table("co64", "Q") == [(len(begin),), (len(begin) + 32 * (1 << 31),)]
    assert found.table("stsc", "III") == [(1, 32, 1), (2, 8, 1)]
