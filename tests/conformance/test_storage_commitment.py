"""Storage Commitment Push Model: what is kept is told, here and to whom we ask (PS3.4 §J.3)."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from dimse_asking import response
from dimse_door import Address
from dimse_operating import operate, operating
from filmroom.app import open_archive
from filmroom.association.connection import Connection
from filmroom.association.items import RoleSelection
from filmroom.association.messages import Command, CommandField, response_to
from filmroom.association.negotiation import Offer, acceptance, agreed_role
from filmroom.association.pdus import AssociateRequest, ReleaseRequest, ReleaseResponse
from filmroom.association.protocol import Role
from filmroom.core import commitment, jobs, peers
from filmroom.core.archive import Archive
from filmroom.core.commitments import GIVEN
from filmroom.core.runner import Runner
from filmroom.core.store import receive
from filmroom.dimse.acceptor import Acceptor
from filmroom.dimse.admission import Doorkeeper
from filmroom.model.commitment import PUSH_MODEL, WELL_KNOWN
from filmroom.model.instance import InstanceRef
from filmroom.model.job import JobKind, JobState
from filmroom.settings import Settings
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import CT_IMAGE, SECONDARY_CAPTURE, ct_slice, part10, uid

SUCCESS, INVALID_ARGUMENT, NO_SUCH_ACTION, NO_SUCH_INSTANCE = 0x0000, 0x0115, 0x0123, 0x0112
CLASS_CONFLICT, PROCESSING_FAILURE = 0x0119, 0x0110
TRANSACTION = "1.2.3.99"
Node = tuple[Archive, Address]


@contextmanager
def node(folder: Path, listening: socket.socket, **more: object) -> Iterator[Node]:
    """An archive with its DIMSE door, its peers and its jobs."""
    settings = Settings(data=folder, disk_reserve=0, **{"commitment_wait": 0.2, **more})
    address: Address = listening.getsockname()
    with ExitStack() as closed_last:
        archive = closed_last.enter_context(open_archive(settings))
        keeper = Doorkeeper(settings, lambda *who: peers.who_is(archive, *who))
        closed_last.enter_context(Acceptor(archive, listening, keeper))
        closed_last.enter_context(Runner(archive))
        yield archive, address


def listening() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path / "here", listening()) as made:
        for number in (1, 2):
            keep(made[0], number)
        yield made


def keep(archive: Archive, number: int) -> None:
    incoming = receive(archive, "test")
    incoming.write(part10(ct_slice(1, 1, number)))
    incoming.finish()


def asked(*references: tuple[str, str], transaction: str = TRANSACTION) -> Dataset:
    told = Dataset()
    told.TransactionUID = transaction
    told.ReferencedSOPSequence = [reference(*one) for one in references]
    return told


def reference(sop_class: str, instance: str) -> Dataset:
    one = Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = sop_class, instance
    return one


def act(
    connection: Connection, told: Dataset, kind: int = 1, instance: str = WELL_KNOWN
) -> int | None:
    field = CommandField.N_ACTION_RQ
    answer, _ = operate(connection, field, PUSH_MODEL, instance, told, action_type=kind)
    return answer.status


def reported(connection: Connection, status: int = SUCCESS) -> tuple[Command, Dataset]:
    """The N-EVENT-REPORT that comes next, which is answered."""
    command, told = response(connection)
    assert command.field is CommandField.N_EVENT_REPORT_RQ
    assert told is not None
    connection.send_message(1, response_to(command, status))
    return command, told


def soon(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 15
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def is_told(archive: Archive, transaction: str = TRANSACTION) -> bool:
    (found,) = [c for _, c in commitment.page(archive) if c.transaction == transaction]
    return found.state == "reported"


def friend(archive: Archive, address: Address, aet: str = "TESTER") -> None:
    peers.add(archive, PeerSettings(name="friend", aet=aet, host=address[0], port=address[1]))


KEPT = [(CT_IMAGE, uid(1, 1, 1)), (CT_IMAGE, uid(1, 1, 2))]


@pytest.mark.requires("PS3.4 J.3.3")
def test_who_stays_is_told_on_its_association(here: Node) -> None:
    archive, address = here
    with operating(address, PUSH_MODEL) as connection:
        assert act(connection, asked(*KEPT)) == SUCCESS
        command, told = reported(connection)
        assert connection.release()

    assert (command.event_type, command.instance) == (1, WELL_KNOWN)
    assert told.TransactionUID == TRANSACTION
    assert [
        (one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID)
        for one in told.ReferencedSOPSequence
    ] == KEPT
    assert "FailedSOPSequence" not in told
    assert soon(lambda: is_told(archive))


@pytest.mark.requires("PS3.3 C.14.1.1")
def test_what_is_not_kept_is_told_with_its_reason(here: Node) -> None:
    archive, address = here
    keep(archive, 3)
    lost = archive.index.locate(InstanceRef(uid(1), uid(1, 1), uid(1, 1, 3)))
    archive.storage.delete(lost.key)
    references = [
        (CT_IMAGE, uid(1, 1, 1)),
        (SECONDARY_CAPTURE, uid(1, 1, 2)),
        (CT_IMAGE, uid(1, 1, 3)),
        (CT_IMAGE, "1.2.3.4"),
    ]

    with operating(address, PUSH_MODEL) as connection:
        act(connection, asked(*references))
        command, told = reported(connection)

    assert command.event_type == 2
    assert [one.ReferencedSOPInstanceUID for one in told.ReferencedSOPSequence] == [uid(1, 1, 1)]
    assert [
        (one.ReferencedSOPInstanceUID, one.FailureReason) for one in told.FailedSOPSequence
    ] == [
        (uid(1, 1, 2), CLASS_CONFLICT),
        (uid(1, 1, 3), PROCESSING_FAILURE),
        ("1.2.3.4", NO_SUCH_INSTANCE),
    ]


def test_other_messages_go_on_until_the_report_comes(here: Node) -> None:
    _, address = here
    with operating(address, PUSH_MODEL) as connection:
        for number in range(3):
            transaction = f"1.2.3.{number}"
            assert act(connection, asked(KEPT[0], transaction=transaction)) == SUCCESS
        told = {reported(connection)[1].TransactionUID for _ in range(3)}

    assert told == {"1.2.3.0", "1.2.3.1", "1.2.3.2"}


def test_a_request_that_makes_no_sense_is_refused(here: Node) -> None:
    archive, address = here
    empty = asked()
    nameless = asked(*KEPT)
    del nameless.TransactionUID
    with operating(address, PUSH_MODEL) as connection:
        assert act(connection, empty) == INVALID_ARGUMENT
        assert act(connection, nameless) == INVALID_ARGUMENT
        assert act(connection, asked(*KEPT), kind=2) == NO_SUCH_ACTION
        assert act(connection, asked(*KEPT), instance="1.2.3") == NO_SUCH_INSTANCE
        assert connection.release()

    assert commitment.page(archive) == []


def listen_for_report(door: socket.socket) -> tuple[Command, Dataset]:
    """Take an association as the SCU of storage commitment, and the report that comes on it."""
    with Connection(door.accept()[0], Role.ACCEPTOR) as connection:
        request = connection.hear()
        assert isinstance(request, AssociateRequest)
        offer = Offer(scp=True)
        accepted = acceptance(request, lambda _: offer, max_length=16384)
        role = agreed_role(PUSH_MODEL, request.user.roles, accepted.user.roles)
        assert role == RoleSelection(PUSH_MODEL, scu=False, scp=True)
        connection.send(accepted)
        told = reported(connection)
        assert isinstance(connection.hear(), ReleaseRequest)
        connection.send(ReleaseResponse())
        return told


def test_who_has_left_is_told_on_a_new_association(here: Node) -> None:
    archive, address = here
    with listening() as door:
        door.settimeout(15)
        friend(archive, door.getsockname())
        with operating(address, PUSH_MODEL) as connection:
            act(connection, asked(*KEPT))
            assert connection.release()
        command, told = listen_for_report(door)

    assert command.event_type == 1
    assert told.TransactionUID == TRANSACTION
    assert soon(lambda: is_told(archive))
    (job,) = [one for one in jobs.newest(archive) if one.kind is JobKind.REPORT]
    assert soon(lambda: jobs.get(archive, job.id).state is JobState.DONE)


def test_who_leaves_without_an_answer_is_told_again(here: Node) -> None:
    archive, address = here
    with listening() as door:
        door.settimeout(15)
        friend(archive, door.getsockname())
        with operating(address, PUSH_MODEL) as connection:
            act(connection, asked(*KEPT))
            response(connection)  # and no answer to it
            connection.abort()
        listen_for_report(door)

    assert soon(lambda: is_told(archive))


def test_the_report_outlives_a_restart(tmp_path: Path) -> None:
    with listening() as door:
        door.settimeout(15)
        with node(tmp_path / "a", listening()) as (archive, address):
            keep(archive, 1)
            friend(archive, door.getsockname())
            with operating(address, PUSH_MODEL) as connection:
                assert act(connection, asked(KEPT[0])) == SUCCESS
                connection.abort()
        with node(tmp_path / "a", listening()) as (archive, _):
            _, told = listen_for_report(door)
            assert [one.ReferencedSOPInstanceUID for one in told.ReferencedSOPSequence] == [
                uid(1, 1, 1)
            ]
            assert soon(lambda: is_told(archive))


def test_a_request_that_comes_again_is_answered_again(here: Node) -> None:
    archive, address = here
    for _ in range(2):
        with operating(address, PUSH_MODEL) as connection:
            act(connection, asked(*KEPT))
            reported(connection)
            assert connection.release()

    assert soon(lambda: is_told(archive))
    assert len(archive.records.list(GIVEN)) == 1


@pytest.mark.parametrize("wait", [0.1, 3.5], ids=["on the same association", "on another"])
def test_what_we_ask_is_known_when_it_is_reported(tmp_path: Path, wait: float) -> None:
    with (
        node(tmp_path / "ours", listening(), aet="OURS") as (archive, address),
        node(tmp_path / "theirs", listening(), aet="THEIRS", commitment_wait=wait) as (other, at),
    ):
        friend(archive, at, "THEIRS")
        friend(other, address, "OURS")
        for number in (1, 2):
            keep(archive, number)
        keep(other, 1)
        arguments = {"peer": "friend", "selections": [[uid(1)]]}
        name = jobs.start(archive, JobKind.COMMIT, arguments, "test").id

        assert soon(lambda: jobs.get(archive, name).progress.failed == 1)
        progress = jobs.get(archive, name).progress

    assert (progress.done, progress.of) == (1, 2)
    assert progress.failures == (uid(1, 1, 2),)
    assert progress.message == "not kept: 0112H"


def test_a_report_that_nobody_asked_for_is_refused(here: Node) -> None:
    _, address = here
    role = RoleSelection(PUSH_MODEL, scu=False, scp=True)
    with operating(address, PUSH_MODEL, roles=(role,)) as connection:
        field = CommandField.N_EVENT_REPORT_RQ
        answer, _ = operate(connection, field, PUSH_MODEL, WELL_KNOWN, asked(*KEPT), event_type=1)
        assert connection.release()

    assert answer.status == INVALID_ARGUMENT
