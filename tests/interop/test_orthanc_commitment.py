"""Storage commitment with Orthanc: it asks us, and we ask it (PS3.4 Annex J)."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from dimse_door import Address, opened
from filmroom.app import open_archive
from filmroom.core import commitment, jobs, peers
from filmroom.core.archive import Archive
from filmroom.core.runner import Runner
from filmroom.core.store import receive
from filmroom.model.job import JobKind, JobState
from filmroom.settings import Settings
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import CT_IMAGE, ct_slice, part10, uid

Ask = Callable[..., Any]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    settings = Settings(data=tmp_path / "data", disk_reserve=0, commitment_wait=0.2)
    with ExitStack() as closed_last:
        archive = closed_last.enter_context(open_archive(settings))
        closed_last.enter_context(Runner(archive))
        yield archive


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


@pytest.fixture
def orthanc(tmp_path: Path, archive: Archive, door: Address) -> Iterator[Ask]:
    """A way to ask an Orthanc; it and we know each other."""
    path = shutil.which("Orthanc")
    assert path, "Debian's orthanc is needed"
    http, dicom = free_ports()
    configuration = {
        "StorageDirectory": str(tmp_path / "orthanc"),
        "IndexDirectory": str(tmp_path / "orthanc"),
        "HttpPort": http,
        "DicomPort": dicom,
        "DicomAet": "ORTHANC",
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "Plugins": [],
        "DicomModalities": {"filmroom": ["FILMROOM", door[0], door[1]]},
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(configuration))
    peers.add(archive, PeerSettings(name="orthanc", aet="ORTHANC", host="127.0.0.1", port=dicom))
    process = subprocess.Popen(
        [path, str(tmp_path / "orthanc.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(path: str, body: bytes | dict[str, Any] | None = None) -> Any:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        with urlopen(Request(f"http://127.0.0.1:{http}{path}", data), timeout=30) as answer:
            return json.loads(answer.read())

    try:
        assert soon(lambda: answers(ask), 30), "Orthanc did not start"
        yield ask
    finally:
        process.terminate()
        process.wait(20)


def free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        return one.getsockname()[1], other.getsockname()[1]


def answers(ask: Ask) -> bool:
    try:
        ask("/system")
    except URLError:
        return False
    return True


def soon(condition: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)
    return condition()


def keep(archive: Archive, number: int) -> None:
    incoming = receive(archive, "test")
    incoming.write(part10(ct_slice(1, 1, number)))
    incoming.finish()


def test_orthanc_is_told_what_we_keep(orthanc: Ask, archive: Archive) -> None:
    keep(archive, 1)
    asked = {"DicomInstances": [[CT_IMAGE, uid(1, 1, 1)], [CT_IMAGE, uid(9)]]}

    name = orthanc("/modalities/filmroom/storage-commitment", asked)["ID"]

    assert soon(lambda: orthanc(f"/storage-commitment/{name}")["Status"] != "Pending")
    told = orthanc(f"/storage-commitment/{name}")
    assert told["Status"] == "Failure"
    assert [one["SOPInstanceUID"] for one in told["Success"]] == [uid(1, 1, 1)]
    assert [(one["SOPInstanceUID"], one["FailureReason"]) for one in told["Failures"]] == [
        (uid(9), 0x0112)
    ]
    assert soon(lambda: commitment.page(archive)[0][1].state == "reported")


def test_orthanc_tells_us_what_it_keeps(orthanc: Ask, archive: Archive) -> None:
    keep(archive, 1)
    orthanc("/instances", part10(ct_slice(1, 1, 1)))

    arguments = {"peer": "orthanc", "selections": [[uid(1)]]}
    name = jobs.start(archive, JobKind.COMMIT, arguments, "test").id

    assert soon(lambda: jobs.get(archive, name).state is JobState.DONE)
    progress = jobs.get(archive, name).progress
    assert (progress.done, progress.failed) == (1, 0)
