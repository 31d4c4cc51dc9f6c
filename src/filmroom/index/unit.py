"""The writer's unit of work: what is remembered, and what is put off until the commit."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter, OrderedDict
from typing import Any

import orjson

from filmroom.index.postings import Postings
from filmroom.index.states import (
    FEW,
    Owner,
    SeriesState,
    StudyState,
    Term,
    dumped,
    modalities_of,
    read_origins,
)
from filmroom.index.streams import Piece, Stream, Streams
from filmroom.model.change import Action
from filmroom.model.instance import InstanceRef

MOST_KEPT = 2048  # studies and series remembered between transactions
Row = tuple[object, ...]
Known = tuple[int, float]
"""A head's number, and when it was first received."""

_STUDY = (
    "SELECT pk, uid, attributes, instances, size, held, origins, series, modalities,"
    " sop_classes, sort FROM study WHERE uid = ?"
)
_SERIES = (
    "SELECT pk, uid, attributes, instances, size, held, origins, study, last_piece, crc, length,"
    " built FROM series WHERE study = ? AND uid = ?"
)
_SAVE_STUDY = (
    "INSERT INTO study (pk, uid, attributes, instances, size, held, origins, series, modalities,"
    " sop_classes, sort) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (pk) DO UPDATE SET"
    " attributes = excluded.attributes, instances = excluded.instances, size = excluded.size,"
    " held = excluded.held, origins = excluded.origins, series = excluded.series,"
    " modalities = excluded.modalities, sop_classes = excluded.sop_classes, sort = excluded.sort"
)
_SAVE_SERIES = (
    "INSERT INTO series (pk, uid, attributes, instances, size, held, origins, study, last_piece,"
    " crc, length, built, number) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (pk) DO UPDATE SET attributes = excluded.attributes,"
    " instances = excluded.instances, size = excluded.size, held = excluded.held,"
    " origins = excluded.origins, last_piece = excluded.last_piece, crc = excluded.crc,"
    " length = excluded.length, built = excluded.built, number = excluded.number"
)
_ADD_INSTANCE = (
    "INSERT INTO instance (pk, series, uid, number, head, sop_class, transfer_syntax, key, size,"
    " received, source, frame_count, attributes, frames, bulk)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_ADD_PIECE = (
    "INSERT INTO piece (series, sequence, instance, fresh, length, data) VALUES (?, ?, ?, ?, ?, ?)"
)
_ADD_CHANGE = "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?, ?)"


