"""Peers that break off, answer oddly or not at all are told of, and left in order."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from filmroom.association.connection import Connection, Patience
from filmroom.association.messages import (
    Command,
    CommandField,
    Message,
    response_to,
)
from filmroom.association.negotiation import Offer, acceptance
from filmroom.association.pdus import (
    AssociateReject,
    AssociateRequest,
    RejectReason,
    ReleaseRequest,
    ReleaseResponse,
)
from filmroom.association.protocol import Role
from filmroom.association.statuses import Status
from filmroom.dicom.datasets import write_dataset
from filmroom.errors import ArchiveError, Declined, Unreachable
from filmroom.model.peer import Peer
from filmroom.model.remote import Operation, Outgoing, Proposal, Tally, Verb
from filmroom.peers.asking import Line
from filmroom.peers.dimse import DimsePeers

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
FIND, MOVE = "1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"
COMMITMENT = "1.2.840.10008.1.20.1"
WANTED: dict[str, Any] = {"00080052": {"vr": "CS", "Value": ["STUDY"]}}
ANY = Offer()
Serve = Callable[[Connection, Message], None]


@contextmanager
def odd(serve: Serve, offer: Offer | None = ANY) -> Iterator[Peer]:
    """A peer that takes one association and serves each request, its data passed over."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            sock, _ = listening.accept()
            with Connection(sock, Role.ACCEPTOR, Patience(idle=10)) as connection:
                _converse(connection)
        except BaseException as error:
            failed.append(error)

    def _converse(connection: Connection) -> None:
        while (heard := connection.hear()) is not None:
            match heard:
                case AssociateRequest():
                    accept = acceptance(heard, lambda _: offer, max_length=16384)
                    connection.send(accept)
                case Message():
                    serve(connection, heard)
                case ReleaseRequest():
                    connection.send(ReleaseResponse())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield Peer("odd", "ODD", *listening.getsockname())
        finally:
            thread.join(20)
    assert not thread.is_alive()
    assert failed == []


def asks(idle: float = 5.0) -> DimsePeers:
    return DimsePeers(Line("OURS", Patience(idle=idle, artim=2)))


def answering(status: int, **more: Any) -> Serve:
    def serve(connection: Connection, message: Message) -> None:
        connection.send_message(message.context_id, response_to(message.command, status, **more))

    return serve


def abort(connection: Connection, message: Message) -> None:
    connection.abort()


def hang_up(connection: Connection, message: Message) -> None:
    connection.close()


def release(connection: Connection, message: Message) -> None:
    connection.release()


def answer_something_else(connection: Connection, message: Message) -> None:
    command = Command(field=CommandField.C_FIND_RSP, responded_to=1, status=0)
    connection.send_message(message.context_id, command)


def say_nothing(connection: Connection, message: Message) -> None:
    """The peer has fallen asleep."""


@pytest.mark.parametrize("serve", [abort, hang_up, release, answer_something_else, say_nothing])
def test_who_does_not_answer_is_unreachable(serve: Serve) -> None:
    with odd(serve) as peer, pytest.raises(Unreachable, match="odd"):
        asks(idle=0.5).echo(peer)


def test_who_refuses_says_why() -> None:
    with (
        odd(answering(0x0122, comment="not here")) as peer,
        pytest.raises(Declined, match=r"odd answered C-ECHO with 0122H \(not here\)") as declined,
    ):
        asks().echo(peer)
    assert declined.value.status == 0x0122


def test_who_takes_no_context_has_declined() -> None:
    with odd(say_nothing, offer=None) as peer, pytest.raises(Declined, match="does not take"):
        asks().echo(peer)


def test_who_rejects_the_association_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reject() -> None:
            sock, _ = listening.accept()
            with Connection(sock, Role.ACCEPTOR) as connection:
                connection.hear()
                reason = RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
                connection.send(AssociateReject.because(reason))
                connection.hear()

        thread = threading.Thread(target=reject)
        thread.start()
        with pytest.raises(Unreachable, match="reason 7"):
            asks().echo(Peer("odd", "ODD", *listening.getsockname()))
        thread.join(10)
        assert not thread.is_alive()


def test_who_asks_us_something_meanwhile_is_refused_and_heard_out() -> None:
    told: list[int | None] = []
    waiting: list[Message] = []

    def serve(connection: Connection, message: Message) -> None:
        if message.command.field.is_response:
            told.append(message.command.status)
            asked = waiting.pop()
            connection.send_message(asked.context_id, response_to(asked.command, 0))
        else:
            waiting.append(message)
            command = Command(field=CommandField.C_ECHO_RQ, message_id=9)
            connection.send_message(message.context_id, command)

    with odd(serve) as peer:
        asks().echo(peer)
    assert told == [Status.UNRECOGNIZED_OPERATION]


