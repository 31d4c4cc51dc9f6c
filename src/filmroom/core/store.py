"""Store: take one instance in, and say so only when it will last.

Blob first, row second: a blob without a row is litter that `sweep` finds, a row
without a blob would be a lie.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from types import TracebackType
from typing import TypeVar

from filmroom.core import ledger
from filmroom.core.archive import Archive
from filmroom.core.ledger import Deed, Entry
from filmroom.core.recoding import recoded, write_down
from filmroom.dicom.attributes import indexed
from filmroom.dicom.scan import Scan, ScanLimits, scan
from filmroom.errors import (
    ArchiveError,
    Busy,
    Conflict,
    FailureReason,
    Full,
    NotFound,
    Refused,
    TooLarge,
)
from filmroom.model.instance import Instance, InstanceRef
from filmroom.model.ports import Added, Staged
from filmroom.model.stored import Outcome, Stored
from filmroom.settings import Settings

R = TypeVar("R")
PATIENCE = 10.0  # seconds to wait for a slot
ROOM_CHECK = 64 << 20  # bytes of one instance between two looks at the free space

_ASIDE = {
    Outcome.KEPT_FIRST: ("the archive has this instance with other bytes: these were put aside",)
}


def receive(
    archive: Archive,
    source: str,
    study: str | None = None,
    *,
    named: tuple[str, str] | None = None,
    patience: float = PATIENCE,
) -> Incoming:
    """Begin an instance; `study` is the only one that it may belong to, if given.

    `named` are the SOP class and instance UID that it must have, if given.

    Raises Busy if too many are on their way in and none ends within `patience` seconds,
    Full if the disk is down to its reserve.
    """
    if not archive.writers.acquire(timeout=patience):
        raise Busy(f"{archive.settings.store_writers} instances are being stored already")
    try:
        check_room(archive)
        return Incoming(archive, archive.storage.stage(), source, study, named)
    except BaseException:
        archive.writers.release()
        raise


def check_room(archive: Archive) -> None:
    """Raise Full if the disk is down to its reserve."""
    free = archive.storage.free()
    if free is not None and free < archive.settings.disk_reserve:
        raise Full("the disk is down to the room that is kept free (setting disk_reserve)")


class Incoming:
    """An instance on its way in: written in chunks, then finished or discarded.

    An error from `write` is final: `finish` raises it again.
    """

    def __init__(
        self,
        archive: Archive,
        staged: Staged,
        source: str,
        study: str | None = None,
        named: tuple[str, str] | None = None,
    ) -> None:
        self._archive = archive
        self._staged = staged
        self._source = source
        self._study = study
        self._named = named
        self._room_checked = 0  # bytes
        self._failed: ArchiveError | None = None
        self._open = True

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._staged.size

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Append; raises TooLarge over `max_instance`, Full when there is no room."""
        try:
            if self._failed is not None:
                raise self._failed
            self._check_size(len(chunk))
            self._staged.write(chunk)
        except ArchiveError as error:
            self._failed = error
            self.discard()
            raise

    def finish(self) -> Stored:
        """Store what was written; on return it will last.

        Raises Refused if it is not acceptable, and then nothing of it is kept.
        """
        (told,) = finish_all([self])
        if isinstance(told, Exception):
            raise told
        return told

    def discard(self) -> None:
        """Forget what was written; harmless after `finish` and when said twice."""
        if self._open:
            self._open = False
            try:
                self._staged.discard()
            finally:
                self._archive.writers.release()

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.discard()

    __del__ = discard

    def _check_size(self, more: int) -> None:
        size = self._staged.size + more
        limit = self._archive.settings.max_instance
        if size > limit:
            raise TooLarge(f"an instance is over {limit} bytes (setting max_instance)")
        if size - self._room_checked >= ROOM_CHECK:
            self._room_checked = size
            check_room(self._archive)

    def _check_named(self, scanned: Scan) -> None:
        if self._named not in (None, (scanned.sop_class, scanned.instance)):
            message = "the data set is of another instance or SOP class than was said"
            raise _refusal(message, FailureReason.DATA_SET_MISMATCH, scanned)

    def _check_study(self, scanned: Scan) -> None:
        if self._study is not None and scanned.study != self._study:
            # PS3.18 §10.5.1.1: all instances of the request belong to the study it names
            message = f"belongs to study {scanned.study}, not to {self._study}"
            raise _refusal(message, FailureReason.DATA_SET_MISMATCH, scanned)

    def examine(self, guards: ExitStack) -> Kept:
        """Check what was written; its bytes are still to be committed, unless they are there.

        Their fate is guarded until `guards` is closed, which must be after the row is there.
        """
        if self._failed is not None:
            raise self._failed
        staged, storage = self._staged, self._archive.storage
        if not staged.size:
            raise Refused("an empty instance was sent")
        settings = self._archive.settings
        limits = scan_limits(settings)
        with staged.view() as data:
            scanned = scan(data, limits, settings.public_root)
        self._check_study(scanned)
        self._check_named(scanned)
        written = recoded(self._archive, staged, scanned, limits)
        self._staged = staged = written.staged
        instance = new_instance(
            written.scanned, written.key, written.size, staged.modified, self._source
        )
        instance = replace(instance, original=written.original) if written.original else instance
        guards.enter_context(storage.guard(instance.key))
        fresh = not storage.exists(instance.key)
        same = not fresh and _is_stored(self._archive, instance)
        if not same and staged.digest != instance.key:
            raise Busy("the instance is being deleted: send it again")
        return Kept(self._archive, scanned, instance, None if same else staged, fresh=fresh)


