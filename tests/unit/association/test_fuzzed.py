"""Whatever a peer sends, an association and its connection come to an end in order."""

from __future__ import annotations

import itertools
import socket
import sys
import threading
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest
from conversations import REQUEST, VERIFICATION, accepting, in_every_state
from sockets import Archive, serving

from filmroom.association.connection import Connection, Disconnected, Patience, connect
from filmroom.association.messages import Command, CommandField, Message, response_to
from filmroom.association.negotiation import Offer, acceptance, refusal
from filmroom.association.pdus import (
    Abort,
    AbortReason,
    AbortSource,
    AssociateRequest,
    PduKind,
    ReleaseRequest,
    ReleaseResponse,
    data_header,
    encode,
)
from filmroom.association.protocol import Indication, ProviderAbort
from filmroom.association.reading import MAX_PDU, Fragment
from filmroom.association.states import State

sys.path.append(str(Path(__file__).resolve().parents[2] / "fuzz"))
from fuzz_association import ANSWERED, cases, check

CASES = 3000
MB = 1 << 20
HASTY = Patience(artim=2, idle=2, period=1)
LENGTHS = [0, 1, 3, 4, 5, 6, 67, 68, MAX_PDU, MAX_PDU + 1, 1 << 31, (1 << 32) - 1]
STATES = sorted(in_every_state())


@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_conversations_end_in_order_however_they_are_cut(seed: int) -> None:
    outcomes = {check(case) for case in itertools.islice(cases(seed), CASES)}
    assert len(outcomes) > 15  # many ways to end, among them good ones
    assert {"STA6, AssociateRequest last", "STA13, ProviderAbort last"} <= outcomes


@pytest.mark.parametrize("kind", [*PduKind, 0, 8, 255])
@pytest.mark.parametrize("name", STATES)
def test_a_header_of_any_type_and_length_is_taken_in_every_state(name: str, kind: int) -> None:
    for length in LENGTHS:
        side = in_every_state()[name]
        before = side.state
        header = bytes((kind, 0)) + length.to_bytes(4)
        found = list(side.receive(header + bytes(100)))
        assert len(found) <= 17  # as many PDVs as there may be in a hundred bytes, and a protest
        assert len(side._reader._held) <= 100
        assert side.state in (before, State.STA1, State.STA13, *after(before))
        said = side.outgoing()
        assert said == b"" or said[0] in (PduKind.ABORT, PduKind.ASSOCIATE_RJ)


def after(state: State) -> tuple[State, ...]:
    """Where a release, of zeros, can lead: no other PDU of zeros is a good one."""
    follows = {
        State.STA6: (State.STA8,),
        State.STA7: (State.STA9, State.STA10),
        State.STA10: (State.STA12,),
    }
    return follows.get(state, ())


@pytest.mark.parametrize("step", [1, 7, 4096])
def test_pdvs_without_data_are_fragments_and_cost_nothing(step: int) -> None:
    side = accepting()
    side._reader.max_length = 0
    empty = b"\0\0\0\2\1\0" * 10_000
    stream = bytes((PduKind.P_DATA_TF, 0)) + len(empty).to_bytes(4) + empty
    found: list[Indication] = []
    for at in range(0, len(stream), step):
        found += side.receive(stream[at : at + step])
    assert len(found) == 10_000
    assert all(isinstance(each, Fragment) and not each.data for each in found)
    assert side.state is State.STA6
    assert not side.is_midway


def test_data_in_a_context_never_proposed_is_aborted() -> None:
    side = accepting()
    data = data_header(99, 4, is_command=True, is_last=True) + b"data"
    (found,) = side.receive(data)
    assert isinstance(found, ProviderAbort)
    assert found.reason is AbortReason.INVALID_PARAMETER
    assert side.outgoing() == encode(Abort(AbortSource.PROVIDER, AbortReason.INVALID_PARAMETER))
    assert list(side.receive(data)) == []


def test_two_gigabytes_of_data_are_not_kept() -> None:
    side = accepting()
    side._reader.max_length = 0
    run, total = memoryview(bytes(MB // 4)), 0
    header = data_header(1, (1 << 31) - 6, is_command=False, is_last=True)
    tracemalloc.start()
    try:
        assert list(side.receive(header)) == []
        for _ in range((1 << 31) // len(run) - 1):
            for found in side.receive(run):
                assert isinstance(found, Fragment)
                total += len(found.data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == (1 << 31) - len(run)
    assert peak < MB


@pytest.mark.parametrize("seed", range(4))
def test_damaged_conversations_on_a_socket_leave_no_thread_and_no_wait(seed: int) -> None:
    threads = threading.active_count()
    for case in itertools.islice(cases(seed), 25):
        with (
            serving(listen, HASTY) as address,
            socket.create_connection(address, 5) as sock,
            suppress(OSError),  # cut off in the midst
        ):
            sock.sendall(case[2:])
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(4096):
                pass
    assert threading.active_count() == threads


def listen(connection: Connection) -> None:
    """Serve as an archive does whose peer may be gone."""
    with suppress(Disconnected):
        while (heard := connection.hear()) is not None:
            match heard:
                case AssociateRequest():
                    accept = acceptance(heard, lambda _: Offer(), max_length=4096)
                    connection.send(refusal(heard) or accept)
                case Message(context_id, command) if command.field in ANSWERED:
                    connection.send_message(context_id, response_to(command, 0))
                case ReleaseRequest():
                    connection.send(ReleaseResponse())


def test_a_good_association_follows_a_bad_one() -> None:
    archive = Archive()
    with serving(archive) as address, socket.create_connection(address, 5) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: archive\r\n\r\n")
        assert sock.recv(4096)[0] == PduKind.ABORT
    with serving(archive) as address:
        connection, _ = connect(address, REQUEST)
        connection.send_message(
            1, Command(field=CommandField.C_ECHO_RQ, message_id=1, sop_class=VERIFICATION)
        )
        assert isinstance(connection.hear(), Message)
        assert connection.release()
