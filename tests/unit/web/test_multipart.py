"""The multipart reader, fed at every split."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.multipart import MultipartParser

from filmroom.errors import Malformed, TooLarge
from filmroom.web.multipart import (
    Event,
    MultipartReader,
    PartBegins,
    PartEnds,
    PartLimits,
    read_content_type,
)

TWO = (
    b"\r\n--x\r\nContent-Type: application/dicom\r\n\r\nfirst\r\n--x\r\n"
    b"Content-Type: application/dicom\r\nContent-Length: 9\r\n\r\nse\r\ncond\r\n\r\n--x--"
)
BOTH = [
    ({"content-type": "application/dicom"}, b"first"),
    ({"content-type": "application/dicom", "content-length": "9"}, b"se\r\ncond\r\n"),
]


Give = Callable[[MultipartReader, bytes], Iterator[Event]]


def read(
    chunks: list[bytes],
    boundary: bytes = b"x",
    limits: PartLimits | None = None,
    give: Give = MultipartReader.feed,
) -> list[tuple[dict[str, str], bytes]]:
    """The complete parts of a body."""
    reader = MultipartReader(boundary, limits)
    parts: list[tuple[dict[str, str], bytes]] = []
    headers: dict[str, str] | None = None
    data = b""
    for chunk in chunks:
        for event in give(reader, chunk):
            match event:
                case PartBegins(headers=fields):
                    assert headers is None
                    headers, data = fields, b""
                case PartEnds():
                    assert headers is not None
                    parts.append((headers, data))
                    headers = None
                case run:
                    assert headers is not None
                    data += run
    reader.close()
    return parts


def put(reader: MultipartReader, chunk: bytes) -> Iterator[Event]:
    """Give a chunk by way of the reader's own space."""
    space = reader.space
    for start in range(0, len(chunk), len(space)):
        piece = chunk[start : start + len(space)]
        space[: len(piece)] = piece
        yield from reader.take(len(piece))


def cut(body: bytes, cuts: list[int]) -> list[bytes]:
    ends = [0, *sorted(c % (len(body) + 1) for c in cuts), len(body)]
    return [body[a:b] for a, b in itertools.pairwise(ends)]


@pytest.mark.parametrize("give", [MultipartReader.feed, put])
@pytest.mark.parametrize("split", range(len(TWO) + 1))
def test_a_body_reads_the_same_at_every_split(split: int, give: Give) -> None:
    assert read([TWO[:split], TWO[split:]], give=give) == BOTH


@pytest.mark.parametrize("give", [MultipartReader.feed, put])
def test_a_body_reads_the_same_byte_by_byte(give: Give) -> None:
    assert read([bytes([b]) for b in TWO], give=give) == BOTH


def test_headers_that_outgrow_the_room_for_what_is_held_back_are_read() -> None:
    fields = b"".join(b"N%d: %s\r\n" % (i, b"v" * 1500) for i in range(20))
    body = b"--x\r\n" + fields + b"\r\nfirst\r\n--x--"
    limits = PartLimits(header_bytes=1 << 16)

    ((headers, data),) = read(cut(body, [29_000, 30_000]), limits=limits, give=put)

    assert (len(headers), data) == (20, b"first")


