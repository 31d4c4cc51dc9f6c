"""What an archive has that was joined without peers: nobody is there to be asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from filmroom.errors import Unreachable
from filmroom.model.instance import Attributes
from filmroom.model.peer import Peer
from filmroom.model.remote import (
    Cancelled,
    Delivery,
    Heard,
    Operation,
    Performed,
    Proposal,
    Report,
    Stores,
    Tally,
)


class NoPeers:
    """The port `Remote` where no other node is reached."""

    def echo(self, peer: Peer) -> None:
        raise _unreachable(peer)

    def deliver(
        self, peer: Peer, proposals: Sequence[Proposal]
    ) -> AbstractContextManager[Delivery]:
        raise _unreachable(peer)

    def find(self, peer: Peer, sop_class: str, identifier: Attributes) -> Iterator[Attributes]:
        raise _unreachable(peer)

    def move(
        self,
        peer: Peer,
        sop_class: str,
        identifier: Attributes,
        destination: str,
        report: Report,
        cancelled: Cancelled,
    ) -> Tally:
        raise _unreachable(peer)

    def get(
        self,
        peer: Peer,
        sop_class: str,
        identifier: Attributes,
        proposals: Sequence[Proposal],
        store: Stores,
        report: Report,
        cancelled: Cancelled,
    ) -> Tally:
        raise _unreachable(peer)

    def perform(
        self,
        peer: Peer,
        operation: Operation,
        heard: Heard | None = None,
        wait: float = 0.0,
    ) -> Performed:
        raise _unreachable(peer)


def _unreachable(peer: Peer) -> Unreachable:
    return Unreachable(f"peer {peer.name}: this archive reaches no other node")
