"""pynetdicom's applications echo, store, find, get and move at the DIMSE door."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from dimse_door import Address, data_set, opened
from filmroom.core.archive import Archive
from filmroom.settings import Settings
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import ct_slice, part10, report, uid

FILES = [part10(ct_slice(1, 1, n, size=64)) for n in (1, 2, 3)] + [part10(report(2))]
WAIT = 60  # seconds


def run(app: str, address: Address, *arguments: object, folder: Path) -> str:
    """What an application of pynetdicom says; it succeeds."""
    command = [sys.executable, "-W", "ignore", "-m", "pynetdicom", app, *map(str, address)]
    done = subprocess.run(
        [*command, "-v", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=WAIT,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def port() -> int:
    """A port that is free, for the receiver that movescu starts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    return number


@pytest.fixture
def settings(settings: Settings, port: int) -> Settings:
    """The receiver is a peer."""
    mover = PeerSettings(name="mover", aet="MOVER", host="127.0.0.1", port=port)
    return settings.model_copy(update={"peers": (mover,)})


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


@pytest.fixture
def sent(door: Address, tmp_path: Path) -> str:
    """What storescu says of a folder that it sends."""
    folder = tmp_path / "out"
    folder.mkdir()
    for number, file in enumerate(FILES):
        (folder / f"{number}.dcm").write_bytes(file)
    return run("storescu", door, folder, "-r", "-cx", folder=tmp_path)


def received(folder: Path) -> dict[str, Dataset]:
    """What the files in a folder hold, by instance, in whatever transfer syntax."""
    read = [pydicom.dcmread(path) for path in folder.rglob("*") if path.is_file()]
    return {str(dataset.SOPInstanceUID): dataset for dataset in read}


def sent_of_first_study() -> dict[str, Dataset]:
    read = [pydicom.dcmread(BytesIO(file)) for file in FILES[:3]]
    return {str(dataset.SOPInstanceUID): dataset for dataset in read}


def test_echoscu_is_answered(door: Address, tmp_path: Path) -> None:
    said = run("echoscu", door, "--repeat", 3, folder=tmp_path)
    assert said.count("Received Echo Response (Status: 0x0000 - Success)") == 3


def test_storescu_sends_what_is_kept(archive: Archive, sent: str) -> None:
    assert sent.count("0x0000 - Success") == len(FILES)
    kept = [data_set(archive.storage.read(one.key)) for one in archive.index.located()]
    assert sorted(kept) == sorted(map(data_set, FILES))


@pytest.mark.usefixtures("sent")
def test_findscu_finds_a_study(door: Address, tmp_path: Path) -> None:
    keys = ["QueryRetrieveLevel=STUDY", "PatientID=ID1", "StudyInstanceUID="]
    said = run("findscu", door, "-S", *(x for key in keys for x in ("-k", key)), folder=tmp_path)
    assert uid(1) in said
    assert uid(2) not in said
    assert said.count("(Pending)") == 1
    assert "Find SCP Result: 0x0000 (Success)" in said


@pytest.mark.usefixtures("sent")
def test_getscu_gets_a_study(door: Address, tmp_path: Path) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid(1)}"]
    run("getscu", door, "-S", *keys, "-od", tmp_path / "in", folder=tmp_path)
    assert received(tmp_path / "in") == sent_of_first_study()


@pytest.mark.usefixtures("sent")
def test_movescu_has_a_study_moved_to_itself(door: Address, port: int, tmp_path: Path) -> None:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid(1)}"]
    here = ["--store", "--store-port", port, "--store-aet", "MOVER", "-od", tmp_path / "in"]
    said = run("movescu", door, "-S", *keys, "-aem", "MOVER", *here, folder=tmp_path)
    assert "0x0000 (Success)" in said
    assert "Completed: 3, Failed: 0, Warning: 0" in said
    assert received(tmp_path / "in") == sent_of_first_study()
