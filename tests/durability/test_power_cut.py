"""A power cut loses nothing that was acknowledged.

The file system is shut down without writing its log, as if the power went: only what
was synchronised is there afterwards. Needs root, loop devices and ext4.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from crashing import Judge, Victim

pytestmark = pytest.mark.power

CUTS = 20
SIZE = 256 << 20  # bytes of the file system
FS_IOC_SHUTDOWN = 0x8004587D  # _IOR('X', 125, __u32), linux/fs.h
NO_LOG_FLUSH = 2
STEP = 100_000  # numbers that one child may use


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)


class Disk:
    """A file system in a file, which can lose its power."""

    def __init__(self, folder: Path) -> None:
        self.image, self.mount = folder / "image", folder / "mount"
        self.mount.mkdir()
        with self.image.open("wb") as file:
            file.truncate(SIZE)
        run("mkfs.ext4", "-q", "-F", self.image)
        self.on()

    def on(self) -> None:
        """Power on: mount, which replays the log."""
        run("mount", "-o", "loop", self.image, self.mount)

    def cut(self) -> None:
        """Power off, without a warning."""
        fd = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(fd)

    def off(self) -> None:
        """Let go of what is left."""
        run("umount", self.mount)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    tools = ("mkfs.ext4", "mount", "umount")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if os.geteuid() or missing:
        pytest.skip(f"POWER CUTS ARE NOT TESTED HERE: need root and {', '.join(tools)}")
    try:
        disk = Disk(tmp_path)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip()
        pytest.skip(f"POWER CUTS ARE NOT TESTED HERE: this machine lets none mount: {reason}")
    yield disk
    with contextlib.suppress(subprocess.CalledProcessError):
        disk.off()


def test_a_power_cut_loses_what_was_not_synchronised(disk: Disk):
    """Shows that the cut is a cut: without this the next test would prove nothing."""
    (disk.mount / "synchronised").write_bytes(b"kept")
    os.sync()
    (disk.mount / "not synchronised").write_bytes(b"lost")
    disk.cut()
    disk.off()
    disk.on()

    assert (disk.mount / "synchronised").read_bytes() == b"kept"
    lost = disk.mount / "not synchronised"
    assert not lost.exists() or lost.read_bytes() != b"lost"


def test_power_cuts_while_storing_lose_nothing(disk: Disk, victim: Victim, judge: Judge):
    random = Random(3)  # noqa: S311 - for moments, not for secrets
    data = disk.mount / "data"
    for n in range(CUTS):
        victim.start(data, "loop", {"disk_reserve": 0}, first=n * STEP, threads=4, deleting=True)
        if n % 4:  # else perhaps while it starts
            victim.wait_for("ack")
        time.sleep(random.uniform(0, 0.4))
        disk.cut()
        victim.kill()
        victim.end()
        disk.off()
        disk.on()
        judge(data, victim.told)

    assert len(victim.told.must_be_there) >= CUTS
    assert len(victim.told.gone) > 0