def test_a_find_that_nobody_reads_to_its_end_is_cancelled() -> None:
    heard: list[CommandField] = []

    def serve(connection: Connection, message: Message) -> None:
        heard.append(message.command.field)
        if message.command.field is CommandField.C_CANCEL_RQ:
            final = Command(field=CommandField.C_FIND_RSP, responded_to=1, status=Status.CANCEL)
            connection.send_message(message.context_id, final)
            return
        pending = response_to(message.command, Status.PENDING, has_data=True)
        data = write_dataset(WANTED, EXPLICIT)
        connection.send_messages(message.context_id, [(pending, [data])] * 3)

    with odd(serve) as peer:
        found = asks().find(peer, FIND, WANTED)
        assert next(found)["00080052"]["Value"] == ["STUDY"]
        found.close()  # type: ignore[attr-defined]
    assert heard == [CommandField.C_FIND_RQ, CommandField.C_CANCEL_RQ]


def test_an_answer_that_is_no_data_set_is_told() -> None:
    def serve(connection: Connection, message: Message) -> None:
        pending = response_to(message.command, Status.PENDING, has_data=True)
        connection.send_message(message.context_id, pending, [b"no data set."])

    with odd(serve) as peer, pytest.raises(ArchiveError):
        list(asks().find(peer, FIND, WANTED))


def _unseen(_: Tally) -> None:
    """Nobody looks."""


def test_a_move_that_says_nothing_can_be_cancelled() -> None:
    def serve(connection: Connection, message: Message) -> None:
        if message.command.field is CommandField.C_CANCEL_RQ:
            final = Command(
                field=CommandField.C_MOVE_RSP,
                responded_to=1,
                status=Status.CANCEL,
                completed=1,
                remaining=4,
                failed=0,
                warned=0,
            )
            connection.send_message(message.context_id, final)

    with odd(serve) as peer:
        tally = asks().move(peer, MOVE, WANTED, "OURS", _unseen, lambda: True)
    assert tally == Tally(remaining=4, completed=1)


def test_a_move_that_stays_silent_is_given_up() -> None:
    with odd(say_nothing) as peer, pytest.raises(Unreachable):
        asks(idle=1.5).move(peer, MOVE, WANTED, "OURS", _unseen, lambda: False)


def test_a_move_without_a_list_of_failures_is_counted() -> None:
    counts = {"completed": 2, "failed": 1, "warned": 1, "comment": "one was bad"}
    with odd(answering(Status.SUBOPERATIONS_FAILED, **counts)) as peer:
        tally = asks().move(peer, MOVE, WANTED, "OURS", _unseen, lambda: False)
    assert tally == Tally(completed=2, failed=1, warned=1, message="C-MOVE: one was bad")


def test_a_move_that_came_to_nothing_is_declined() -> None:
    with (
        odd(answering(Status.MOVE_DESTINATION_UNKNOWN)) as peer,
        pytest.raises(Declined, match="A801H"),
    ):
        asks().move(peer, MOVE, WANTED, "OURS", _unseen, lambda: False)


def test_an_instance_that_cannot_be_read_to_its_end_ends_the_association() -> None:
    def broken() -> Iterator[bytes]:
        yield bytes(100_000)
        yield bytes(100_000)
        raise ArchiveError("the disk is gone")

    def send() -> None:
        with asks().deliver(peer, [Proposal(CT, (EXPLICIT,))]) as delivery:
            with pytest.raises(ArchiveError, match="the disk is gone"):
                delivery.send(Outgoing(CT, "1.2", EXPLICIT, broken()))
            delivery.send(Outgoing(CT, "1.3", EXPLICIT, [b"whole"]))

    with odd(say_nothing) as peer, pytest.raises(Unreachable):
        send()


def test_an_event_is_heard_on_the_association_that_asked_for_it() -> None:
    statuses: list[int | None] = []

    def serve(connection: Connection, message: Message) -> None:
        if message.command.field.is_response:
            statuses.append(message.command.status)
            return
        connection.send_message(message.context_id, response_to(message.command, 0))
        event = Command(
            field=CommandField.N_EVENT_REPORT_RQ,
            has_data=True,
            message_id=1,
            sop_class=COMMITMENT,
            instance="1.2.840.10008.1.20.1.1",
            event_type=1,
        )
        connection.send_message(message.context_id, event, [write_dataset(WANTED, EXPLICIT)])

    heard: list[Operation] = []

    def hear(operation: Operation) -> int:
        heard.append(operation)
        return 0x0112

    action = Operation(Verb.ACTION, COMMITMENT, "1.2.840.10008.1.20.1.1", 1, WANTED)
    with odd(serve) as peer:
        performed = asks().perform(peer, action, hear, wait=5.0)
    assert performed.status == 0
    assert [(one.verb, one.kind) for one in heard] == [(Verb.EVENT_REPORT, 1)]
    assert heard[0].attributes is not None
    assert heard[0].attributes["00080052"]["Value"] == ["STUDY"]
    assert statuses == [0x0112]
