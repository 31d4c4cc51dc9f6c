"""One side of an association, no sockets: bytes in, indications out, and back (PS3.8 §7, §9.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from filmroom.association.pdus import (
    PDV_HEADER,
    PROTOCOL_VERSION,
    Abort,
    AbortReason,
    AbortSource,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    Pdu,
    RejectReason,
    ReleaseRequest,
    ReleaseResponse,
    data_header,
    encode,
)
from filmroom.association.reading import DataBegins, Fragment, PduReader, Unreadable
from filmroom.association.states import ACTIONS, TABLE, Action, Event, State, Timer
from filmroom.errors import ArchiveError

LEAST_MAX_LENGTH = PDV_HEADER + 2  # bytes: two of data, for fragments are even
LONGEST_SENT = 1 << 17  # bytes of a P-DATA-TF, also when the peer takes more


class Role(Enum):
    """Who asked for the association."""

    REQUESTER = auto()
    ACCEPTOR = auto()


class OutOfTurn(ArchiveError):
    """What is to be sent may not be sent now: the state of the association forbids it."""


@dataclass(frozen=True, slots=True)
class Context:
    """A presentation context that both sides agreed on."""

    id: int
    abstract_syntax: str
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class ProviderAbort:
    """What came cannot follow or be read, so this side has aborted."""

    reason: AbortReason
    detail: str


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """The connection was closed out of turn."""


Indication = Pdu | Fragment | ProviderAbort | ConnectionLost

_SENT: dict[type[Pdu], Event] = {
    AssociateRequest: Event.CONNECTED,
    AssociateAccept: Event.ACCEPT,
    AssociateReject: Event.REJECT,
    ReleaseRequest: Event.RELEASE,
    ReleaseResponse: Event.RELEASE_ANSWER,
    Abort: Event.ABORT,
}
_RECEIVED: dict[type[Pdu | DataBegins], Event] = {
    AssociateRequest: Event.RQ_PDU,
    AssociateAccept: Event.AC_PDU,
    AssociateReject: Event.RJ_PDU,
    DataBegins: Event.DATA_PDU,
    ReleaseRequest: Event.RELEASE_RQ_PDU,
    ReleaseResponse: Event.RELEASE_RP_PDU,
    Abort: Event.ABORT_PDU,
}
_TAKES_DATA = frozenset({State.STA6, State.STA7})


class Association:
    """One side of an association, from when its connection is there.

    A requester sends an AssociateRequest first. After each `receive` and `expire` what
    `outgoing` gives is to be sent, and then the connection closed if `must_close`.
    """

    def __init__(self, role: Role) -> None:
        self.role = role
        self.state = State.STA1
        self.timer_runs = False
        """Whether ARTIM runs: `expire` is to be called if it runs for too long."""
        self.must_close = False
        self.contexts: dict[int, Context] = {}
        """What was agreed on, by number."""
        self.request: AssociateRequest | None = None
        self.peer_max_length = 0
        """Bytes of a P-DATA-TF that the peer takes; 0 is any."""
        self._reader = PduReader()
        self._outgoing = b""
        self._aborted = False
        begin = Event.ASSOCIATE if role is Role.REQUESTER else Event.CONNECTION
        self._perform(TABLE[begin, self.state])

    @property
    def is_midway(self) -> bool:
        """Whether the peer has begun a PDU and not ended it."""
        return self._reader.is_midway

    def receive(self, data: bytes | bytearray | memoryview) -> Iterator[Indication]:
        """What the next bytes tell; b"" says that the peer has closed the connection.

        To be used up before the next call, each fragment's data before the next indication.
        """
        if not len(data):
            yield from self._happens(Event.CLOSED, ConnectionLost())
            return
        for found in self._reader.feed(data):
            if self.state is State.STA1:
                return
            if isinstance(found, Fragment):
                if self.state not in _TAKES_DATA:
                    continue
                if found.context_id in self.contexts:
                    yield found
                else:
                    detail = f"data in presentation context {found.context_id}, not agreed on"
                    yield from self._protest(AbortReason.INVALID_PARAMETER, detail)
            elif isinstance(found, Unreadable):
                yield from self._protest(found.reason, found.detail)
            else:
                yield from self._receive_pdu(found)

    def send(self, pdu: Pdu) -> bytes:
        """The bytes that send a PDU; OutOfTurn where it may not be sent.

        An Abort may be sent at any time: where the standard has none, nothing is sent and
        the connection is to be closed.
        """
        action = TABLE.get((_SENT[type(pdu)], self.state))
        if action is None:
            if not isinstance(pdu, Abort):
                raise OutOfTurn(f"no {type(pdu).__name__} in {self.state.name}")
            self._perform(ACTIONS["AA-2"])
            return b""
        data = encode(pdu)
        if isinstance(pdu, AssociateRequest):
            self.request = pdu
            self._reader.max_length = pdu.user.max_length
        elif isinstance(pdu, AssociateAccept):
            self._agree(pdu)
            self._reader.max_length = pdu.user.max_length
        self._perform(action, pdu if isinstance(pdu, Abort) else None)
        aborting, self._outgoing = self._outgoing, b""
        if isinstance(pdu, Abort):
            return aborting
        return aborting + data

    def send_data(
        self, context_id: int, data: bytes | memoryview, *, is_command: bool, is_last: bool = True
    ) -> Iterator[tuple[bytes, memoryview]]:
        """Header and data of each P-DATA-TF that `data` takes, for writev.

        A command or data set may be sent by several calls, all but the last of an even number
        of bytes and not `is_last`. OutOfTurn where there may be no data.
        """
        action = TABLE.get((Event.DATA, self.state))
        if action is None or context_id not in self.contexts:
            raise OutOfTurn(f"no data in {self.state.name}, presentation context {context_id}")
        self._perform(action)
        return self._split(context_id, memoryview(data), is_command, is_last)

    def send_whole(self, context_id: int, data: bytes) -> list[bytes | memoryview]:
        """Headers and data of the P-DATA-TFs of a whole data set, after its command."""
        if len(data) <= self._longest_run():
            return [data_header(context_id, len(data), is_command=False, is_last=True), data]
        runs = self.send_data(context_id, data, is_command=False)
        return [part for run in runs for part in run]

    def expire(self) -> None:
        """ARTIM has run out (PS3.8 §9.1.4)."""
        if self.timer_runs:
            self._perform(TABLE[Event.EXPIRED, self.state])

    def outgoing(self) -> bytes:
        """What this side has to say by itself: an A-ABORT, a rejection; given once."""
        data, self._outgoing = self._outgoing, b""
        return data

    def _split(
        self, context_id: int, data: memoryview, is_command: bool, is_last: bool
    ) -> Iterator[tuple[bytes, memoryview]]:
        step = self._longest_run()
        for at in range(0, max(len(data), 1), step):
            run = data[at : at + step]
            ends = is_last and at + step >= len(data)
            yield data_header(context_id, len(run), is_command=is_command, is_last=ends), run

    def _longest_run(self) -> int:
        longest = min(self.peer_max_length or LONGEST_SENT, LONGEST_SENT)
        return (longest - PDV_HEADER) & ~1

    def _receive_pdu(self, pdu: Pdu | DataBegins) -> Iterator[Indication]:
        if isinstance(pdu, AssociateRequest | AssociateAccept):
            if 0 < pdu.user.max_length < LEAST_MAX_LENGTH:
                detail = f"a maximum length of {pdu.user.max_length} bytes"
                yield from self._protest(AbortReason.INVALID_PARAMETER, detail)
                return
            if self._is_of_another_version(pdu):
                return
        action = TABLE.get((_RECEIVED[type(pdu)], self.state))
        if action is None or action.aborts:
            name = "P-DATA-TF" if isinstance(pdu, DataBegins) else type(pdu).__name__
            detail = f"unexpected {name} in {self.state.name}"
            yield from self._protest(AbortReason.UNEXPECTED_PDU, detail, action)
            return
        self._perform(action)
        if not action.indicates or isinstance(pdu, DataBegins):
            return
        if isinstance(pdu, AssociateRequest):
            self.request = pdu
            self.peer_max_length = pdu.user.max_length
        elif isinstance(pdu, AssociateAccept):
            self._agree(pdu)
            self.peer_max_length = pdu.user.max_length
        yield pdu

    def _is_of_another_version(self, pdu: AssociateRequest | AssociateAccept) -> bool:
        """Whether a request is of no version we know: then it is rejected (AE-6)."""
        if self.state is not State.STA2 or isinstance(pdu, AssociateAccept):
            return False
        if pdu.version & PROTOCOL_VERSION:
            return False
        self._outgoing += encode(
            AssociateReject.because(RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED)
        )
        self._perform(ACTIONS["AE-8"])
        return True

    def _protest(
        self, reason: AbortReason, detail: str, action: Action | None = None
    ) -> Iterator[Indication]:
        """Abort for what came, and tell; in STA13 nothing is told, for the user knows."""
        action = action or TABLE.get((Event.INVALID_PDU, self.state), ACTIONS["AA-2"])
        tells = self.state is not State.STA13
        by_user = action.name == "AA-1"
        self._perform(action, Abort() if by_user else Abort(AbortSource.PROVIDER, reason))
        if tells:
            yield ProviderAbort(reason, detail)

    def _happens(self, event: Event, told: Indication) -> Iterator[Indication]:
        action = TABLE.get((event, self.state))
        if action is not None:
            self._perform(action)
            if action.indicates:
                yield told

    def _agree(self, accept: AssociateAccept) -> None:
        """Keep the contexts that one side proposed and the other accepted."""
        proposed = {c.id: c for c in self.request.contexts} if self.request else {}
        self.contexts = {
            answer.id: Context(answer.id, context.abstract_syntax, answer.transfer_syntax)
            for answer in accept.contexts
            if answer.result == ContextResult.ACCEPTANCE
            and (context := proposed.get(answer.id)) is not None
            and answer.transfer_syntax in context.transfer_syntaxes
        }

    def _perform(self, action: Action, abort: Abort | None = None) -> None:
        self.state = action.next
        if action.name == "AR-8" and self.role is Role.ACCEPTOR:
            self.state = State.STA10
        if action.timer is not Timer.KEEP:
            self.timer_runs = action.timer is Timer.START
        self.must_close = self.must_close or action.closes
        if action.aborts and not self._aborted:
            self._aborted = True  # once is enough, whatever else a peer sends
            self._outgoing += encode(abort or Abort())
