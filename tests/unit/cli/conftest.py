"""Commands are run in this process; what they write is what `capsys` has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from filmroom.cli.main import run
from filmroom.testing.objects import part10

Command = Callable[..., "Ended"]


class Ended:
    """How a command ended and what it wrote."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status = status
        self.out = out
        self.err = err

    def __repr__(self) -> str:
        return f"Ended({self.status}, out={self.out!r}, err={self.err!r})"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of the commands of a test, which run in an empty folder."""
    for name in [name for name in os.environ if name.startswith("FILMROOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FILMROOM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("FILMROOM_DISK_RESERVE", "0")
    return tmp_path / "data"


@pytest.fixture
def filmroom(data: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command."""

    def ran(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        written = capsys.readouterr()
        return Ended(status, written.out, written.err)

    return ran


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """Write data sets as files into a folder, which is returned."""

    def written(*datasets: Dataset, folder: str = "files") -> Path:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        for number, dataset in enumerate(datasets):
            (place / f"{number}.dcm").write_bytes(part10(dataset))
        return place

    return written
