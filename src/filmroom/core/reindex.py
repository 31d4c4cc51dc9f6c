"""Reindex: a new index from the blobs alone, and the ledger's deeds done again.

Blobs are put in as they came, by the time that each carries, so that what was first
stays first; between them come the ledger's lines, in their own order.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from time import time
from types import MappingProxyType

from filmroom.core import ledger
from filmroom.core.ledger import Deed, Entry
from filmroom.core.parallel import in_order
from filmroom.core.recoding import original_of
from filmroom.core.store import new_instance, scan_limits
from filmroom.dicom.scan import scan
from filmroom.errors import ArchiveError, Broken, NotFound, Refused
from filmroom.model.instance import Instance, InstanceRef, Original
from filmroom.model.ports import Blob, InstanceIndex, Storage
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict, Outcome
from filmroom.settings import Settings

log = logging.getLogger(__name__)
SOURCE = "reindex"
SMALL = 16 << 20  # bytes: up to here a blob is read at once, above it is mapped
STORES = frozenset((Deed.STORED, Deed.KEPT_FIRST, Deed.REPLACED))


@dataclass(frozen=True, slots=True)
class Reindexed:
    """One blob that was put into the new index, or could not be."""

    key: str
    ref: InstanceRef | None = None
    problem: str = ""
    """Why it could not be; the blob stays, and `sweep` spares it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A blob that comes into the archive."""

    key: str
    at: float
    """Seconds since the epoch."""
    source: str = SOURCE
    mode: OnConflict = OnConflict.KEEP_FIRST


Event = Arrival | Entry


def reindex(
    storage: Storage,
    settings: Settings,
    fresh: InstanceIndex,
    previous: InstanceIndex | None = None,
    pool: Executor | None = None,
) -> Iterator[Reindexed]:
    """Fill `fresh`, an empty index, from a storage; it is complete when this is used up.

    From the `previous` index, where it can still be read, come the records, which no blob
    tells, and the order in which instances came within the same moment. `pool` scans the
    blobs: processes are faster than threads, where storage and settings can be handed to them.
    """
    entries, originals = _read(storage)
    events = plan(storage.blobs(), entries, _ranks(previous))
    replay = Replay(fresh, {key for entry in entries for key in entry.keys}, originals)
    spared = []
    with contextlib.ExitStack() as stack:
        workers = pool or stack.enter_context(ThreadPoolExecutor(os.cpu_count(), "reindex"))
        for seen in in_order(workers, partial(_look, storage, settings), events, ahead=64):
            if isinstance(seen, Entry):
                replay.do_again(seen)
            elif isinstance(seen, Found):
                yield replay.take(seen)
            else:
                spared.append(seen.key)
                yield seen
    news = tuple(sorted(set(spared) - ledger.spared(storage)))
    ledger.write(storage, Entry(Deed.SPARED, news, time(), SOURCE))
    if previous is not None:
        copy_records(previous, fresh)


def copy_records(previous: InstanceIndex, fresh: InstanceIndex) -> None:
    """Bring the records over, as many as can be read."""
    try:
        for kind in previous.records.kinds():
            after: str | None = ""
            while after is not None:
                page = previous.records.list(kind, after=after)
                for record in page:
                    fresh.records.put(replace(record, version=0))
                after = page[-1].key if page else None
    except ArchiveError as error:
        log.warning("not all records could be kept", extra={"problem": str(error)})


def _read(storage: Storage) -> tuple[list[Entry], dict[str, Original]]:
    """The ledger's deeds, and what blobs were recoded from."""
    entries, originals = [], {}
    for entry in ledger.read(storage):
        original = original_of(entry) if entry.deed is Deed.RECODED else None
        if original is not None:
            originals.update(dict.fromkeys(entry.keys, original))
        elif entry.deed not in (Deed.SPARED, Deed.RECODED):
            entries.append(entry)
    return entries, originals


def _ranks(previous: InstanceIndex | None) -> dict[int, int]:
    """By a piece of each key, when its row came."""
    try:
        rows = previous.located() if previous else ()
        return {_piece(row.key): rank for rank, row in enumerate(rows)}
    except ArchiveError:
        return {}


def _piece(key: str) -> int:
    return int(key[:15], 16)  # fits a small number: there may be millions


