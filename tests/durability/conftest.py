"""A process to kill, and what must be true of an archive afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from crashing import Judge, Victim, judged

SIZE = 16 << 20  # bytes of the small disk


@pytest.fixture
def victim() -> Iterator[Victim]:
    victim = Victim()
    yield victim
    victim.close()


@pytest.fixture
def judge() -> Judge:
    """Says whether an archive kept its word; how many instances it holds."""
    return judged


@pytest.fixture
def quick_path(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has one: it survives all but a power cut."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is our own
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="filmroom-") as folder:
        yield Path(folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 16 MB in memory."""
    if os.geteuid() or shutil.which("mount") is None:
        pytest.skip("FULL DISKS ARE NOT TESTED HERE: need root and mount")
    mount = tmp_path / "disk"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(mount)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"FULL DISKS ARE NOT TESTED HERE: {mounted.stderr.strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)
