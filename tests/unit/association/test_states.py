"""The state table (PS3.8 Table 9-10): complete, and what the standard says."""

from __future__ import annotations

import pytest

from filmroom.association.states import ACTIONS, TABLE, Event, State, Timer

LOCAL = {Event.ASSOCIATE, Event.CONNECTED, Event.CONNECTION, Event.ACCEPT, Event.REJECT}
LOCAL |= {Event.DATA, Event.RELEASE, Event.RELEASE_ANSWER}
SAMPLE = [
    (1, 1, "AE-1", 4),
    (2, 4, "AE-2", 5),
    (3, 2, "AA-1", 13),
    (3, 5, "AE-3", 6),
    (3, 13, "AA-6", 13),
    (4, 5, "AE-4", 1),
    (5, 1, "AE-5", 2),
    (6, 2, "AE-6", 3),
    (6, 6, "AA-8", 13),
    (6, 13, "AA-7", 13),
    (7, 3, "AE-7", 6),
    (8, 3, "AE-8", 13),
    (9, 6, "DT-1", 6),
    (9, 8, "AR-7", 8),
    (10, 6, "DT-2", 6),
    (10, 7, "AR-6", 7),
    (10, 8, "AA-8", 13),
    (10, 13, "AA-6", 13),
    (11, 6, "AR-1", 7),
    (12, 6, "AR-2", 8),
    (12, 7, "AR-8", 9),
    (12, 9, "AA-8", 13),
    (13, 7, "AR-3", 1),
    (13, 10, "AR-10", 12),
    (13, 11, "AR-3", 1),
    (13, 12, "AA-8", 13),
    (14, 8, "AR-4", 13),
    (14, 9, "AR-9", 11),
    (14, 12, "AR-4", 13),
    (15, 3, "AA-1", 13),
    (15, 4, "AA-2", 1),
    (16, 2, "AA-2", 1),
    (16, 6, "AA-3", 1),
    (16, 13, "AA-2", 1),
    (17, 2, "AA-5", 1),
    (17, 6, "AA-4", 1),
    (17, 13, "AR-5", 1),
    (18, 2, "AA-2", 1),
    (18, 13, "AA-2", 1),
    (19, 2, "AA-1", 13),
    (19, 9, "AA-8", 13),
    (19, 13, "AA-7", 13),
]


@pytest.mark.parametrize(("event", "state", "action", "after"), SAMPLE)
def test_the_table_says_what_the_standard_says(
    event: int, state: int, action: str, after: int
) -> None:
    found = TABLE[Event(event), State(state)]
    assert (found.name, found.next) == (action, after)


def test_whatever_a_peer_sends_is_provided_for_in_every_connected_state() -> None:
    from_peer = {e for e in Event if e.name.endswith("_PDU")}
    connected = set(State) - {State.STA1, State.STA4}
    assert {(e, s) for e in from_peer for s in connected} - set(TABLE) == set()
    assert len(from_peer) == 8


def test_a_closed_connection_is_provided_for_wherever_there_is_one() -> None:
    assert {s for s in State if (Event.CLOSED, s) in TABLE} == set(State) - {State.STA1}


def test_the_table_has_as_many_entries_as_the_standards() -> None:
    per_event = [sum(e is event for e, _ in TABLE) for event in Event]
    assert per_event == [1, 1, 11, 11, 1, 11, 1, 1, 2, 11, 1, 11, 11, 3, 10, 11, 12, 2, 11]


def test_every_action_has_its_place() -> None:
    assert {action.name for action in TABLE.values()} == set(ACTIONS)
    assert len(ACTIONS) == 8 + 2 + 10 + 8


def test_artim_runs_wherever_a_peer_has_to_begin_or_to_close() -> None:
    for action in TABLE.values():
        waits = action.next in (State.STA2, State.STA13)
        assert waits or action.timer is not Timer.START
        assert not waits or action.timer is not Timer.STOP
