"""Processes to kill, and what must be true of an archive afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from objects_by_number import instance_bytes, ref_of

from dimse_door import data_set
from filmroom.app import open_archive
from filmroom.core.archive import Archive
from filmroom.core.maintain import sweep, verify
from filmroom.dicom.levels import Level
from filmroom.errors import NotFound
from filmroom.model.query import Query
from filmroom.model.selection import Selection
from filmroom.settings import Settings


@dataclass
class Told:
    """What the children of a victim have said."""

    acked: set[int] = field(default_factory=set)
    going: set[int] = field(default_factory=set)
    """Told to be about to be deleted: may be there or not."""
    gone: set[int] = field(default_factory=set)
    failed: dict[int, str] = field(default_factory=dict)

    def hear(self, line: str) -> None:
        """Take one line."""
        match line.split():
            case ["ack", number]:
                self.acked.add(int(number))
            case ["going", number]:
                self.going.add(int(number))
            case ["gone", number]:
                self.gone.add(int(number))
            case ["failed", number, *why]:
                self.failed[int(number)] = " ".join(why)

    @property
    def must_be_there(self) -> set[int]:
        """Acknowledged, and never asked to go."""
        return self.acked - self.going


class Victim:
    """A process that forks children to be killed."""

    def __init__(self) -> None:
        self.told = Told()
        self.pid = 0
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("victim.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, data: Path, mode: str, settings: dict | None = None, **more: object) -> None:
        """Start a child."""
        command = {"data": str(data), "mode": mode, "settings": settings or {}, **more}
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        self.pid = int(self.wait_for("pid"))

    def wait_for(self, word: str) -> str:
        """What follows a word, when the child says it; what it says before is heard."""
        for line in self.process.stdout:
            self.told.hear(line)
            if line.split()[0] == word:
                return line.removeprefix(word).strip()
        raise AssertionError(f"the victim ended without saying {word}")

    def kill(self) -> None:
        """Kill the child; it may have ended already."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def end(self) -> int:
        """Hear all that the child had to say; its exit status."""
        return int(self.wait_for("end"))

    def close(self) -> None:
        """End everything."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()


Judge = Callable[[Path, Told], int]
Whole = Callable[[Archive, int], bool]


def judged(data: Path, told: Told, whole: Whole | None = None, **settings: object) -> int:
    """Open the archive as a server does, and hold it to what it said.

    `whole` says whether an instance comes back as it was sent, in place of `is_whole`.
    """
    whole = whole or is_whole
    settings = Settings(data=data, sweep_grace=0.0, purge_grace=0.0, disk_reserve=0, **settings)
    with open_archive(settings, exclusive=True) as archive:
        assert list((data / "incoming").iterdir()) == []
        lost = {number for number in told.must_be_there if not whole(archive, number)}
        assert lost == set()
        assert {number for number in told.gone if is_there(archive, number)} == set()
        assert [one for one in verify(archive) if one.problem not in (None, "orphan")] == []
        sweep(archive)
        assert [one for one in verify(archive) if one.problem] == []
        rows = {row.key for row in archive.index.located()}
        assert {blob.key for blob in archive.storage.blobs()} == rows
        held = archive.index.counts().instances
        assert held == len(rows)
        query = Query(level=Level.IMAGE, within=Selection(), limit=held + 1)
        assert len(archive.index.find(query).matches) == held
        return held


def is_there(archive: Archive, number: int) -> bool:
    """Whether an instance is known."""
    try:
        archive.index.locate(ref_of(number))
    except NotFound:
        return False
    return True


def is_whole(archive: Archive, number: int) -> bool:
    """Whether an instance is found and comes back bit for bit, with its metadata."""
    return _stored(archive, number) == instance_bytes(number)


def has_whole_data_set(archive: Archive, number: int) -> bool:
    """Whether an instance is found, and its data set comes back bit for bit."""
    stored = _stored(archive, number)
    return stored is not None and data_set(stored) == data_set(instance_bytes(number))


def _stored(archive: Archive, number: int) -> bytes | None:
    try:
        return archive.storage.read(archive.index.locate(ref_of(number)).key)
    except NotFound:
        return None
