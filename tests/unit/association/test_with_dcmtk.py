"""Associations with DCMTK's tools, asked by them and asking them."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from sockets import Archive, serving

from filmroom.association.connection import Connection, Disconnected, connect
from filmroom.association.messages import Command, CommandField, Message
from filmroom.association.negotiation import propose
from filmroom.association.pdus import AssociateAccept, AssociateRequest, ReleaseRequest
from filmroom.dicom.part10 import read_file_meta
from filmroom.testing.objects import part10

VERIFICATION = "1.2.840.10008.1.1"
RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"
EXPLICIT = "1.2.840.10008.1.2.1"
DCMTK = "1.2.276.0.7230010.3."
CONTEXTS = propose([(VERIFICATION, [EXPLICIT]), (RAW_DATA, [EXPLICIT])])
ASK = AssociateRequest("OURS", "THEIRS", CONTEXTS)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An instance with half a megabyte in it."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = RAW_DATA, "1.2.3"
    dataset.PatientID = "P1"
    dataset.EncapsulatedDocument = bytes(range(256)) * 2000
    path = tmp_path / "file.dcm"
    path.write_bytes(part10(dataset, EXPLICIT))
    return path


@pytest.fixture
def storescp(tmp_path: Path) -> Iterator[int]:
    """Port of a `storescp` that keeps what it gets under `kept`."""
    (tmp_path / "kept").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["storescp", "-od", tmp_path / "kept", "-fe", ".dcm", str(port)], stderr=subprocess.DEVNULL
    )
    yield port
    server.terminate()
    server.wait(10)


def data_set(path: Path) -> bytes:
    data = path.read_bytes()
    return data[read_file_meta(memoryview(data)).end :]


def patiently(port: int) -> tuple[Connection, AssociateAccept]:
    """An association with a server that may just be starting."""
    until = time.monotonic() + 10
    while True:
        try:
            return connect(("127.0.0.1", port), ASK)
        except Disconnected:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def test_echoscu_is_answered() -> None:
    archive = Archive()
    with serving(archive) as (host, port):
        asked = subprocess.run(
            ["echoscu", "-v", "-aec", "OURS", host, str(port)],
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert asked.returncode == 0, asked.stderr
    assert "Received Echo Response (Success)" in asked.stdout + asked.stderr
    request, echo, release = archive.heard
    assert isinstance(request, AssociateRequest)
    assert (request.called, request.calling) == ("OURS", "ECHOSCU")
    assert request.user.implementation_class.startswith(DCMTK)
    assert isinstance(echo, Message)
    assert release == ReleaseRequest()


@pytest.mark.parametrize("tool", ["storescu", "dcmsend"])
def test_what_dcmtk_sends_arrives(tool: str, file: Path) -> None:
    archive = Archive()
    with serving(archive) as (host, port):
        sent = subprocess.run(
            [tool, host, str(port), file], capture_output=True, text=True, timeout=20
        )
    assert sent.returncode == 0, sent.stderr
    assert list(archive.stored) == ["1.2.3"]
    stored = pydicom.dcmread(BytesIO(archive.stored["1.2.3"]), force=True)
    assert stored.EncapsulatedDocument == bytes(range(256)) * 2000


def test_storescp_answers_an_echo(storescp: int) -> None:
    connection, accepted = patiently(storescp)
    assert accepted.user.implementation_class.startswith(DCMTK)
    connection.send_message(
        1, Command(field=CommandField.C_ECHO_RQ, message_id=1, sop_class=VERIFICATION)
    )
    heard = connection.hear()
    assert isinstance(heard, Message)
    assert (heard.command.field, heard.command.status) == (CommandField.C_ECHO_RSP, 0)
    assert connection.release()


def test_storescp_keeps_what_is_sent(storescp: int, file: Path, tmp_path: Path) -> None:
    connection, accepted = patiently(storescp)
    assert accepted.user.max_length == 16384
    store = Command(
        field=CommandField.C_STORE_RQ,
        has_data=True,
        message_id=1,
        sop_class=RAW_DATA,
        instance="1.2.3",
        priority=0,
    )
    connection.send_message(3, store, [data_set(file)])
    heard = connection.hear()
    assert isinstance(heard, Message)
    assert heard.command.status == 0
    assert connection.release()
    (kept,) = (tmp_path / "kept").iterdir()
    assert data_set(kept) == data_set(file)
