"""An association over a blocking socket, on either side; no threads (PS3.8 §9.1).

TCP_NODELAY and a re-armed TCP_QUICKACK, because senders that write a header and its data apart
otherwise wait 40 ms for each other's delayed acknowledgements.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from filmroom.association.messages import Command, Message, MessageReader, write_command
from filmroom.association.pdus import (
    Abort,
    AbortReason,
    AbortSource,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    Pdu,
    ReleaseRequest,
    ReleaseResponse,
)
from filmroom.association.protocol import Association, Indication, ProviderAbort, Role
from filmroom.association.states import State
from filmroom.errors import Malformed, TooLarge, Unreachable

RECEIVED_AT_ONCE = 1 << 18  # bytes
SENT_AT_ONCE = 1 << 20  # bytes, about: what one writev is given
BUFFERS_AT_ONCE = 1024  # IOV_MAX
QUICKACK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux has it

Heard = Indication | Message
"""What `hear` tells: an indication, or in place of a command's fragments the message."""


class Disconnected(Unreachable):
    """The peer is gone, does not answer or does not take what is sent."""


class Rejected(Unreachable):
    """The peer did not accept the association; `answer` says why."""

    def __init__(self, answer: AssociateReject) -> None:
        super().__init__(
            f"the peer rejected the association: result {answer.result}, "
            f"source {answer.source}, reason {answer.reason}"
        )
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a peer may take."""

    connect: float = 10.0
    """Seconds."""
    artim: float = 10.0
    """Seconds: to ask for an association, and to close when all is said."""
    idle: float = 60.0
    """Seconds without a byte, either way."""
    least_rate: int = 8192
    """Bytes per second within a message, either way, while we do nothing but wait for them."""
    period: float = 20.0
    """Seconds of waiting over which the rate is taken."""


PATIENCE = Patience()


class Connection:
    """One side of an association and its socket, which it closes."""

    def __init__(self, sock: socket.socket, role: Role, patience: Patience = PATIENCE) -> None:
        self.association = Association(role)
        self.closed = False
        self._sock = sock
        self._patience = patience
        self._messages = MessageReader()
        self._buffer = memoryview(bytearray(RECEIVED_AT_ONCE))
        self._heard: Iterator[Indication] = iter(())
        self._deadline: float | None = None  # of ARTIM
        self._coming, self._going = _Pace(patience), _Pace(patience)
        with suppress(OSError):  # the peer is gone already: reading will tell
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._settle()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hear(self, wait: float | None = None) -> Heard | None:
        """What the peer says next; a fragment's data is good until the next call.

        Waits as long as there is patience for, or `wait` seconds, then None. None also when the
        association is over. What no message holds, or comes too slowly, is aborted.
        """
        while not self.closed:
            for one in self._heard:
                told = self._told(one)
                self._settle()
                if told is not None:
                    return told
            self._settle()
            if self.closed:
                break
            count = self._read(wait)
            if count is None:
                return None
            if count < 0:
                return self._abort(AbortReason.NOT_SPECIFIED, "the peer is silent or too slow")
            self._heard = self.association.receive(self._buffer[:count])
        return None

    def send(self, pdu: Pdu) -> None:
        """Send a PDU other than data; OutOfTurn, Disconnected."""
        data = self.association.send(pdu)
        if data:
            self._write([data])
        self._settle()

    def send_message(
        self, context_id: int, command: Command, data: Iterable[bytes | memoryview] = ()
    ) -> None:
        """Send a command and the pieces of its data set; OutOfTurn, Disconnected.

        All pieces but the last have an even number of bytes, and none changes while another is
        asked for.
        """
        self.send_messages(context_id, [(command, data)])

    def send_messages(
        self,
        context_id: int,
        messages: Iterable[tuple[Command, Iterable[bytes | memoryview]]],
    ) -> None:
        """Send messages as `send_message` does, many small ones with one system call."""
        batch: list[bytes | memoryview] = []
        length = 0
        runs = (run for message in messages for run in self._runs(context_id, *message))
        for head, run in runs:
            batch += head, run
            length += len(run)
            if length >= SENT_AT_ONCE or len(batch) >= BUFFERS_AT_ONCE:
                self._write(batch)
                batch, length = [], 0
        self._write(batch)

    def send_each(self, context_id: int, command: Command, data_sets: Iterable[bytes]) -> None:
        """Send a command again and again, each time with another data set."""
        runs = self.association.send_data(context_id, write_command(command), is_command=True)
        told = b"".join(part for run in runs for part in run)
        batch: list[bytes | memoryview] = []
        length = 0
        for data in data_sets:
            batch.append(told)
            batch += self.association.send_whole(context_id, data)
            length += len(told) + len(data)
            if length >= SENT_AT_ONCE:
                self._write([b"".join(batch)])
                batch, length = [], 0
        self._write([b"".join(batch)])

    def release(self) -> bool:
        """End the association in order, and say whether that went well (PS3.8 §7.2).

        Data that still comes is passed over. A release that the peer asks for at the same time
        is answered.
        """
        released = False
        with suppress(Disconnected):
            self.send(ReleaseRequest())
            while (heard := self.hear()) is not None:
                released = released or isinstance(heard, ReleaseResponse)
                if self.association.state in (State.STA9, State.STA12):
                    self.send(ReleaseResponse())
        self.close()
        return released

    def abort(self) -> None:
        """End the association at once (PS3.8 §7.3)."""
        with suppress(Disconnected):
            self.send(Abort())
        self.close()

    def close(self) -> None:
        """Close the socket, whatever the association's state."""
        self.closed = True
        self._sock.close()

    def _told(self, one: Indication) -> Heard | None:
        if not isinstance(one, tuple):
            return one
        try:
            return self._messages.take(one)
        except (Malformed, TooLarge) as error:
            return self._abort(AbortReason.INVALID_PARAMETER, str(error))

    def _abort(self, reason: AbortReason, detail: str) -> ProviderAbort:
        with suppress(Disconnected):
            self.send(Abort(AbortSource.PROVIDER, reason))
        return ProviderAbort(reason, detail)

    def _settle(self) -> None:
        """Do what the association wants after anything has happened."""
        if self.closed:
            return
        if data := self.association.outgoing():
            with suppress(Disconnected):
                self._write([data])
        if self.association.must_close:
            self.close()
        elif not self.association.timer_runs:
            self._deadline = None
        elif self._deadline is None:
            self._deadline = time.monotonic() + self._patience.artim

    def _read(self, wait: float | None) -> int | None:
        """How many bytes came, 0 if the peer has closed; None: none yet; -1: patience has ended."""
        begun = time.monotonic()
        limit = self._patience.idle if wait is None else wait
        by_artim = self._deadline is not None and self._deadline - begun < limit
        if self._deadline is not None and by_artim:
            limit = self._deadline - begun
            if limit <= 0.0:  # also when bytes still come: a flood is no reason to stay
                self._expire()
                return None
        try:
            self._wait_for(limit)
            if QUICKACK is not None:
                self._sock.setsockopt(socket.IPPROTO_TCP, QUICKACK, 1)
            count = self._sock.recv_into(self._buffer)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            if by_artim:
                self._expire()
                return None
            return None if wait is not None else -1
        except OSError:
            return 0
        if not (self.association.is_midway or self._messages.is_midway):
            self._coming.begin()
            return count
        slow = count > 0 and self._coming.is_too_slow(count, time.monotonic() - begun)
        return -1 if slow else count

    def _expire(self) -> None:
        self.association.expire()
        self._settle()

    def _wait_for(self, seconds: float) -> None:
        if self._sock.gettimeout() != seconds:  # to set it is a system call
            self._sock.settimeout(seconds)

    def _runs(
        self, context_id: int, command: Command, data: Iterable[bytes | memoryview]
    ) -> Iterator[tuple[bytes, memoryview]]:
        send = self.association.send_data
        yield from send(context_id, write_command(command), is_command=True)
        if not command.has_data:
            return
        pieces = iter(data)
        piece = next(pieces, b"")
        for following in pieces:
            yield from send(context_id, piece, is_command=False, is_last=False)
            piece = following
        yield from send(context_id, piece, is_command=False)

    def _write(self, buffers: list[bytes | memoryview]) -> None:
        if isinstance(self._sock, ssl.SSLSocket):  # it has no sendmsg
            buffers = [b"".join(buffers)]
        try:
            self._wait_for(self._patience.idle)
            while buffers:
                begun = time.monotonic()
                sent = self._sent(buffers)
                if self._going.is_too_slow(sent, time.monotonic() - begun):
                    raise Disconnected("the peer takes what is sent too slowly")
                buffers = _unsent(buffers, sent)
        except OSError as error:
            raise Disconnected(f"the peer does not take what is sent: {error}") from error

    def _sent(self, buffers: list[bytes | memoryview]) -> int:
        if isinstance(self._sock, ssl.SSLSocket):
            return self._sock.send(buffers[0])
        return self._sock.sendmsg(buffers)


