"""Streams of deflated metadata are whole wherever they are taken up; checksums can be joined."""

from __future__ import annotations

import zlib
from contextlib import closing
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from filmroom.index.crc import combined
from filmroom.index.opening import connect, migrate
from filmroom.index.streams import CLOSE, OPEN, Stream, Streams


@given(st.binary(), st.binary())
def test_checksums_are_joined_without_the_text(first: bytes, second: bytes) -> None:
    expected = zlib.crc32(first + second)

    assert combined(zlib.crc32(first), zlib.crc32(second), len(second)) == expected


def test_checksums_of_large_texts_are_joined() -> None:
    for length in (1 << 16, (1 << 24) + 3):
        text = bytes(length)
        assert combined(zlib.crc32(b"a"), zlib.crc32(text), length) == zlib.crc32(b"a" + text)


def test_a_stream_is_taken_up_by_whoever_comes_next(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite3"
    migrate(path)
    texts = [b'{"%d":"%s"}' % (number, b"like the others " * 40) for number in range(200)]
    with closing(connect(path)) as connection:
        several = [Streams(connection) for _ in range(3)]
        stream, sizes = Stream(1), []
        for number, text in enumerate(texts):
            piece = several[number % 3].grow(stream, number, text)
            connection.execute(
                "INSERT INTO piece (series, sequence, instance, fresh, length, data)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (1, piece.sequence, number, piece.fresh, piece.length, piece.data),
            )
            sizes.append(len(piece.data))
        rows = connection.execute("SELECT data FROM piece ORDER BY sequence").fetchall()

    whole = OPEN + b"".join(data for (data,) in rows) + CLOSE
    text = zlib.decompress(whole, -zlib.MAX_WBITS)
    assert text == b"[" + b",".join(texts) + b"]"
    assert stream.length == len(text) - 2
    assert stream.crc == zlib.crc32(text[1:-1])
    # What was written before is referred to, whoever wrote it.
    assert sum(size > 30 for size in sizes) <= 4
