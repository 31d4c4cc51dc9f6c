"""Import: store files, folders of files, and zips of files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from filmroom.core.archive import Archive
from filmroom.core.parallel import in_order
from filmroom.core.store import receive
from filmroom.core.zips import Entry, ZipReader, looks_zipped
from filmroom.dicom.part10 import MEDIA_STORAGE_DIRECTORY, PREAMBLE, PREFIX
from filmroom.errors import ArchiveError, Malformed, NotFound, Refused
from filmroom.model.stored import Stored

WRITERS = 8  # files that are stored at once, so that they share commits
CHUNK = 1 << 20  # bytes read at once
NOT_DICOM = "no DICOM file"
A_ZIP_WITHIN = "a zip within a zip is not opened"
A_DIRECTORY = "a DICOMDIR lists files and is none to store"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one file: stored, passed over, or refused."""

    name: str
    """Its path; of a file in a zip, the zip's path, `!/` and the path within."""
    size: int = 0
    """Bytes read of it."""
    stored: Stored | None = None
    skipped: str = ""
    """Why it was passed over."""
    error: ArchiveError | None = None
    """Why it was refused."""


Task = Callable[[], Imported]


def import_paths(
    archive: Archive, paths: Iterable[Path], source: str = "import", writers: int = WRITERS
) -> Iterator[Imported]:
    """Store what lies at some paths, folders and zips opened; what became of each file, in turn.

    What was stored before the caller stops asking stays stored.
    """
    writers = max(1, min(writers, archive.settings.store_writers))
    with ThreadPoolExecutor(writers, "import") as pool:
        tasks = (task for path in paths for task in _tasks(archive, path, source))
        with closing(in_order(pool, _run, tasks, ahead=4 * writers)) as results:
            yield from results


def _run(task: Task) -> Imported:
    return task()


def _tasks(archive: Archive, path: Path, source: str) -> Iterator[Task]:
    for file in files_below(path):
        if looks_zipped(file):
            yield from _zip_tasks(archive, file, source)
        else:
            yield partial(_import_file, archive, file, source)


def files_below(path: Path) -> Iterator[Path]:
    """A file itself, or the files below a folder by name; links to folders are not followed."""
    if not path.is_dir():
        yield path
        return
    for folder, below, names in os.walk(path):
        below.sort()
        for name in sorted(names):
            yield Path(folder, name)


def _zip_tasks(archive: Archive, file: Path, source: str) -> Iterator[Task]:
    try:
        entries = ZipReader(file, archive.settings)
        for entry in entries:
            yield partial(_import_entry, archive, entry, f"{file}!/{entry.name}", source)
    except (ArchiveError, OSError) as error:
        yield partial(Imported, str(file), error=_as_archive_error(error))


def _import_file(archive: Archive, path: Path, source: str) -> Imported:
    name = str(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return Imported(name, skipped="no regular file")
        with path.open("rb", buffering=0) as file:
            return _import_stream(archive, name, file, source)
    except OSError as error:
        return Imported(name, error=_as_archive_error(error))


def _import_entry(archive: Archive, entry: Entry, name: str, source: str) -> Imported:
    try:
        with entry.open() as file:
            return _import_stream(archive, name, file, source)
    except ArchiveError as error:
        return Imported(name, error=error)


def _import_stream(archive: Archive, name: str, file: IO[bytes], source: str) -> Imported:
    head = file.read(CHUNK)
    if head[PREAMBLE : PREAMBLE + len(PREFIX)] != PREFIX:
        nested = head.startswith(b"PK\x03\x04")
        return Imported(name, len(head), skipped=A_ZIP_WITHIN if nested else NOT_DICOM)
    size = 0
    try:
        with receive(archive, source) as incoming:
            chunk = head
            while chunk:
                incoming.write(chunk)
                size += len(chunk)
                chunk = file.read(CHUNK)
            return Imported(name, size, stored=incoming.finish())
    except ArchiveError as error:
        if isinstance(error, Refused) and error.sop_class == MEDIA_STORAGE_DIRECTORY:
            return Imported(name, size, skipped=A_DIRECTORY)
        return Imported(name, size, error=error)


def _as_archive_error(error: ArchiveError | OSError) -> ArchiveError:
    if isinstance(error, ArchiveError):
        return error
    if isinstance(error, FileNotFoundError):
        return NotFound("there is no such file")
    return Malformed(f"can't be read: {error.strerror or type(error).__name__}")
