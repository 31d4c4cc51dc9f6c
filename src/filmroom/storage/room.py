"""The room that derived files may take: counted among all processes, given back by age."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from struct import Struct

HIGH = 0.9  # of the room: from here on the oldest files go
LOW = 0.75  # of the room: until here
DRIFT = 0.1  # of the room: what the count may be wrong by before it is put right
BLOCK = 4096  # bytes: what files take is counted in these
_COUNT = Struct("<q")

log = logging.getLogger(__name__)


class Room:
    """At most `size` bytes of files in `ROOT/frames/ab/KEY/`, while `margin` bytes stay free.

    Their sum is kept in `ROOT/used`, not durably: `trim` counts anew.
    """

    def __init__(self, root: Path, size: int, margin: int) -> None:
        self._root = str(root)
        self._frames = f"{root}/frames"
        self._size = size
        self._margin = margin
        self._evicting = threading.Lock()

    def take(self, size: int) -> bool:
        """Count a file that is about to be there; False, and not counted, where it may not."""
        with suppress(OSError):
            taken = _rounded(size)
            used = self._count(taken)
            if used > HIGH * self._size or not self.is_free(size):
                self._evict_soon()
            if used <= self._size and self.is_free(size):
                return True
            self._count(-taken)
        return False

    def untake(self, size: int) -> None:
        """A file that was counted is not there after all."""
        with suppress(OSError):
            self._count(-_rounded(size))

    def untake_all(self, folder: str) -> None:
        """The files of a folder will go."""
        with suppress(OSError), os.scandir(folder) as entries:
            self._count(-sum(_rounded(entry.stat().st_size) for entry in entries))

    def is_free(self, size: int) -> bool:
        """Whether the disk has room for a file, and some to spare."""
        disk = os.statvfs(self._root)
        return disk.f_bavail * disk.f_frsize - size >= self._margin

    def trim(self) -> None:
        """Count anew, and let the oldest files go where there are too many."""
        with self._evicting, self._alone() as alone:
            if alone:
                self._evict()

    def _evict_soon(self) -> None:
        # Whoever needs the room does not wait for it: what it made is then not kept.
        if self._evicting.acquire(blocking=False):
            threading.Thread(target=self._evict_quietly, name="evict", daemon=True).start()

    def _evict_quietly(self) -> None:
        try:
            with self._alone() as alone:
                if alone:
                    self._evict()
        except OSError as error:
            log.warning("derived files were not trimmed", extra={"reason": error.strerror})
        finally:
            self._evicting.release()

    def _evict(self) -> None:
        before = self._count(0)
        ages, sizes = array("d"), array("q")
        for _, found in self._files():
            ages.append(found.st_mtime)
            sizes.append(_rounded(found.st_size))
        # What is put there just now was counted and not seen: a small difference is let be.
        seen = sum(sizes)
        used = seen if abs(seen - before) > DRIFT * self._size else before
        excess = max(used - LOW * self._size if used > HIGH * self._size else 0, self._missing())
        gone = self._remove_until(_newest_of(excess, ages, sizes)) if excess > 0 else 0
        self._count(used - before - gone)

    def _missing(self) -> int:
        """Bytes of the disk that should be free and are not."""
        disk = os.statvfs(self._root)
        return self._margin - disk.f_bavail * disk.f_frsize

    def _remove_until(self, newest: float) -> int:
        """Remove the files used last at a time or before; how many bytes they had."""
        gone = 0
        for path, found in self._files():
            if found.st_mtime <= newest:
                with suppress(FileNotFoundError):
                    os.unlink(path)
                    gone += _rounded(found.st_size)
                with suppress(OSError):  # not empty
                    os.rmdir(os.path.dirname(path))
        return gone

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        for above in folders(self._frames):
            for folder in folders(above):
                with suppress(FileNotFoundError), os.scandir(folder) as entries:
                    for entry in entries:
                        with suppress(FileNotFoundError):
                            yield entry.path, entry.stat(follow_symlinks=False)

    def _count(self, more: int) -> int:
        """Add to the sum of all files, and return it."""
        fd = os.open(f"{self._root}/used", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            text = os.pread(fd, _COUNT.size, 0)
            used = _COUNT.unpack(text)[0] if len(text) == _COUNT.size else 0
            used = max(used + more, 0)
            if more:
                os.pwrite(fd, _COUNT.pack(used), 0)
        finally:
            os.close(fd)
        return int(used)

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether no other process evicts, and none does meanwhile."""
        fd = os.open(f"{self._root}/evicting", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True
        finally:
            os.close(fd)


def folders(path: str) -> list[str]:
    """The folders in a folder; none if it is not there."""
    with suppress(FileNotFoundError), os.scandir(path) as entries:
        return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _rounded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


def _newest_of(excess: float, ages: array[float], sizes: array[int]) -> float:
    """The time of the last use of the newest file that must go, for `excess` bytes to go."""
    gone = 0
    for age, size in sorted(zip(ages, sizes, strict=True)):
        gone += size
        if gone >= excess:
            return age
    return float("inf")
