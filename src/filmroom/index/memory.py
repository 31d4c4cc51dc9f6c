"""The index as plain dicts: the readable specification, and the double in tests."""

from __future__ import annotations

import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from filmroom.dicom.bulk import BulkIndex
from filmroom.dicom.frames import FrameIndex
from filmroom.errors import ArchiveError, Broken, Conflict, NotFound
from filmroom.index.memory_search import Search
from filmroom.index.records import MemoryRecords
from filmroom.model.change import Action, Change
from filmroom.model.instance import Attributes, Instance, InstanceRef, Located, Original
from filmroom.model.metadata import Metadata
from filmroom.model.ports import Added, Aside, Counts, Rejection
from filmroom.model.query import Found, Query
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict, Outcome

P = ParamSpec("P")
R = TypeVar("R")
OTHER_PATIENT = "the study's other instances have another PatientID"


def open_index(_url: str) -> MemoryIndex:
    """A new index, empty and gone when it is closed."""
    return MemoryIndex()


@dataclass(slots=True)
class Row:
    """One instance and what became of it."""

    instance: Instance
    arrived: int
    rejection: Rejection | None = None


@dataclass(slots=True)
class Held:
    """Everything that the index knows."""

    rows: dict[InstanceRef, Row] = field(default_factory=dict)
    asides: list[Aside] = field(default_factory=list)
    tombstones: dict[str, float] = field(default_factory=dict)
    originals: dict[str, tuple[Original, int]] = field(default_factory=dict)
    """What blobs were recoded from, and how many bytes that saved."""
    changes: list[Change] = field(default_factory=list)
    arrivals: int = 0
    """Rises with each study, series and instance; the later is the greater."""
    born: dict[tuple[str, ...], int] = field(default_factory=dict)
    """When a study, or a series of it, came to be: by its UIDs."""

    def visible(self) -> list[Row]:
        """The instances that are not rejected."""
        return [row for row in self.rows.values() if row.rejection is None]


