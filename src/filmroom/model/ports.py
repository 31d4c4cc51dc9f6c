"""The ports: what a verb needs of the means, and no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from filmroom.dicom.bulk import BulkIndex
from filmroom.dicom.frames import FrameIndex, Span
from filmroom.errors import ArchiveError
from filmroom.model.change import Change
from filmroom.model.instance import Attributes, Instance, InstanceRef, Located, Original
from filmroom.model.metadata import Metadata
from filmroom.model.query import Found, Query
from filmroom.model.records import Records
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict, Outcome


class Staged(Protocol):
    """Bytes on their way in: under no name yet, and not in memory if they are many."""

    @property
    def size(self) -> int:
        """Bytes written so far."""

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes written so far, in hexadecimal."""

    @property
    def modified(self) -> float:
        """What the blob will say of when it was written; fixed by the first look.

        Seconds since the epoch.
        """

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Append; raises Full when there is no room, which `commit` may do as well."""

    def view(self) -> AbstractContextManager[memoryview]:
        """All that was written, for reading without a copy; no `write` may follow."""

    def commit(self) -> str:
        """Make the bytes durable under their digest and return it, the blob's key.

        On return the file and every directory entry that leads to it are on stable
        storage. Raises Full or Broken, and then nothing is kept.
        """

    def discard(self) -> None:
        """Forget the bytes; harmless after `commit` and when said twice."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob as storage sees it."""

    key: str
    size: int
    modified: float
    """Seconds since the epoch."""


class Storage(Protocol):
    """Where bytes are kept, each blob under the SHA-256 of its content."""

    def stage(self) -> Staged:
        """Begin a new blob."""

    def commit_all(self, staged: Sequence[Staged]) -> list[str | ArchiveError]:
        """`commit` several that it staged; the key of each, or why it was not kept."""

    def read(self, key: str, span: Span | None = None) -> bytes:
        """One run of a blob in memory, the whole blob without `span`; NotFound if it is gone."""

    def at_hand(self, key: str, span: Span) -> bytes | None:
        """The same where that waits for no disk; None where it might. For event loops."""

    def chunks(self, key: str, span: Span | None = None, size: int = 1 << 20) -> Iterator[bytes]:
        """The same in pieces of at most `size` bytes; NotFound is raised before the first."""

    def view(self, key: str) -> AbstractContextManager[memoryview]:
        """A whole blob for reading without a copy (mapped where storage can)."""

    def size(self, key: str) -> int:
        """Bytes of a blob; NotFound if there is none."""

    def exists(self, key: str) -> bool:
        """Whether the blob is there."""

    def delete(self, key: str) -> None:
        """Remove a blob; harmless if it is gone."""

    def blobs(self) -> Iterator[Blob]:
        """Every blob, in no particular order."""

    def guard(self, key: str, *, alone: bool = False) -> AbstractContextManager[None]:
        """Settle a blob's fate, among all processes.

        Stores of the same bytes hold it together from before `commit` until the row is
        there; who removes a blob holds it `alone` from the look at the rows until it is gone.
        """

    def free(self) -> int | None:
        """Bytes that still fit; None where storage knows no bound."""

    def record(self, line: bytes) -> None:
        """Append one line to the ledger, durably: what `reindex` cannot read from blobs."""

    def records(self) -> Iterator[bytes]:
        """The ledger's lines, oldest first; a torn last line is left out."""

    def recover(self) -> int:
        """Discard what a crash left staged; returns how many files."""

    def close(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True, slots=True)
