"""One association that a peer made with us, as the services see it."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NoReturn

from filmroom.association.connection import Connection, Heard
from filmroom.association.items import RoleSelection, UserIdentity
from filmroom.association.messages import Command, CommandField, Message
from filmroom.association.negotiation import agreed_role
from filmroom.association.pdus import (
    Abort,
    AbortReason,
    AbortSource,
    AssociateAccept,
    AssociateRequest,
    ReleaseRequest,
    ReleaseResponse,
)
from filmroom.association.protocol import ConnectionLost, Context, ProviderAbort
from filmroom.association.reading import Fragment
from filmroom.core.archive import Archive
from filmroom.dimse.failures import failure
from filmroom.errors import ArchiveError
from filmroom.model.peer import Peer

MAX_IDENTIFIER = 1 << 20  # bytes: of a data set that is read whole


class Ended(Exception):
    """The association is over; what was under way is to be dropped."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who made the association."""

    title: str
    """Its AE title, as it says."""
    address: str
    """The address it comes from."""
    peer: Peer | None = None
    """Which of our peers it is; None: none."""
    identity: UserIdentity | None = None


@dataclass(slots=True)
class Tally:
    """What an association did, for its line in the log."""

    messages: dict[str, int] = field(default_factory=dict)
    """Requests by name."""
    received: int = 0
    """Bytes of data sets."""
    failed: int = 0
    """Requests that were answered with a failure."""