class _Pace:
    """How fast bytes come, or go, while we do nothing but wait for that."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self.begin()

    def begin(self) -> None:
        """Begin a period."""
        self._waited, self._count = 0.0, 0  # seconds and bytes

    def is_too_slow(self, count: int, waited: float) -> bool:
        """Whether a period has ended in which fewer bytes passed than should have."""
        self._waited += waited
        self._count += count
        if self._waited < self._patience.period:
            return False
        slow = self._count < self._patience.least_rate * self._waited
        self.begin()
        return slow


def connect(
    address: tuple[str, int],
    request: AssociateRequest,
    patience: Patience = PATIENCE,
    tls: ssl.SSLContext | None = None,
) -> tuple[Connection, AssociateAccept]:
    """An association with the peer at `address`, accepted; raises Rejected, Disconnected."""
    try:
        sock = socket.create_connection(address, patience.connect)
        if tls is not None:
            sock = _secured(sock, tls, address[0])
    except OSError as error:
        raise Disconnected(f"no connection to {address[0]}:{address[1]}: {error}") from error
    connection = Connection(sock, Role.REQUESTER, patience)
    try:
        connection.send(request)
        heard = connection.hear()
    except BaseException:
        connection.close()
        raise
    if isinstance(heard, AssociateAccept):
        return connection, heard
    connection.close()
    if isinstance(heard, AssociateReject):
        raise Rejected(heard)
    raise Disconnected(f"{address[0]}:{address[1]} did not answer with an association")


def _secured(sock: socket.socket, tls: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    try:
        return tls.wrap_socket(sock, server_hostname=host)
    except BaseException:
        sock.close()
        raise


def _unsent(buffers: list[bytes | memoryview], sent: int) -> list[bytes | memoryview]:
    for i, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[i + 1 :]]
        sent -= len(buffer)
    return []
