"""DCMTK and pynetdicom fetch from us, take what we send, and are fetched from."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, build_role, evt

from dimse_door import CT, Address, opened
from filmroom.core import peers
from filmroom.core.archive import Archive
from filmroom.core.fetching import How, fetch, query
from filmroom.core.selected import select
from filmroom.core.sending import send
from filmroom.dicom.levels import Level
from filmroom.errors import Unreachable
from filmroom.model.peer import Peer
from filmroom.model.remote import Tally
from filmroom.model.selection import Selection
from filmroom.peers.asking import Line
from filmroom.peers.dimse import DimsePeers
from filmroom.peers.tls import outgoing_tls
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import COMPREHENSIVE_SR, ct_slice, report, uid

STUDY_MOVE, STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"
INSTANCES = [uid(1, 1, 1), uid(1, 1, 2), uid(1, 90, 1)]
JPEG_2000 = "1.2.840.10008.1.2.4.90"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@contextmanager
def running(name: str, port: int, *arguments: str, folder: Path) -> Iterator[None]:
    """A server of DCMTK's that answers on a port."""
    assert shutil.which(name), "DCMTK is needed"
    log = (folder / f"{name}.log").open("wb")
    process = subprocess.Popen([name, *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout + done.stderr


@pytest.fixture
def door(archive: Archive, store: Callable[..., Any]) -> Iterator[Address]:
    store(ct_slice(1, 1, 1, size=300), ct_slice(1, 1, 2), report(1), ct_slice(2, 1, 1))
    with opened(archive) as address:
        yield address


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


def held(folder: Path) -> list[str]:
    """The instances of the files in a folder."""
    files = [path for path in folder.iterdir() if path.is_file() and path.name != "index.dat"]
    return sorted(str(pydicom.dcmread(path, force=True).SOPInstanceUID) for path in files)


def know(archive: Archive, port: int, aet: str = "THERE") -> Peer:
    return peers.add(archive, PeerSettings(name="there", aet=aet, host="127.0.0.1", port=port))


ROOTS = [
    pytest.param(["-S", "-k", "QueryRetrieveLevel=STUDY"], id="study"),
    pytest.param(
        ["-P", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=ID1"], id="patient root"
    ),
    pytest.param(["-O", "-k", "QueryRetrieveLevel=STUDY"], id="only"),
]


@pytest.mark.parametrize("root", ROOTS)
def test_getscu_fetches_a_study(root: list[str], door: Address, kept: Path) -> None:
    where = ["-aec", "FILMROOM", "-od", str(kept), door[0], str(door[1])]
    run("getscu", *root, "-k", f"StudyInstanceUID={uid(1)}", *where)
    assert held(kept) == INSTANCES


@pytest.mark.parametrize("root", ROOTS)
def test_movescu_has_a_study_moved_to_itself(
    root: list[str], archive: Archive, door: Address, kept: Path
) -> None:
    port = free_port()
    know(archive, port, "MOVESCU")
    where = ["-aec", "FILMROOM", "-aet", "MOVESCU", "+P", str(port), "-od", str(kept)]
    key = f"StudyInstanceUID={uid(1)}"
    run("movescu", *root, "-k", key, *where, door[0], str(door[1]))
    assert held(kept) == INSTANCES


def test_movescu_has_a_series_moved_to_another(
    archive: Archive, door: Address, kept: Path, tmp_path: Path
) -> None:
    port = free_port()
    know(archive, port)
    with running("storescp", port, "-od", str(kept), str(port), folder=tmp_path):
        keys = ("QueryRetrieveLevel=SERIES", f"StudyInstanceUID={uid(1)}")
        keys += (f"SeriesInstanceUID={uid(1, 1)}",)
        told = [word for key in keys for word in ("-k", key)]
        where = ["-aec", "FILMROOM", "-aem", "THERE", door[0], str(door[1])]
        printed = run("movescu", "-v", "-S", *told, *where)
    assert held(kept) == INSTANCES[:2]
    assert "Received Final Move Response (Success)" in printed


def test_movescu_is_told_what_failed(archive: Archive, door: Address) -> None:
    know(archive, free_port())
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={uid(1)}"]
    where = ["-aec", "FILMROOM", "-aem", "THERE", door[0], str(door[1])]
    done = subprocess.run(
        ["movescu", "-d", "-S", *keys, *where],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode != 0
    assert "0xa702" in done.stdout + done.stderr
    for instance in INSTANCES:
        assert instance in done.stdout + done.stderr


@pytest.mark.parametrize("syntax", ["+xi", "+xe", "+xs", "+xv"])
def test_storescp_takes_what_it_is_sent_in_the_form_it_takes(
    syntax: str, archive: Archive, door: Address, kept: Path, tmp_path: Path
) -> None:
    port = free_port()
    peer = know(archive, port)
    with running("storescp", port, syntax, "-od", str(kept), str(port), folder=tmp_path):
        tally = send(archive, peer, select(archive, Selection(uid(1))))
    assert tally == Tally(completed=3)
    assert held(kept) == INSTANCES


def test_a_peer_is_sent_the_transfer_syntax_that_it_likes(
    archive: Archive, door: Address, kept: Path, tmp_path: Path
) -> None:
    port = free_port()
    peer = Peer("there", "THERE", "127.0.0.1", port, syntaxes=(JPEG_2000,))
    with running("storescp", port, "+xa", "-od", str(kept), str(port), folder=tmp_path):
        tally = send(archive, peer, select(archive, Selection(uid(1))))
    assert tally == Tally(completed=3)
    files = [pydicom.dcmread(path) for path in kept.iterdir()]
    syntaxes = {str(file.SOPInstanceUID): file.file_meta.TransferSyntaxUID for file in files}
    assert [syntaxes[instance] for instance in INSTANCES] == [
        JPEG_2000,
        JPEG_2000,
        "1.2.840.10008.1.2.1",
    ]
    (first,) = [file for file in files if file.SOPInstanceUID == INSTANCES[0]]
    assert first.pixel_array.astype("<u2").tobytes() == ct_slice(1, 1, 1, size=300).PixelData


def test_instances_are_sent_over_tls(
    archive: Archive, door: Address, kept: Path, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "there.pem", tmp_path / "there.key"
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=there", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-out", str(certificate), "-keyout", str(key)),
    )
    port = free_port()
    peer = Peer("there", "THERE", "127.0.0.1", port, tls=True)
    trusting = DimsePeers(Line("OURS", tls=partial(outgoing_tls, str(certificate))))
    arguments = ["+tls", str(key), str(certificate), "-ic", "-od", str(kept), str(port)]
    with running("storescp", port, *arguments, folder=tmp_path):
        found = select(archive, Selection(uid(1)))
        assert send(replace(archive, remote=trusting), peer, found) == Tally(completed=3)
        with pytest.raises(Unreachable, match="certificate"):
            send(archive, peer, found)
        with pytest.raises(Unreachable):
            send(archive, replace(peer, tls=False), found)
    assert held(kept) == INSTANCES


def test_a_storescp_that_breaks_off_is_called_again(
    archive: Archive, door: Address, kept: Path, tmp_path: Path
) -> None:
    port = free_port()
    peer = know(archive, port)
    arguments = ["--abort-during", "-od", str(kept), str(port)]
    with running("storescp", port, *arguments, folder=tmp_path):
        tally = send(archive, peer, select(archive, Selection(uid(1))))
    assert (tally.completed, tally.failed, tally.remaining) == (0, 3, 0)
    assert sorted(tally.failures) == INSTANCES


@pytest.fixture
def dcmqrscp(tmp_path: Path, door: Address) -> Iterator[Peer]:
    """DCMTK's archive, which knows our door as HERE."""
    port = free_port()
    kept = tmp_path / "qr"
    kept.mkdir()
    (tmp_path / "qr.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nhere = (HERE, {door[0]}, {door[1]})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nTHERE {kept} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with running("dcmqrscp", port, "-c", str(tmp_path / "qr.cfg"), folder=tmp_path):
        yield Peer("there", "THERE", "127.0.0.1", port, calling="HERE")


@pytest.mark.parametrize("how", How)
def test_dcmqrscp_is_sent_asked_and_fetched_from(
    how: How, archive: Archive, dcmqrscp: Peer
) -> None:
    archive.remote.echo(dcmqrscp)
    found = select(archive, Selection(uid(1)))
    assert send(archive, dcmqrscp, found) == Tally(completed=3)
    archive.index.remove(Selection(uid(1)), "test")

    keys: dict[str, Any] = {"0020000D": {"vr": "UI"}, "00100020": {"vr": "LO", "Value": ["ID1"]}}
    (study,) = query(archive, dcmqrscp, Level.STUDY, keys)
    assert study["0020000D"]["Value"] == [uid(1)]
    tally = fetch(archive, dcmqrscp, Selection(uid(1)), how)

    assert (tally.completed, tally.failed) == (3, 0)
    came = select(archive, Selection(uid(1)))
    assert sorted(one.ref.instance for one in came) == INSTANCES


def identifier() -> Dataset:
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "STUDY"
    wanted.StudyInstanceUID = uid(1)
    return wanted


def test_pynetdicom_gets_and_has_moved(archive: Archive, door: Address) -> None:
    came: list[str] = []

    def take(event: evt.Event) -> int:
        came.append(str(event.request.AffectedSOPInstanceUID))
        return 0xA700 if came[-1] == INSTANCES[1] else 0x0000

    handlers = [(evt.EVT_C_STORE, take)]
    receiver = AE("THERE")
    receiver.supported_contexts = []
    for sop_class in (CT, COMPREHENSIVE_SR):
        receiver.add_supported_context(sop_class)
    server = receiver.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    try:
        know(archive, server.server_address[1])
        asks = AE("ASKS")
        for sop_class in (STUDY_GET, STUDY_MOVE, CT, COMPREHENSIVE_SR):
            asks.add_requested_context(sop_class)
        roles = [build_role(sop_class, scp_role=True) for sop_class in (CT, COMPREHENSIVE_SR)]
        association = asks.associate(
            *door, ae_title="FILMROOM", ext_neg=roles, evt_handlers=handlers
        )
        assert association.is_established
        for ask in (
            lambda: association.send_c_get(identifier(), STUDY_GET),
            lambda: association.send_c_move(identifier(), "THERE", STUDY_MOVE),
        ):
            came.clear()
            status, told = list(ask())[-1]
            assert sorted(came) == INSTANCES
            assert status.Status == 0xB000
            assert (status.NumberOfCompletedSuboperations, status.NumberOfFailedSuboperations) == (
                2,
                1,
            )
            assert told.FailedSOPInstanceUIDList == INSTANCES[1]
        association.release()
    finally:
        server.shutdown()


def test_nobody_at_the_other_end_is_told(archive: Archive, door: Address) -> None:
    peer = know(archive, free_port())
    with pytest.raises(Unreachable, match="there"):
        send(archive, peer, select(archive, Selection(uid(1))))
