"""Associations that we make, and requests on them, one after another (PS3.7 §7, PS3.8 §7)."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from filmroom.association.connection import (
    PATIENCE,
    Connection,
    Disconnected,
    Heard,
    Patience,
    connect,
)
from filmroom.association.items import OURSELVES, RoleSelection
from filmroom.association.messages import RESPONSE, Command, CommandField, Message, response_to
from filmroom.association.negotiation import propose
from filmroom.association.pdus import Abort, AssociateRequest, ReleaseRequest, ReleaseResponse
from filmroom.association.protocol import Context, OutOfTurn, ProviderAbort
from filmroom.association.reading import Fragment
from filmroom.association.statuses import Status, is_pending, is_warning
from filmroom.errors import Declined, TooLarge, Unreachable
from filmroom.model.peer import Peer
from filmroom.model.remote import Proposal

MAX_LENGTH = 1 << 17  # bytes of a P-DATA-TF that we take
SECOND = 1.0  # of waiting, after which we look whether there is something else to do
MAX_DATA_SET = 64 << 20  # bytes: of one that is read whole

Serve = Callable[["Asking", Message], None]
"""Serves a request that the peer makes of us meanwhile: reads its data set and answers it."""


@dataclass(frozen=True, slots=True)
class Line:
    """How we call: as whom, how patiently, over what."""

    aet: str
    """Our AE title, for peers that are not told another."""
    patience: Patience = PATIENCE
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context
    """Makes what peers are reached with over TLS; called for those that are."""


class Asking:
    """One association with a peer that accepted it."""

    def __init__(self, peer: Peer, connection: Connection, patience: Patience) -> None:
        self.connection = connection
        self.meanwhile: Callable[[], None] | None = None
        """What is to be done every second while an answer is waited for."""
        self._patience = patience
        self._name = f"peer {peer.name}"
        self._message_id = 0
        self._data_follows = False

    def context_for(self, sop_class: str) -> Context:
        """A presentation context for a SOP class; Declined if the peer accepted none."""
        for context in self.connection.association.contexts.values():
            if context.abstract_syntax == sop_class:
                return context
        message = f"{self._name} does not take SOP class {sop_class}"
        raise Declined(message, Status.SOP_CLASS_NOT_SUPPORTED)

    def request(
        self, context_id: int, command: Command, data: Iterable[bytes | memoryview] = ()
    ) -> Command:
        """Send a request, and give it with its Message ID."""
        sent = replace(command, message_id=self.next_id())
        self.send(context_id, sent, data)
        return sent

    def next_id(self) -> int:
        """A Message ID for the next request."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def send(
        self, context_id: int, command: Command, data: Iterable[bytes | memoryview] = ()
    ) -> None:
        """Send a message; raises Unreachable."""
        try:
            self.connection.send_message(context_id, command, data)
        except (Disconnected, OutOfTurn) as error:
            raise Unreachable(f"{self._name}: {error}") from error
        except BaseException:  # what was to be sent could not be read: a message is left half-sent
            self.connection.abort()
            raise

    def responses(self, request: Command, serve: Serve | None = None) -> Iterator[Command]:
        """The responses to a request, the final one last; their data is to be read by `read`.

        Raises Unreachable. A peer's own requests meanwhile are for `serve`, or refused.
        """
        wanted = request.field | RESPONSE
        while True:
            message = self._message()
            command = message.command
            if command.field == wanted:  # one is under way: it need not repeat its Message ID
                yield command
                self.drain()
                if not is_pending(command.status or 0):
                    return
            elif command.field.is_response:
                self._give_up(f"sent a {command.field.name} instead of an answer")
            else:
                self._serve(message, serve)

    def response(self, request: CommandField, serve: Serve | None = None) -> Command:
        """The only response to a request, its data left to be read; raises Unreachable."""
        wanted = request | RESPONSE
        while (message := self._message()).command.field != wanted:
            if message.command.field.is_response:
                self._give_up(f"sent a {message.command.field.name} instead of an answer")
            self._serve(message, serve)
        return message.command

    def heard_within(self, seconds: float, serve: Serve) -> bool:
        """Serve one request of the peer's, if one comes within some seconds."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            heard = self.connection.hear(left)
            if isinstance(heard, Message) and not heard.command.field.is_response:
                self._data_follows = heard.command.has_data
                self._serve(heard, serve)
                return True
            if heard is None or not isinstance(heard, Message | Fragment):
                break
        return False

    def pieces(self) -> Iterator[memoryview]:
        """The data set that goes with a message, run by run; each is good until the next."""
        while self._data_follows:
            heard = self._heard()
            if isinstance(heard, Message):  # which the connection does not let through
                self._give_up("began a message in the middle of a data set")
            else:
                self._data_follows = not heard.is_last
                yield heard.data

    def read(self) -> bytes:
        """The data set that goes with a message, whole; TooLarge over MAX_DATA_SET."""
        data = bytearray()
        for piece in self.pieces():
            data += piece
            if len(data) > MAX_DATA_SET:
                raise TooLarge(f"{self._name} sends a data set of more than {MAX_DATA_SET} bytes")
        return bytes(data)

    def drain(self) -> None:
        """Pass over what is left of a data set."""
        for _ in self.pieces():
            pass

    def check(self, response: Command, what: str) -> bool:
        """Whether a response says that all went well, False with a warning; else Declined."""
        status = response.status or 0
        if status == Status.SUCCESS or is_warning(status):
            return status == Status.SUCCESS
        comment = f" ({response.comment})" if response.comment else ""
        raise Declined(f"{self._name} answered {what} with {status:04X}H{comment}", status)

    def _message(self) -> Message:
        self.drain()
        heard = self._heard()
        while isinstance(heard, Fragment):
            heard = self._heard()
        self._data_follows = heard.command.has_data
        return heard

    def _heard(self) -> Message | Fragment:
        heard = self._next()
        match heard:
            case Message() | Fragment():
                return heard
            case ReleaseRequest():
                with suppress(Disconnected, OutOfTurn):
                    self.connection.send(ReleaseResponse())
                told = "ended the association"
            case Abort():
                told = "aborted the association"
            case ProviderAbort(detail=detail):
                told = f"was left: {detail}"
            case _:
                told = "is gone"
        self.connection.close()
        raise Unreachable(f"{self._name} {told}")

    def _next(self) -> Heard | None:
        if self.meanwhile is None:
            return self.connection.hear()
        until = time.monotonic() + self._patience.idle
        while time.monotonic() < until:
            heard = self.connection.hear(SECOND)
            if heard is not None or self.connection.closed:
                return heard
            self.meanwhile()
        self.connection.abort()
        return None

    def _serve(self, message: Message, serve: Serve | None) -> None:
        if serve is not None:
            serve(self, message)
        elif message.command.field is not CommandField.C_CANCEL_RQ:
            self.drain()
            refusal = response_to(message.command, Status.UNRECOGNIZED_OPERATION)
            self.send(message.context_id, refusal)
        self.drain()

    def _give_up(self, told: str) -> None:
        self.connection.abort()
        raise Unreachable(f"{self._name} {told}")


@contextmanager
def asking(
    line: Line, peer: Peer, proposals: Sequence[Proposal], roles: Iterable[RoleSelection] = ()
) -> Iterator[Asking]:
    """An association with a peer, released at the end, aborted if something else ends it.

    Raises Unreachable. What is proposed is numbered in order: 1, 3, 5, …
    """
    contexts = propose((one.sop_class, one.transfer_syntaxes) for one in proposals)
    user = replace(OURSELVES, max_length=MAX_LENGTH, roles=tuple(roles))
    request = AssociateRequest(peer.aet, peer.calling or line.aet, contexts, user)
    if not (peer.host and peer.port):
        raise Unreachable(f"peer {peer.name} has no host and port to be called at")
    tls = line.tls() if peer.tls else None
    try:
        connection, _ = connect((peer.host, peer.port), request, line.patience, tls)
    except Unreachable as error:
        raise Unreachable(f"peer {peer.name}: {error}") from error
    with connection:
        try:
            yield Asking(peer, connection, line.patience)
        except (Declined, GeneratorExit):
            _release(connection)
            raise
        except BaseException:
            connection.abort()
            raise
        _release(connection)


def _release(connection: Connection) -> None:
    if not connection.closed:
        with suppress(OutOfTurn):  # the peer has ended it already
            connection.release()