class Added:
    """What the index did with an instance."""

    outcome: Outcome
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How much the archive holds; rejected instances are not counted."""

    studies: int
    series: int
    instances: int
    size: int
    """Bytes of the instances."""
    rejected: int
    aside: int
    """Conflicting newcomers kept aside."""
    saved: int = 0
    """Bytes of the disk that recoding saved, of all blobs that are there."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A newcomer that lost to a stored instance of the same UIDs, kept for the operator."""

    ref: InstanceRef
    key: str
    size: int
    received: float
    source: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A rejected instance: hidden until it is restored or purged."""

    ref: InstanceRef
    code: str
    """Code value and scheme as `113001^DCM`."""
    at: float


class InstanceIndex(Protocol):
    """Where things are known: one row an instance, ready answers for searches and metadata.

    Every method may be called from any thread. A method that changes something
    returns when the change is on stable storage.
    """

    @property
    def records(self) -> Records:
        """Small documents that are in no blob; kept where the index is."""

    def add(self, instance: Instance, on_conflict: OnConflict = OnConflict.KEEP_FIRST) -> Added:
        """Put an instance in; concurrent calls share one commit.

        The study's and series' attributes come from the first instance that has them and
        are never overwritten by blanks. What was sent before is SAME, however it was
        recoded then or now. A rejected or deleted instance sent again is NEW. Raises
        Conflict for other bytes under REFUSE.
        """

    def add_all(
        self, instances: Sequence[Instance], on_conflict: OnConflict = OnConflict.KEEP_FIRST
    ) -> list[Added | ArchiveError]:
        """`add` several, in their order and in one commit; what it would raise takes its place."""

    def find(self, query: Query) -> Found:
        """Answer one search; rejected instances, and what has only those, are not found."""

    def pages(self, query: Query, size: int) -> Iterator[list[Attributes]]:
        """All that matches, `size` at a time, whatever page the query asks for.

        What matches is settled before the first page; what is deleted meanwhile is left out.
        """

    def locate(self, ref: InstanceRef) -> Located:
        """One instance; NotFound if there is none or it is rejected."""

    def select(self, selection: Selection) -> list[Located]:
        """All instances of a selection in series and instance order; NotFound if none."""

    def frames(self, key: str) -> FrameIndex:
        """Where the frames of a blob lie."""

    def bulk(self, key: str) -> BulkIndex:
        """Where the bulk values of a blob lie."""

    def original(self, key: str) -> Original | None:
        """What a blob was recoded from; None if it is as it was sent, or not known."""

    def metadata(self, selection: Selection) -> Metadata:
        """The complete data sets of a selection; NotFound if it holds nothing."""

    def reject(self, selection: Selection, code: str, source: str) -> list[str]:
        """Hide the instances of a selection; keys of those now hidden. NotFound if none are."""

    def restore(self, selection: Selection, source: str) -> list[str]:
        """Show rejected instances again; keys of those now shown. NotFound if none is rejected."""

    def rejections(self, limit: int = 1000) -> list[Rejection]:
        """What is rejected, newest first."""

    def remove(self, selection: Selection, source: str) -> list[str]:
        """Forget instances, rejected ones too, leaving tombstones for their blobs; their keys.

        What was kept aside of them and their old versions go with them. NotFound if
        there was none.
        """

    def purge_rejected(self, before: float, source: str) -> list[str]:
        """`remove` every instance rejected before a time; their keys."""

    def tombstones(self, before: float) -> list[str]:
        """Keys whose rows went before a time and that no row names now."""

    def bury(self, keys: Iterable[str]) -> None:
        """Forget tombstones and originals, their blobs being gone."""

    def knows(self, key: str) -> bool:
        """Whether any row needs this blob: an instance's, rejected or not, one kept
        aside, an old version, or a tombstone not yet due."""

    def located(self) -> Iterator[Located]:
        """Every instance that is held, rejected ones too, in no particular order."""

    def asides(self) -> list[Aside]:
        """Conflicting newcomers kept aside, newest first."""

    def changes(self, since: int = 0, limit: int = 1000) -> Sequence[Change]:
        """The feed after sequence number `since`, oldest first."""

    def version(self) -> str:
        """Differs after any change of what can be found or retrieved; quick to tell."""

    def counts(self) -> Counts:
        """How much there is, from kept counters."""

    def close(self) -> None:
        """Finish what was begun and let go of everything."""
