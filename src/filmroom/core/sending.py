"""Send: store instances at another node, whatever becomes of each of them (PS3.4 Annex B)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from filmroom.core.archive import Archive
from filmroom.core.outgoing import Batch, batches, forms, outgoing
from filmroom.errors import ArchiveError, NotAcceptable, Unreachable
from filmroom.model.instance import Located
from filmroom.model.peer import Peer
from filmroom.model.remote import Cancelled, Delivery, Originator, Outgoing, Report, Tally

PAUSES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Seconds before each new try, in a row that comes to nothing, at a peer that went away."""


def unreported(_: Tally) -> None:
    """Nobody wants to know how things stand."""


def uncancelled() -> bool:
    """Nobody cancels."""
    return False


def send(
    archive: Archive,
    peer: Peer,
    instances: Sequence[Located],
    report: Report = unreported,
    cancelled: Cancelled = uncancelled,
    originator: Originator | None = None,
) -> Tally:
    """Store instances at a peer, over as many associations as it takes; what became of them.

    An instance that fails is counted and listed, and the next one sent. When the association
    breaks, another is made; when none can be made any more, what is left has failed. Raises
    Unreachable only if the peer was not reached at all.
    """
    sending = Sending(archive, Tally(len(instances)), report, cancelled, originator)
    for batch in batches(instances, peer.syntaxes):
        _send_batch(sending, peer, batch)
    return sending.tally


@dataclass(slots=True)
class Sending:
    """Instances on their way out, over one delivery or several."""

    archive: Archive
    tally: Tally
    report: Report = unreported
    cancelled: Cancelled = uncancelled
    originator: Originator | None = None
    syntaxes: Sequence[str] = ()
    """Transfer syntaxes that the other side is rather sent than what is stored."""

    def over(self, delivery: Delivery, waiting: deque[Located]) -> None:
        """Send what waits, until nothing does or it is cancelled.

        Raises Unreachable if the association ends before; the instance it ended with still waits.
        While the other side stores one instance, the next is read.
        """
        ahead: Outgoing | None = None
        while waiting and not self.cancelled():
            located, opened, ahead = waiting[0], ahead, None
            try:
                delivery.send(opened or self._opened(delivery, located), self.originator)
                ahead = self._opened_ahead(delivery, waiting)
                self._count(as_sent=delivery.stored())
            except Unreachable:
                raise
            except ArchiveError as error:
                self.tally.fail(located.ref.instance, str(error))
            waiting.popleft()
            self.report(self.tally)

    def fail(self, instances: Iterable[Located], error: ArchiveError) -> None:
        """Count instances as failed that will not be sent any more."""
        for located in instances:
            self.tally.fail(located.ref.instance, str(error))
        self.report(self.tally)

    def _count(self, *, as_sent: bool) -> None:
        self.tally.remaining -= 1
        if as_sent:
            self.tally.completed += 1
        else:
            self.tally.warned += 1

    def _opened(self, delivery: Delivery, located: Located) -> Outgoing:
        """An instance in the best form that can be made; raises what keeps it from that."""
        reason: NotAcceptable | None = None
        for syntax in forms(located, self.syntaxes, delivery.takes):
            try:
                return outgoing(self.archive, located, syntax)
            except NotAcceptable as error:  # perhaps the next form can be made
                reason = reason or error
        raise reason or NotAcceptable(
            f"SOP class {located.sop_class} is taken in no transfer syntax that can be made of"
            f" {located.transfer_syntax}"
        )

    def _opened_ahead(self, delivery: Delivery, waiting: deque[Located]) -> Outgoing | None:
        """The instance after the first, if it is sent as stored; making it can wait."""
        if len(waiting) < 2:
            return None
        located = waiting[1]
        best = next(iter(forms(located, self.syntaxes, delivery.takes)), None)
        if best != located.transfer_syntax:
            return None
        with suppress(ArchiveError):  # which will be told when its turn comes
            return outgoing(self.archive, located, best)
        return None


def _send_batch(sending: Sending, peer: Peer, batch: Batch) -> None:
    """Send a batch, over a new association each time that one breaks."""
    sending.syntaxes = peer.syntaxes
    waiting = deque(batch.instances)
    in_vain = 0  # times in a row that an association came to nothing
    while waiting and not sending.cancelled():
        before, reached = len(waiting), False
        try:
            with sending.archive.remote.deliver(peer, batch.proposals) as delivery:
                reached = True
                sending.over(delivery, waiting)
        except Unreachable as error:
            if not (reached or sending.tally.done):
                raise
            in_vain = 1 if len(waiting) < before else in_vain + 1
            if in_vain > len(PAUSES):
                sending.fail(waiting, error)
                return
            if reached and in_vain % 2 == 0:  # perhaps it is this instance that breaks it
                sending.fail([waiting.popleft()], error)
            time.sleep(PAUSES[in_vain - 1])
