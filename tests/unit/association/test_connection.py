"""Associations over real sockets on loopback, with well-behaved, odd and silent peers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from conversations import ACCEPT, IMPLICIT, REQUEST, VERIFICATION
from sockets import Archive, serving

from filmroom.association.connection import (
    Connection,
    Disconnected,
    Patience,
    Rejected,
    connect,
)
from filmroom.association.items import UserInformation
from filmroom.association.messages import (
    Command,
    CommandField,
    Message,
    response_to,
)
from filmroom.association.negotiation import propose
from filmroom.association.pdus import (
    Abort,
    AbortReason,
    AssociateReject,
    AssociateRequest,
    RejectReason,
    ReleaseRequest,
    data_header,
    encode,
)
from filmroom.association.protocol import ConnectionLost, ProviderAbort
from filmroom.association.reading import Fragment
from filmroom.association.statuses import Status

SHORT = Patience(connect=2, artim=0.2, idle=0.4, least_rate=1000, period=0.2)
CT = "1.2.840.10008.5.1.4.1.1.2"
ECHO = Command(field=CommandField.C_ECHO_RQ, message_id=1, sop_class=VERIFICATION)
STORE = Command(
    field=CommandField.C_STORE_RQ,
    has_data=True,
    message_id=2,
    sop_class=CT,
    instance="1.2.3",
    priority=0,
)
ASK = AssociateRequest(
    "OURS",
    "THEIRS",
    propose([(VERIFICATION, [IMPLICIT]), (CT, [IMPLICIT])]),
    UserInformation(max_length=16384),
)


TOO_SLOW = ProviderAbort(AbortReason.NOT_SPECIFIED, "the peer is silent or too slow")


def is_cut_off(sock: socket.socket, data: bytes) -> bool:
    """Whether the peer closes before the bytes, sent one by one, are all there."""
    try:
        for i in range(len(data)):
            sock.sendall(data[i : i + 1])
            time.sleep(0.02)
    except OSError:
        return True
    return False


def test_an_echo_is_answered_and_released() -> None:
    archive = Archive()
    with serving(archive) as address:
        connection, accepted = connect(address, ASK)
        assert [context.result for context in accepted.contexts] == [0, 0]
        connection.send_message(1, ECHO)
        heard = connection.hear()
        assert isinstance(heard, Message)
        assert heard == Message(1, response_to(ECHO, Status.SUCCESS))
        assert connection.release()
        assert connection.closed
    assert archive.heard == [ASK, Message(1, ECHO), ReleaseRequest()]


@pytest.mark.parametrize("max_length", [0, 16384, 64])
def test_a_data_set_arrives_as_it_was_sent(max_length: int) -> None:
    archive = Archive(max_length)
    data = bytes(range(256)) * (1 << 12 if max_length != 64 else 64)
    with serving(archive) as address:
        connection, _ = connect(address, ASK)
        connection.send_message(3, STORE, [data[:1000], memoryview(data)[1000:]])
        heard = connection.hear()
        assert isinstance(heard, Message)
        assert heard.command.status == Status.SUCCESS
        connection.release()
    assert archive.stored == {"1.2.3": data}


def test_nothing_is_lost_when_several_messages_come_at_once() -> None:
    with serving(Archive()) as address:
        connection, _ = connect(address, ASK)
        for _ in range(5):
            connection.send_message(1, ECHO)
        heard = [connection.hear() for _ in range(5)]
        assert heard == [Message(1, response_to(ECHO, Status.SUCCESS))] * 5
        assert connection.hear(wait=0) is None
        assert not connection.closed
        connection.release()


Send = Callable[[Connection, Command, list[bytes]], None]
TOGETHER: list[Send] = [
    lambda connection, command, runs: connection.send_messages(1, ((command, [r]) for r in runs)),
    lambda connection, command, runs: connection.send_each(1, command, runs),
]


@pytest.mark.parametrize("send", TOGETHER, ids=["messages", "each"])
def test_many_answers_are_sent_together(send: Send) -> None:
    pending = Command(
        field=CommandField.C_FIND_RSP, has_data=True, responded_to=9, status=Status.PENDING
    )
    heard = []
    runs = [bytes((i % 256,)) * 100 for i in range(1000)]

    def answer(connection: Connection) -> None:
        connection.hear()
        connection.send(ACCEPT)
        send(connection, pending, runs)
        assert connection.hear() == Abort()

    with serving(answer) as address:
        connection, _ = connect(address, REQUEST)
        while len(heard) < len(runs):
            assert connection.hear() == Message(1, pending)
            data = connection.hear()
            assert isinstance(data, Fragment)
            heard.append(bytes(data.data))
        connection.abort()
    assert heard == runs


def test_a_rejection_is_raised() -> None:
    rejection = AssociateReject.because(RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED)

    def reject(connection: Connection) -> None:
        connection.hear()
        connection.send(rejection)
        assert connection.hear() is None

    with serving(reject) as address, pytest.raises(Rejected) as raised:
        connect(address, ASK)
    assert raised.value.answer == rejection


def test_a_release_collision_ends_well_on_both_sides() -> None:
    barrier = threading.Barrier(2, timeout=5)
    outcomes = []

    def release_too(connection: Connection) -> None:
        connection.hear()
        connection.send(ACCEPT)
        barrier.wait()
        outcomes.append(connection.release())

    with serving(release_too) as address:
        connection, _ = connect(address, REQUEST)
        barrier.wait()
        outcomes.append(connection.release())
    assert outcomes == [True, True]


def test_an_abort_is_heard_and_closes() -> None:
    archive = Archive()
    with serving(archive) as address:
        connection, _ = connect(address, ASK)
        connection.abort()
        assert connection.closed
    assert archive.heard == [ASK, Abort()]


def test_a_peer_that_vanishes_is_told_as_lost() -> None:
    archive = Archive()
    with serving(archive) as address:
        connection, _ = connect(address, ASK)
        connection.close()
    assert archive.heard == [ASK, ConnectionLost()]


def test_a_peer_that_asks_for_nothing_is_closed_by_artim() -> None:
    archive = Archive()
    begun = time.monotonic()
    with serving(archive, SHORT) as address, socket.create_connection(address, 5) as silent:
        assert silent.recv(100) == b""
    assert archive.heard == []
    assert 0.15 < time.monotonic() - begun < 9


def test_a_request_that_trickles_in_is_closed_by_artim() -> None:
    archive = Archive()
    with serving(archive, SHORT) as address, socket.create_connection(address, 5) as slow:
        assert is_cut_off(slow, encode(ASK))
    assert archive.heard == []


def test_an_idle_association_is_aborted() -> None:
    archive = Archive()
    with serving(archive, SHORT) as address:
        connection, _ = connect(address, ASK)
        assert connection.hear() == Abort(source=2)
        assert connection.closed
    assert archive.heard[1:] == [TOO_SLOW]


def test_a_message_that_trickles_in_is_aborted() -> None:
    archive = Archive()
    with serving(archive, SHORT) as address, socket.create_connection(address, 5) as slow:
        slow.sendall(encode(ASK))
        assert is_cut_off(slow, data_header(1, 4000, is_command=True, is_last=True) + bytes(200))
    assert archive.heard[1:2] == [TOO_SLOW]


def test_a_flood_behind_an_abort_is_closed_by_artim() -> None:
    def abort(connection: Connection) -> None:
        connection.hear()
        connection.send(ACCEPT)
        connection.send(Abort())
        assert connection.hear() is None

    begun = time.monotonic()
    with serving(abort, SHORT) as address, socket.create_connection(address, 5) as flooding:
        flooding.sendall(encode(REQUEST))
        flood = data_header(1, 4000, is_command=False, is_last=False) + bytes(4000)
        with suppress(OSError):
            while time.monotonic() < begun + 9:
                flooding.sendall(flood)
    assert time.monotonic() < begun + 5


def test_who_takes_what_is_sent_too_slowly_is_given_up() -> None:
    taken = threading.Event()

    def take_slowly(connection: Connection) -> None:
        connection.hear()
        connection.send(ACCEPT)
        sock = connection._sock
        sock.settimeout(5)
        with suppress(OSError):
            while not taken.wait(0.02) and sock.recv(1 << 16):
                pass

    patience = Patience(idle=5, least_rate=1 << 40, period=0.2)
    with serving(take_slowly) as address:
        connection, _ = connect(address, REQUEST, patience)
        with pytest.raises(Disconnected, match="slowly"):
            connection.send_message(1, STORE, [bytes(1 << 26)])
        taken.set()
        connection.close()


def test_fragments_that_are_no_message_are_aborted() -> None:
    archive = Archive()
    with serving(archive) as address:
        connection, _ = connect(address, ASK)
        ((head, run),) = connection.association.send_data(1, b"data", is_command=False)
        connection._write([head, run])
        assert connection.hear() == Abort(source=2, reason=6)
    assert isinstance(archive.heard[1], ProviderAbort)


def test_a_server_that_is_not_there_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with pytest.raises(Disconnected, match="no connection"):
        connect(address, ASK)


def test_a_server_that_says_nothing_is_given_up() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(Disconnected, match="did not answer"),
    ):
        connect(listener.getsockname(), ASK, SHORT)