@dataclass(frozen=True, slots=True)
class Kept:
    """An instance that can be kept, and whose row is still to be written."""

    archive: Archive
    scanned: Scan
    instance: Instance
    staged: Staged | None
    """Its bytes; None if it was stored before, so that there is nothing to do."""
    fresh: bool
    """Whether its blob was not there before."""

    @property
    def same(self) -> bool:
        """Whether it was stored before."""
        return self.staged is None

    def stored(self, added: Added) -> Stored:
        """What the sender is told, and the ledger where blobs alone do not tell it."""
        instance, outcome, scanned = self.instance, added.outcome, self.scanned
        if outcome is not Outcome.SAME and not (outcome is Outcome.NEW and self.fresh):
            deed = Deed.STORED if outcome is Outcome.NEW else Deed(outcome.value)
            entry = Entry(deed, (instance.key,), time.time(), instance.source, fresh=self.fresh)
            ledger.write(self.archive.storage, entry)
        return Stored(
            ref=instance.ref,
            sop_class=instance.sop_class,
            outcome=outcome,
            warnings=(*scanned.warnings, *added.warnings, *_ASIDE.get(outcome, ())),
            saved=0 if outcome is Outcome.SAME else _saved(instance),
        )

    def needless(self, stored: Stored) -> bool:
        """Whether what was stored before is made of these bytes, so that they can go again."""
        return stored.outcome is Outcome.SAME and not self.same and self.fresh

    def refused(self, error: Conflict) -> Refused:
        """Leave nothing of what the index refused; what the sender is told."""
        discard_unneeded(self.archive, self.instance.key)
        return _refusal(str(error), FailureReason.DUPLICATE, self.scanned)


def finish_all(incomings: Sequence[Incoming]) -> list[Stored | Exception]:
    """`finish` several, whose rows share a transaction; what became of each, in their order."""
    try:
        with ExitStack() as guards:
            found = [_attempt(partial(incoming.examine, guards)) for incoming in incomings]
            kept = _committed(found)
            told = [_told(one, added) for one, added in zip(kept, _added(kept), strict=True)]
    finally:
        for incoming in incomings:
            incoming.discard()
    # Nobody guards them any more: now what the index refused, or has otherwise, can go.
    for one, stored in zip(kept, told, strict=True):
        if isinstance(one, Kept) and isinstance(stored, Stored) and one.needless(stored):
            discard_unneeded(one.archive, one.instance.key)
    return [
        _attempt(partial(one.refused, error))
        if isinstance(one, Kept) and isinstance(error, Conflict)
        else error
        for one, error in zip(kept, told, strict=True)
    ]


