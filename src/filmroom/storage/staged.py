"""Bytes on their way to become a blob: in memory while they are few, else in a file aside."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from filmroom.errors import ArchiveError
from filmroom.storage.durable import (
    WRITE_BACK,
    Fanout,
    archive_error,
    start_write_back,
)
from filmroom.storage.mapped import mapped

FEW = 1 << 20
"""Bytes up to which nothing is written before `commit`: less work, and none for what is refused."""

_OURS = secrets.token_hex(8)  # no other process stages under these names, here or on another node
_NUMBERS = itertools.count()


class LocalStaged:
    """One blob to be; its file, once there is one, lies in `incoming/`."""

    def __init__(self, folder: str, fanout: Fanout) -> None:
        self._fd = -1
        self._folder = folder
        self._fanout = fanout
        self._path = ""
        self._few: bytearray | None = bytearray()
        """What was written, as long as it is in no file."""
        self._hash = hashlib.sha256()
        self._hashed = 0  # bytes of `_few`
        self._size = 0
        self._handed = 0  # bytes whose write-back was started
        self._modified: int | None = None  # nanoseconds

    @property
    def size(self) -> int:
        return self._size

    @property
    def digest(self) -> str:
        self._hash_few()
        return self._hash.hexdigest()

    @property
    def modified(self) -> float:
        if self._modified is None:
            self._modified = time.time_ns() // 1000 * 1000  # finer than some file systems keep it
        seconds, rest = divmod(self._modified, 10**9)
        return seconds + 1e-9 * rest  # as stat gives it, to the last bit

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        data = chunk if isinstance(chunk, memoryview) else memoryview(chunk)
        if self._few is not None and self._size + data.nbytes <= FEW:
            self._few += data
            self._size += data.nbytes
            return
        try:
            self._to_file()
            self._append(data)
        except OSError as error:
            self.discard()
            raise archive_error(error, "a staged file") from error
        self._hash.update(data)
        self._size += data.nbytes
        if self._size - self._handed >= WRITE_BACK:
            self._start_write_back()

    @contextmanager
    def view(self) -> Iterator[memoryview]:
        if self._few is not None:
            with memoryview(self._few).toreadonly() as view:
                yield view
            return
        self._start_write_back()  # the disk works while the bytes are looked at
        with mapped(self._fd, "a staged file") as view:
            yield view

    def commit(self) -> str:
        (told,) = commit_all([self])
        if isinstance(told, ArchiveError):
            raise told
        return told

    def discard(self) -> None:
        self._few = None
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        with contextlib.suppress(OSError):  # what stays is litter that `recover` takes away
            os.unlink(self._path)
        with contextlib.suppress(OSError):
            os.close(fd)

    __del__ = discard

    def put(self) -> None:
        """See that all is in a file, and have the disk begin with it; raises OSError."""
        self._to_file()
        if self._modified is not None:
            os.utime(self._fd, ns=(self._modified, self._modified))
        self._start_write_back()

    def synchronise(self) -> None:
        """Put the file's bytes on stable storage; raises OSError."""
        os.fsync(self._fd)  # once: after an error the kernel may call lost pages clean

    def link(self) -> None:
        """Give the file its blob's name; raises OSError."""
        key = self.digest
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

    def settle(self) -> None:
        """Make the blob's name last; raises OSError, and then it stays, as litter.

        Others may rely on the name already.
        """
        self._fanout.settle(self.digest)

    def _to_file(self) -> None:
        if self._few is None:
            return
        self._hash_few()
        few, self._few = self._few, None
        self._path = f"{self._folder}/{_OURS}-{os.getpid()}-{next(_NUMBERS)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, 0o640)
        self._append(memoryview(few))

    def _hash_few(self) -> None:
        if self._few is not None and self._hashed < self._size:
            with memoryview(self._few) as few:
                self._hash.update(few[self._hashed :])
            self._hashed = self._size

    def _append(self, rest: memoryview) -> None:
        while rest.nbytes:
            rest = rest[os.write(self._fd, rest) :]

    def _start_write_back(self) -> None:
        if self._size > self._handed:
            start_write_back(self._fd, self._handed, self._size - self._handed)
            self._handed = self._size


def commit_all(staged: Sequence[LocalStaged]) -> list[str | ArchiveError]:
    """Make blobs of them, step by step for all, so that the disk's work for one serves another."""
    told: list[str | ArchiveError] = [""] * len(staged)
    steps = (LocalStaged.put, LocalStaged.synchronise, LocalStaged.link, LocalStaged.settle)
    try:
        for step in steps:
            for i, one in enumerate(staged):
                if not isinstance(told[i], ArchiveError):
                    told[i] = _stepped(one, step)
    finally:
        for one in staged:
            one.discard()
    return told


def _stepped(staged: LocalStaged, step: Callable[[LocalStaged], None]) -> str | ArchiveError:
    key = staged.digest
    try:
        step(staged)
    except OSError as error:
        return archive_error(error, f"blob {key}")
    except ArchiveError as error:
        return error
    return key


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
