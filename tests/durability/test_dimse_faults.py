"""Peers that cut, stall, flood or crowd the DIMSE door: nothing half-stored, nobody else waits."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from dimse_door import CT, EXPLICIT, Address, c_store, called, data_set, echo, opened, store_request
from filmroom.association.connection import Connection, Disconnected, Rejected
from filmroom.association.messages import write_command
from filmroom.association.negotiation import propose
from filmroom.association.pdus import (
    Abort,
    AssociateReject,
    AssociateRequest,
    PduKind,
    RejectReason,
    RejectResult,
    ReleaseRequest,
    data_header,
    encode,
)
from filmroom.core.archive import Archive
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10

WAIT = 10.0  # seconds
FILE = part10(ct_slice(1, 1, 1, size=256))
REQUEST = encode(AssociateRequest("FILMROOM", "TESTER", propose([(CT, [EXPLICIT])])))
COMMAND = write_command(store_request(FILE))
DATA = data_set(FILE)
STORE = (
    data_header(1, len(COMMAND), is_command=True, is_last=True)
    + COMMAND
    + data_header(1, len(DATA) // 2 & ~1, is_command=False, is_last=False)
    + DATA[: len(DATA) // 2 & ~1]
)
"""A C-STORE as far as the middle of its data set."""
STAGES = {
    "connected": b"",
    "in the request's header": REQUEST[:3],
    "in the request": REQUEST[:100],
    "associated": REQUEST,
    "in the command": REQUEST + STORE[:40],
    "before the data": REQUEST + STORE[: 12 + len(COMMAND)],
    "in a PDV's header": REQUEST + STORE[: 12 + len(COMMAND) + 9],
    "in the data": REQUEST + STORE[:-1000],
    "between two PDUs of data": REQUEST + STORE,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Little patience."""
    quick = {"dimse_artim": 0.5, "dimse_idle": 0.5, "dimse_rate_window": 0.3}
    return settings.model_copy(update=quick)


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        with called(address) as connection:  # whatever is there only once is there now
            assert echo(connection) == 0
            connection.release()
        yield address


@pytest.fixture
def nothing_left(archive: Archive, door: Address) -> Iterator[None]:
    """After the test: no thread, no file handle, no staged file more than before it."""
    assert soon(lambda: not at_the_door())
    handles = open_files()
    yield
    assert soon(lambda: not at_the_door()), at_the_door()
    assert soon(lambda: open_files() <= handles), open_files() - handles
    assert staged(archive) == []
    with called(door) as connection:
        assert echo(connection) == 0


def soon(holds: Callable[[], bool]) -> bool:
    until = time.monotonic() + WAIT
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def at_the_door() -> list[str]:
    """Threads of connections."""
    return [each.name for each in threading.enumerate() if each.name == "dimse"]


def open_files() -> Counter[str]:
    """What this process has open: sockets by kind, files by name.

    But for the index: SQLite keeps handles of closed connections, to use them again.
    """
    names: Counter[str] = Counter()
    for each in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # closed since, such as the folder that is listed here
            names[os.readlink(f"/proc/self/fd/{each}").partition(":[")[0]] += 1
    return Counter({name: count for name, count in names.items() if "index.sqlite3" not in name})


def staged(archive: Archive) -> list[Path]:
    return list((archive.settings.data / "incoming").iterdir())


def close(sock: socket.socket) -> None:
    sock.close()


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def stall(sock: socket.socket) -> None:
    assert ended(sock)
    sock.close()


def abort(sock: socket.socket) -> None:
    sock.sendall(encode(Abort()))
    assert ended(sock)
    sock.close()


def release(sock: socket.socket) -> None:
    sock.sendall(encode(ReleaseRequest()))
    assert ended(sock)
    sock.close()