def _committed(found: Sequence[Kept | Exception]) -> list[Kept | Exception]:
    """What was examined, with its bytes on stable storage; an error where they are not."""
    fresh = [one for one in found if isinstance(one, Kept) and not one.same]
    if not fresh:
        return list(found)
    commit = fresh[0].archive.storage.commit_all
    answers = _attempt(partial(commit, [one.staged for one in fresh if one.staged]))
    told = repeat(answers) if isinstance(answers, Exception) else iter(answers)
    return [
        one if isinstance(one, Exception) or one.same else _settled(one, next(told))
        for one in found
    ]


def _settled(kept: Kept, committed: str | Exception) -> Kept | Exception:
    if isinstance(committed, Exception):
        return committed
    return _attempt(partial(write_down, kept.archive, kept.instance)) or kept


def _told(kept: Kept | Exception, added: Added | Exception) -> Stored | Exception:
    if isinstance(added, Exception):
        return added
    assert isinstance(kept, Kept)  # noqa: S101  # what was not kept was not added
    return _attempt(partial(kept.stored, added))


def _added(kept: Sequence[Kept | Exception]) -> list[Added | Exception]:
    """What the index does with each instance; the error of one whose bytes were not kept."""
    fresh = [one for one in kept if isinstance(one, Kept) and not one.same]
    added: Iterator[Added | Exception] = iter(())
    if fresh:
        archive = fresh[0].archive
        instances = [one.instance for one in fresh]
        add = partial(archive.index.add_all, instances, archive.settings.on_conflict)
        answers = _attempt(add)
        added = repeat(answers) if isinstance(answers, Exception) else iter(answers)
    return [
        one if isinstance(one, Exception) else Added(Outcome.SAME) if one.same else next(added)
        for one in kept
    ]


def _attempt(act: Callable[[], R]) -> R | Exception:
    # A fault of ours with one instance must not hide what became of the others.
    try:
        return act()
    except Exception as error:
        return error


def scan_limits(settings: Settings) -> ScanLimits:
    """What the scanner may take, from the settings."""
    return ScanLimits(
        depth=settings.scan_depth,
        elements=settings.scan_elements,
        value=settings.scan_value,
        items=settings.scan_items,
        bulk_threshold=settings.bulk_threshold,
        deflate_ratio=settings.deflate_ratio,
        deflate_size=settings.deflate_size,
    )


def new_instance(scanned: Scan, key: str, size: int, received: float, source: str) -> Instance:
    """What the index is told of a blob that was scanned."""
    return Instance(
        ref=InstanceRef(scanned.study, scanned.series, scanned.instance),
        sop_class=scanned.sop_class,
        transfer_syntax=scanned.transfer_syntax,
        key=key,
        size=size,
        attributes=indexed(scanned.dataset),
        metadata=scanned.metadata,
        frames=scanned.frames,
        bulk=scanned.bulk,
        received=received,
        source=source,
    )


def discard_unneeded(archive: Archive, key: str) -> bool:
    """Remove a blob that no row needs, and what was made of it; whether it was removed."""
    with archive.storage.guard(key, alone=True):
        if archive.index.knows(key):
            return False
        archive.storage.delete(key)
    archive.derived.forget(key)
    return True


def _is_stored(archive: Archive, instance: Instance) -> bool:
    # A row that can be seen is committed, and its blob lasted before it was written.
    try:
        located = archive.index.locate(instance.ref)
        return located.key == instance.key and archive.storage.size(located.key) == located.size
    except NotFound:
        return False


def _saved(instance: Instance) -> int:
    return instance.original.size - instance.size if instance.original else 0


def _refusal(message: str, reason: FailureReason, scanned: Scan) -> Refused:
    return Refused(message, reason, sop_class=scanned.sop_class, instance=scanned.instance)