@pytest.mark.parametrize(
    ("body", "data"),
    [
        pytest.param(b"--x\r\nA: b\r\n\r\nd\r\n--x--\r\n", [b"d"], id="no CRLF first"),
        pytest.param(b"hello\r\nyou\r\n--x\r\nA: b\r\n\r\nd\r\n--x--", [b"d"], id="preamble"),
        pytest.param(b"--x\r\nA: b\r\n\r\nd\r\n--x--\r\nbye --x\r\n", [b"d"], id="epilogue"),
        pytest.param(b"--x\nA: b\n\nd\n--x--\n", [b"d"], id="LF alone"),
        pytest.param(b"--x \t\r\nA: b\r\n\r\nd\r\n--x  \r\n\r\ne\r\n--x--", [b"d", b"e"], id="pad"),
        pytest.param(b"--x\r\n\r\nd\r\n--x--", [b"d"], id="no headers"),
        pytest.param(b"--x\r\nA: b\r\n\r\n\r\n--x--", [b""], id="empty"),
        pytest.param(b"--x\r\nA: b\r\n\r\n--x--", [b""], id="empty, its line end shared"),
        pytest.param(b"--x--", [], id="no part"),
        pytest.param(
            b"--x\r\n\r\n--xy\r\n\r\n--x-\r\n-x\r\n--x--", [b"--xy\r\n\r\n--x-\r\n-x"], id="almost"
        ),
        pytest.param(b"--x\r\n\r\n\r\r\n\r\n--x--", [b"\r\r\n"], id="line ends in data"),
        pytest.param(b"--x\r\n\r\nd--x--\r\n--x--", [b"d--x--"], id="boundary within a line"),
    ],
)
def test_odd_framing_is_read_at_every_split(body: bytes, data: list[bytes]) -> None:
    for split in range(len(body) + 1):
        assert [part for _, part in read([body[:split], body[split:]])] == data


def test_folded_headers_and_repeated_ones_are_read() -> None:
    body = b"--x\r\nContent-Type: a/b;\r\n\tc=d\r\nX-Y:1\r\nx-y: 2\r\n\r\n\r\n--x--"

    assert read([body]) == [({"content-type": "a/b; c=d", "x-y": "1"}, b"")]


@given(
    parts=st.lists(st.binary(max_size=60), max_size=4),
    boundary=st.text("abc'()+_,./:=?-", min_size=1, max_size=6).map(str.encode),
    first=st.sampled_from([b"", b"\r\n", b"preamble\r\n"]),
    last=st.sampled_from([b"", b"\r\n", b"\r\nepilogue"]),
    cuts=st.lists(st.integers(0, 1000), max_size=8),
)
def test_whatever_is_written_is_read(
    parts: list[bytes], boundary: bytes, first: bytes, last: bytes, cuts: list[int]
) -> None:
    delimiter = b"\n--" + boundary
    parts = [p for p in parts if delimiter not in b"\r\n" + p + b"\r"]
    body = b"".join(
        [
            first,
            *(b"--" + boundary + b"\r\nN: v\r\n\r\n" + part + b"\r\n" for part in parts),
            b"--" + boundary + b"--",
            last,
        ]
    )

    assert read(cut(body, cuts), boundary) == [({"n": "v"}, part) for part in parts]


@given(
    pieces=st.lists(
        st.sampled_from(
            [b"\r", b"\n", b"\r\n", b"-", b"--", b"x", b"--x", b"\r\n--x", b" ", b"A:b"]
        ),
        max_size=30,
    ),
    cuts=st.lists(st.integers(0, 1000), max_size=8),
)
def test_any_bytes_are_read_the_same_at_every_split(pieces: list[bytes], cuts: list[int]) -> None:
    def outcome(chunks: list[bytes], give: Give = MultipartReader.feed) -> object:
        try:
            return read(chunks, give=give)
        except (Malformed, TooLarge) as error:
            return str(error)

    body = b"--x\r\n\r\n" + b"".join(pieces)

    assert outcome(cut(body, cuts)) == outcome([body])
    assert outcome(cut(body, cuts), put) == outcome([body])


