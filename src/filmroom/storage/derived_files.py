"""Derived files one by one: made aside under a lock, renamed when whole, checked when read.

Nothing is synchronised, so what a power cut left half-written must not be taken for
whole: each file ends with its length and checksum.
"""

from __future__ import annotations

import fcntl
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from io import BufferedRandom, FileIO
from struct import Struct
from typing import Any

from filmroom.dicom.frames import Span
from filmroom.errors import Broken
from filmroom.storage.durable import translated

ENDING = Struct("<4sIQ")  # magic, CRC-32, bytes before
SMALL, LARGE = b"FRd1", b"FRl1"  # a large file has no CRC-32: it was synchronised
FRESH = 60.0  # seconds for which a use need not be noted again
CHUNK = 1 << 20  # bytes
CHECKED = 16 << 20  # bytes that are written from one look at the disk's room to the next


class OpenFile:
    """A file that was made; it may lose its name while it is read."""

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self.size = size

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        """The bytes in pieces, or a run of them."""
        at, end = (within.start, within.start + within.length) if within else (0, self.size)
        while at < end:
            piece = os.pread(self._fd, min(CHUNK, end - at), at)
            if not piece:
                raise Broken("a file that was made is cut short")
            at += len(piece)
            yield piece

    def __del__(self) -> None:
        os.close(self._fd)


def read(path: str) -> bytes | None:
    """The bytes that `put` wrote; None where there is nothing, or nothing whole."""
    with suppress(OSError), _opened(path) as fd:
        size = os.fstat(fd).st_size - ENDING.size
        if size >= 0:
            data = os.pread(fd, size, 0)
            if os.pread(fd, ENDING.size, size) == _ending(data):
                _note_use(fd)
                return data
        os.unlink(path)
    return None


def open_large(path: str) -> OpenFile | None:
    """The file that `finish` completed; None where there is none, or not all of it."""
    with suppress(OSError), _opened(path) as fd:
        size = os.fstat(fd).st_size - ENDING.size
        if size >= 0 and os.pread(fd, ENDING.size, size) == ENDING.pack(LARGE, 0, size):
            _note_use(fd)
            return OpenFile(os.dup(fd), size)
        os.unlink(path)
    return None


def put(fd: int, aside: str, path: str, data: bytes) -> bool:
    """Write bytes to a file made aside and give it its name; False if it cannot be kept."""
    try:
        pieces = [memoryview(data), memoryview(_ending(data))]
        while pieces:
            written = os.writev(fd, pieces)
            while pieces and written >= len(pieces[0]):
                written -= len(pieces.pop(0))
            if written:
                pieces[0] = pieces[0][written:]
        os.rename(aside, path)
    except OSError:  # no room; or the blob was forgotten, and its folder with it
        return False
    return True


def write_large(fd: int, make: Callable[[Any], object], is_free: Callable[[int], bool]) -> OpenFile:
    """Have something written to a file made aside; raises Full where there is no room."""
    with translated("what is made of an instance"):
        with BufferedRandom(_Bounded(fd, is_free), CHUNK) as file:
            make(file)
        return OpenFile(os.dup(fd), os.fstat(fd).st_size)


def finish(fd: int, aside: str, path: str, size: int) -> bool:
    """Give a file that was written its ending and its name; False if it cannot be kept."""
    try:
        os.pwrite(fd, ENDING.pack(LARGE, 0, size), size)
        os.fdatasync(fd)
        os.rename(aside, path)
    except OSError:
        return False
    return True


def locked(aside: str) -> int:
    """An empty file for one to write, among all processes; waits while another has it."""
    while True:
        fd = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if is_at(fd, aside):
                os.ftruncate(fd, 0)  # a crash may have left something
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def is_at(fd: int, path: str) -> bool:
    """Whether an open file still has a name."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(fd))
    return False


class _Bounded(FileIO):
    """A file that grows only while the disk has room."""

    def __init__(self, fd: int, is_free: Callable[[int], bool]) -> None:
        super().__init__(fd, "r+b", closefd=False)
        self._is_free = is_free
        self._checked = 0

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        end = self.tell() + len(data)
        if end > self._checked:
            if not self._is_free(CHECKED):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            self._checked = end + CHECKED
        return super().write(data) or 0


@contextmanager
def _opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _ending(data: bytes) -> bytes:
    return ENDING.pack(SMALL, zlib.crc32(data), len(data))


def _note_use(fd: int) -> None:
    """Make a file the newest: the oldest go first."""
    if time.time() - os.fstat(fd).st_mtime > FRESH:
        os.utime(fd)
