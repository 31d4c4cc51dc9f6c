"""Opening an SQLite index: connections, their pragmas, migrations, and what errors mean."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from secrets import randbits

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from filmroom.errors import ArchiveError, Broken, Busy, Full

HEAD = "0003"
"""The schema's newest step."""
BUSY_SECONDS = 30.0
CACHE_KIB = 16 * 1024
MAPPED = 1 << 30  # bytes of the file that may be mapped
MIGRATIONS = Path(__file__).parent / "migrations"
UNSYNCHRONISED = "?synchronous=off"
"""Ends the URL of an index that is being rebuilt: it is synchronised once, as a whole."""
_PREFIX = "sqlite:///"


def path_of(url: str) -> Path:
    """The file that a URL like `sqlite:////data/index.sqlite3` names."""
    if not url.startswith(_PREFIX) or len(url) == len(_PREFIX):
        raise Broken(f"not the URL of an SQLite index: {url}")
    return Path(url.removeprefix(_PREFIX).partition("?")[0])


def is_lasting(url: str) -> bool:
    """Whether commits are synchronised: not those of an index that is only being built."""
    return not url.endswith(UNSYNCHRONISED)


def connect(path: Path, *, lasting: bool = True) -> sqlite3.Connection:
    """A connection in autocommit mode, usable by one thread at a time."""
    connection = sqlite3.connect(
        path,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    try:
        _prepare(connection, lasting)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, lasting: bool) -> None:
    # Changing the journal's mode does not wait for locks as other statements do.
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if not _locked(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
    # FULL: a commit is on stable storage before it is acknowledged.
    connection.execute(f"PRAGMA synchronous = {'FULL' if lasting else 'OFF'}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA mmap_size = {MAPPED}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def migrate(path: Path) -> None:
    """Bring the schema up to date in one transaction; one process does it, others wait."""
    with closing(connect(path)) as connection:
        step = _step(connection)
    if step == HEAD:
        return
    if step is not None and step > HEAD:
        raise Broken(f"the index {path} was made by a newer Filmroom (step {step})")
    engine = create_engine("sqlite://", creator=partial(connect, path), poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _upgrade(connection)
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _step(connection: sqlite3.Connection) -> str | None:
    there = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
    ).fetchone()
    if not there:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _upgrade(connection: Connection) -> None:
    """Run the steps that are missing; none, if another process was the first."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO counter VALUES ('id', ?), ('studies', 0), ('series', 0),"
        " ('instances', 0), ('size', 0), ('rejected', 0), ('aside', 0), ('saved', 0),"
        " ('records', 0)",
        (randbits(48),),
    )


def _locked(error: sqlite3.Error) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def translated(error: sqlite3.Error) -> ArchiveError:
    """The archive's word for what SQLite says."""
    text = str(error)
    if "full" in text:
        return Full("no room for the index")
    if _locked(error):
        return Busy("the index is locked by another program")
    if "malformed" in text or "not a database" in text:
        return Broken("the index file is damaged: rebuild it with `filmroom reindex`")
    return Broken(f"the index failed: {text}")


@contextmanager
def translating() -> Iterator[None]:
    """Turn what SQLite raises into the archive's errors."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(error) from error
