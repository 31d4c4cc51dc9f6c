"""Metadata as an append-only deflate stream per series: growing it, mending it, reading it.

The pieces of a series, one an instance, joined are one raw deflate stream without
its last block. At least every `SEGMENT` pieces one begins afresh, referring to nothing
before it, so that a part can be read or made anew without the whole.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

LEVEL = 6
SEGMENT = 64  # pieces that may refer to one another
SEGMENT_LENGTH = 1 << 20  # bytes of text, likewise
WINDOW = 32 * 1024  # bytes that deflate looks back
OPEN = b"\x00\x01\x00\xfe\xff["
BETWEEN = b"\x00\x01\x00\xfe\xff,"
CLOSE = b"\x01\x01\x00\xfe\xff]"
"""Stored deflate blocks of one byte; the last one ends the stream."""


class Compressor(Protocol):
    """What `zlib.compressobj` returns."""

    def compress(self, data: bytes, /) -> bytes:
        """Take more text."""

    def flush(self, mode: int, /) -> bytes:
        """What is still to come of the text so far."""


def compressor(history: bytes = b"") -> Compressor:
    """A raw deflate compressor that may refer back to the text before."""
    if history:
        return zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zdict=history[-WINDOW:])
    return zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)


def deflated(through: Compressor, text: bytes) -> bytes:
    """The piece for one more text; it ends on a byte's edge."""
    return through.compress(text) + through.flush(zlib.Z_SYNC_FLUSH)


def inflated(pieces: Iterable[bytes]) -> bytes:
    """The text of pieces, the first of which is fresh."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(b"".join(pieces))


@dataclass(slots=True)
class Stream:
    """How far a series' stream has come; kept in the series' row."""

    series: int
    last_piece: int = 0
    crc: int = 0
    """Of the text so far, brackets not included."""
    length: int = 0
    built: int = 0


@dataclass(slots=True)
class _Running:
    """A compressor that has taken in a stream up to its last piece."""

    through: Compressor
    last_piece: int
    built: int
    pieces: int
    """Since the last fresh one."""
    length: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One row of the table `piece`."""

    series: int
    sequence: int
    instance: int
    fresh: int
    length: int
    data: bytes


class Streams:
    """Streams that grow: compressors are kept for the series that grew last."""

    def __init__(self, connection: sqlite3.Connection, most: int = 64) -> None:
        self._connection = connection
        self._most = most
        self._running: OrderedDict[int, _Running] = OrderedDict()

    def forget(self) -> None:
        """Compressors may have taken in what was undone."""
        self._running.clear()

    def grow(self, stream: Stream, instance: int, metadata: bytes) -> Piece:
        """The piece of one more instance; `stream` moves on."""
        text = metadata if stream.length == 0 else b"," + metadata
        running = self._running.pop(stream.series, None)
        if running is None or (running.last_piece, running.built) != (
            stream.last_piece,
            stream.built,
        ):
            running = self._resumed(stream)
        if running.pieces >= SEGMENT or running.length >= SEGMENT_LENGTH:
            running = _Running(compressor(), stream.last_piece, stream.built, 0, 0)
        data = deflated(running.through, text)
        stream.last_piece += 1
        stream.crc = zlib.crc32(text, stream.crc)
        stream.length += len(text)
        piece = Piece(
            stream.series, stream.last_piece, instance, not running.pieces, len(text), data
        )
        running.last_piece = stream.last_piece
        running.pieces += 1
        running.length += len(text)
        self._running[stream.series] = running
        if len(self._running) > self._most:
            self._running.popitem(last=False)
        return piece

    def _resumed(self, stream: Stream) -> _Running:
        """Take up a stream that another process, or we long ago, brought this far."""
        rows = self._connection.execute(
            "SELECT data, length FROM piece WHERE series = ?1 AND sequence >="
            " (SELECT max(sequence) FROM piece WHERE series = ?1 AND fresh) ORDER BY sequence",
            (stream.series,),
        ).fetchall()
        length = sum(row[1] for row in rows)
        if not rows or len(rows) >= SEGMENT or length >= SEGMENT_LENGTH:
            return _Running(compressor(), stream.last_piece, stream.built, 0, 0)
        history = inflated(row[0] for row in rows)
        return _Running(compressor(history), stream.last_piece, stream.built, len(rows), length)

    def mend(self, stream: Stream, gone: set[int]) -> dict[int, bytes]:
        """Take instances out of a stream; their texts, by instance.

        Only the segments that held one, and the first, are made anew.
        """
        rows = self._connection.execute(
            "SELECT series, sequence, instance, fresh, length, data FROM piece"
            " WHERE series = ? ORDER BY sequence",
            (stream.series,),
        ).fetchall()
        taken: dict[int, bytes] = {}
        stream.crc = stream.length = 0
        stream.built += 1
        for segment in _segments([Piece(*row) for row in rows]):
            self._mend_segment(stream, segment, gone, taken)
        return taken

    def _mend_segment(
        self, stream: Stream, segment: Sequence[Piece], gone: set[int], taken: dict[int, bytes]
    ) -> None:
        texts = cut(segment)
        kept = []
        for piece, text in zip(segment, texts, strict=True):
            if piece.instance in gone:
                taken[piece.instance] = bare(text)
            else:
                kept.append((piece, text))
        changed = len(kept) < len(segment)
        if kept and stream.length == 0 and kept[0][1].startswith(b","):
            kept[0] = (kept[0][0], bare(kept[0][1]))
            changed = True
        for _, text in kept:
            stream.crc = zlib.crc32(text, stream.crc)
            stream.length += len(text)
        if changed:
            self._write_anew(segment, kept)

    def _write_anew(self, segment: Sequence[Piece], kept: Sequence[tuple[Piece, bytes]]) -> None:
        self._connection.execute(
            "DELETE FROM piece WHERE series = ? AND sequence BETWEEN ? AND ?",
            (segment[0].series, segment[0].sequence, segment[-1].sequence),
        )
        through = compressor()
        for number, (piece, text) in enumerate(kept):
            self._connection.execute(
                "INSERT INTO piece (series, sequence, instance, fresh, length, data)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (
                    piece.series,
                    piece.sequence,
                    piece.instance,
                    number == 0,
                    len(text),
                    deflated(through, text),
                ),
            )


def _segments(pieces: Sequence[Piece]) -> list[list[Piece]]:
    segments: list[list[Piece]] = []
    for piece in pieces:
        if piece.fresh or not segments:
            segments.append([])
        segments[-1].append(piece)
    return segments


def cut(segment: Sequence[Piece]) -> list[bytes]:
    """The texts of a segment's pieces."""
    text = inflated(piece.data for piece in segment)
    texts, start = [], 0
    for piece in segment:
        texts.append(text[start : start + piece.length])
        start += piece.length
    return texts


def bare(text: bytes) -> bytes:
    """A piece's text as it stands alone, without the comma that parts it from the one before."""
    return text.removeprefix(b",")
