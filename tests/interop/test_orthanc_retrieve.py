"""Orthanc as peer over DIMSE: it sends, asks, moves and gets; we send, ask, fetch."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from dimse_door import Address, opened
from filmroom.core import peers
from filmroom.core.archive import Archive
from filmroom.core.fetching import How, fetch, query
from filmroom.core.selected import select
from filmroom.core.sending import send
from filmroom.dicom.levels import Level
from filmroom.model.peer import Peer
from filmroom.model.remote import Tally
from filmroom.model.selection import Selection
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import ct_slice, part10, report, uid

Ask = Callable[..., Any]
FILES = [part10(ct_slice(1, 1, 1, size=300)), part10(ct_slice(1, 1, 2)), part10(report(1))]
INSTANCES = [uid(1, 1, 1), uid(1, 1, 2), uid(1, 90, 1)]


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


@pytest.fixture
def dicom_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def peer(archive: Archive, dicom_port: int) -> Peer:
    """Orthanc, as we know it."""
    wanted = PeerSettings(name="orthanc", aet="ORTHANC", host="127.0.0.1", port=dicom_port)
    return peers.add(archive, wanted)


@pytest.fixture
def orthanc(tmp_path: Path, door: Address, peer: Peer) -> Iterator[Ask]:
    """A way to ask an Orthanc that knows us."""
    program = shutil.which("Orthanc")
    assert program, "Debian's orthanc is needed"
    with socket.create_server(("127.0.0.1", 0)) as free:
        http = free.getsockname()[1]
    ours = {"AET": "FILMROOM", "Host": door[0], "Port": door[1], "AllowGet": True}
    configuration = {
        "StorageDirectory": str(tmp_path / "orthanc"),
        "IndexDirectory": str(tmp_path / "orthanc"),
        "HttpPort": http,
        "DicomPort": peer.port,
        "DicomAet": "ORTHANC",
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "Plugins": [],
        "DicomModalities": {"filmroom": ours},
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(configuration))
    process = subprocess.Popen(
        [program, str(tmp_path / "orthanc.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(path: str, body: bytes | dict[str, Any] | None = None, method: str = "") -> Any:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = Request(f"http://127.0.0.1:{http}{path}", data, method=method or None)
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    try:
        until = time.monotonic() + 30
        while not _answers(ask):
            assert time.monotonic() < until, "Orthanc did not start"
            time.sleep(0.1)
        yield ask
    finally:
        process.terminate()
        process.wait(20)


def _answers(ask: Ask) -> bool:
    try:
        ask("/system")
    except URLError:
        return False
    return True


def held(archive: Archive) -> list[str]:
    return sorted(located.ref.instance for located in archive.index.located())


def test_orthanc_stores_with_us_what_it_has(orthanc: Ask, archive: Archive) -> None:
    resources = [orthanc("/instances", file)["ID"] for file in FILES]

    orthanc("/modalities/filmroom/echo", {})
    orthanc("/modalities/filmroom/store", {"Resources": resources, "Synchronous": True})

    assert held(archive) == INSTANCES


def test_orthanc_asks_us_and_has_it_moved_to_itself(
    orthanc: Ask, archive: Archive, store: Callable[..., Any]
) -> None:
    store(*FILES, ct_slice(2, 1, 1))

    wanted = {"Level": "Study", "Query": {"PatientID": "ID1"}}
    name = orthanc("/modalities/filmroom/query", wanted)["ID"]
    assert orthanc(f"/queries/{name}/answers") == ["0"]
    orthanc(f"/queries/{name}/answers/0/retrieve", b"ORTHANC")

    tags = [orthanc(f"/instances/{one}/simplified-tags") for one in orthanc("/instances")]
    assert sorted(one["SOPInstanceUID"] for one in tags) == INSTANCES


@pytest.mark.parametrize("how", How)
def test_orthanc_is_sent_asked_and_fetched_from(
    how: How, orthanc: Ask, archive: Archive, peer: Peer, store: Callable[..., Any]
) -> None:
    store(*FILES)
    archive.remote.echo(peer)
    assert send(archive, peer, select(archive, Selection(uid(1)))) == Tally(completed=3)
    assert len(orthanc("/instances")) == 3
    archive.index.remove(Selection(uid(1)), "test")

    keys: dict[str, Any] = {"0020000D": {"vr": "UI"}, "00100020": {"vr": "LO", "Value": ["ID1"]}}
    (study,) = query(archive, peer, Level.STUDY, keys)
    assert study["0020000D"]["Value"] == [uid(1)]
    tally = fetch(archive, peer, Selection(uid(1)), how)

    assert (tally.completed, tally.failed) == (3, 0)
    came = select(archive, Selection(uid(1)))
    assert sorted(one.ref.instance for one in came) == INSTANCES


def test_a_move_through_orthanc_reaches_us(orthanc: Ask, archive: Archive, peer: Peer) -> None:
    for file in FILES:
        orthanc("/instances", file)

    tally = fetch(archive, peer, Selection(uid(1), uid(1, 1)))

    assert tally == Tally(completed=2)
    assert held(archive) == INSTANCES[:2]
