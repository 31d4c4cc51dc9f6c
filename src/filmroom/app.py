"""Composition: settings → index and storage, by URL scheme through entry points → Archive.

The data folder carries two locks, held on open files so that a crash lets go of them.
`lock` says who serves or rebuilds: one process tree at a time. `in-use` is shared by
everybody who has the archive open; whoever has it alone at start may throw away what
a crash left staged, because then nobody is staging.
"""

from __future__ import annotations

import fcntl
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, Any

from filmroom.association.connection import Patience
from filmroom.core.archive import Archive
from filmroom.core.maintain import recover
from filmroom.core.reindex import Reindexed, reindex
from filmroom.errors import ArchiveError, Broken, Busy, Malformed, Unsupported
from filmroom.model.ports import InstanceIndex
from filmroom.peers.asking import Line
from filmroom.peers.dimse import DimsePeers
from filmroom.peers.tls import outgoing_tls
from filmroom.pixels.pipeline import open_pixels
from filmroom.settings import Settings
from filmroom.storage.derived import LocalDerived

INDEX_GROUP = "filmroom.index"
STORAGE_GROUP = "filmroom.storage"
OWNER = "lock"
USERS = "in-use"
PATIENCE = 30.0  # seconds

SQLITE = "sqlite:///"
BESIDE = ".rebuilding"
SQLITE_FILES = ("", "-wal", "-shm")

log = logging.getLogger(__name__)


@contextmanager
def open_archive(
    settings: Settings, *, exclusive: bool = False, alone: bool = False
) -> Iterator[Archive]:
    """The archive of a data folder, which is made if it is not there.

    With `exclusive` nobody else may serve or rebuild it until it is closed, and what a
    crash left behind is put right first. With `alone` as well, nobody else may have it open
    at all. Without either it is opened beside a running server. Raises Busy if others forbid it.
    """
    with (
        _held(settings.data, exclusive=exclusive, alone=alone) as (users, nobody_else),
        _joined(settings) as archive,
    ):
        if nobody_else:
            recover(archive)
        elif exclusive:
            log.warning("not tidied up: another command has the archive open")
        if not alone:
            fcntl.flock(users, fcntl.LOCK_SH)
        yield archive


def rebuild(settings: Settings) -> Iterator[Reindexed]:
    """Build the index anew from the blobs; it takes the old one's place when this is used up.

    Nobody else may have the archive open. Until the end the old index is as it was.
    """
    path = settings.index_url.removeprefix(SQLITE)
    if path == settings.index_url:
        raise Unsupported(f"an index of this kind cannot be rebuilt: {settings.index_url}")
    with ExitStack() as closed_last:
        closed_last.enter_context(_held(settings.data, exclusive=True, alone=True))
        storage = _backend(STORAGE_GROUP, "storage", settings.storage_url)
        closed_last.enter_context(closing(storage))
        _remove(path + BESIDE)
        with ExitStack() as indexes:
            fresh = _backend(INDEX_GROUP, "index", SQLITE + path + BESIDE + "?synchronous=off")
            indexes.enter_context(closing(fresh))
            previous = _previous(settings)
            if previous is not None:
                indexes.enter_context(closing(previous))
            yield from reindex(storage, settings, fresh, previous)
        _synchronise(path + BESIDE)
        _remove(path, SQLITE_FILES[1:])
        os.replace(path + BESIDE, path)
        _synchronise(os.path.dirname(path))


def _previous(settings: Settings) -> InstanceIndex | None:
    # It may be damaged or gone: that is what rebuilding is for.
    try:
        index: InstanceIndex = _backend(INDEX_GROUP, "index", settings.index_url)
    except ArchiveError:
        return None
    return index


def _remove(path: str, suffixes: Sequence[str] = SQLITE_FILES) -> None:
    # An old write-ahead log would otherwise be taken for the new file's.
    for suffix in reversed(suffixes):
        with suppress(FileNotFoundError):
            os.unlink(path + suffix)


def _synchronise(path: str) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _held(folder: Path, *, exclusive: bool, alone: bool) -> Iterator[tuple[IO[str], bool]]:
    """The locks of a data folder: the file that users share, and whether nobody else is one."""
    with ExitStack() as closed_last:
        if exclusive:
            _own(closed_last.enter_context(_lock_file(folder, OWNER)), folder)
        users = closed_last.enter_context(_lock_file(folder, USERS))
        nobody_else = exclusive and _locked(users, fcntl.LOCK_EX)
        if alone and not nobody_else:
            raise Busy(f"{folder} is open in another filmroom command; wait until it ends")
        if not exclusive:
            _share(users, folder)
        yield users, nobody_else


@contextmanager
def _joined(settings: Settings) -> Iterator[Archive]:
    with ExitStack() as closed_last:
        index = _backend(INDEX_GROUP, "index", settings.index_url)
        closed_last.enter_context(closing(index))
        storage = _backend(STORAGE_GROUP, "storage", settings.storage_url)
        closed_last.enter_context(closing(storage))
        root, reserve = settings.data / "derived", settings.disk_reserve
        derived = LocalDerived(root.absolute(), settings.cache_size, reserve)
        closed_last.enter_context(closing(derived))
        pixels = closed_last.enter_context(closing(open_pixels(settings)))
        yield Archive(index, storage, settings, pixels, derived, _remote(settings))


def _remote(settings: Settings) -> DimsePeers:
    tls = partial(
        outgoing_tls,
        settings.dimse_tls_peers,
        settings.dimse_tls_certificate,
        settings.dimse_tls_key,
    )
    return DimsePeers(Line(settings.aet, Patience(idle=settings.dimse_answer), tls))


def _backend(group: str, kind: str, url: str) -> Any:  # noqa: ANN401 - a plugin's: its port is checked by its suite
    scheme, colon, _ = url.partition(":")
    known = {found.name: found for found in entry_points(group=group)}
    if not colon or scheme not in known:
        schemes = ", ".join(f"{name}:" for name in sorted(known))
        raise Malformed(f"setting {kind}: {url!r} begins with none of {schemes}")
    return known[scheme].load()(url)


@contextmanager
def _lock_file(folder: Path, name: str) -> Iterator[IO[str]]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / name).open("a+", encoding="ascii")
    except OSError as error:
        raise Broken(f"data folder {folder}: {error.strerror}") from None
    with file:
        yield file


def _share(file: IO[str], folder: Path) -> None:
    # A server that starts has it to itself for a moment, a rebuilding for long.
    until = time.monotonic() + PATIENCE
    while not _locked(file, fcntl.LOCK_SH):
        if time.monotonic() > until:
            raise Busy(f"{folder} is being rebuilt; wait until that ends")
        time.sleep(0.05)


def _own(file: IO[str], folder: Path) -> None:
    if not _locked(file, fcntl.LOCK_EX):
        file.seek(0)
        holder = file.read(20).strip()
        raise Busy(f"{folder} is served or rebuilt by another process ({holder or 'unknown'})")
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()


def _locked(file: IO[str], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
