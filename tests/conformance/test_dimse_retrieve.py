"""C-MOVE and C-GET, as somebody else asks us for them (PS3.4 §C.4.2, §C.4.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dimse_door import CT, EXPLICIT, IMPLICIT, Address, answer, called, echo, opened
from filmroom.app import open_archive
from filmroom.association.connection import Connection, connect
from filmroom.association.items import RoleSelection, UserInformation
from filmroom.association.messages import Command, CommandField, Message, cancel_of, response_to
from filmroom.association.negotiation import propose
from filmroom.association.pdus import AssociateRequest
from filmroom.association.reading import Fragment
from filmroom.association.statuses import Status
from filmroom.core.archive import Archive
from filmroom.core.selected import select
from filmroom.dicom.datasets import read_dataset, write_dataset
from filmroom.errors import Declined, Refused
from filmroom.model.peer import Peer, Service
from filmroom.model.remote import Arriving, Proposal, Tally
from filmroom.model.selection import Selection
from filmroom.peers.asking import Line
from filmroom.peers.dimse import DimsePeers
from filmroom.settings import Settings
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import (
    COMPREHENSIVE_SR,
    ct_slice,
    encapsulated,
    report,
    uid,
)

ROOT = "1.2.840.10008.5.1.4.1.2."
STUDY_MOVE, ONLY_MOVE = f"{ROOT}2.2", f"{ROOT}3.2"
STUDY_GET = f"{ROOT}2.3"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
KEYS = {"patient": "00100020", "study": "0020000D", "series": "0020000E", "instance": "00080018"}


def identifier(level: str, **keys: str | list[str]) -> dict[str, Any]:
    """The identifier of a retrieval."""
    told = {
        KEYS[name]: {"vr": "LO" if name == "patient" else "UI", "Value": _listed(value)}
        for name, value in keys.items()
    }
    return {"00080052": {"vr": "CS", "Value": [level]}, **told}


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[tuple[Archive, Address]]:
    """Another archive, and the address of its door."""
    with (
        open_archive(Settings(data=tmp_path / "there", disk_reserve=0)) as archive,
        opened(archive) as address,
    ):
        yield archive, address


@pytest.fixture
def settings(tmp_path: Path, there: tuple[Archive, Address]) -> Settings:
    """The other archive is a peer of ours; so is one that nobody is."""
    host, port = there[1]
    peers = (
        PeerSettings(name="there", aet="THERE", host=host, port=port),
        PeerSettings(name="gone", aet="GONE", host="127.0.0.1", port=1),
    )
    return Settings(data=tmp_path / "data", disk_reserve=0, peers=peers)


@pytest.fixture
def door(archive: Archive, store: Callable[..., Any]) -> Iterator[Address]:
    """Two studies of one patient and one of another."""
    store(*(ct_slice(1, series, number) for series in (1, 2) for number in (1, 2)), report(1))
    store(ct_slice(2, 1, 1, PatientID="ID1"), ct_slice(3, 1, 1))
    with opened(archive) as address:
        yield address


def remote(door: Address) -> tuple[DimsePeers, Peer]:
    """Somebody who asks, and the archive as its peer."""
    return DimsePeers(Line("ASKING")), Peer("us", "FILMROOM", *door)


def instances(archive: Archive) -> list[str]:
    return sorted(located.ref.instance for located in archive.index.located())


def moved(door: Address, sop_class: str, wanted: dict[str, Any], to: str = "THERE") -> Tally:
    asks, us = remote(door)
    return asks.move(us, sop_class, wanted, to, lambda _: None, lambda: False)


def got(door: Address, sop_class: str, wanted: dict[str, Any]) -> tuple[Tally, list[str]]:
    """What became of a C-GET, and what it brought."""
    asks, us = remote(door)
    brought: list[str] = []

    def take(arriving: Arriving) -> None:
        for _ in arriving.data:
            pass
        brought.append(arriving.instance)

    proposals = [Proposal(CT, (EXPLICIT, IMPLICIT)), Proposal(COMPREHENSIVE_SR, (EXPLICIT,))]
    tally = asks.get(us, sop_class, wanted, proposals, take, lambda _: None, lambda: False)
    return tally, sorted(brought)


FIRST = [uid(1, s, n) for s in (1, 2) for n in (1, 2)] + [uid(1, 90, 1)]
LEVELS = [
    pytest.param(1, identifier("PATIENT", patient="ID1"), [*FIRST, uid(2, 1, 1)], id="patient"),
    pytest.param(1, identifier("STUDY", patient="ID1", study=uid(1)), FIRST, id="study of patient"),
    pytest.param(1, identifier("STUDY", patient="ID3", study=uid(1)), [], id="another's study"),
    pytest.param(2, identifier("STUDY", study=uid(1)), FIRST, id="study"),
    pytest.param(
        2, identifier("STUDY", study=[uid(2), uid(3)]), [uid(2, 1, 1), uid(3, 1, 1)], id="studies"
    ),
    pytest.param(3, identifier("STUDY", patient="ID3", study=uid(3)), [uid(3, 1, 1)], id="only"),
    pytest.param(
        2, identifier("SERIES", study=uid(1), series=uid(1, 2)), FIRST[2:4], id="series of study"
    ),
    pytest.param(2, identifier("SERIES", series=uid(1, 2)), FIRST[2:4], id="series alone"),
    pytest.param(2, identifier("SERIES", study=uid(2), series=uid(1, 2)), [], id="not of study"),
    pytest.param(
        2,
        identifier("IMAGE", study=uid(1), series=uid(1, 1), instance=[FIRST[1], FIRST[0]]),
        FIRST[:2],
        id="instances",
    ),
    pytest.param(2, identifier("IMAGE", instance=[FIRST[0], uid(7)]), FIRST[:1], id="one is gone"),
    pytest.param(2, identifier("STUDY", study=uid(7)), [], id="nothing"),
]


@pytest.mark.parametrize(("root", "wanted", "expected"), LEVELS)
def test_c_get_brings_what_the_unique_keys_name(
    root: int, wanted: dict[str, Any], expected: list[str], door: Address
) -> None:
    tally, brought = got(door, f"{ROOT}{root}.3", wanted)
    assert tally == Tally(completed=len(expected))
    assert brought == sorted(expected)


@pytest.mark.parametrize(("root", "wanted", "expected"), LEVELS)
def test_c_move_sends_what_the_unique_keys_name(
    root: int,
    wanted: dict[str, Any],
    expected: list[str],
    door: Address,
    there: tuple[Archive, Address],
) -> None:
    assert moved(door, f"{ROOT}{root}.2", wanted) == Tally(completed=len(expected))
    assert instances(there[0]) == sorted(expected)


def test_data_sets_are_moved_as_they_are_stored(
    door: Address, archive: Archive, there: tuple[Archive, Address]
) -> None:
    moved(door, STUDY_MOVE, identifier("STUDY", study=uid(1)))

    for here, copy in zip(_blobs(archive), _blobs(there[0]), strict=True):
        assert here == copy


def _blobs(archive: Archive) -> Iterable[bytes]:
    for located in select(archive, Selection(uid(1))):
        data = archive.storage.read(located.key)
        yield data[data.index(b"\x08\x00\x05\x00") :]


BAD = [
    pytest.param(STUDY_MOVE, identifier("PATIENT", patient="ID1"), id="no such level"),
    pytest.param(ONLY_MOVE, identifier("SERIES", series=uid(1, 1)), id="below the model"),
    pytest.param(STUDY_MOVE, identifier("STUDY"), id="no key"),
    pytest.param(STUDY_MOVE, identifier("STUDY", study="1.2.*"), id="a wildcard"),
    pytest.param(
        STUDY_MOVE, identifier("SERIES", study=["1.2", "1.3"], series="1.4"), id="two above"
    ),
    pytest.param(STUDY_MOVE, identifier("FRAME", study=uid(1)), id="no level"),
    pytest.param(STUDY_MOVE, {}, id="nothing"),
]


@pytest.mark.parametrize(("sop_class", "wanted"), BAD)
def test_an_identifier_that_does_not_fit_is_refused(
    sop_class: str, wanted: dict[str, Any], door: Address
) -> None:
    with pytest.raises(Declined) as declined:
        moved(door, sop_class, wanted)
    assert declined.value.status == Status.DATA_SET_MISMATCH
    with pytest.raises(Declined) as declined:
        got(door, sop_class[:-1] + "3", wanted)
    assert declined.value.status == Status.DATA_SET_MISMATCH


def test_a_destination_that_is_no_peer_is_not_known(door: Address) -> None:
    with pytest.raises(Declined) as declined:
        moved(door, STUDY_MOVE, identifier("STUDY", study=uid(1)), to="NOBODY")
    assert declined.value.status == Status.MOVE_DESTINATION_UNKNOWN


def test_one_retrieval_too_many_is_refused(archive: Archive, door: Address) -> None:
    slots = archive.settings.retrieves
    assert all(archive.retrieves.acquire(blocking=False) for _ in range(slots))
    wanted = identifier("STUDY", study=uid(2))
    with pytest.raises(Declined) as declined:
        got(door, STUDY_GET, wanted)
    assert declined.value.status == Status.SUBOPERATIONS_NOT_PERFORMED
    archive.retrieves.release()
    assert got(door, STUDY_GET, wanted)[0] == Tally(completed=1)
    assert got(door, STUDY_GET, wanted)[0] == Tally(completed=1)


def test_a_destination_that_does_not_answer_fails_everything(door: Address) -> None:
    tally = moved(door, STUDY_MOVE, identifier("STUDY", study=uid(1)), to="GONE")
    assert (tally.completed, tally.failed, sorted(tally.failures)) == (0, 5, FIRST)
    assert tally.message


def test_what_the_other_side_takes_in_no_form_is_listed(door: Address) -> None:
    asks, us = remote(door)
    wanted = identifier("STUDY", study=uid(1))
    proposals = [Proposal(COMPREHENSIVE_SR, (EXPLICIT,))]

    tally = asks.get(us, STUDY_GET, wanted, proposals, _pass_over, _unseen, lambda: False)

    assert (tally.completed, tally.failed, sorted(tally.failures)) == (1, 4, FIRST[:4])


def test_what_the_other_side_refuses_is_listed(door: Address) -> None:
    asks, us = remote(door)
    wanted = identifier("STUDY", study=uid(2))

    def refuse(arriving: Arriving) -> None:
        raise Refused("not this one")

    proposals = [Proposal(CT, (EXPLICIT,))]
    tally = asks.get(us, STUDY_GET, wanted, proposals, refuse, _unseen, lambda: False)

    assert (tally.completed, tally.failures) == (0, [uid(2, 1, 1)])


def _pass_over(arriving: Arriving) -> None:
    for _ in arriving.data:
        pass


def _unseen(_: Tally) -> None:
    """Nobody looks."""


def test_who_takes_other_transfer_syntaxes_gets_those(
    door: Address, store: Callable[..., Any], archive: Archive
) -> None:
    asks, us = remote(door)
    seen: list[tuple[str, bytes]] = []

    def take(arriving: Arriving) -> None:
        seen.append((arriving.transfer_syntax, b"".join(map(bytes, arriving.data))))

    wanted = identifier("STUDY", study=uid(2))
    proposals = [Proposal(CT, (IMPLICIT,))]
    tally = asks.get(us, STUDY_GET, wanted, proposals, take, _unseen, lambda: False)

    assert tally == Tally(completed=1)
    ((syntax, data),) = seen
    assert syntax == IMPLICIT
    dataset = read_dataset(data, IMPLICIT)
    assert dataset["00080018"]["Value"] == [uid(2, 1, 1)]
    assert dataset["00280010"]["Value"] == [8]


def test_frames_that_cannot_be_decoded_are_sent_as_stored_or_not_at_all(
    door: Address, store: Callable[..., Any]
) -> None:
    store(encapsulated([b"\xff\xd8 no picture"], JPEG_LOSSLESS, 4, 1, 1, SOPClassUID=CT))
    asks, us = remote(door)
    wanted = identifier("STUDY", study=uid(4))

    for syntaxes, expected in (((JPEG_LOSSLESS,), (1, 0)), ((EXPLICIT,), (0, 1))):
        proposals = [Proposal(CT, syntaxes)]
        tally = asks.get(us, STUDY_GET, wanted, proposals, _pass_over, _unseen, lambda: False)
        assert (tally.completed, tally.failed) == expected


def _getting(door: Address) -> Connection:
    """An association whose second context takes CT."""
    user = UserInformation(max_length=16384, roles=(RoleSelection(CT, scu=False, scp=True),))
    contexts = propose([(STUDY_GET, [IMPLICIT]), (CT, [EXPLICIT])])
    return connect(door, AssociateRequest("FILMROOM", "TESTER", contexts, user))[0]


def _ask(connection: Connection, message_id: int = 9) -> None:
    command = Command(
        field=CommandField.C_GET_RQ,
        has_data=True,
        message_id=message_id,
        sop_class=STUDY_GET,
        priority=0,
    )
    wanted = identifier("SERIES", study=uid(1), series=uid(1, 1))
    connection.send_message(1, command, [write_dataset(wanted, IMPLICIT)])


def _stored(connection: Connection) -> Message:
    """A sub-operation that has come whole."""
    heard = connection.hear()
    while isinstance(heard, Message) and heard.command.status == Status.PENDING:
        heard = connection.hear()
    assert isinstance(heard, Message), heard
    assert heard.command.field is CommandField.C_STORE_RQ
    while not (isinstance(piece := connection.hear(), Fragment) and piece.is_last):
        pass
    return heard


def test_a_c_get_that_is_cancelled_ends_after_the_sub_operation_under_way(door: Address) -> None:
    with _getting(door) as connection:
        _ask(connection)
        sub_operation = _stored(connection)
        connection.send_message(1, cancel_of(9))
        told = response_to(sub_operation.command, Status.SUCCESS)
        connection.send_message(sub_operation.context_id, told)

        final = answer(connection)
        while final.status == Status.PENDING:
            final = answer(connection)

        assert final.status == Status.CANCEL
        assert (final.completed, final.remaining, final.failed) == (1, 1, 0)
        assert connection.release()


def test_who_goes_away_in_the_middle_leaves_nothing_behind(door: Address) -> None:
    with _getting(door) as connection:
        _ask(connection)
        _stored(connection)
        connection.abort()
    with called(door) as connection:
        assert echo(connection) == 0


def test_a_warning_is_counted_as_one(door: Address) -> None:
    with _getting(door) as connection:
        _ask(connection)
        for _ in range(2):
            sub_operation = _stored(connection)
            told = response_to(sub_operation.command, Status.COERCED)
            connection.send_message(sub_operation.context_id, told)
        final = answer(connection)
        while final.status == Status.PENDING:
            final = answer(connection)
        assert final.status == Status.SUBOPERATIONS_FAILED
        assert (final.completed, final.warned, final.failed) == (0, 2, 0)


def test_who_may_fetch_and_not_store_is_sent_instances_and_sends_none(
    archive: Archive, door: Address
) -> None:
    caller = Peer("asks", "ASKING", "127.0.0.1", 1, may=frozenset({Service.GET}))
    with opened(archive, lambda *_: caller) as address:
        tally, brought = got(address, STUDY_GET, identifier("STUDY", study=uid(2)))
        assert (tally.completed, brought) == (1, [uid(2, 1, 1)])
        with called(address, (CT, [EXPLICIT])) as connection:
            assert connection.association.contexts == {}
