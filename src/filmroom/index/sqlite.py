"""The embedded index: one SQLite file in WAL mode, many readers, one writer a process."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from filmroom.dicom.bulk import BulkIndex
from filmroom.dicom.frames import FrameIndex
from filmroom.errors import ArchiveError, Broken
from filmroom.index import functions, ingest, metadata, removal, rows
from filmroom.index.opening import connect, is_lasting, migrate, path_of, translating
from filmroom.index.records import SqliteRecords
from filmroom.index.search import Search
from filmroom.index.unit import Unit
from filmroom.index.writer import R, Writer
from filmroom.model.change import Change
from filmroom.model.instance import Attributes, Instance, InstanceRef, Located, Original
from filmroom.model.metadata import Metadata
from filmroom.model.ports import Added, Aside, Counts, Rejection
from filmroom.model.query import Found, Query
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict


def open_index(url: str) -> SqliteIndex:
    """Open the index that a URL names, making it or bringing its schema up to date.

    With `?synchronous=off` behind it commits don't wait for the disk: for an index that
    is being built, and that whoever builds it synchronises at the end.
    """
    path = path_of(url)
    with translating():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            migrate(path)
            return SqliteIndex(path, lasting=is_lasting(url))
        except (OSError, sqlite3.OperationalError) as error:
            if isinstance(error, sqlite3.OperationalError) and "unable to open" not in str(error):
                raise
            raise Broken(f"cannot open the index {path}: {error}") from error


class SqliteIndex:
    """An `InstanceIndex` in one file; several processes may have it open."""

    def __init__(self, path: Path, *, lasting: bool = True) -> None:
        self.path = path
        self._local = threading.local()
        self._readers: set[sqlite3.Connection] = set()
        self._lock = threading.Lock()
        self._closed = False
        connection = connect(path, lasting=lasting)
        self._writer: Writer[Unit] = Writer(connection, Unit(connection))
        self._search = Search()
        self.records = SqliteRecords(self._change, self._reading)

    # -- changing ------------------------------------------------------------------------

    def add(self, instance: Instance, on_conflict: OnConflict = OnConflict.KEEP_FIRST) -> Added:
        prepared = ingest.prepare(instance, on_conflict)
        return self._change(partial(ingest.add, prepared=prepared))

    def add_all(
        self, instances: Sequence[Instance], on_conflict: OnConflict = OnConflict.KEEP_FIRST
    ) -> list[Added | ArchiveError]:
        prepared = [ingest.prepare(instance, on_conflict) for instance in instances]
        return self._writer.submit_all([partial(ingest.add, prepared=one) for one in prepared])

    def reject(self, selection: Selection, code: str, source: str) -> list[str]:
        return self._change(partial(removal.reject, selection=selection, code=code, source=source))

    def restore(self, selection: Selection, source: str) -> list[str]:
        return self._change(partial(removal.restore, selection=selection, source=source))

    def remove(self, selection: Selection, source: str) -> list[str]:
        return self._change(partial(removal.remove, selection=selection, source=source))

    def purge_rejected(self, before: float, source: str) -> list[str]:
        return self._change(partial(removal.purge_rejected, before=before, source=source))

    def bury(self, keys: Iterable[str]) -> None:
        self._change(partial(removal.bury, keys=list(keys)))

    def _change(self, make: Callable[[Unit], R]) -> R:
        return self._writer.submit(make)

    # -- reading -------------------------------------------------------------------------

    @contextmanager
    def _reading(self, *, whole: bool = False) -> Iterator[sqlite3.Connection]:
        """This thread's connection; `whole`: all that is read is of one moment."""
        if self._closed:
            raise Broken("the index is closed")
        with translating():
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = self._local.connection = self._new_reader()
            if not whole:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")

    def _new_reader(self) -> sqlite3.Connection:
        connection = connect(self.path)
        functions.install(connection)
        with self._lock:
            self._readers.add(connection)
        # When its thread goes, so does the connection.
        self._local.end = _End(partial(self._let_go, connection))
        return connection

    def _let_go(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            self._readers.discard(connection)
        with suppress(sqlite3.Error):
            connection.close()

    def find(self, query: Query) -> Found:
        with self._reading(whole=True) as connection:
            return self._search.find(connection, query)

    def pages(self, query: Query, size: int) -> Iterator[list[Attributes]]:
        with self._reading(whole=True) as connection:
            numbers = self._search.numbers(connection, query)
        for at in range(0, len(numbers), size):
            with self._reading(whole=True) as connection:
                page = self._search.matches(connection, query, numbers[at : at + size])
            yield page

    def version(self) -> str:
        with self._reading() as connection:
            return rows.version(connection)

    def locate(self, ref: InstanceRef) -> Located:
        with self._reading() as connection:
            return rows.locate(connection, ref)

    def select(self, selection: Selection) -> list[Located]:
        with self._reading() as connection:
            return rows.select(connection, selection)

    def frames(self, key: str) -> FrameIndex:
        with self._reading() as connection:
            return FrameIndex.unpack(rows.packed(connection, "frames", key))

    def bulk(self, key: str) -> BulkIndex:
        with self._reading() as connection:
            return BulkIndex.unpack(rows.packed(connection, "bulk", key))

    def original(self, key: str) -> Original | None:
        with self._reading() as connection:
            return rows.original(connection, key)

    def metadata(self, selection: Selection) -> Metadata:
        with self._reading(whole=True) as connection:
            return metadata.metadata(connection, selection)

    def rejections(self, limit: int = 1000) -> list[Rejection]:
        with self._reading() as connection:
            return rows.rejections(connection, limit)

    def tombstones(self, before: float) -> list[str]:
        with self._reading() as connection:
            return rows.tombstones(connection, before)

    def knows(self, key: str) -> bool:
        with self._reading() as connection:
            return rows.knows(connection, key)

    def located(self) -> Iterator[Located]:
        last, page = 0, 1000
        while True:
            with self._reading() as connection:
                found, last = rows.everything(connection, last, page)
            if not found:
                return
            yield from found

    def asides(self) -> list[Aside]:
        with self._reading() as connection:
            return rows.asides(connection)

    def changes(self, since: int = 0, limit: int = 1000) -> Sequence[Change]:
        with self._reading() as connection:
            return rows.changes(connection, since, limit)

    def counts(self) -> Counts:
        with self._reading() as connection:
            return rows.counts(connection)

    # -- the end -------------------------------------------------------------------------

    def close(self) -> None:
        self._writer.close()
        self._closed = True
        with self._lock:
            readers = list(self._readers)
            self._readers.clear()
        for connection in readers:
            connection.close()


class _End:
    """Calls back when it goes, as a thread's own things do when the thread ends."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then

    def __del__(self) -> None:
        self._then()
