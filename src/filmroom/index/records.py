"""Records in a table of the index's file, and in memory: a `Records` of either kind of index."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import orjson

from filmroom.errors import Broken, Conflict, NotFound
from filmroom.index.unit import Unit
from filmroom.index.writer import R
from filmroom.model.records import Record

_COLUMNS = "kind, key, value, state, due, version"
_NEXT = "UPDATE counter SET value = value + 1 WHERE name = 'records' RETURNING value"
_PUT = (
    "INSERT INTO record (kind, key, value, state, due, version) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, state = excluded.state,"
    " due = excluded.due, version = excluded.version"
)
Row = tuple[str, str, bytes, str, float | None, int]


class _Change(Protocol):
    """Makes a change in a transaction and waits until it is on stable storage."""

    def __call__(self, make: Callable[[Unit], R], /) -> R: ...


class SqliteRecords:
    """A `Records` in the file of an SQLite index; changes share the commits of its writer."""

    def __init__(
        self, change: _Change, reading: Callable[[], AbstractContextManager[sqlite3.Connection]]
    ) -> None:
        self._change = change
        self._reading = reading

    def get(self, kind: str, key: str) -> Record:
        with self._reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM record WHERE kind = ? AND key = ?",  # noqa: S608 - constant
                (kind, key),
            ).fetchone()
        if row is None:
            raise _none(kind, key)
        return _record(row)

    def put(self, record: Record) -> Record:
        return self._change(partial(_put, record, _dumped(record.value)))

    def remove(self, kind: str, key: str) -> bool:
        return self._change(partial(_remove, kind, key))

    def list(
        self,
        kind: str,
        *,
        state: str | None = None,
        due: float | None = None,
        after: str = "",
        limit: int = 1000,
        backwards: bool = False,
    ) -> list[Record]:
        terms: dict[str, object] = {"kind = ?": kind}
        if after:
            terms["key < ?" if backwards else "key > ?"] = after
        if state is not None:
            terms["state = ?"] = state
        if due is not None:
            terms["due <= ?"] = due
        where, order = " AND ".join(terms), "DESC" if backwards else "ASC"
        with self._reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM record WHERE {where} ORDER BY key {order} LIMIT ?",  # noqa: S608 - constants
                (*terms.values(), max(limit, 0)),
            ).fetchall()
        return [_record(row) for row in rows]

    def kinds(self) -> Sequence[str]:
        with self._reading() as connection:
            rows = connection.execute("SELECT DISTINCT kind FROM record ORDER BY kind").fetchall()
        return [kind for (kind,) in rows]


def _put(record: Record, value: bytes, unit: Unit) -> Record:
    row = unit.run(
        "SELECT version FROM record WHERE kind = ? AND key = ?", (record.kind, record.key)
    ).fetchone()
    _check(record, row[0] if row else 0)
    (version,) = unit.run(_NEXT).fetchone()
    unit.run(_PUT, (record.kind, record.key, value, record.state, record.due, version))
    return replace(record, version=version)


def _remove(kind: str, key: str, unit: Unit) -> bool:
    return unit.run("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key)).rowcount > 0


@dataclass(slots=True)
class MemoryRecords:
    """A `Records` that forgets everything when it goes."""

    _rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    _last: int = 0
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, kind: str, key: str) -> Record:
        row = self._open().get((kind, key))
        if row is None:
            raise _none(kind, key)
        return _record(row)

    def put(self, record: Record) -> Record:
        value = _dumped(record.value)
        with self._lock:
            rows, place = self._open(), (record.kind, record.key)
            _check(record, rows[place][5] if place in rows else 0)
            self._last += 1
            rows[place] = (*place, value, record.state, record.due, self._last)
            return replace(record, version=self._last)

    def remove(self, kind: str, key: str) -> bool:
        with self._lock:
            return self._open().pop((kind, key), None) is not None

    def list(
        self,
        kind: str,
        *,
        state: str | None = None,
        due: float | None = None,
        after: str = "",
        limit: int = 1000,
        backwards: bool = False,
    ) -> list[Record]:
        with self._lock:
            rows = sorted(self._open().items(), reverse=backwards)
        found = [
            row
            for _, row in rows
            if row[0] == kind
            and (not after or (row[1] < after if backwards else row[1] > after))
            and (state is None or row[3] == state)
            and (due is None or (row[4] is not None and row[4] <= due))
        ]
        return [_record(row) for row in found[: max(limit, 0)]]

    def kinds(self) -> Sequence[str]:
        with self._lock:
            return sorted({kind for kind, _ in self._open()})

    def close(self) -> None:
        """Give nothing any more."""
        self._closed = True

    def _open(self) -> dict[tuple[str, str], Row]:
        if self._closed:
            raise Broken("the index is closed")
        return self._rows


def _dumped(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(dict(value))


def _record(row: Row) -> Record:
    kind, key, value, state, due, version = row
    return Record(kind, key, orjson.loads(value), state, due, version)


def _check(record: Record, version: int) -> None:
    """Refuse what was made of another version than the one that is there."""
    if record.version != version:
        raise Conflict(f"{record.kind} {record.key!r} was changed meanwhile")


def _none(kind: str, key: str) -> NotFound:
    return NotFound(f"no {kind} {key!r}")
