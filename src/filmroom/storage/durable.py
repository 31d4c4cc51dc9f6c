"""What makes bytes and names last on a local file system, and what its errors mean."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filmroom.errors import ArchiveError, Broken, Busy, Full

WRITE_BACK = 4 << 20  # bytes written between two hints that the disk may begin
_SYNC_FILE_RANGE_WRITE = 2  # start writing dirty pages, wait for nothing

_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_TOO_MANY = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM))


def archive_error(error: OSError, what: str) -> ArchiveError:
    """The archive's error for the system's."""
    reason = error.strerror or type(error).__name__
    if error.errno in _NO_ROOM:
        return Full(f"no room for {what}: {reason}")
    if error.errno in _TOO_MANY:
        return Busy(f"{what}: {reason}")
    return Broken(f"{what}: {reason}")


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn the system's errors inside into the archive's, which name `what`."""
    try:
        yield
    except OSError as error:
        raise archive_error(error, what) from error


def _load_sync_file_range() -> Callable[[int, int, int], None]:
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is None:
        return lambda _fd, _offset, _count: None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    # The result is passed over: it is a hint, and what fails fails again in fsync, which counts.
    return lambda fd, offset, count: function(fd, offset, count, _SYNC_FILE_RANGE_WRITE)


start_write_back = _load_sync_file_range()
"""`start_write_back(fd, offset, count)`: let the disk begin now, so that fsync waits less."""


def fsync_directory(path: str) -> None:
    """Put a directory's entries on stable storage."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(path: Path) -> None:
    """Make a directory and what is missing above it, durably."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        fsync_directory(str(folder.parent))


class Fanout:
    """Directories two levels below a root, and which of them are known to last.

    A name lasts when its directory was synchronised after the name was made. What
    was seen to last is remembered, so that most blobs cost one synchronisation.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._lasting: set[str] = set()

    def path(self, key: str) -> str:
        """The directory of a key."""
        return f"{self._root}/{key[:2]}/{key[2:4]}"

    def make(self, key: str) -> None:
        """Make a key's directory; it lasts after `settle`."""
        above, leaf = f"{self._root}/{key[:2]}", self.path(key)
        self._lasting.discard(leaf)
        try:
            os.mkdir(leaf)
        except FileExistsError:
            return
        except FileNotFoundError:
            self._lasting.discard(above)
            os.makedirs(leaf, exist_ok=True)

    def settle(self, key: str) -> None:
        """Make the entries of a key's directory last, and those that lead to it."""
        leaf, above = self.path(key), f"{self._root}/{key[:2]}"
        fsync_directory(leaf)
        for directory, parent in ((leaf, above), (above, self._root)):
            if directory not in self._lasting:
                fsync_directory(parent)
                self._lasting.add(directory)
