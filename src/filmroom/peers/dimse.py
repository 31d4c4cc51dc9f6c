"""Other nodes over DIMSE: the port `Remote`, an association a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from filmroom.association.items import RoleSelection
from filmroom.association.messages import Command, CommandField
from filmroom.dicom.transfer_syntaxes import EXPLICIT_LITTLE, IMPLICIT_LITTLE
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
from filmroom.peers.asking import Line, asking
from filmroom.peers.operating import abstract_syntax, performed, roles
from filmroom.peers.querying import got, matches, moved
from filmroom.peers.storing import Storing

VERIFICATION = "1.2.840.10008.1.1"
PLAIN = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
"""Transfer syntaxes of data sets that are no instances."""


class DimsePeers:
    """What is asked of peers, as the AE title of its line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def echo(self, peer: Peer) -> None:
        with asking(self._line, peer, [Proposal(VERIFICATION, PLAIN)]) as asked:
            context = asked.context_for(VERIFICATION)
            command = Command(field=CommandField.C_ECHO_RQ, sop_class=VERIFICATION)
            request = asked.request(context.id, command)
            asked.check(asked.response(request.field), "C-ECHO")

    @contextmanager
    def deliver(self, peer: Peer, proposals: Sequence[Proposal]) -> Iterator[Delivery]:
        with asking(self._line, peer, proposals) as asked:
            yield Storing(asked)

    def find(self, peer: Peer, sop_class: str, identifier: Attributes) -> Iterator[Attributes]:
        with asking(self._line, peer, [Proposal(sop_class, PLAIN)]) as asked:
            yield from matches(asked, sop_class, identifier)

    def move(
        self,
        peer: Peer,
        sop_class: str,
        identifier: Attributes,
        destination: str,
        report: Report,
        cancelled: Cancelled,
    ) -> Tally:
        with asking(self._line, peer, [Proposal(sop_class, PLAIN)]) as asked:
            return moved(asked, sop_class, identifier, destination, report, cancelled)

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
        stored = dict.fromkeys(proposal.sop_class for proposal in proposals)
        roles = [RoleSelection(uid, scu=False, scp=True) for uid in stored]
        offered = [Proposal(sop_class, PLAIN), *proposals]
        with asking(self._line, peer, offered, roles) as asked:
            return got(asked, sop_class, identifier, store, report, cancelled)

    def perform(
        self,
        peer: Peer,
        operation: Operation,
        heard: Heard | None = None,
        wait: float = 0.0,
    ) -> Performed:
        proposal = Proposal(abstract_syntax(operation), PLAIN)
        with asking(self._line, peer, [proposal], roles(operation)) as asked:
            return performed(asked, operation, heard, wait)
