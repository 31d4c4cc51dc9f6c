"""Maintain: put right what a crash left, find damage, take litter away."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from filmroom.core import ledger
from filmroom.core.archive import Archive
from filmroom.core.delete import HOUR, due, purge
from filmroom.core.ledger import Deed, Entry
from filmroom.core.parallel import in_order
from filmroom.core.store import discard_unneeded
from filmroom.errors import Broken, NotFound
from filmroom.model.instance import InstanceRef
from filmroom.model.ports import Blob
from filmroom.model.selection import Selection

READERS = 4  # blobs read at once

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What start-up put right."""

    staged: int
    """Files discarded that were being written when the archive last ended."""
    purged: int
    """Blobs removed that were due."""


def recover(archive: Archive) -> Recovered:
    """Put right what a crash left; only for whoever has the archive alone."""
    staged = archive.storage.recover()
    _complete_ledger(archive)
    recovered = Recovered(staged, purge(archive))
    log.info("recovered", extra={"staged": recovered.staged, "purged": recovered.purged})
    return recovered


def _complete_ledger(archive: Archive) -> None:
    # A crash between a deletion's commit and its line: reindex would bring it back.
    gone = set(archive.index.tombstones(math.inf))
    if gone:
        for entry in ledger.read(archive.storage):
            if entry.deed is Deed.DELETED:
                gone.difference_update(entry.keys)
    ledger.write(archive.storage, Entry(Deed.DELETED, tuple(sorted(gone)), time.time(), "recover"))


class Problem(StrEnum):
    """What may be wrong with a blob."""

    MISSING = "missing"
    """A row names it and it is not there."""
    DAMAGED = "damaged"
    """Its bytes are not those that were stored, or can't be read."""
    ORPHAN = "orphan"
    """No row names it; `sweep` takes it away."""
    UNREADABLE = "unreadable"
    """No row names it because `reindex` could not read it; `sweep` spares it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One blob that was looked at."""

    key: str
    size: int
    """Bytes, as the row has it; an orphan's as it is."""
    ref: InstanceRef | None = None
    """The instance whose blob it is, or was kept aside for; None for an orphan."""
    problem: Problem | None = None
    detail: str = ""


def verify(archive: Archive, selection: Selection | None = None) -> Iterator[Checked]:
    """Read each blob again and compare it with its row; only looks, never changes anything.

    Without a selection also rejected instances, those kept aside, and blobs without a row.
    """
    named = _named(archive, selection)
    with ThreadPoolExecutor(READERS, "verify") as pool:
        for checked in in_order(pool, lambda one: _check(archive, *one), named, 4 * READERS):
            if checked is not None:
                yield checked
    if selection is None:
        yield from _nameless(archive)


def _nameless(archive: Archive) -> Iterator[Checked]:
    for blob in _orphans(archive, time.time()):
        yield Checked(blob.key, blob.size, None, Problem.ORPHAN, "no row names it")
    for key in sorted(ledger.spared(archive.storage)):
        if archive.storage.exists(key) and not archive.index.knows(key):
            size, why = archive.storage.size(key), "reindex could not read it"
            yield Checked(key, size, None, Problem.UNREADABLE, why)


def _named(archive: Archive, selection: Selection | None) -> Iterable[tuple[InstanceRef, str, int]]:
    index = archive.index
    if selection is not None:
        return ((one.ref, one.key, one.size) for one in index.select(selection))
    return chain(
        ((one.ref, one.key, one.size) for one in index.located()),
        ((one.ref, one.key, one.size) for one in index.asides()),
    )


def _check(archive: Archive, ref: InstanceRef, key: str, size: int) -> Checked | None:
    digest, read = hashlib.sha256(), 0
    try:
        for chunk in archive.storage.chunks(key):
            digest.update(chunk)
            read += len(chunk)
    except NotFound:
        if not archive.index.knows(key):
            return None  # deleted since the row was read
        return Checked(key, size, ref, Problem.MISSING, "the blob is not there")
    except Broken as error:
        return Checked(key, size, ref, Problem.DAMAGED, str(error))
    if read != size:
        return Checked(key, size, ref, Problem.DAMAGED, f"{read} bytes instead of {size}")
    if digest.hexdigest() != key:
        return Checked(key, size, ref, Problem.DAMAGED, "its bytes have another digest")
    return Checked(key, size, ref)


@dataclass(frozen=True, slots=True)
class Swept:
    """What was taken away, or would be."""

    orphans: tuple[Blob, ...]
    """Blobs that no row named."""
    purged: int
    """Blobs of deleted instances that were due."""

    @property
    def size(self) -> int:
        """Bytes of the orphans."""
        return sum(blob.size for blob in self.orphans)


def sweep(archive: Archive, now: float | None = None, dry_run: bool = False) -> Swept:
    """Remove blobs without a row that are older than `sweep_grace`, and those that are due.

    `now` is in seconds since the epoch; with `dry_run` nothing is changed.
    """
    now = time.time() if now is None else now
    if dry_run:
        return Swept(tuple(_orphans(archive, now)), len(due(archive, now)))
    purged = purge(archive, now)
    orphans = tuple(blob for blob in _orphans(archive, now) if discard_unneeded(archive, blob.key))
    _forget_unknown(archive)
    return Swept(orphans, purged)


def _forget_unknown(archive: Archive) -> None:
    # A crash between a blob's removal and that of what was made of it.
    for key in archive.derived.keys():  # noqa: SIM118 - no dict
        if not archive.index.knows(key):
            archive.derived.forget(key)


def _orphans(archive: Archive, now: float) -> Iterator[Blob]:
    newest = now - archive.settings.sweep_grace * HOUR
    spared = ledger.spared(archive.storage)
    for blob in archive.storage.blobs():
        old = blob.modified <= newest and blob.key not in spared
        if old and not archive.index.knows(blob.key):
            yield blob