def babble(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.sendall(b"\x2a" * 100_000)
    assert ended(sock)
    sock.close()


def flood(sock: socket.socket) -> None:
    """Send data for as long as somebody takes it."""
    piece = data_header(1, 4000, is_command=False, is_last=False) + bytes(4000)
    until = time.monotonic() + WAIT
    with suppress(OSError):
        sock.sendall(b"\x2a" * 12)  # no PDU: what follows is passed over
        while time.monotonic() < until:
            sock.sendall(piece)
    assert time.monotonic() < until
    sock.close()


def ended(sock: socket.socket) -> bool:
    """Whether the other side closes the connection, whatever it still says."""
    sock.settimeout(WAIT)
    try:
        while sock.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("end", [close, reset, stall, abort, release, babble, flood])
@pytest.mark.parametrize("stage", STAGES)
def test_whoever_ends_where_no_end_is_leaves_nothing(
    archive: Archive, door: Address, stage: str, end: Callable[[socket.socket], None]
) -> None:
    with socket.create_connection(door, 5) as sock:
        sock.sendall(STAGES[stage])
        end(sock)

    assert soon(lambda: not at_the_door())
    assert staged(archive) == []
    assert archive.index.counts().instances == 0


@pytest.mark.usefixtures("nothing_left")
def test_a_store_that_trickles_in_is_aborted(archive: Archive, door: Address) -> None:
    with socket.create_connection(door, 5) as sock:
        sock.sendall(REQUEST + STORE[: 12 + len(COMMAND) + 12])
        began = time.monotonic()
        with suppress(OSError):
            for at in range(0, len(DATA), 50):
                sock.sendall(DATA[at : at + 50])
                time.sleep(0.02)
                if time.monotonic() - began > WAIT:
                    break
        assert time.monotonic() - began < WAIT
    assert archive.index.counts().instances == 0


@pytest.mark.usefixtures("nothing_left")
def test_who_does_not_wait_for_the_answer_has_stored_all_or_nothing(
    archive: Archive, door: Address
) -> None:
    for number in range(20):
        file = part10(ct_slice(1, 1, number, size=64))
        with called(door, (CT, [EXPLICIT])) as connection:
            connection.send_message(1, store_request(file), [data_set(file)])
            if number % 2:
                connection.abort()
    assert soon(lambda: not at_the_door())
    assert staged(archive) == []
    held = archive.index.counts().instances
    assert held == len(list(archive.index.located()))
    for one in archive.index.located():
        assert data_set(archive.storage.read(one.key))


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("said", [b"", REQUEST[:50]], ids=["silent", "half a request"])
def test_an_echo_takes_less_than_a_second_beside_200_half_open_associations(
    door: Address, said: bytes
) -> None:
    with ExitStack() as crowd:
        for _ in range(200):
            sock = crowd.enter_context(socket.create_connection(door, 5))
            with suppress(OSError):  # there were too many, so it was closed
                sock.sendall(said)
        slowest = 0.0
        for _ in range(5):
            begun = time.monotonic()
            with called(door) as connection:
                assert echo(connection) == 0
                assert connection.release()
            slowest = max(slowest, time.monotonic() - begun)
        assert len(at_the_door()) <= 52  # settings.dimse_half_open, and those that are ending
    assert slowest < 1.0


class TestCrowded:
    """With room for few associations."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        few = {"dimse_associations": 4, "dimse_per_address": 4, "dimse_idle": 30.0}
        return settings.model_copy(update=few)

    @pytest.mark.usefixtures("nothing_left")
    def test_one_too_many_is_rejected_for_now_and_taken_later(self, door: Address) -> None:
        with ExitStack() as crowd:
            taken = [crowd.enter_context(called(door)) for _ in range(4)]
            with pytest.raises(Rejected) as raised:
                called(door)
            assert raised.value.answer == AssociateReject.because(
                RejectReason.LOCAL_LIMIT_EXCEEDED, RejectResult.TRANSIENT
            )
            assert [echo(each) for each in taken] == [0, 0, 0, 0]
            assert taken[0].release()
            crowd.enter_context(eventually(door))

    @pytest.mark.usefixtures("nothing_left")
    def test_many_who_come_again_and_again_are_all_served(self, door: Address) -> None:
        def come(number: int) -> int | None:
            with eventually(door) as connection:
                status = echo(connection)
                if number % 3 == 0:
                    connection.abort()
                elif number % 3 == 1:
                    connection.release()
                return status

        with ThreadPoolExecutor(16) as pool:
            assert set(pool.map(come, range(150))) == {0}


def eventually(door: Address) -> Connection:
    """An association, asked for again while there is no room."""
    until = time.monotonic() + WAIT
    while True:
        try:
            return called(door)
        except (Rejected, Disconnected):
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


@pytest.mark.usefixtures("nothing_left")
def test_one_instance_from_many_at_once_is_stored_once(archive: Archive, door: Address) -> None:
    barrier = threading.Barrier(8, timeout=WAIT)

    def send(number: int) -> int | None:
        file = part10(ct_slice(1, 1, 1, size=64, PatientComments=f"version {number % 2}"))
        with called(door, (CT, [EXPLICIT])) as connection:
            barrier.wait()
            status = c_store(connection, file).status
            connection.release()
            return status

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(8)))
    assert set(statuses) <= {0x0000, 0xB000}  # stored, or put aside beside what was first
    assert statuses.count(0) >= 1
    assert archive.index.counts().instances == 1


@pytest.mark.usefixtures("nothing_left")
def test_a_door_without_a_thread_to_be_had_turns_away_and_stays_open(
    door: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def fail(thread: threading.Thread) -> None:
        if thread.name == "dimse":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as starved:
        starved.setattr(threading.Thread, "start", fail)
        with pytest.raises(Disconnected):
            called(door)
    with called(door) as connection:
        assert echo(connection) == 0
        assert connection.release()


@pytest.mark.usefixtures("nothing_left")
def test_a_response_that_nobody_asked_for_is_aborted(door: Address) -> None:
    with socket.create_connection(door, 5) as sock:
        sock.sendall(REQUEST)
        while sock.recv(6, socket.MSG_PEEK)[:1] != bytes((PduKind.ASSOCIATE_AC,)):
            pass
        echo_response = b"\0\0\0\1\2\0\0\0\x30\x80\0\0\x20\1\2\0\0\0\1\0\0\0\0\x09\2\0\0\0\0\0"
        command = b"\0\0\0\0\4\0\0\0" + len(echo_response).to_bytes(4, "little") + echo_response
        sock.sendall(data_header(1, len(command), is_command=True, is_last=True) + command)
        assert ended(sock)
