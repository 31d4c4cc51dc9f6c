"""The ledger's file: lines that are appended, made durable, and never changed."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from filmroom.errors import Full, Malformed
from filmroom.storage.durable import fsync_directory, translated

_BLOCK = 1 << 16  # bytes read at once while looking for the end of the last whole line


class LedgerFile:
    """Lines in one file that several processes append to."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, line: bytes) -> None:
        """Append one line durably; what a crash left of a torn one goes first."""
        if b"\n" in line:
            raise Malformed("a line of the ledger holds a line break")
        with translated("the ledger"):
            new = not self._path.exists()
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                self._append_locked(fd, line + b"\n")
            finally:
                os.close(fd)
            if new:
                fsync_directory(str(self._path.parent))

    def _append_locked(self, fd: int, text: bytes) -> None:
        end = _end_of_lines(fd)
        if end != os.fstat(fd).st_size:
            os.ftruncate(fd, end)
        try:
            _write_whole(fd, text)
            os.fsync(fd)
        except BaseException:
            os.ftruncate(fd, end)
            raise

    def lines(self) -> Iterator[bytes]:
        """The whole lines, oldest first."""
        with translated("the ledger"):
            if not self._path.exists():
                return
            with self._path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        yield line[:-1]


def _write_whole(fd: int, text: bytes) -> None:
    # In one call, so that readers never see a part; a part is written only when room runs out.
    if os.write(fd, text) != len(text):
        raise Full("no room for the ledger")


def _end_of_lines(fd: int) -> int:
    """Where the last whole line ends."""
    end = os.fstat(fd).st_size
    while end:
        start = max(0, end - _BLOCK)
        at = os.pread(fd, end - start, start).rfind(b"\n")
        if at >= 0:
            return start + at + 1
        end = start
    return 0
