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
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO, Any

from filmroom.core.archive import Archive
from filmroom.core.maintain import recover
from filmroom.errors import Broken, Busy, Malformed
from filmroom.settings import Settings

INDEX_GROUP = "filmroom.index"
STORAGE_GROUP = "filmroom.storage"
OWNER = "lock"
USERS = "in-use"

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
    with ExitStack() as closed_last:
        if exclusive:
            _own(closed_last.enter_context(_lock_file(settings.data, OWNER)), settings.data)
        users = closed_last.enter_context(_lock_file(settings.data, USERS))
        nobody_else = exclusive and _locked(users, fcntl.LOCK_EX)
        if alone and not nobody_else:
            raise Busy(f"{settings.data} is open in another filmroom command; wait until it ends")
        archive = closed_last.enter_context(_joined(settings))
        if nobody_else:
            recover(archive)
        elif exclusive:
            log.warning("not tidied up: another command has the archive open")
        if not alone:
            fcntl.flock(users, fcntl.LOCK_SH)
        yield archive


@contextmanager
def _joined(settings: Settings) -> Iterator[Archive]:
    with ExitStack() as closed_last:
        index = _backend(INDEX_GROUP, "index", settings.index_url)
        closed_last.enter_context(closing(index))
        storage = _backend(STORAGE_GROUP, "storage", settings.storage_url)
        closed_last.enter_context(closing(storage))
        yield Archive(index=index, storage=storage, settings=settings)


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