class Session:
    """An accepted association; used by one thread."""

    def __init__(
        self,
        archive: Archive,
        connection: Connection,
        request: AssociateRequest,
        accept: AssociateAccept,
        caller: Caller,
    ) -> None:
        self.archive = archive
        self.connection = connection
        self.request = request
        """What was proposed, and …"""
        self.accept = accept
        """… what was said to it, with roles and extended negotiation."""
        self.caller = caller
        self.called = request.called
        """The AE title that we were called by."""
        self.log = logging.getLogger("filmroom.dimse")
        self.tally = Tally()
        self._ahead: deque[Heard] = deque()  # heard while only looking for a C-CANCEL
        self._cancelled: set[int] = set()
        self._data_follows = False
        self._asked: dict[int, Callable[[Command | None], None]] = {}  # by Message ID
        self._last_asked = 0
        self._due: deque[tuple[float, Callable[[], None]]] = deque()

    def context(self, context_id: int) -> Context:
        """The presentation context of a message: its abstract and transfer syntax."""
        return self.connection.association.contexts[context_id]

    def role(self, sop_class: str) -> RoleSelection:
        """What the peer may be for a SOP class: SCU, unless something else was agreed on."""
        return agreed_role(sop_class, self.request.user.roles, self.accept.user.roles)

    def messages(self) -> Iterator[Message]:
        """The requests and responses of the peer, one by one, until the association is over.

        A release is answered. Of a data set that nobody read the rest is passed over.
        """
        while True:
            self.drain()
            heard = self._awaited()
            if isinstance(heard, Message):
                self._data_follows = heard.command.has_data
                if heard.command.field is not CommandField.C_CANCEL_RQ:
                    yield heard
                    # Its number may be used again.
                    self._cancelled.discard(heard.command.message_id or 0)
            elif isinstance(heard, ReleaseRequest):
                self.connection.send(ReleaseResponse())
                while self.connection.hear() is not None:
                    pass  # the peer closes the connection
                return
            else:
                raise Ended(_reason(heard))

    def pieces(self) -> Iterator[memoryview]:
        """The data set of the message, run by run as it comes; each is good until the next.

        Raises Ended when the peer goes away in the middle.
        """
        while self._data_follows:
            heard = self._next()
            if not isinstance(heard, Fragment):
                if isinstance(heard, ReleaseRequest):
                    self.connection.send(ReleaseResponse())
                raise Ended(f"{_reason(heard)}, in the middle of a data set")
            self._data_follows = not heard.is_last
            self.tally.received += len(heard.data)
            yield heard.data

    def drain(self) -> None:
        """Pass over what is left of the data set of the message."""
        for _ in self.pieces():
            pass

    def read_data(self, limit: int = MAX_IDENTIFIER) -> bytes:
        """The data set of the message, whole; one over `limit` bytes aborts the association."""
        data = bytearray()
        for piece in self.pieces():
            data += piece
            if len(data) > limit:
                self.abort(f"a data set of more than {limit} bytes")
        return bytes(data)

    def answer(
        self, context_id: int, command: Command, data: Iterable[bytes | memoryview] = ()
    ) -> None:
        """Send a message; Disconnected if the peer is gone."""
        self.connection.send_message(context_id, command, data)

    def ask(
        self,
        context_id: int,
        command: Command,
        data: Iterable[bytes | memoryview],
        answered: Callable[[Command | None], None],
    ) -> None:
        """Send a request of ours; its response is handed over when it comes, or None at the end."""
        self._last_asked = self._last_asked % 0xFFFF + 1
        self._asked[self._last_asked] = answered
        self.answer(context_id, replace(command, message_id=self._last_asked), data)

    def is_answered(self, message: Message) -> bool:
        """Hand over a response; whether anybody has asked for it by `ask`."""
        answered = self._asked.pop(message.command.responded_to or 0, None)
        if answered is not None:
            answered(message.command)
        return answered is not None

    def give_up(self) -> None:
        """Hand over that nothing we have asked will be answered any more."""
        while self._asked:
            self._asked.popitem()[1](None)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Do something after some seconds, between messages, if there still is the association."""
        self._due.append((time.monotonic() + seconds, act))

    def refuse(self, message: Message, error: ArchiveError, status: int | None = None) -> None:
        """Answer with a failure, when all of the message has come."""
        self.tally.failed += 1
        self.drain()
        self.answer(message.context_id, failure(message.command, error, status))

    def response(self, field: CommandField) -> Command:
        """The peer's response to what we asked of it; a C-CANCEL that comes first is noted.

        Raises Ended if something else comes: nobody has agreed on several operations at a time.
        """
        while True:
            heard = self._next()
            if not isinstance(heard, Message):
                raise Ended(_reason(heard))
            if heard.command.field is CommandField.C_CANCEL_RQ:
                self._cancelled.add(heard.command.responded_to or 0)
            elif heard.command.field is field:
                self._data_follows = heard.command.has_data
                self.drain()
                return heard.command
            else:
                self.abort(f"a {heard.command.field.name} while a {field.name} is waited for")

    def cancelled(self, message_id: int) -> bool:
        """Whether a C-CANCEL for a request has come; does not wait. Ended if the peer is gone."""
        while not self._ahead and (heard := self.connection.hear(wait=0)) is not None:
            if isinstance(heard, Message) and heard.command.field is CommandField.C_CANCEL_RQ:
                self._cancelled.add(heard.command.responded_to or 0)
            elif isinstance(heard, Message | ReleaseRequest):
                self._ahead.append(heard)  # to be served when this one is
            else:
                raise Ended(_reason(heard))
        if self.connection.closed:
            raise Ended("the connection is closed")
        return self.was_cancelled(message_id)

    def was_cancelled(self, message_id: int) -> bool:
        """Whether a C-CANCEL for a request has been heard; does not look for one."""
        return message_id in self._cancelled

    def abort(self, reason: str) -> NoReturn:
        """End the association at once, and with it what is under way: raises Ended."""
        self.connection.send(Abort(AbortSource.PROVIDER, AbortReason.NOT_SPECIFIED))
        raise Ended(reason)

    def _awaited(self) -> Heard | None:
        """What comes next; what falls due meanwhile is done."""
        while self._due and not self._ahead:
            left = self._due[0][0] - time.monotonic()
            if left <= 0:
                self._due.popleft()[1]()
            elif (heard := self.connection.hear(left)) is not None or self.connection.closed:
                return heard
        return self._next()

    def _next(self) -> Heard | None:
        return self._ahead.popleft() if self._ahead else self.connection.hear()


def _reason(heard: Heard | None) -> str:
    match heard:
        case ProviderAbort(detail=detail):
            return detail
        case Abort():
            return "the peer aborted"
        case ConnectionLost() | None:
            return "the connection was lost"
        case ReleaseRequest():
            return "the peer released"
    return f"unexpected {type(heard).__name__}"
