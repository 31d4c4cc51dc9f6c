"""Associations over real sockets on loopback, with well-behaved, odd and silent peers."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conversations import ACCEPT, IMPLICIT, REQUEST, VERIFICATION

from filmroom.association.connection import (
    PATIENCE,
    Connection,
    Disconnected,
    Heard,
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
from filmroom.association.negotiation import Offer, acceptance, propose
from filmroom.association.pdus import (
    Abort,
    AbortReason,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    RejectReason,
    ReleaseRequest,
    ReleaseResponse,
    data_header,
    encode,
)
from filmroom.association.protocol import ConnectionLost, ProviderAbort, Role
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


class Archive:
    """Accepts everything, keeps data sets by instance, and what it was told."""

    def __init__(self, max_length: int = 16384) -> None:
        self.max_length = max_length
        self.heard: list[Heard] = []
        self.stored: dict[str | None, bytes] = {}

    def __call__(self, connection: Connection) -> None:
        data, asked = b"", None
        while (heard := connection.hear()) is not None:
            match heard:
                case AssociateRequest():
                    accept = acceptance(heard, lambda _: Offer(), max_length=self.max_length)
                    connection.send(accept)
                case Message(context_id, command):
                    asked = heard
                    if not command.has_data:
                        connection.send_message(context_id, response_to(command, 0))
                case Fragment():
                    data += heard.data
                    if heard.is_last and asked is not None:
                        self.stored[asked.command.instance], data = data, b""
                        connection.send_message(
                            heard.context_id, response_to(asked.command, Status.SUCCESS)
                        )
                case ReleaseRequest():
                    connection.send(ReleaseResponse())
            if not isinstance(heard, Fragment):
                self.heard.append(heard)


@contextmanager
def serving(
    serve: Callable[[Connection], None], patience: Patience = PATIENCE
) -> Iterator[tuple[str, int]]:
    """Address of a server that takes one association."""
    failed: list[BaseException] = []

    def run() -> None:
        sock, _ = listener.accept()
        try:
            with Connection(sock, Role.ACCEPTOR, patience) as connection:
                serve(connection)
        except BaseException as error:
            failed.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        yield listener.getsockname()
        thread.join(10)
    assert not thread.is_alive()
    assert failed == []


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


def test_many_answers_are_sent_together() -> None:
    pending = Command(
        field=CommandField.C_FIND_RSP, has_data=True, responded_to=9, status=Status.PENDING
    )
    heard = []
    runs = [bytes((i % 256,)) * 100 for i in range(1000)]

    def answer(connection: Connection) -> None:
        connection.hear()
        connection.send(ACCEPT)
        connection.send_messages(1, ((pending, [run]) for run in runs))
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


def test_dcmtk_asks_us() -> None:
    archive = Archive()
    with serving(archive) as (host, port):
        asked = subprocess.run(
            ["echoscu", "-v", "-aec", "OURS", host, str(port)], capture_output=True, text=True
        )
    assert asked.returncode == 0, asked.stderr
    assert "Received Echo Response (Success)" in asked.stdout + asked.stderr
    request, echo, release = archive.heard
    assert isinstance(request, AssociateRequest)
    assert (request.called, request.calling) == ("OURS", "ECHOSCU")
    assert request.user.implementation_class.startswith("1.2.276.0.7230010.3.")
    assert isinstance(echo, Message)
    assert release == ReleaseRequest()


def test_we_ask_dcmtk(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["storescp", "--ignore", "-od", str(tmp_path), str(port)], stderr=subprocess.DEVNULL
    )
    try:
        connection, accepted = _patiently(port)
        assert accepted.user.implementation_class.startswith("1.2.276.0.7230010.3.")
        connection.send_message(1, ECHO)
        heard = connection.hear()
        assert isinstance(heard, Message)
        assert heard.command.status == Status.SUCCESS
        assert heard.command.field is CommandField.C_ECHO_RSP
        assert connection.release()
    finally:
        server.terminate()
        server.wait(10)


def _patiently(port: int) -> tuple[Connection, AssociateAccept]:
    until = time.monotonic() + 10
    while True:
        try:
            return connect(("127.0.0.1", port), ASK)
        except Disconnected:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
