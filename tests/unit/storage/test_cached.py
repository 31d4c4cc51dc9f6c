"""What lies in the page cache is known without a wait; what does not is left to a thread."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from filmroom.storage import cached
from filmroom.storage.cached import PROBED, is_cached

SIZE = 4 * PROBED


@pytest.fixture
def file(tmp_path: Path) -> int:
    """A file that was just written and is on the disk as well."""
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    os.write(fd, bytes(SIZE))
    os.fsync(fd)
    yield fd
    os.close(fd)


def _drop(monkeypatch: pytest.MonkeyPatch, gone: range) -> None:
    """Have the system say that reading these bytes would wait (what it drops, and when, is its own
    affair)."""

    def preadv(fd: int, buffers: list[bytearray], at: int, flags: int) -> int:
        assert flags == os.RWF_NOWAIT
        if at in gone:
            raise BlockingIOError
        return len(os.pread(fd, len(buffers[0]), at))

    monkeypatch.setattr(cached.os, "preadv", preadv)


@pytest.mark.parametrize("part", [(0, SIZE), (PROBED + 5, 100), (SIZE - 1, 1), (0, 0)])
def test_what_was_dropped_from_memory_is_not_at_hand(
    file: int, part: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    _drop(monkeypatch, range(SIZE))

    assert not is_cached(file, *part)


@pytest.mark.parametrize("gone", [0, PROBED, 2 * PROBED, SIZE - 1])
def test_a_run_that_is_partly_dropped_is_not_at_hand(
    file: int, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drop(monkeypatch, range(gone, gone + 1))

    assert not is_cached(file, 0, SIZE)


def test_a_run_beside_what_was_dropped_is_at_hand(
    file: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    _drop(monkeypatch, range(PROBED))

    assert is_cached(file, PROBED, SIZE - PROBED)


def test_a_system_that_cannot_say_says_no(file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "_NOWAIT", None)

    assert not is_cached(file, 0, SIZE)


def test_a_file_that_cannot_be_read_is_not_at_hand() -> None:
    assert not is_cached(-1, 0, 1)
