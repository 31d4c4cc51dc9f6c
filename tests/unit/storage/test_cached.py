"""What lies in the page cache is known without a wait; what does not is left to a thread."""

from __future__ import annotations

import os
import time
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


def _dropped(fd: int, start: int, length: int) -> None:
    os.posix_fadvise(fd, start, length, os.POSIX_FADV_DONTNEED)


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="this system cannot say")
@pytest.mark.parametrize("part", [(0, SIZE), (PROBED + 5, 100), (SIZE - 1, 1), (0, 0)])
def test_what_was_dropped_from_memory_is_not_at_hand(file: int, part: tuple[int, int]) -> None:
    for _ in range(100):  # the system may keep a page that another processor has just used
        _dropped(file, 0, SIZE)
        if not is_cached(file, *part):
            break
        time.sleep(0.05)

    assert not is_cached(file, *part)


def test_a_system_that_cannot_say_says_no(file: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "_NOWAIT", None)

    assert not is_cached(file, 0, SIZE)


def test_a_file_that_cannot_be_read_is_not_at_hand() -> None:
    assert not is_cached(-1, 0, 1)
