"""Table rows → model objects, and the statements that read them."""

from __future__ import annotations

import sqlite3
from typing import Any

from filmroom.errors import NotFound
from filmroom.model.change import Action, Change
from filmroom.model.instance import InstanceRef, Located, Original
from filmroom.model.ports import Aside, Counts, Rejection
from filmroom.model.selection import Selection

_LOCATED = (
    "SELECT s.uid, e.uid, i.uid, i.sop_class, i.transfer_syntax, i.key, i.size, i.frame_count,"
    " i.received FROM study s JOIN series e ON e.study = s.pk JOIN instance i ON i.series = e.pk"
)
_IN_ORDER = (
    " ORDER BY s.sort DESC, s.pk, e.number IS NULL, e.number, e.pk,"
    " i.number IS NULL, i.number, i.pk"
)


def located(row: tuple[Any, ...]) -> Located:
    """A row of `_LOCATED`."""
    return Located(InstanceRef(row[0], row[1], row[2]), *row[3:])


def locate(connection: sqlite3.Connection, ref: InstanceRef) -> Located:
    """One visible instance."""
    row = connection.execute(
        f"{_LOCATED} WHERE s.uid = ? AND e.uid = ? AND i.uid = ? AND i.rejected IS NULL",
        (ref.study, ref.series, ref.instance),
    ).fetchone()
    if row is None:
        raise NotFound(f"no instance {ref.instance} in series {ref.series} of {ref.study}")
    return located(row)


def select(connection: sqlite3.Connection, selection: Selection) -> list[Located]:
    """The visible instances of a selection, in order."""
    named = (("s.uid", selection.study), ("e.uid", selection.series), ("i.uid", selection.instance))
    conditions = [f"{column} = ?" for column, uid in named if uid is not None]
    where = " AND ".join([*conditions, "i.rejected IS NULL"])
    rows = connection.execute(
        f"{_LOCATED} WHERE {where}{_IN_ORDER}", tuple(uid for _, uid in named if uid is not None)
    ).fetchall()
    if not rows:
        raise NotFound(f"no {selection}")
    return [located(row) for row in rows]


def everything(connection: sqlite3.Connection, after: int, limit: int) -> tuple[list[Located], int]:
    """A page of every instance, and what the next page comes after."""
    found = connection.execute(
        f"{_LOCATED.replace('SELECT', 'SELECT i.pk,', 1)} WHERE i.pk > ? ORDER BY i.pk LIMIT ?",
        (after, limit),
    ).fetchall()
    return [located(row[1:]) for row in found], found[-1][0] if found else after


def packed(connection: sqlite3.Connection, column: str, key: str) -> bytes:
    """The packed frame or bulk index of a blob."""
    row = connection.execute(f"SELECT {column} FROM instance WHERE key = ?", (key,)).fetchone()  # noqa: S608  # a name of ours
    if row is None:
        raise NotFound(f"no instance is kept as {key}")
    return bytes(row[0])


def original(connection: sqlite3.Connection, key: str) -> Original | None:
    """What a blob was recoded from."""
    row = connection.execute(
        "SELECT digest, size, transfer_syntax FROM recoded WHERE key = ?", (key,)
    ).fetchone()
    return None if row is None else Original(*row)


def rejections(connection: sqlite3.Connection, limit: int) -> list[Rejection]:
    """What is rejected, newest first."""
    rows = connection.execute(
        "SELECT s.uid, e.uid, i.uid, i.rejected, i.rejected_at FROM instance i"
        " JOIN series e ON e.pk = i.series JOIN study s ON s.pk = e.study"
        " WHERE i.rejected_at IS NOT NULL ORDER BY i.rejected_at DESC, i.pk LIMIT ?",
        (limit,),
    )
    return [Rejection(InstanceRef(*row[:3]), row[3], row[4]) for row in rows]


def asides(connection: sqlite3.Connection) -> list[Aside]:
    """Newcomers kept aside, newest first."""
    rows = connection.execute(
        "SELECT study, series, instance, key, size, received, source FROM aside"
        " ORDER BY received DESC, pk"
    )
    return [Aside(InstanceRef(*row[:3]), *row[3:]) for row in rows]


def tombstones(connection: sqlite3.Connection, before: float) -> list[str]:
    """Keys that no row names since before a time."""
    rows = connection.execute(
        "SELECT key FROM tombstone t WHERE at < ?"
        " AND NOT EXISTS (SELECT 1 FROM instance i WHERE i.key = t.key)"
        " AND NOT EXISTS (SELECT 1 FROM aside a WHERE a.key = t.key) ORDER BY at, key",
        (before,),
    )
    return [key for (key,) in rows]


def knows(connection: sqlite3.Connection, key: str) -> bool:
    """Whether any row names a blob."""
    (found,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM instance WHERE key = ?1)"
        " OR EXISTS (SELECT 1 FROM aside WHERE key = ?1)"
        " OR EXISTS (SELECT 1 FROM tombstone WHERE key = ?1)",
        (key,),
    ).fetchone()
    return bool(found)


def changes(connection: sqlite3.Connection, since: int, limit: int) -> list[Change]:
    """The feed after a sequence number."""
    rows = connection.execute(
        "SELECT sequence, action, study, series, instance, at, source FROM change"
        " WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (since, limit),
    )
    return [Change(row[0], Action(row[1]), InstanceRef(*row[2:5]), row[5], row[6]) for row in rows]


def counters(connection: sqlite3.Connection) -> dict[str, int]:
    """The kept counters, and the index's own id."""
    return dict(connection.execute("SELECT name, value FROM counter").fetchall())


def counts(connection: sqlite3.Connection) -> Counts:
    """How much there is."""
    kept = counters(connection)
    return Counts(
        **{name: kept[name] for name in ("studies", "series", "instances", "size")},
        rejected=kept["rejected"],
        aside=kept["aside"],
        saved=kept["saved"],
    )


def version(connection: sqlite3.Connection) -> str:
    """Changes with every line of the feed, and differs between two indexes."""
    index, sequence = connection.execute(
        "SELECT (SELECT value FROM counter WHERE name = 'id'),"
        " (SELECT coalesce(max(sequence), 0) FROM change)"
    ).fetchone()
    return f"{index:x}-{sequence}"