class Unit:
    """One transaction after another, on the writer's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.run = connection.execute
        self.streams = Streams(connection)
        self.postings = Postings(connection)
        self.counted: Counter[str] = Counter()
        self.heads: OrderedDict[tuple[int, bytes], Known] = OrderedDict()
        self._studies: OrderedDict[str, StudyState] = OrderedDict()
        self._series: OrderedDict[tuple[int, str], SeriesState] = OrderedDict()
        self._next: dict[str, int] = {}
        self._seen = -1
        self._filled: dict[str, bool] = {}
        self._touched: dict[int, StudyState | SeriesState] = {}
        self._instances: dict[tuple[int, str], Row] = {}
        self._pieces: list[Row] = []
        self._changes: list[Row] = []

    # -- the transaction -----------------------------------------------------------------

    def begin(self) -> None:
        """Forget what another process may have changed since the last transaction."""
        (version,) = self.run("PRAGMA data_version").fetchone()
        if version != self._seen:
            self._forget_rows()
            self._seen = version
        self._filled.clear()

    def forget(self) -> None:
        """Forget everything, also what was to be written."""
        self._forget_rows()
        self.streams.forget()
        self.counted.clear()
        self._touched.clear()
        self._filled.clear()
        self._instances.clear()
        self._pieces.clear()
        self._changes.clear()

    def _forget_rows(self) -> None:
        self._studies.clear()
        self._series.clear()
        self.postings.forget()
        self._next.clear()
        self.heads.clear()

    def flush(self) -> None:
        """Write everything that was put off."""
        self.save()
        for name, more in self.counted.items():
            if more:
                self.run("UPDATE counter SET value = value + ? WHERE name = ?", (more, name))
        self.counted.clear()
        for kept in (self._studies, self._series, self.heads):
            while len(kept) > MOST_KEPT:
                kept.popitem(last=False)
        self.postings.tidy()

    def save(self) -> None:
        """Write every row that waits."""
        self.write()
        for owner in self._touched.values():
            if isinstance(owner, StudyState):
                self._save_study(owner)
            else:
                self._save_series(owner)
        self._touched.clear()

    def write(self) -> None:
        """Write the instances, pieces and changes that wait, so that queries see them."""
        many = self.connection.executemany
        if self._instances:
            many(_ADD_INSTANCE, self._instances.values())
            self._instances.clear()
        if self._pieces:
            many(_ADD_PIECE, self._pieces)
            self._pieces.clear()
        if self._changes:
            many(_ADD_CHANGE, self._changes)
            self._changes.clear()

    def next(self, table: str, column: str = "pk") -> int:
        """The next number of a table: its rows are numbered by the one writer."""
        number = self._next.get(table)
        if number is None:
            self.write()
            (number,) = self.run(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()  # noqa: S608  # names of ours
        self._next[table] = number + 1
        return int(number) + 1

    def has(self, table: str) -> bool:
        """Whether a table that is mostly empty has a row."""
        if table not in self._filled:
            (found,) = self.run(f"SELECT EXISTS (SELECT 1 FROM {table})").fetchone()  # noqa: S608  # names of ours
            self._filled[table] = bool(found)
        return self._filled[table]

    def filled(self, table: str) -> None:
        """A row was put into a table that is mostly empty."""
        self._filled[table] = True

    def bring_back(self, key: str) -> None:
        """A blob is needed again: no tombstone for it."""
        if self.has("tombstone"):
            self.run("DELETE FROM tombstone WHERE key = ?", (key,))

    def forget_number(self, table: str) -> None:
        """Look up a table's next number anew: rows of it were deleted."""
        self._next.pop(table, None)

    # -- instances -----------------------------------------------------------------------

    def add_instance(self, series: int, uid: str, row: Row) -> None:
        """Put an instance's row off until the end."""
        self._instances[(series, uid)] = row

    def instance_row(self, series: int, uid: str) -> tuple[int, str, bool] | None:
        """The number and key of an instance that is held, and whether it is rejected."""
        waiting = self._instances.get((series, uid))
        if waiting is not None:
            self.write()
        row = self.run(
            "SELECT pk, key, rejected IS NOT NULL FROM instance WHERE series = ? AND uid = ?",
            (series, uid),
        ).fetchone()
        return (row[0], row[1], bool(row[2])) if row else None

    def add_piece(self, piece: Piece) -> None:
        """Put a piece of metadata off until the end."""
        self._pieces.append(
            (piece.series, piece.sequence, piece.instance, piece.fresh, piece.length, piece.data)
        )

    def note(self, action: Action, ref: InstanceRef, source: str) -> None:
        """Write a line of the change feed."""
        number = self.next("change", "sequence")
        self._changes.append(
            (number, str(action), ref.study, ref.series, ref.instance, time.time(), source)
        )

    def head(self, series: SeriesState, digest: bytes) -> Known | None:
        """What is known of a head, if its series has heard it before."""
        known = self.heads.get((series.pk, digest))
        if known is None:
            known = self.run(
                "SELECT pk, first FROM head WHERE series = ? AND digest = ?", (series.pk, digest)
            ).fetchone()
            if known is not None:
                self.heads[(series.pk, digest)] = known
        return known

    def save_head(
        self, series: SeriesState, digest: bytes, kept: bytes, first: float, known: Known | None
    ) -> int:
        """Write a new head, or an earlier time of one; its number."""
        if known is None:
            pk = self.next("head")
            self.run(
                "INSERT INTO head (pk, series, digest, first, attributes) VALUES (?, ?, ?, ?, ?)",
                (pk, series.pk, digest, first, kept),
            )
        else:
            pk = known[0]
            self.run("UPDATE head SET first = ? WHERE pk = ?", (first, pk))
        self.heads[(series.pk, digest)] = (pk, first)
        return pk

    def forget_heads(self, series: SeriesState) -> None:
        """Look up a series' heads anew."""
        for known in [known for known in self.heads if known[0] == series.pk]:
            del self.heads[known]

    # -- studies and series --------------------------------------------------------------

    def study(self, uid: str) -> StudyState | None:
        """A study, if any instance of it is held."""
        state = self._studies.get(uid)
        if state is None:
            row = self.run(_STUDY, (uid,)).fetchone()
            if row is None:
                return None
            state = StudyState(
                row[0],
                row[1],
                series=row[7],
                sort=row[10] or "",
                posted_sort=row[10] or "",
                retold=False,
            )
            _fill(state, row)
            state.modalities, state.sop_classes = (set(orjson.loads(json)) for json in row[8:10])
            self._studies[uid] = state
        return state

    def new_study(self, uid: str) -> StudyState:
        """A study that begins now."""
        state = StudyState(self.next("study"), uid, posted=set())
        self._studies[uid] = state
        return state

    def series(self, study: StudyState, uid: str) -> SeriesState | None:
        """A series, if any instance of it is held."""
        state = self._series.get((study.pk, uid))
        if state is None:
            row = self.run(_SERIES, (study.pk, uid)).fetchone()
            if row is None:
                return None
            state = SeriesState(row[0], row[1], study=row[7], retold=False)
            _fill(state, row)
            state.stream = Stream(row[0], *row[8:12])
            self._series[(study.pk, uid)] = state
        return state

    def new_series(self, study: StudyState, uid: str) -> SeriesState:
        """A series that begins now."""
        pk = self.next("series")
        state = SeriesState(pk, uid, posted=set(), study=study.pk, stream=Stream(pk), few=set())
        self._series[(study.pk, uid)] = state
        return state

    def touch(self, owner: StudyState | SeriesState) -> None:
        """Have a study or series saved at the end."""
        self._touched[id(owner)] = owner

    def drop(self, owner: StudyState | SeriesState) -> None:
        """Remove a study or series that holds nothing any more."""
        owner.instances = 0
        self._touched.pop(id(owner), None)
        if isinstance(owner, StudyState):
            self.postings.make(owner, "study")
            self.run("DELETE FROM study WHERE pk = ?", (owner.pk,))
            self._studies.pop(owner.uid, None)
            self.forget_number("study")
            return
        self.postings.make(owner, "series")
        self.run("DELETE FROM head WHERE series = ?", (owner.pk,))
        self.run("DELETE FROM piece WHERE series = ?", (owner.pk,))
        self.run("DELETE FROM series WHERE pk = ?", (owner.pk,))
        self.forget_heads(owner)
        self.forget_number("head")
        self._series.pop((owner.study, owner.uid), None)
        self.forget_number("series")

    def few(self, series: SeriesState) -> set[Term]:
        """The terms of a series' instances."""
        if series.few is None:
            series.few = {term for term in self.postings.of(series, "series") if term[0] in FEW}
        return series.few

    def modalities(self, study: StudyState) -> set[str]:
        """The modalities of a study's series that have something to show."""
        self.save()
        rows = self.run(
            "SELECT attributes FROM series WHERE study = ? AND instances > 0", (study.pk,)
        )
        return {text for (kept,) in rows for text in modalities_of(orjson.loads(kept))}

    # -- saving --------------------------------------------------------------------------

    def _save_study(self, study: StudyState) -> None:
        if study.retold:
            study.resort()
            self.postings.make(study, "study")
        self.run(
            _SAVE_STUDY,
            (
                study.pk,
                study.uid,
                dumped(study.attributes),
                study.instances,
                study.size,
                study.held,
                study.dumped_origins(),
                study.series,
                orjson.dumps(sorted(study.modalities)),
                orjson.dumps(sorted(study.sop_classes)),
                study.sort if study.instances else None,
            ),
        )

    def _save_series(self, series: SeriesState) -> None:
        if series.retold:
            self.few(series)
            self.postings.make(series, "series")
        stream = series.stream
        self.run(
            _SAVE_SERIES,
            (
                series.pk,
                series.uid,
                dumped(series.attributes),
                series.instances,
                series.size,
                series.held,
                series.dumped_origins(),
                series.study,
                stream.last_piece,
                stream.crc,
                stream.length,
                stream.built,
                series.number,
            ),
        )


def _fill(state: Owner, row: tuple[Any, ...]) -> None:
    state.attributes = orjson.loads(row[2])
    state.instances, state.size, state.held = row[3:6]
    state.origins = read_origins(row[6])
