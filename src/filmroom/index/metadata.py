"""Reading metadata that is kept ready to send, without parsing it."""

from __future__ import annotations

import sqlite3
import zlib
from hashlib import blake2b

from filmroom.dicom.levels import Level
from filmroom.errors import NotFound
from filmroom.index.crc import combined
from filmroom.index.streams import (
    BETWEEN,
    CLOSE,
    OPEN,
    Piece,
    bare,
    compressor,
    cut,
    deflated,
)
from filmroom.model.metadata import Metadata
from filmroom.model.selection import Selection

_OPEN_CRC, _COMMA_CRC, _CLOSE_CRC = (zlib.crc32(sign) for sign in (b"[", b",", b"]"))
_STREAMS = (
    "SELECT e.pk, e.crc, e.length, e.last_piece, e.built FROM study s"
    " JOIN series e ON e.study = s.pk WHERE e.instances > 0"
)


def metadata(connection: sqlite3.Connection, selection: Selection) -> Metadata:
    """The data sets of a selection, as one JSON array in deflate pieces.

    Runs in a transaction of the caller's, so that streams and pieces agree.
    """
    if selection.level is Level.IMAGE:
        return _one(connection, selection)
    named = (("s.uid", selection.study), ("e.uid", selection.series))
    where = "".join(f" AND {column} = ?" for column, uid in named if uid is not None)
    streams = connection.execute(
        f"{_STREAMS}{where} ORDER BY e.pk", tuple(uid for _, uid in named if uid is not None)
    ).fetchall()
    if not streams:
        raise NotFound(f"no {selection}")
    pieces, crc, length = [OPEN], _OPEN_CRC, 1
    for number, (pk, series_crc, series_length, _, _) in enumerate(streams):
        if number:
            pieces.append(BETWEEN)
            crc, length = combined(crc, _COMMA_CRC, 1), length + 1
        rows = connection.execute(
            "SELECT data FROM piece WHERE series = ? ORDER BY sequence", (pk,)
        )
        pieces += [data for (data,) in rows]
        crc, length = combined(crc, series_crc, series_length), length + series_length
    pieces.append(CLOSE)
    return Metadata(pieces, combined(crc, _CLOSE_CRC, 1), length + 1, _version(streams))


def _version(streams: list[tuple[int, ...]]) -> str:
    return blake2b(repr(streams).encode(), digest_size=16).hexdigest()


def _one(connection: sqlite3.Connection, selection: Selection) -> Metadata:
    row = connection.execute(
        "SELECT p.series, p.sequence FROM study s JOIN series e ON e.study = s.pk"
        " JOIN instance i ON i.series = e.pk"
        " JOIN piece p ON p.series = e.pk AND p.instance = i.pk"
        " WHERE s.uid = ? AND e.uid = ? AND i.uid = ? AND i.rejected IS NULL",
        (selection.study, selection.series, selection.instance),
    ).fetchone()
    if row is None:
        raise NotFound(f"no {selection}")
    rows = connection.execute(
        "SELECT series, sequence, instance, fresh, length, data FROM piece"
        " WHERE series = ?1 AND sequence <= ?2 AND sequence >="
        " (SELECT max(sequence) FROM piece WHERE series = ?1 AND sequence <= ?2 AND fresh)"
        " ORDER BY sequence",
        row,
    ).fetchall()
    text = bare(cut([Piece(*one) for one in rows])[-1])
    whole = b"[" + text + b"]"
    crc = zlib.crc32(whole)
    version = blake2b(whole, digest_size=16).hexdigest()
    return Metadata([OPEN, deflated(compressor(), text), CLOSE], crc, len(whole), version)
