"""Hiding, showing and forgetting instances; what is counted and told is then made from the rest."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from math import inf
from typing import Any

import orjson

from filmroom.errors import Broken, NotFound
from filmroom.index.states import Head, Owner, SeriesState, StudyState, few_of
from filmroom.index.unit import Unit
from filmroom.model.change import Action
from filmroom.model.instance import InstanceRef
from filmroom.model.selection import Selection


@dataclass(frozen=True, slots=True)
class Held:
    """An instance's row, as far as it matters for taking it away."""

    pk: int
    ref: InstanceRef
    key: str
    rejected: bool


_HELD = (
    "SELECT i.pk, s.uid, e.uid, i.uid, i.key, i.rejected IS NOT NULL FROM study s"
    " JOIN series e ON e.study = s.pk JOIN instance i ON i.series = e.pk"
)


def held(unit: Unit, selection: Selection, condition: str = "", *values: object) -> list[Held]:
    """The instances of a selection, series by series in the order in which they came."""
    unit.save()
    columns = (
        ("s.uid", selection.study),
        ("e.uid", selection.series),
        ("i.uid", selection.instance),
    )
    named = [(column, uid) for column, uid in columns if uid is not None]
    conditions = [*(f"{column} = ?" for column, _ in named), *([condition] if condition else ())]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = unit.run(
        f"{_HELD}{where} ORDER BY s.pk, e.pk, i.pk", (*(uid for _, uid in named), *values)
    )
    return [
        Held(pk, InstanceRef(study, series, uid), key, bool(rejected))
        for pk, study, series, uid, key, rejected in rows
    ]


Each = Callable[[StudyState, SeriesState, list[Held]], None]


def _by_series(unit: Unit, rows: list[Held], each: Each) -> None:
    """Change the instances of each series, then tell what is left of it and of its study."""
    for study_uid, of_study in groupby(rows, key=lambda row: row.ref.study):
        study = unit.study(study_uid)
        shown = study is not None and study.instances > 0
        for series_uid, of_series in groupby(of_study, key=lambda row: row.ref.series):
            series = unit.series(study, series_uid) if study else None
            if study is None or series is None:
                raise Broken("an instance without its series: rebuild with `filmroom reindex`")
            each(study, series, list(of_series))
            recount(unit, study, series)
        if study is not None:
            rebuild_study(unit, study, shown)


def _note(unit: Unit, action: Action, rows: Iterable[Held], source: str) -> None:
    for row in sorted(rows, key=lambda row: row.pk):
        unit.note(action, row.ref, source)


def reject(unit: Unit, selection: Selection, code: str, source: str) -> list[str]:
    """Hide what is visible of a selection; the keys."""
    rows = held(unit, selection, "i.rejected IS NULL")
    if not rows:
        raise NotFound(f"no {selection}")
    at = time.time()

    def hide(_study: StudyState, series: SeriesState, of_series: list[Held]) -> None:
        texts = take_out(unit, series, {row.pk for row in of_series})
        unit.connection.executemany(
            "INSERT INTO hidden (instance, data) VALUES (?, ?)",
            [(pk, zlib.compress(text)) for pk, text in texts.items()],
        )
        unit.connection.executemany(
            "UPDATE instance SET rejected = ?, rejected_at = ? WHERE pk = ?",
            [(code, at, row.pk) for row in of_series],
        )

    _by_series(unit, rows, hide)
    _note(unit, Action.REJECTED, rows, source)
    unit.counted["rejected"] += len(rows)
    return [row.key for row in rows]


def restore(unit: Unit, selection: Selection, source: str) -> list[str]:
    """Show what is rejected of a selection; the keys."""
    rows = held(unit, selection, "i.rejected IS NOT NULL")
    if not rows:
        raise NotFound(f"nothing is rejected of {selection}")

    def show(_study: StudyState, series: SeriesState, of_series: list[Held]) -> None:
        for row in of_series:
            (kept,) = unit.run("SELECT data FROM hidden WHERE instance = ?", (row.pk,)).fetchone()
            unit.add_piece(unit.streams.grow(series.stream, row.pk, zlib.decompress(kept)))
        numbers = [(row.pk,) for row in of_series]
        many = unit.connection.executemany
        many("DELETE FROM hidden WHERE instance = ?", numbers)
        many("UPDATE instance SET rejected = NULL, rejected_at = NULL WHERE pk = ?", numbers)

    _by_series(unit, rows, show)
    _note(unit, Action.RESTORED, rows, source)
    unit.counted["rejected"] -= len(rows)
    return [row.key for row in rows]


def remove(unit: Unit, selection: Selection, source: str) -> list[str]:
    """Forget a selection, rejected instances too; the keys."""
    rows = held(unit, selection)
    if not rows:
        raise NotFound(f"no {selection}")
    return _remove(unit, rows, source)


def purge_rejected(unit: Unit, before: float, source: str) -> list[str]:
    """Forget what was rejected before a time; the keys."""
    condition = "i.rejected_at IS NOT NULL AND i.rejected_at < ?"
    return _remove(unit, held(unit, Selection(), condition, before), source)


def _remove(unit: Unit, rows: list[Held], source: str) -> list[str]:
    def forget(study: StudyState, series: SeriesState, of_series: list[Held]) -> None:
        visible = {row.pk for row in of_series if not row.rejected}
        if visible and len(of_series) < series.held:
            take_out(unit, series, visible)
        for row in of_series:
            bury_row(unit, study, series, row.pk, row.key)
            _bury_asides(unit, row.ref)

    _by_series(unit, rows, forget)
    _note(unit, Action.DELETED, rows, source)
    unit.counted["rejected"] -= sum(row.rejected for row in rows)
    return [row.key for row in rows]