def plan(
    blobs: Iterable[Blob], entries: Sequence[Entry], ranks: Mapping[int, int] = MappingProxyType({})
) -> Iterator[Event]:
    """What happened to the archive, in order; `ranks` say what came first, where they know."""
    times = list(accumulate((entry.at for entry in entries), max))  # a clock may be set back
    lines: defaultdict[str, list[int]] = defaultdict(list)
    for number, entry in enumerate(entries):
        for key in entry.keys:
            lines[key].append(number)
    there: dict[str, float] = {}
    arrivals: list[tuple[int, float, float, str]] = []
    for blob in blobs:
        before = bisect_left(times, blob.modified)
        named = lines.get(blob.key, [])
        if named:
            there[blob.key] = blob.modified
        rank = ranks.get(_piece(blob.key), math.inf)
        places = _places(before, named, entries)
        arrivals += [(place, rank, blob.modified, blob.key) for place in places]
    arrivals.sort(reverse=True)
    for number, entry in enumerate(entries):
        while arrivals and arrivals[-1][0] <= number:
            yield _arrival(arrivals.pop())
        if entry.deed in STORES:
            yield from _again(entry, there)
        else:
            yield entry
    while arrivals:
        yield _arrival(arrivals.pop())


def _arrival(place: tuple[int, float, float, str]) -> Arrival:
    _, _, at, key = place
    return Arrival(key, at)


def _again(entry: Entry, there: dict[str, float]) -> Iterator[Arrival]:
    mode = OnConflict.REPLACE if entry.deed is Deed.REPLACED else OnConflict.KEEP_FIRST
    for key in entry.keys:
        if key in there:
            yield Arrival(key, there[key], entry.source, mode)


def _places(before: int, named: list[int], entries: Sequence[Entry]) -> list[int]:
    """Before which lines a blob came, by its own time and by the lines that name it.

    `before` is the place that its time gives it, `named` are the lines about it. A line
    is believed more than a time: what was rejected had come before.
    """
    purged = max((n for n in named if entries[n].deed is Deed.PURGED), default=-1)
    before = max(before, purged + 1)
    later = [n for n in named if n > purged]
    if not later:
        return [before]
    first, places = entries[later[0]], []
    if not (first.deed in STORES and first.fresh):
        places.append(min(before, later[0]))
    deleted = max((n for n in later if entries[n].deed is Deed.DELETED), default=None)
    if deleted is not None and before > deleted:
        places.append(before)
    return places


@dataclass(frozen=True, slots=True)
class Found:
    """A blob that was read."""

    instance: Instance
    mode: OnConflict


def _look(storage: Storage, settings: Settings, event: Event) -> Found | Reindexed | Entry:
    if isinstance(event, Entry):
        return event
    try:
        size = storage.size(event.key)
        if size <= SMALL:
            scanned = scan(
                memoryview(storage.read(event.key)), scan_limits(settings), settings.public_root
            )
        else:
            with storage.view(event.key) as data:
                scanned = scan(data, scan_limits(settings), settings.public_root)
    except (Refused, NotFound, Broken) as error:
        return Reindexed(event.key, problem=str(error))
    return Found(new_instance(scanned, event.key, size, event.at, event.source), event.mode)


@dataclass(slots=True)
class Replay:
    """Doing again what was done, with a new index."""

    index: InstanceIndex
    named: set[str]
    """Keys that the ledger names."""
    originals: Mapping[str, Original] = field(default_factory=dict)
    """What blobs were recoded from, by their keys."""
    standing: dict[InstanceRef, str] = field(default_factory=dict)
    """The blob of an instance, where the ledger names it."""
    refs: dict[str, InstanceRef] = field(default_factory=dict)

    def take(self, found: Found) -> Reindexed:
        """Put a blob in."""
        instance = replace(found.instance, original=self.originals.get(found.instance.key))
        added = self.index.add(instance, found.mode)
        if instance.key in self.named:
            self.refs[instance.key] = instance.ref
            if added.outcome in (Outcome.NEW, Outcome.REPLACED):
                self.standing[instance.ref] = instance.key
        return Reindexed(instance.key, instance.ref)

    def do_again(self, entry: Entry) -> None:
        """Do what a line of the ledger says, to the blobs that still stand."""
        for key in entry.keys:
            ref = self.refs.get(key)
            if ref is not None and self.standing.get(ref) == key:
                with contextlib.suppress(NotFound):
                    self._do(entry, ref)

    def _do(self, entry: Entry, ref: InstanceRef) -> None:
        selection = Selection(ref.study, ref.series, ref.instance)
        match entry.deed:
            case Deed.REJECTED:
                self.index.reject(selection, entry.code, entry.source)
            case Deed.RESTORED:
                self.index.restore(selection, entry.source)
            case Deed.DELETED:
                self.index.remove(selection, entry.source)
