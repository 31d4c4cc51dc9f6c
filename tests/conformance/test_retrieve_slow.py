"""Retrieval by clients that read slowly or go away: bounded, and nothing is left behind."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from retrieved import instance_url, study_url
from wire import exchange

from filmroom.core.archive import Archive
from filmroom.dicom.frames import Span
from filmroom.settings import Settings
from filmroom.storage.local import LocalStorage
from filmroom.testing.objects import image

MB = 1 << 20
MULTIPART = 'multipart/related; type="application/dicom"'
FORMS = [MULTIPART, "application/dicom", "application/zip"]
SLOTS = 3
LARGE = image(Rows=1024, Columns=1024, NumberOfFrames=32, PixelData=bytes(64 * MB))


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Three retrievals at once."""
    return settings.model_copy(update={"retrieves": SLOTS})


@pytest.fixture
def large(server: str, store) -> str:
    """A server that holds an instance of 64 MB in 32 frames."""
    store(LARGE)
    return server


class Counted:
    """How much was read of the storage."""

    read = 0


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts what `chunks` gives."""
    counted = Counted()
    chunks = LocalStorage.chunks

    def counting(
        self: LocalStorage, key: str, span: Span | None = None, size: int = MB
    ) -> Iterator[bytes]:
        for piece in chunks(self, key, span, size):
            counted.read += len(piece)
            yield piece

    monkeypatch.setattr(LocalStorage, "chunks", counting)
    return counted


def _begun(server: str, accept: str, target: str = study_url()) -> socket.socket:
    """A connection on which an answer has begun to arrive."""
    address = urlsplit(server)
    connection = socket.create_connection((address.hostname, address.port), timeout=10)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)
    request = f"GET {target} HTTP/1.1\r\nHost: {address.netloc}\r\nAccept: {accept}\r\n\r\n"
    connection.sendall(request.encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def _until(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)
    return true()


@pytest.mark.parametrize("accept", [MULTIPART, "application/dicom"])
def test_what_nobody_reads_is_not_read_from_disk(large: str, counted: Counted, accept: str) -> None:
    with _begun(large, accept, instance_url()):
        time.sleep(1)
        first = counted.read
        time.sleep(0.5)

        assert counted.read == first
        assert first <= 12 * MB  # what the sockets' buffers take, and one piece


@pytest.mark.parametrize("accept", FORMS)
def test_a_client_that_goes_away_gives_its_slot_and_its_file_back(
    large: str, accept: str, archive: Archive
) -> None:
    for _ in range(SLOTS + 2):
        connection = _begun(large, accept)
        assert connection.recv(1000)
        connection.close()
        assert _until(lambda: _answers(large))

    assert _until(lambda: not _open_blobs(archive))


def _answers(server: str) -> bool:
    return exchange(server, instance_url(), "Range: bytes=0-9", f"Accept: {FORMS[1]}").status == 206


def _open_blobs(archive: Archive) -> list[str]:
    """Blobs that this process has open."""
    links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return [path for path in map(_target, links) if f"{archive.settings.data}/blobs/" in path]


def _target(link: str) -> str:
    try:
        return os.readlink(link)
    except OSError:  # closed since it was listed
        return ""


def test_one_more_than_there_are_slots_is_told_to_come_again(large: str) -> None:
    begun = [_begun(large, MULTIPART) for _ in range(SLOTS)]
    busy = exchange(large, study_url())
    frame = exchange(large, f"{instance_url()}/frames/1")
    metadata = exchange(large, f"{study_url()}/metadata")
    for connection in begun:
        connection.close()

    assert busy.status == 503
    assert int(busy.headers["retry-after"]) > 0
    assert (frame.status, metadata.status) == (200, 200)
    assert _until(lambda: exchange(large, study_url(), method="HEAD").status == 200)
    assert _until(lambda: _answers(large))


def test_a_blob_that_breaks_off_breaks_the_answer_off(
    large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that is too short must not pass for a whole one."""
    chunks = LocalStorage.chunks

    def breaking(self: LocalStorage, *arguments: object) -> Iterator[bytes]:
        for number, piece in enumerate(chunks(self, *arguments)):
            if number == 3:
                raise OSError("the disk is gone")
            yield piece

    monkeypatch.setattr(LocalStorage, "chunks", breaking)

    sent = exchange(large, instance_url(), f"Accept: {FORMS[1]}")

    assert sent.status == 200
    assert len(sent.body) < int(sent.headers["content-length"])
    assert _until(lambda: exchange(large, instance_url(), method="HEAD").status == 200)
