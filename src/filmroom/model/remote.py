"""Remote: what can be asked of other nodes, and the port to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from filmroom.model.instance import Attributes
from filmroom.model.peer import Peer


@dataclass(frozen=True, slots=True)
class Proposal:
    """Objects of a SOP class in some transfer syntaxes, the best first: the other takes one."""

    sop_class: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Originator:
    """Whose C-MOVE an instance is sent for (PS3.7 §9.1.1.1)."""

    title: str
    message_id: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An instance as it is sent."""

    sop_class: str
    instance: str
    transfer_syntax: str
    data: Iterable[bytes | memoryview]
    """The data set in pieces, all but the last of an even number of bytes."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """An instance as it comes, in answer to a C-GET."""

    sop_class: str
    instance: str
    transfer_syntax: str
    data: Iterator[memoryview]
    """The data set in pieces, each good until the next."""


@dataclass(slots=True)
class Tally:
    """What became of the sub-operations of a retrieval, or of what was to be sent."""

    remaining: int = 0
    completed: int = 0
    warned: int = 0
    """Stored, but not just as sent; not counted in `completed`."""
    failed: int = 0
    failures: list[str] = field(default_factory=list)
    """SOP Instance UIDs of those that failed, as far as they are known."""
    message: str = ""
    """Why the first of them failed."""

    @property
    def done(self) -> int:
        """How many are over, one way or another."""
        return self.completed + self.warned + self.failed

    def fail(self, instance: str, message: str) -> None:
        """Count one of the remaining as failed."""
        self.remaining -= 1
        self.failed += 1
        self.failures.append(instance)
        self.message = self.message or message


Report = Callable[[Tally], None]
"""Is told after each sub-operation how things stand; the tally goes on changing."""
Cancelled = Callable[[], bool]
"""Whether to stop before the next sub-operation; does not wait."""


class Delivery(Protocol):
    """Where instances are stored one after another: an association with its contexts."""

    def takes(self, sop_class: str, transfer_syntax: str) -> bool:
        """Whether instances of a SOP class can be sent in a transfer syntax."""

    def send(self, outgoing: Outgoing, originator: Originator | None = None) -> None:
        """Send an instance; `stored` tells what became of it. Unreachable: see there."""

    def stored(self) -> bool:
        """Whether what was sent last is stored just as sent, False if with a warning; waits.

        Raises Declined if it was not stored, Unreachable if the association is over.
        """


class Verb(StrEnum):
    """Normalized operations (PS3.7 §10.1)."""

    EVENT_REPORT = "N-EVENT-REPORT"
    GET = "N-GET"
    SET = "N-SET"
    ACTION = "N-ACTION"
    CREATE = "N-CREATE"
    DELETE = "N-DELETE"


@dataclass(frozen=True, slots=True)
class Operation:
    """A normalized operation on one SOP instance."""

    verb: Verb
    sop_class: str
    instance: str = ""
    """Empty for an N-CREATE whose instance the peer is to name."""
    kind: int | None = None
    """Action Type ID of an N-ACTION, Event Type ID of an N-EVENT-REPORT."""
    attributes: Attributes | None = None
    """The data set that goes with it; None: none."""
    context: str = ""
    """Abstract syntax to ask it in, if other than `sop_class`."""


@dataclass(frozen=True, slots=True)
class Performed:
    """The answer to a normalized operation that succeeded."""

    status: int
    """0, or a warning."""
    instance: str
    attributes: Attributes | None


Heard = Callable[[Operation], int]
"""Is handed an N-EVENT-REPORT of the peer, and says with which status to answer it."""
Stores = Callable[[Arriving], None]
"""Takes an instance in; raises an ArchiveError if it is not stored."""


class Remote(Protocol):
    """Other nodes; each call makes an association of its own with the peer and ends it.

    Every method raises Unreachable if the peer does not answer, does not take us or goes away,
    and Declined if it answers that it does not do it. May be called from any thread.
    """

    def echo(self, peer: Peer) -> None:
        """Ask whether it is there (C-ECHO, PS3.4 Annex A)."""

    def deliver(
        self, peer: Peer, proposals: Sequence[Proposal]
    ) -> AbstractContextManager[Delivery]:
        """An association to store instances over (C-STORE, PS3.4 Annex B), at most 128 proposals.

        It is released at the end, or aborted where an error ends it.
        """

    def find(self, peer: Peer, sop_class: str, identifier: Attributes) -> Iterator[Attributes]:
        """Its matches (C-FIND) in the information model of that SOP class, as they come.

        Whoever has enough closes the iterator: then the query is cancelled.
        """

    def move(
        self,
        peer: Peer,
        sop_class: str,
        identifier: Attributes,
        destination: str,
        report: Report,
        cancelled: Cancelled,
    ) -> Tally:
        """Have it send instances to an AE title that it knows (C-MOVE)."""

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
        """Have it send instances over this association (C-GET), at most 127 proposals.

        An ArchiveError that `store` raises is the instance's failure, and goes on with the next.
        """

    def perform(
        self,
        peer: Peer,
        operation: Operation,
        heard: Heard | None = None,
        wait: float = 0.0,
    ) -> Performed:
        """Ask for a normalized operation (PS3.7 §10).

        Of an N-EVENT-REPORT we are the SCP of the SOP class, and say so. With `heard`, the
        peer's own N-EVENT-REPORTs on the association are answered, and after the answer one
        is waited for, at most `wait` seconds.
        """
