"""The state table of the upper layer, as data (PS3.8 §9.2, Tables 9-1 to 9-10)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum, auto


class State(IntEnum):
    """Where an association stands."""

    STA1 = 1
    """Idle."""
    STA2 = 2
    """Connected; awaiting A-ASSOCIATE-RQ."""
    STA3 = 3
    """Awaiting the local answer to a request."""
    STA4 = 4
    """Awaiting the connection."""
    STA5 = 5
    """Awaiting A-ASSOCIATE-AC or -RJ."""
    STA6 = 6
    """Established, ready for data."""
    STA7 = 7
    """Awaiting A-RELEASE-RP."""
    STA8 = 8
    """Awaiting the local answer to a release."""
    STA9 = 9
    """Release collision, requester: awaiting the local answer."""
    STA10 = 10
    """Release collision, acceptor: awaiting A-RELEASE-RP."""
    STA11 = 11
    """Release collision, requester: awaiting A-RELEASE-RP."""
    STA12 = 12
    """Release collision, acceptor: awaiting the local answer."""
    STA13 = 13
    """Awaiting that the peer closes the connection."""


class Event(IntEnum):
    """What happens to an association, by the numbers of Table 9-10."""

    ASSOCIATE = 1
    CONNECTED = 2
    AC_PDU = 3
    RJ_PDU = 4
    CONNECTION = 5
    """A peer has connected."""
    RQ_PDU = 6
    ACCEPT = 7
    REJECT = 8
    DATA = 9
    DATA_PDU = 10
    RELEASE = 11
    RELEASE_RQ_PDU = 12
    RELEASE_RP_PDU = 13
    RELEASE_ANSWER = 14
    ABORT = 15
    ABORT_PDU = 16
    CLOSED = 17
    EXPIRED = 18
    """The ARTIM timer."""
    INVALID_PDU = 19


class Timer(Enum):
    """What becomes of the ARTIM timer."""

    KEEP = auto()
    START = auto()
    STOP = auto()


@dataclass(frozen=True, slots=True)
class Action:
    """What is done in a state when something happens (PS3.8 §9.2.2)."""

    name: str
    next: State
    """Of AE-6 and AR-8 the first of two."""
    timer: Timer = Timer.KEEP
    closes: bool = False
    """Whether the connection is to be closed."""
    aborts: bool = False
    """Whether an A-ABORT is sent."""
    indicates: bool = False
    """Whether the user is told of what came."""


ACTIONS = {
    action.name: action
    for action in (
        Action("AE-1", State.STA4),
        Action("AE-2", State.STA5),
        Action("AE-3", State.STA6, indicates=True),
        Action("AE-4", State.STA1, closes=True, indicates=True),
        Action("AE-5", State.STA2, Timer.START),
        Action("AE-6", State.STA3, Timer.STOP, indicates=True),
        Action("AE-7", State.STA6),
        Action("AE-8", State.STA13, Timer.START),
        Action("DT-1", State.STA6),
        Action("DT-2", State.STA6, indicates=True),
        Action("AR-1", State.STA7),
        Action("AR-2", State.STA8, indicates=True),
        Action("AR-3", State.STA1, closes=True, indicates=True),
        Action("AR-4", State.STA13, Timer.START),
        Action("AR-5", State.STA1, Timer.STOP, closes=True),
        Action("AR-6", State.STA7, indicates=True),
        Action("AR-7", State.STA8),
        Action("AR-8", State.STA9, indicates=True),
        Action("AR-9", State.STA11),
        Action("AR-10", State.STA12, indicates=True),
        Action("AA-1", State.STA13, Timer.START, aborts=True),
        Action("AA-2", State.STA1, Timer.STOP, closes=True),
        Action("AA-3", State.STA1, closes=True, indicates=True),
        Action("AA-4", State.STA1, closes=True, indicates=True),
        Action("AA-5", State.STA1, Timer.STOP, closes=True),
        Action("AA-6", State.STA13),
        Action("AA-7", State.STA13, aborts=True),
        Action("AA-8", State.STA13, Timer.START, aborts=True, indicates=True),
    )
}

_ROWS = """
      1    2    3    4    5    6    7    8    9    10    11   12   13
 1    AE-1 -    -    -    -    -    -    -    -    -     -    -    -
 2    -    -    -    AE-2 -    -    -    -    -    -     -    -    -
 3    -    AA-1 AA-8 -    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
 4    -    AA-1 AA-8 -    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
 5    AE-5 -    -    -    -    -    -    -    -    -     -    -    -
 6    -    AE-6 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
 7    -    -    AE-7 -    -    -    -    -    -    -     -    -    -
 8    -    -    AE-8 -    -    -    -    -    -    -     -    -    -
 9    -    -    -    -    -    DT-1 -    AR-7 -    -     -    -    -
10    -    AA-1 AA-8 -    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
11    -    -    -    -    -    AR-1 -    -    -    -     -    -    -
12    -    AA-1 AA-8 -    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
13    -    AA-1 AA-8 -    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6
14    -    -    -    -    -    -    -    AR-4 AR-9 -     -    AR-4 -
15    -    -    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1 AA-1 -
16    -    AA-2 AA-3 -    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3 AA-3 AA-2
17    -    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4 AA-4 AR-5
18    -    AA-2 -    -    -    -    -    -    -    -     -    -    AA-2
19    -    AA-1 AA-8 -    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
"""  # Table 9-10: events down, states across

TABLE: dict[tuple[Event, State], Action] = {
    (Event(int(event)), state): ACTIONS[name]
    for event, *names in (row.split() for row in _ROWS.strip().splitlines()[1:])
    for state, name in zip(State, names, strict=True)
    if name != "-"
}
"""What is done, by event and state; where there is nothing, the event cannot happen."""
