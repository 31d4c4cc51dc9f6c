"""What was made from blobs, as files: bounded, shared by all processes, made once.

`frames/` goes by age when the bound is reached, `kept/` does not: in both lies
`ab/<key>/<name>`, the name as a digest. Whoever makes something holds a lock on the
file in `making/` that it is written to; to keep it is to rename it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from filmroom.errors import Full
from filmroom.storage.derived_files import (
    ENDING,
    OpenFile,
    finish,
    is_at,
    locked,
    open_large,
    put,
    read,
    write_large,
)
from filmroom.storage.durable import translated
from filmroom.storage.flight import Flights
from filmroom.storage.keys import checked, is_key
from filmroom.storage.room import Room, folders

FRAMES, KEPT = "frames", "kept"


class LocalDerived:
    """Files below `root`: at most `size` bytes of them, besides those that are `kept`.

    Twice `reserve` bytes of the disk stay free, so that stores can go on.
    """

    def __init__(self, root: Path, size: int, reserve: int = 0) -> None:
        self._root = str(root)
        self._making = f"{root}/making"
        with translated(f"derived files at {root}"):
            for name in (FRAMES, KEPT, "making"):
                (root / name).mkdir(parents=True, exist_ok=True)
        self._room = Room(root, size, 2 * reserve)
        self._made: Flights[bytes] = Flights()
        self._files: Flights[OpenFile] = Flights()

    def get_or_make(
        self, key: str, name: str, make: Callable[[], bytes], *, kept: bool = False
    ) -> bytes:
        path = self._path(key, name, KEPT if kept else FRAMES)
        found = read(path)
        if found is not None:
            return found
        return self._made.once(path, lambda: self._make(path, make, kept=kept))

    def find(self, key: str, name: str) -> bytes | None:
        found = read(self._path(key, name, FRAMES))
        return read(self._path(key, name, KEPT)) if found is None else found

    def file_or_make(self, key: str, name: str, make: Callable[[BinaryIO], object]) -> OpenFile:
        path = self._path(key, name, FRAMES)
        found = open_large(path)
        return found or self._files.once(path, lambda: self._make_file(path, make))

    def forget(self, key: str) -> None:
        for place in (FRAMES, KEPT):
            folder = f"{self._root}/{place}/{checked(key)[:2]}/{key}"
            aside = f"{self._making}/{secrets.token_hex(16)}"
            with translated(f"what was made of {key}"), suppress(FileNotFoundError):
                os.rename(folder, aside)  # from now on nobody puts anything there
                if place == FRAMES:
                    self._room.untake_all(aside)
                shutil.rmtree(aside)

    def keys(self) -> Iterator[str]:
        for place in (FRAMES, KEPT):
            for above in folders(f"{self._root}/{place}"):
                names = map(os.path.basename, folders(above))
                yield from filter(is_key, names)

    def trim(self) -> None:
        with translated("derived files"):
            for name in os.listdir(self._making):
                _clear(f"{self._making}/{name}")
            self._room.trim()

    def close(self) -> None:
        """Nothing is held open between calls."""

    def _path(self, key: str, name: str, place: str) -> str:
        digest = sha256(name.encode()).hexdigest()[:32]
        return f"{self._root}/{place}/{checked(key)[:2]}/{key}/{digest}"

    def _make(self, path: str, make: Callable[[], bytes], *, kept: bool) -> bytes:
        with self._aside(path) as (fd, aside):
            found = read(path)  # another process was quicker
            if found is not None:
                return found
            data = make()
            size = len(data) + ENDING.size
            if fd < 0:
                return data
            if kept:
                if self._room.is_free(size):
                    put(fd, aside, path, data)
            elif self._room.take(size) and not put(fd, aside, path, data):
                self._room.untake(size)
            return data

    def _make_file(self, path: str, make: Callable[[BinaryIO], object]) -> OpenFile:
        with self._aside(path) as (fd, aside):
            found = open_large(path)
            if found is not None:
                return found
            if fd < 0:
                raise Full("no room for what is made of an instance")
            made = write_large(fd, make, self._room.is_free)
            size = made.size + ENDING.size
            if self._room.take(size) and not finish(fd, aside, path, made.size):
                self._room.untake(size)
            return made

    @contextmanager
    def _aside(self, path: str) -> Iterator[tuple[int, str]]:
        """An empty file to make something in, alone among all processes; -1 where there is none."""
        aside = f"{self._making}/{sha256(path.encode()).hexdigest()[:32]}"
        try:
            # Before anything of the blob is read: if the folder goes, so has the blob.
            os.makedirs(os.path.dirname(path), exist_ok=True)
            fd = locked(aside)
        except OSError:  # a disk that is full, or cannot be written: go on without
            yield -1, aside
            return
        try:
            yield fd, aside
        finally:
            with suppress(OSError):
                if is_at(fd, aside):
                    os.unlink(aside)
            os.close(fd)


def _clear(aside: str) -> None:
    """Remove what a crash left of a making, unless it is still under way."""
    if os.path.isdir(aside):
        shutil.rmtree(aside, ignore_errors=True)
        return
    with suppress(FileNotFoundError):
        fd = os.open(aside, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with suppress(BlockingIOError):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if is_at(fd, aside):
                    os.unlink(aside)
        finally:
            os.close(fd)