def _bury_asides(unit: Unit, ref: InstanceRef) -> None:
    named = (ref.study, ref.series, ref.instance)
    keys = unit.run(
        "DELETE FROM aside WHERE study = ? AND series = ? AND instance = ? RETURNING key", named
    ).fetchall()
    for (key,) in keys:
        _tombstone(unit, key)
    unit.counted["aside"] -= len(keys)


def _tombstone(unit: Unit, key: str) -> None:
    unit.run("INSERT OR REPLACE INTO tombstone (key, at) VALUES (?, ?)", (key, time.time()))
    unit.filled("tombstone")


def bury(unit: Unit, keys: list[str]) -> None:
    """Forget tombstones, and what blobs were recoded from."""
    unit.connection.executemany("DELETE FROM tombstone WHERE key = ?", [(key,) for key in keys])
    for key in keys:
        gone = unit.run("DELETE FROM recoded WHERE key = ? RETURNING saved", (key,)).fetchall()
        unit.counted["saved"] -= sum(saved for (saved,) in gone)


def take_out(unit: Unit, series: SeriesState, instances: set[int]) -> dict[int, bytes]:
    """Take visible instances out of their series' metadata; the texts."""
    unit.write()
    unit.touch(series)
    return unit.streams.mend(series.stream, instances)


def bury_row(unit: Unit, study: StudyState, series: SeriesState, pk: int, key: str) -> None:
    """Delete an instance's row; its blob gets a tombstone; counts of the visible stay."""
    unit.run("DELETE FROM instance WHERE pk = ?", (pk,))
    unit.run("DELETE FROM hidden WHERE instance = ?", (pk,))
    unit.forget_number("instance")
    _tombstone(unit, key)
    for owner in (study, series):
        owner.held -= 1
        unit.touch(owner)


def recount(unit: Unit, study: StudyState, series: SeriesState, *, keep: bool = False) -> None:
    """Count and tell a series anew from its rows; the study's counts follow.

    A series that holds nothing more goes, unless it is to be kept for a newcomer.
    """
    unit.write()
    rows = unit.run(
        "SELECT head, received, uid, size, sop_class, attributes FROM instance"
        " WHERE series = ? AND rejected IS NULL ORDER BY received, uid",
        (series.pk,),
    ).fetchall()
    more, size = len(rows) - series.instances, sum(row[3] for row in rows) - series.size
    shown = bool(rows) - bool(series.instances)
    study.instances += more
    study.size += size
    study.series += shown
    unit.counted.update({"instances": more, "size": size, "series": shown})
    series.instances, series.size = len(rows), series.size + size
    if not series.held and not keep:
        unit.drop(series)
        return
    _keep_heads(unit, series, rows)
    series.few = {term for row in rows for term in few_of(orjson.loads(row[5]), row[4])}
    _hear(unit, series, [(row[0], (row[1], series.uid, row[2])) for row in rows], of_study=False)
    unit.touch(series)


def _keep_heads(unit: Unit, series: SeriesState, rows: list[tuple[Any, ...]]) -> None:
    """Forget what only instances said that are gone; unsay what only rejected ones said."""
    first = {row[0]: row[1] for row in reversed(rows)}
    run = unit.run
    kept = {head for (head,) in run("SELECT head FROM instance WHERE series = ?", (series.pk,))}
    for (head,) in run("SELECT pk FROM head WHERE series = ?", (series.pk,)).fetchall():
        if head in kept:
            run("UPDATE head SET first = ? WHERE pk = ?", (first.get(head, inf), head))
        else:
            run("DELETE FROM head WHERE pk = ?", (head,))
    unit.forget_number("head")
    unit.forget_heads(series)


def _hear(
    unit: Unit,
    owner: Owner,
    tellers: list[tuple[int, tuple[float, str, str]]],
    *,
    of_study: bool,
) -> None:
    """Tell a study or series anew; `tellers` are heads and origins, the first instance first."""
    owner.unhear()
    heard = set()
    for head, origin in tellers:
        if head not in heard:
            heard.add(head)
            (kept,) = unit.run("SELECT attributes FROM head WHERE pk = ?", (head,)).fetchone()
            said = Head.read(kept)
            owner.heard(said.study if of_study else said.series, origin)


def rebuild_study(unit: Unit, study: StudyState, shown: bool, *, keep: bool = False) -> None:
    """Tell a study anew from its visible instances; `shown`: whether it had any before."""
    unit.counted["studies"] += bool(study.instances) - shown
    if not study.held and not keep:
        unit.drop(study)
        return
    rows = unit.run(
        "SELECT i.head, i.received, e.uid, i.uid, i.sop_class FROM series e"
        " JOIN instance i ON i.series = e.pk WHERE e.study = ? AND i.rejected IS NULL"
        " ORDER BY i.received, e.uid, i.uid",
        (study.pk,),
    ).fetchall()
    _hear(unit, study, [(row[0], (row[1], row[2], row[3])) for row in rows], of_study=True)
    study.sop_classes = {row[4] for row in rows}
    unit.touch(study)
    study.modalities = unit.modalities(study)
    unit.touch(study)
