"""Blobs as files: written aside, synchronised, linked under their digest."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filmroom.dicom.frames import Span
from filmroom.errors import Broken, Malformed, NotFound
from filmroom.model.ports import Blob, Staged
from filmroom.storage.cached import is_cached
from filmroom.storage.durable import (
    WRITE_BACK,
    Fanout,
    archive_error,
    fsync_directory,
    make_directory,
    start_write_back,
    translated,
)
from filmroom.storage.keys import checked, is_key
from filmroom.storage.ledger import LedgerFile
from filmroom.storage.mapped import mapped

SCHEME = "file://"

_OURS = secrets.token_hex(8)  # no other process stages under these names, here or on another node
_NUMBERS = itertools.count()


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


class LocalStaged:
    """A file in `incoming/` on its way to become a blob."""

    def __init__(self, folder: str, fanout: Fanout) -> None:
        self._fd = -1
        self._fanout = fanout
        self._path = f"{folder}/{_OURS}-{os.getpid()}-{next(_NUMBERS)}"
        with translated("a staged file"):
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self._hash = hashlib.sha256()
        self._size = 0
        self._handed = 0  # bytes whose write-back was started
        self._modified: float | None = None

    @property
    def size(self) -> int:
        return self._size

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    @property
    def modified(self) -> float:
        if self._modified is None:
            with translated("a staged file"):
                os.utime(self._fd)
                self._modified = os.fstat(self._fd).st_mtime
        return self._modified

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        try:
            rest = chunk if isinstance(chunk, memoryview) else memoryview(chunk)
            while rest.nbytes:
                written = os.write(self._fd, rest)
                self._hash.update(rest[:written])
                self._size += written
                rest = rest[written:]
        except OSError as error:
            self.discard()
            raise archive_error(error, "a staged file") from error
        if self._size - self._handed >= WRITE_BACK:
            self._start_write_back()

    @contextmanager
    def view(self) -> Iterator[memoryview]:
        self._start_write_back()  # the disk works while the bytes are looked at
        with mapped(self._fd, "a staged file") as view:
            yield view

    def commit(self) -> str:
        key = self.digest
        with translated(f"blob {key}"):
            try:
                os.fsync(self._fd)  # once: after an error the kernel may call lost pages clean
                self._link(key)
                # From here on others may rely on the name: after an error it stays, as litter.
                self._fanout.settle(key)
            finally:
                self.discard()
        return key

    def discard(self) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        with contextlib.suppress(OSError):  # what stays is litter that `recover` takes away
            os.unlink(self._path)
        with contextlib.suppress(OSError):
            os.close(fd)

    __del__ = discard

    def _start_write_back(self) -> None:
        if self._size > self._handed:
            start_write_back(self._fd, self._handed, self._size - self._handed)
            self._handed = self._size

    def _link(self, key: str) -> None:
        target = f"{self._fanout.path(key)}/{key}"
        try:
            os.link(self._path, target)
        except FileNotFoundError:
            self._fanout.make(key)
            with contextlib.suppress(FileExistsError):
                os.link(self._path, target)
        except FileExistsError:
            if not _same_and_durable(target, os.fstat(self._fd)):
                os.replace(self._path, target)  # a damaged blob gives way to what it should be


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


def _same_and_durable(path: str, staged: os.stat_result) -> bool:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.fstat(fd).st_size != staged.st_size:
            return False
        with contextlib.suppress(PermissionError):  # another user may have put it there
            os.utime(fd, ns=(staged.st_mtime_ns, staged.st_mtime_ns))
        os.fsync(fd)
        return True
    finally:
        os.close(fd)


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