def _whole(
    method: Callable[Concatenate[MemoryIndex, P], R],
) -> Callable[Concatenate[MemoryIndex, P], R]:
    """A method that has the index to itself while it runs, and needs it open."""

    @wraps(method)
    def alone(self: MemoryIndex, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            if self.closed:
                raise Broken("the index is closed")
            return method(self, *args, **kwargs)

    return cast("Callable[Concatenate[MemoryIndex, P], R]", alone)


class MemoryIndex:
    """An `InstanceIndex` that forgets everything when it goes."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.closed = False
        self._held = Held()
        self.records = MemoryRecords()

    @_whole
    def add_all(
        self, instances: Sequence[Instance], on_conflict: OnConflict = OnConflict.KEEP_FIRST
    ) -> list[Added | ArchiveError]:
        added: list[Added | ArchiveError] = []
        for instance in instances:
            try:
                added.append(self.add(instance, on_conflict))
            except ArchiveError as refusal:
                added.append(refusal)
        return added

    @_whole
    def add(self, instance: Instance, on_conflict: OnConflict = OnConflict.KEEP_FIRST) -> Added:
        there = self._held.rows.get(instance.ref)
        if there is not None and there.rejection is not None:
            self._drop(there)
            there = None
        if there is None:
            return self._put(instance, Action.STORED, Outcome.NEW)
        if there.instance.key == instance.key or self._sent(there.instance) == self._sent(instance):
            return Added(Outcome.SAME)
        if on_conflict is OnConflict.REFUSE:
            raise Conflict(f"instance {instance.ref.instance} is there with other bytes")
        if on_conflict is OnConflict.REPLACE:
            self._drop(there)
            return self._put(instance, Action.REPLACED, Outcome.REPLACED)
        self._remember_original(instance)
        aside = Aside(instance.ref, instance.key, instance.size, instance.received, instance.source)
        if not any(a.ref == aside.ref and a.key == aside.key for a in self._held.asides):
            self._held.asides.append(aside)
            self._held.tombstones.pop(instance.key, None)
        return Added(Outcome.KEPT_FIRST)

    def _put(self, instance: Instance, action: Action, outcome: Outcome) -> Added:
        held, ref = self._held, instance.ref
        self._remember_original(instance)
        patient = Search.patient(instance)
        told = Search.told_patient(
            row for row in held.visible() if row.instance.ref.study == ref.study
        )
        other = bool(patient and told and not patient & told)
        for uids in ((ref.study,), (ref.study, ref.series)):
            if uids not in held.born:
                held.born[uids] = held.arrivals = held.arrivals + 1
        held.arrivals += 1
        held.rows[ref] = Row(instance, held.arrivals)
        held.tombstones.pop(instance.key, None)
        held.asides = [a for a in held.asides if (a.ref, a.key) != (ref, instance.key)]
        self._note(action, ref, instance.source)
        return Added(outcome, (OTHER_PATIENT,) if other else ())

    def _sent(self, instance: Instance) -> str:
        """The digest of what was sent for an instance."""
        original = self._held.originals.get(instance.key, (instance.original, 0))[0]
        return original.digest if original else instance.key

    def _remember_original(self, instance: Instance) -> None:
        original = instance.original
        if original is not None:
            saved = original.size - instance.size
            self._held.originals.setdefault(instance.key, (original, saved))

    def _drop(self, row: Row) -> None:
        """Take a row away; its study and series stay for a newcomer."""
        del self._held.rows[row.instance.ref]
        self._held.tombstones[row.instance.key] = time.time()

    def _forget(self, row: Row) -> None:
        held, ref = self._held, row.instance.ref
        self._drop(row)
        if not any(other.study == ref.study for other in held.rows):
            del held.born[(ref.study,)]
        if not any((o.study, o.series) == (ref.study, ref.series) for o in held.rows):
            del held.born[(ref.study, ref.series)]

    def _note(self, action: Action, ref: InstanceRef, source: str) -> None:
        changes = self._held.changes
        changes.append(Change(len(changes) + 1, action, ref, time.time(), source))

    @_whole
    def find(self, query: Query) -> Found:
        return Search(self._held.visible(), self._held.born).answer(query, self._version())

    def pages(self, query: Query, size: int) -> Iterator[list[Attributes]]:
        found = self.find(replace(query, limit=sys.maxsize, offset=0)).matches
        for at in range(0, len(found), size):
            yield found[at : at + size]

    @_whole
    def version(self) -> str:
        return self._version()

    def _version(self) -> str:
        return f"{id(self._held):x}-{len(self._held.changes)}"

    @_whole
    def locate(self, ref: InstanceRef) -> Located:
        row = self._held.rows.get(ref)
        if row is None or row.rejection is not None:
            raise NotFound(f"no instance {ref.instance} in series {ref.series} of {ref.study}")
        return _located(row.instance)

    @_whole
    def select(self, selection: Selection) -> list[Located]:
        rows = self._visible(selection)
        return [_located(row.instance) for row in Search(rows, self._held.born).in_order()]

    def _visible(self, selection: Selection) -> list[Row]:
        rows = [row for row in self._held.visible() if _names(selection, row.instance.ref)]
        if not rows:
            raise NotFound(f"no {selection}")
        return rows

    @_whole
    def frames(self, key: str) -> FrameIndex:
        return self._by_key(key).frames

    @_whole
    def bulk(self, key: str) -> BulkIndex:
        return self._by_key(key).bulk

    @_whole
    def original(self, key: str) -> Original | None:
        return self._held.originals.get(key, (None, 0))[0]

    def _by_key(self, key: str) -> Instance:
        for row in self._held.rows.values():
            if row.instance.key == key:
                return row.instance
        raise NotFound(f"no instance is kept as {key}")

    @_whole
    def metadata(self, selection: Selection) -> Metadata:
        rows = sorted(self._visible(selection), key=self._kept_order)
        text = b"[" + b",".join(row.instance.metadata for row in rows) + b"]"
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        piece = deflate.compress(text) + deflate.flush()
        return Metadata([piece], zlib.crc32(text), len(text), self._version())

    def _kept_order(self, row: Row) -> tuple[int, int]:
        ref = row.instance.ref
        return self._held.born[(ref.study, ref.series)], row.arrived

    @_whole
    def reject(self, selection: Selection, code: str, source: str) -> list[str]:
        rows = self._visible(selection)
        for row in sorted(rows, key=_arrived):
            row.rejection = Rejection(row.instance.ref, code, time.time())
            self._note(Action.REJECTED, row.instance.ref, source)
        return [row.instance.key for row in rows]

    @_whole
    def restore(self, selection: Selection, source: str) -> list[str]:
        rows = [
            row
            for row in self._held.rows.values()
            if row.rejection is not None and _names(selection, row.instance.ref)
        ]
        if not rows:
            raise NotFound(f"nothing is rejected of {selection}")
        for row in sorted(rows, key=_arrived):
            row.rejection = None
            self._note(Action.RESTORED, row.instance.ref, source)
        return [row.instance.key for row in rows]

    @_whole
    def rejections(self, limit: int = 1000) -> list[Rejection]:
        found = [row.rejection for row in self._held.rows.values() if row.rejection is not None]
        return sorted(found, key=lambda rejection: rejection.at, reverse=True)[:limit]

    @_whole
    def remove(self, selection: Selection, source: str) -> list[str]:
        rows = [r for r in self._held.rows.values() if _names(selection, r.instance.ref)]
        if not rows:
            raise NotFound(f"no {selection}")
        return self._remove(rows, source)

    def _remove(self, rows: list[Row], source: str) -> list[str]:
        held = self._held
        for row in sorted(rows, key=_arrived):
            ref = row.instance.ref
            self._forget(row)
            self._note(Action.DELETED, ref, source)
            for aside in held.asides:
                if aside.ref == ref:
                    held.tombstones[aside.key] = time.time()
            held.asides = [aside for aside in held.asides if aside.ref != ref]
        return [row.instance.key for row in rows]

    @_whole
    def purge_rejected(self, before: float, source: str) -> list[str]:
        rows = [
            row
            for row in self._held.rows.values()
            if row.rejection is not None and row.rejection.at < before
        ]
        return self._remove(rows, source)

    @_whole
    def tombstones(self, before: float) -> list[str]:
        named = self._named()
        return [
            key for key, at in self._held.tombstones.items() if at < before and key not in named
        ]

    @_whole
    def bury(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._held.tombstones.pop(key, None)
            self._held.originals.pop(key, None)

    @_whole
    def knows(self, key: str) -> bool:
        return key in self._named() or key in self._held.tombstones

    def _named(self) -> set[str]:
        held = self._held
        return {row.instance.key for row in held.rows.values()} | {a.key for a in held.asides}

    def located(self) -> Iterator[Located]:
        yield from self._all_located()

    @_whole
    def _all_located(self) -> list[Located]:
        return [_located(row.instance) for row in self._held.rows.values()]

    @_whole
    def asides(self) -> list[Aside]:
        return sorted(self._held.asides, key=lambda aside: aside.received, reverse=True)

    @_whole
    def changes(self, since: int = 0, limit: int = 1000) -> Sequence[Change]:
        return self._held.changes[max(since, 0) :][:limit]

    @_whole
    def counts(self) -> Counts:
        visible = self._held.visible()
        refs = [row.instance.ref for row in visible]
        return Counts(
            studies=len({ref.study for ref in refs}),
            series=len({(ref.study, ref.series) for ref in refs}),
            instances=len(refs),
            size=sum(row.instance.size for row in visible),
            rejected=len(self._held.rows) - len(visible),
            aside=len(self._held.asides),
            saved=sum(saved for _, saved in self._held.originals.values()),
        )

    def close(self) -> None:
        with self.lock:
            self.closed = True
            self.records.close()


def _arrived(row: Row) -> int:
    return row.arrived


def _names(selection: Selection, ref: InstanceRef) -> bool:
    named = (selection.study, selection.series, selection.instance)
    return all(
        uid is None or uid == held
        for uid, held in zip(named, (ref.study, ref.series, ref.instance), strict=True)
    )


def _located(instance: Instance) -> Located:
    return Located(
        instance.ref,
        instance.sop_class,
        instance.transfer_syntax,
        instance.key,
        instance.size,
        len(instance.frames),
        instance.received,
    )