@given(
    parts=st.lists(st.binary(max_size=40), min_size=1, max_size=4),
    cuts=st.lists(st.integers(0, 1000), max_size=8),
)
def test_another_parser_reads_the_same_parts(parts: list[bytes], cuts: list[int]) -> None:
    parts = [p for p in parts if b"\n--bound" not in b"\n" + p]
    body = b"".join(b"--bound\r\nN: v\r\n\r\n" + part + b"\r\n" for part in parts) + b"--bound--"
    theirs: list[bytes] = []
    other = MultipartParser(
        b"bound",
        {
            "on_part_begin": lambda: theirs.append(b""),
            "on_part_data": lambda data, start, end: theirs.append(theirs.pop() + data[start:end]),
        },
    )
    for chunk in cut(body, cuts):
        other.write(chunk)

    assert [data for _, data in read(cut(body, cuts), b"bound")] == theirs


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no line of the body is its boundary"),
        (b"--y\r\n\r\nd\r\n--y--", "no line of the body is its boundary"),
        (b"--x\r\nA: b\r\n\r\nd", "ends within part 1"),
        (b"--x\r\nA: b\r\n\r\nd\r\n--x", "ends within part 1"),
        (b"--x\r\nA: b\r\n\r\nd\r\n--x\r\n", "ends within part 1"),
        (b"--x\r\nA: b\r\n\r\nd\r\n--x\r\nA: b\r\n\r\nd\r\n", "ends within part 2"),
        (b"--x\r\nno colon\r\n\r\nd\r\n--x--", "part 1 has a line"),
        (b"--x\r\nA: b\r\n--x\r\n\r\nd\r\n--x--", "part 1 has a line"),
        (b"--x\r\n: b\r\n\r\nd\r\n--x--", "part 1 has a line"),
        (b"p" * 70_000, "more than 65536 bytes before its first boundary"),
        (b"--x--" + b"e" * 70_000, "more than 65536 bytes behind its last boundary"),
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read([body])


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        (b"A: b\r\n" * 21, "more than 20 header lines"),
        (b"A: " + b"b" * 9000 + b"\r\n", "more than 8192 bytes"),
        (b"A: " + b"b" * 9000, "more than 8192 bytes"),
    ],
)
def test_a_part_with_too_much_in_its_headers_is_too_large(headers: bytes, message: str) -> None:
    with pytest.raises(TooLarge, match=message):
        read([b"--x\r\n" + headers])


def test_a_body_with_too_many_parts_is_too_large() -> None:
    with pytest.raises(TooLarge, match="more than 2 parts"):
        read([b"--x\r\n\r\n\r\n" * 3 + b"--x--"], limits=PartLimits(parts=2))


@pytest.mark.parametrize("boundary", [b"", b"b" * 257])
def test_a_boundary_has_a_sensible_length(boundary: bytes) -> None:
    with pytest.raises(Malformed, match="the boundary has"):
        MultipartReader(boundary)


def test_little_is_held_back_while_a_large_part_streams() -> None:
    reader = MultipartReader(b"x" * 70)
    given_out = 0
    list(reader.feed(b"--" + b"x" * 70 + b"\r\n\r\n"))
    for n in range(1, 11):
        given_out += sum(len(run) for run in reader.feed(bytes(10_000)))  # type: ignore[arg-type]
        assert n * 10_000 - given_out < 100


@pytest.mark.parametrize(
    ("value", "read_as"),
    [
        (
            'multipart/related; type="application/dicom"; boundary="a b;c"',
            ("multipart/related", {"type": "application/dicom", "boundary": "a b;c"}),
        ),
        (
            "Multipart/Related;TYPE=application/dicom;boundary=----=_x'1'",
            (
                "multipart/related",
                {"type": "application/dicom", "boundary": "----=_x'1'"},
            ),
        ),
        (r'a/b; boundary="q\"d"', ("a/b", {"boundary": 'q"d'})),
        ("a/b; boundary=1; boundary=2", ("a/b", {"boundary": "1"})),
        ('a/b; boundary="unclosed', ("a/b", {"boundary": ""})),
        ("application/dicom", ("application/dicom", {})),
        ("", ("", {})),
    ],
)
def test_a_content_type_is_read_with_its_parameters(value: str, read_as: object) -> None:
    assert read_content_type(value) == read_as
