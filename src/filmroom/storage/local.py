"""Blobs as files: written aside, synchronised, linked under their digest."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from filmroom.dicom.frames import Span
from filmroom.errors import ArchiveError, Broken, Malformed, NotFound
from filmroom.model.ports import Blob, Staged
from filmroom.storage.cached import is_cached
from filmroom.storage.durable import (
    Fanout,
    archive_error,
    fsync_directory,
    make_directory,
    translated,
)
from filmroom.storage.keys import checked, is_key
from filmroom.storage.ledger import LedgerFile
from filmroom.storage.mapped import mapped
from filmroom.storage.staged import LocalStaged, commit_all

SCHEME = "file://"


def open_storage(url: str) -> LocalStorage:
    """The storage at `file:///FOLDER`, made if it is not there.

    What follows the scheme is a path as it is, nothing in it escaped.
    """
    path = url.removeprefix(SCHEME)
    if path == url or not path.startswith("/"):
        raise Malformed(f"storage must be {SCHEME} and an absolute path, not {url}")
    return LocalStorage(Path(path))


class LocalStorage:
    """Blobs at `ROOT/ab/cd/<sha256>`; several processes may share them.

    A root called `blobs` has `incoming/` and the ledger beside it, any other root
    has them within: staged files must be on the blobs' own file system.
    """

    def __init__(self, root: Path) -> None:
        home = root.parent if root.name == "blobs" else root
        with translated(f"storage at {root}"):
            make_directory(root)
            if home.stat().st_dev != root.stat().st_dev:
                home = root
            make_directory(home / "incoming")
        self._root = str(root)
        self._incoming = str(home / "incoming")
        self._ledger = LedgerFile(home / "ledger.jsonl")
        self._fanout = Fanout(self._root)

    def stage(self) -> Staged:
        return LocalStaged(self._incoming, self._fanout)

    def commit_all(self, staged: Sequence[Staged]) -> list[str | ArchiveError]:
        return commit_all(cast("Sequence[LocalStaged]", staged))

    def read(self, key: str, span: Span | None = None) -> bytes:
        fd = self._open(key)
        try:
            if span is None:
                return _read(fd, 0, os.fstat(fd).st_size)
            return _read(fd, span.start, span.length)
        except OSError as error:
            raise archive_error(error, f"blob {key}") from error
        finally:
            os.close(fd)

    def at_hand(self, key: str, span: Span) -> bytes | None:
        fd = self._open(key)
        try:
            if not is_cached(fd, span.start, span.length):
                return None
            return _read(fd, span.start, span.length)
        except OSError as error:
            raise archive_error(error, f"blob {key}") from error
        finally:
            os.close(fd)

    def chunks(self, key: str, span: Span | None = None, size: int = 1 << 20) -> Iterator[bytes]:
        fd = self._open(key)
        return _Chunks(fd, key, span or Span(0, os.fstat(fd).st_size), size)

    @contextmanager
    def view(self, key: str) -> Iterator[memoryview]:
        fd = self._open(key)
        try:
            with mapped(fd, f"blob {key}") as view:
                yield view
        finally:
            os.close(fd)

    def size(self, key: str) -> int:
        try:
            return os.stat(self._path(key)).st_size
        except FileNotFoundError:
            raise NotFound(f"no blob {key}") from None
        except OSError as error:
            raise archive_error(error, f"blob {key}") from error

    def exists(self, key: str) -> bool:
        try:
            self.size(key)
        except NotFound:
            return False
        return True

    def delete(self, key: str) -> None:
        path = self._path(key)
        with translated(f"blob {key}"), contextlib.suppress(FileNotFoundError):
            os.unlink(path)
            fsync_directory(self._fanout.path(key))

    def blobs(self) -> Iterator[Blob]:
        with translated("the blobs"):
            for above in _folders(self._root):
                for leaf in _folders(above):
                    yield from _blobs(leaf)

    @contextmanager
    def guard(self, key: str, *, alone: bool = False) -> Iterator[None]:
        with translated(f"blob {checked(key)}"):
            fd = self._open_folder(key)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
            except BaseException:
                os.close(fd)
                raise
        try:
            yield
        finally:
            os.close(fd)

    def free(self) -> int | None:
        with translated("the blobs"):
            disk = os.statvfs(self._root)
        return disk.f_bavail * disk.f_frsize

    def record(self, line: bytes) -> None:
        self._ledger.append(line)

    def records(self) -> Iterator[bytes]:
        return self._ledger.lines()

    def recover(self) -> int:
        with translated("staged files"):
            names = os.listdir(self._incoming)
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(f"{self._incoming}/{name}")
        return len(names)

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _path(self, key: str) -> str:
        return f"{self._root}/{checked(key)[:2]}/{key[2:4]}/{key}"

    def _open(self, key: str) -> int:
        try:
            return os.open(self._path(key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"no blob {key}") from None
        except OSError as error:
            raise archive_error(error, f"blob {key}") from error

    def _open_folder(self, key: str) -> int:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        try:
            return os.open(self._fanout.path(key), flags)
        except FileNotFoundError:
            self._fanout.make(key)
            return os.open(self._fanout.path(key), flags)


class _Chunks:
    """A blob's bytes, piece by piece; closes its file when used up or dropped."""

    def __init__(self, fd: int, key: str, span: Span, size: int) -> None:
        self._fd = fd
        self._key = key
        self._at, self._end, self._size = span.start, span.start + span.length, size

    def __iter__(self) -> _Chunks:
        return self

    def __next__(self) -> bytes:
        if self._at >= self._end or self._fd < 0:
            self.close()
            raise StopIteration
        try:
            piece = _read(self._fd, self._at, min(self._size, self._end - self._at))
        except OSError as error:
            raise archive_error(error, f"blob {self._key}") from error
        self._at += len(piece)
        return piece

    def close(self) -> None:
        """Let go of the file."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close


def _read(fd: int, start: int, length: int) -> bytes:
    data = os.pread(fd, length, start)
    if len(data) == length:
        return data
    pieces = [data]
    missing = length - len(data)
    while missing:  # one call gives at most 2 GB
        piece = os.pread(fd, missing, start + length - missing)
        if not piece:
            raise Broken(f"a blob ends {missing} bytes early")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _folders(path: str) -> Iterator[str]:
    with os.scandir(path) as entries:
        names = [e.name for e in entries if len(e.name) == 2 and e.is_dir(follow_symlinks=False)]
    for name in sorted(names):
        yield f"{path}/{name}"


def _blobs(folder: str) -> Iterator[Blob]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if is_key(entry.name):
                with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                    found = entry.stat(follow_symlinks=False)
                    yield Blob(entry.name, found.st_size, found.st_mtime)
