"""Instances are sent to a peer that takes some, refuses some, and goes away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from filmroom.core import sending
from filmroom.core.alone import NoPeers
from filmroom.core.archive import Archive
from filmroom.core.selected import select
from filmroom.core.sending import send
from filmroom.dicom.part10 import read_file_meta
from filmroom.errors import Declined, Unreachable
from filmroom.model.instance import Located
from filmroom.model.peer import Peer
from filmroom.model.remote import Delivery, Originator, Outgoing, Proposal, Tally
from filmroom.model.selection import Selection
from filmroom.testing.objects import CT_IMAGE, ct_slice, part10, report, uid

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
PEER = Peer("there", "THERE", "127.0.0.1", 104)


@dataclass
class There(NoPeers):
    """A peer that takes what it is proposed, but for what the fields say."""

    takes: frozenset[str] = frozenset({EXPLICIT, IMPLICIT})
    refused: frozenset[str] = frozenset()
    warned: frozenset[str] = frozenset()
    breaks: dict[str, int] = field(default_factory=dict)
    """How often an instance ends the association."""
    closed: int = 0
    """How often no association is made, once one was."""
    kept: dict[str, bytes] = field(default_factory=dict)
    proposed: list[Sequence[Proposal]] = field(default_factory=list)
    originators: list[Originator | None] = field(default_factory=list)

    @contextmanager
    def deliver(self, peer: Peer, proposals: Sequence[Proposal]) -> Iterator[Delivery]:
        if self.proposed and self.closed:
            self.closed -= 1
            raise Unreachable("nobody answers")
        self.proposed.append(proposals)
        yield _Storing(self, proposals)


@dataclass
class _Storing:
    there: There
    proposals: Sequence[Proposal]
    sent: str = ""

    def takes(self, sop_class: str, transfer_syntax: str) -> bool:
        return transfer_syntax in self.there.takes and any(
            one.sop_class == sop_class and transfer_syntax in one.transfer_syntaxes
            for one in self.proposals
        )

    def send(self, outgoing: Outgoing, originator: Originator | None = None) -> None:
        there, instance = self.there, outgoing.instance
        assert self.takes(outgoing.sop_class, outgoing.transfer_syntax)
        if there.breaks.get(instance):
            there.breaks[instance] -= 1
            raise Unreachable("gone in the middle")
        there.originators.append(originator)
        self.sent, data = instance, b"".join(outgoing.data)
        if instance not in there.refused:
            there.kept[instance] = data

    def stored(self) -> bool:
        if self.sent in self.there.refused:
            raise Declined("no", 0xA700)
        return self.sent not in self.there.warned


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "PAUSES", (0.0,) * len(sending.PAUSES))


@pytest.fixture
def slices(archive: Archive, store: Callable[..., object]) -> list[Located]:
    """Three instances of one series."""
    for number in (1, 2, 3):
        store(archive, part10(ct_slice(1, 1, number)))
    return select(archive, Selection(uid(1)))


def asking(archive: Archive, there: There) -> Archive:
    return replace(archive, remote=there)


def data_set(archive: Archive, located: Located) -> bytes:
    data = archive.storage.read(located.key)
    return data[read_file_meta(memoryview(data)).end :]


def test_everything_is_sent_as_it_is_stored(archive: Archive, slices: list[Located]) -> None:
    there = There()
    originator = Originator("WHO", 7)
    seen: list[tuple[int, int]] = []

    tally = send(
        asking(archive, there),
        PEER,
        slices,
        lambda tally: seen.append((tally.remaining, tally.completed)),
        originator=originator,
    )

    assert tally == Tally(remaining=0, completed=3)
    assert seen == [(2, 1), (1, 2), (0, 3)]
    assert there.kept == {one.ref.instance: data_set(archive, one) for one in slices}
    assert there.proposed == [
        (Proposal(CT_IMAGE, (EXPLICIT, IMPLICIT)), Proposal(CT_IMAGE, (EXPLICIT,)))
    ]
    assert there.originators == [originator] * 3


def test_what_is_refused_is_listed_and_the_rest_sent(
    archive: Archive, slices: list[Located]
) -> None:
    there = There(refused=frozenset({uid(1, 1, 2)}), warned=frozenset({uid(1, 1, 3)}))

    tally = send(asking(archive, there), PEER, slices)

    assert tally == Tally(
        remaining=0, completed=1, warned=1, failed=1, failures=[uid(1, 1, 2)], message="no"
    )


def test_a_sop_class_that_is_not_taken_fails_alone(
    archive: Archive, store: Callable[..., object], slices: list[Located]
) -> None:
    store(archive, part10(report(1)))
    found = select(archive, Selection(uid(1)))

    tally = send(replace(archive, remote=OnlyCt(There())), PEER, found)

    assert (tally.completed, tally.failed, tally.failures) == (3, 1, [uid(1, 90, 1)])
    assert "is taken in no transfer syntax" in tally.message


class OnlyCt(NoPeers):
    """Takes CT alone."""

    def __init__(self, there: There) -> None:
        self._there = there

    @contextmanager
    def deliver(self, peer: Peer, proposals: Sequence[Proposal]) -> Iterator[Delivery]:
        ct = [one for one in proposals if one.sop_class == CT_IMAGE]
        with self._there.deliver(peer, ct) as delivery:
            yield delivery


def test_an_association_that_breaks_is_made_again(archive: Archive, slices: list[Located]) -> None:
    there = There(breaks={uid(1, 1, 2): 1})

    tally = send(asking(archive, there), PEER, slices)

    assert tally == Tally(remaining=0, completed=3)
    assert len(there.proposed) == 2
    assert len(there.kept) == 3


def test_a_peer_that_starts_again_is_waited_for(archive: Archive, slices: list[Located]) -> None:
    there = There(breaks={uid(1, 1, 2): 1}, closed=2)
    assert send(asking(archive, there), PEER, slices) == Tally(remaining=0, completed=3)


def test_an_instance_that_always_breaks_it_is_given_up(
    archive: Archive, slices: list[Located]
) -> None:
    there = There(breaks={uid(1, 1, 2): 99})

    tally = send(asking(archive, there), PEER, slices)

    assert (tally.completed, tally.failures) == (2, [uid(1, 1, 2)])
    assert tally.message == "gone in the middle"


def test_what_is_left_has_failed_when_the_peer_stays_away(
    archive: Archive, slices: list[Located]
) -> None:
    there = There(breaks={uid(1, 1, 2): 1}, closed=99)
    seen: list[int] = []

    tally = send(asking(archive, there), PEER, slices, lambda tally: seen.append(tally.done))

    assert tally == Tally(
        remaining=0,
        completed=1,
        failed=2,
        failures=[uid(1, 1, 2), uid(1, 1, 3)],
        message="nobody answers",
    )
    assert seen[-1] == 3


def test_a_peer_that_breaks_every_association_ends_it(
    archive: Archive, slices: list[Located]
) -> None:
    there = There(breaks=dict.fromkeys((uid(1, 1, n) for n in (1, 2, 3)), 99))
    tally = send(asking(archive, there), PEER, slices)
    assert (tally.completed, tally.failed, tally.remaining) == (0, 3, 0)
    assert sorted(tally.failures) == [uid(1, 1, n) for n in (1, 2, 3)]


def test_a_peer_that_is_not_there_is_told_of_at_once(
    archive: Archive, slices: list[Located]
) -> None:
    with pytest.raises(Unreachable):
        send(archive, PEER, slices)


def test_nothing_is_sent_once_it_is_cancelled(archive: Archive, slices: list[Located]) -> None:
    there = There()

    tally = send(asking(archive, there), PEER, slices, cancelled=lambda: len(there.kept) == 1)

    assert tally == Tally(remaining=2, completed=1)


def test_a_blob_that_is_gone_fails_alone(archive: Archive, slices: list[Located]) -> None:
    archive.storage.delete(slices[1].key)

    tally = send(asking(archive, There()), PEER, slices)

    assert (tally.completed, tally.failures) == (2, [slices[1].ref.instance])


def test_what_a_peer_does_not_take_as_stored_is_written_anew(
    archive: Archive, slices: list[Located]
) -> None:
    there = There(takes=frozenset({IMPLICIT}))

    tally = send(asking(archive, there), PEER, slices)

    assert tally == Tally(remaining=0, completed=3)
    first = there.kept[uid(1, 1, 1)]
    assert first != data_set(archive, slices[0])
    assert first[:8] == b"\x08\x00\x05\x00\x0a\x00\x00\x00"  # no VR
