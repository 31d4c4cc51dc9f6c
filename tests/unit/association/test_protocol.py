"""Both sides of an association: orderly, out of turn, and fed anything at any split."""

from __future__ import annotations

import itertools

import pytest
from conversations import (
    ACCEPT,
    IMPLICIT,
    REQUEST,
    VERIFICATION,
    accepting,
    hear,
    in_every_state,
    requesting,
)
from hypothesis import given
from hypothesis import strategies as st

from filmroom.association.items import UserInformation
from filmroom.association.pdus import (
    Abort,
    AbortReason,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextAnswer,
    RejectReason,
    ReleaseRequest,
    ReleaseResponse,
    data_header,
    encode,
)
from filmroom.association.protocol import (
    LONGEST_SENT,
    Association,
    ConnectionLost,
    Context,
    Indication,
    OutOfTurn,
    ProviderAbort,
    Role,
)
from filmroom.association.reading import MAX_PDU, Fragment
from filmroom.association.states import State

RELEASE = bytes.fromhex("0500 00000004 00000000")
RELEASED = bytes.fromhex("0600 00000004 00000000")
BY_PROVIDER = "0700 00000004 0000 02"
STATES = sorted(in_every_state())


def data(context_id: int, run: bytes, *, is_command: bool = False, is_last: bool = True) -> bytes:
    return data_header(context_id, len(run), is_command=is_command, is_last=is_last) + run


def kept(indications: list[Indication]) -> list[object]:
    """Indications that can be compared: fragments of one message joined."""
    found: list[object] = []
    for one in indications:
        if isinstance(one, Fragment):
            run = bytes(one.data)
            before = found[-1] if found else None
            if isinstance(before, tuple) and before[:3] == (one.context_id, one.is_command, False):
                found[-1] = (*before[:2], one.is_last, before[3] + run)
            else:
                found.append((one.context_id, one.is_command, one.is_last, run))
        else:
            found.append(one)
    return found


def test_an_association_is_made_used_and_released() -> None:
    ours, theirs = Association(Role.REQUESTER), Association(Role.ACCEPTOR)
    assert theirs.timer_runs
    assert list(theirs.receive(ours.send(REQUEST))) == [REQUEST]
    assert not theirs.timer_runs
    assert list(ours.receive(theirs.send(ACCEPT))) == [ACCEPT]
    assert ours.contexts == theirs.contexts == {1: Context(1, VERIFICATION, IMPLICIT)}
    assert (ours.peer_max_length, theirs.peer_max_length) == (1024, 4096)

    sent = b"".join(b"".join(pair) for pair in ours.send_data(1, b"echo", is_command=True))
    assert sent == bytes.fromhex("0400 0000000a 00000006 01 03") + b"echo"
    assert kept(list(theirs.receive(sent))) == [(1, True, True, b"echo")]

    assert list(theirs.receive(ours.send(ReleaseRequest()))) == [ReleaseRequest()]
    assert list(ours.receive(theirs.send(ReleaseResponse()))) == [ReleaseResponse()]
    assert ours.must_close
    assert not theirs.must_close
    assert theirs.timer_runs
    assert list(theirs.receive(b"")) == []
    assert theirs.must_close
    assert ours.state is theirs.state is State.STA1


def test_data_is_split_at_the_peers_maximum_length() -> None:
    ours = requesting()
    pairs = list(ours.send_data(1, bytes(range(256)) * 8, is_command=False))
    assert [head.hex(" ") for head, _ in pairs] == [
        "04 00 00 00 04 00 00 00 03 fc 01 00",
        "04 00 00 00 04 00 00 00 03 fc 01 00",
        "04 00 00 00 00 12 00 00 00 0e 01 02",
    ]
    assert [len(run) for _, run in pairs] == [1018, 1018, 12]
    assert b"".join(run for _, run in pairs) == bytes(range(256)) * 8


@pytest.mark.parametrize(
    ("longest", "runs"),
    [(0, [LONGEST_SENT - 6, 6]), (0xFFFFFFFF, [LONGEST_SENT - 6, 6]), (9, [2] * 65536)],
)
def test_fragments_are_even_and_no_longer_than_is_sensible(longest: int, runs: list[int]) -> None:
    ours = Association(Role.REQUESTER)
    ours.send(REQUEST)
    hear(ours, AssociateAccept("", "", ACCEPT.contexts, UserInformation(max_length=longest)))
    lengths = [len(run) for _, run in ours.send_data(1, bytes(LONGEST_SENT), is_command=False)]
    assert lengths == runs


def test_a_data_set_can_be_sent_in_several_calls_and_end_empty() -> None:
    ours = requesting()
    calls = [(b"ab", False), (b"", True)]
    heads = [
        head.hex(" ")
        for run, is_last in calls
        for head, _ in ours.send_data(1, run, is_command=False, is_last=is_last)
    ]
    assert heads == ["04 00 00 00 00 08 00 00 00 04 01 00", "04 00 00 00 00 06 00 00 00 02 01 02"]
    theirs = accepting()
    assert kept(list(theirs.receive(data(1, b"ab", is_last=False) + data(1, b"")))) == [
        (1, False, True, b"ab")
    ]


def test_data_is_given_as_it_comes_and_is_not_copied() -> None:
    theirs = accepting()
    theirs._reader.max_length = 0
    head = data_header(1, 1 << 31, is_command=False, is_last=True)
    assert list(theirs.receive(head)) == []
    buffer = bytearray(1 << 20)
    for _ in range(2047):
        (fragment,) = theirs.receive(buffer)
        assert isinstance(fragment, Fragment)
        assert fragment.data.obj is buffer
        assert len(fragment.data) == 1 << 20
        assert not fragment.is_last
        fragment.data.release()
    (fragment,) = theirs.receive(buffer)
    assert isinstance(fragment, Fragment)
    assert fragment.is_last


def test_a_p_data_tf_may_hold_several_pdvs() -> None:
    theirs = accepting()
    body = bytes.fromhex("00000004 01 03 6162 00000003 01 00 63 00000002 01 02")
    found = list(theirs.receive(b"\4\0" + len(body).to_bytes(4) + body))
    assert [(f.is_command, f.is_last, bytes(f.data)) for f in found] == [
        (True, True, b"ab"),
        (False, False, b"c"),
        (False, True, b""),
    ]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param("4700 00000000", 1, id="unknown type"),
        pytest.param("0400 00000000", 6, id="no PDV"),
        pytest.param("0400 ffffffff", 6, id="4 GiB of data"),
        pytest.param("0100 ffffffff", 6, id="4 GiB of request"),
        pytest.param("0700 ffffffff", 6, id="4 GiB of abort"),
        pytest.param("0400 00000401", 6, id="longer than agreed on"),
        pytest.param("0400 00000006 00000000 01 00", 6, id="PDV of no length"),
        pytest.param("0400 00000006 00000001 01 00", 6, id="PDV without its header"),
        pytest.param("0400 00000006 00000003 01 00", 6, id="PDV beyond its PDU"),
        pytest.param("0400 00000007 00000002 01 00", 6, id="PDU longer than its PDVs"),
        pytest.param("0400 00000008 00000004 03 03 0000", 6, id="context that was refused"),
        pytest.param("0400 00000008 00000004 09 03 0000", 6, id="context never proposed"),
        pytest.param("0600 00000004 00000000", 2, id="release answered that was not asked"),
        pytest.param("0300 00000004 00010101", 2, id="rejection when established"),
    ],
)
def test_what_cannot_be_is_aborted_with_its_reason(sent: str, reason: int) -> None:
    theirs = accepting()
    (told,) = theirs.receive(bytes.fromhex(sent))
    assert isinstance(told, ProviderAbort)
    assert told.reason == reason
    assert theirs.outgoing() == bytes.fromhex(BY_PROVIDER) + bytes((reason,))
    assert theirs.outgoing() == b""
    assert theirs.state is State.STA13
    assert theirs.timer_runs
    assert list(theirs.receive(encode(REQUEST) * 3 + bytes(100))) == []
    assert theirs.outgoing() == b""
    theirs.expire()
    assert theirs.must_close
    assert theirs.state is State.STA1


def test_a_second_request_is_unexpected() -> None:
    theirs = accepting()
    assert hear(theirs, REQUEST) == [
        ProviderAbort(AbortReason.UNEXPECTED_PDU, "unexpected AssociateRequest in STA6")
    ]


def test_before_a_request_anything_else_ends_the_connection() -> None:
    theirs = Association(Role.ACCEPTOR)
    (told,) = theirs.receive(b"GET / HTTP/1.1\r\n\r\n")
    assert told == ProviderAbort(AbortReason.UNRECOGNIZED_PDU, "no PDU has type 47H")
    assert theirs.outgoing() == bytes.fromhex("0700 00000004 00000000")


def test_a_request_of_another_version_is_rejected() -> None:
    theirs = Association(Role.ACCEPTOR)
    assert hear(theirs, AssociateRequest("A", "B", REQUEST.contexts, version=2)) == []
    assert theirs.outgoing() == bytes.fromhex("0300 00000004 00010202")
    assert theirs.state is State.STA13


@pytest.mark.parametrize("longest", [1, 7])
def test_a_peer_that_takes_no_data_is_refused(longest: int) -> None:
    theirs = Association(Role.ACCEPTOR)
    user = UserInformation(max_length=longest)
    (told,) = hear(theirs, AssociateRequest("A", "B", REQUEST.contexts, user))
    assert told == ProviderAbort(
        AbortReason.INVALID_PARAMETER, f"a maximum length of {longest} bytes"
    )


def test_a_rejection_is_told_and_closes() -> None:
    rejection = AssociateReject.because(RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED)
    ours, theirs = Association(Role.REQUESTER), Association(Role.ACCEPTOR)
    list(theirs.receive(ours.send(REQUEST)))
    assert list(ours.receive(theirs.send(rejection))) == [rejection]
    assert ours.must_close
    assert theirs.timer_runs


def test_an_answer_that_was_not_proposed_is_no_context() -> None:
    ours = Association(Role.REQUESTER)
    ours.send(REQUEST)
    answers = (
        ContextAnswer(1, 0, "1.2.840.10008.1.2.1"),
        ContextAnswer(5, 0, IMPLICIT),
        ContextAnswer(3, 0, IMPLICIT),
    )
    hear(ours, AssociateAccept("", "", answers))
    assert ours.contexts == {3: Context(3, "1.2.3", IMPLICIT)}


def test_a_release_collision_ends_in_order() -> None:
    ours, theirs = requesting(), accepting()
    from_us, from_them = ours.send(ReleaseRequest()), theirs.send(ReleaseRequest())
    assert list(ours.receive(from_them)) == [ReleaseRequest()]
    assert list(theirs.receive(from_us)) == [ReleaseRequest()]
    assert (ours.state, theirs.state) == (State.STA9, State.STA10)
    with pytest.raises(OutOfTurn):  # the requester answers first
        theirs.send(ReleaseResponse())
    assert list(theirs.receive(ours.send(ReleaseResponse()))) == [ReleaseResponse()]
    assert (ours.state, theirs.state) == (State.STA11, State.STA12)
    assert list(ours.receive(theirs.send(ReleaseResponse()))) == [ReleaseResponse()]
    assert ours.must_close
    assert theirs.state is State.STA13


def test_data_still_comes_while_a_release_is_awaited() -> None:
    ours = requesting()
    assert ours.send(ReleaseRequest()) == RELEASE
    assert kept(list(ours.receive(data(1, b"late") + RELEASED))) == [
        (1, False, True, b"late"),
        ReleaseResponse(),
    ]
    with pytest.raises(OutOfTurn):
        ours.send_data(1, b"", is_command=True)


def test_data_may_be_sent_until_a_release_is_answered() -> None:
    theirs = accepting()
    hear(theirs, ReleaseRequest())
    assert len(list(theirs.send_data(1, b"last", is_command=False))) == 1
    assert theirs.send(ReleaseResponse()) == RELEASED
    with pytest.raises(OutOfTurn):
        theirs.send_data(1, b"", is_command=False)


def test_a_lost_connection_is_told_where_it_was_not_expected() -> None:
    told = {name: list(side.receive(b"")) for name, side in in_every_state().items()}
    silent = {name for name, indications in told.items() if not indications}
    assert silent == {"acceptor 1", "acceptor 13", "acceptor 2", "requester 1", "requester 13"}
    assert all(told[name] == [ConnectionLost()] for name in set(told) - silent)


def test_an_abort_can_be_sent_in_every_state() -> None:
    for name, side in in_every_state().items():
        sent = side.send(Abort())
        assert sent in (b"", bytes.fromhex("0700 00000004 00000000")), name
        assert side.state is State.STA13 or side.must_close


def test_what_may_not_be_sent_is_refused_and_changes_nothing() -> None:
    for side in in_every_state().values():
        before = side.state
        if before is not State.STA3:
            with pytest.raises(OutOfTurn):
                side.send(ACCEPT)
        if before not in (State.STA6, State.STA8):
            with pytest.raises(OutOfTurn):
                side.send_data(1, b"", is_command=True)
        assert side.state is before


def test_each_state_can_be_reached() -> None:
    assert {int(name.split()[1]) for name in STATES} == set(range(1, 14))
    assert all(side.state == int(name.split()[1]) for name, side in in_every_state().items())


STREAM = (
    encode(REQUEST)
    + data(1, b"command!", is_command=True)
    + data(1, b"data", is_last=False)
    + data(1, b"")
    + RELEASE
)


def conversation(chunks: list[bytes]) -> list[object]:
    side = Association(Role.ACCEPTOR)
    found = []
    for chunk in chunks:
        for one in side.receive(chunk):
            found += kept([one])
            if isinstance(one, AssociateRequest):
                side.send(ACCEPT)
    return joined(found)


def joined(found: list[object]) -> list[object]:
    """Runs of one message made one."""
    fragments = [Fragment(*f[:3], memoryview(f[3])) if isinstance(f, tuple) else f for f in found]
    return kept(fragments)  # type: ignore[arg-type]


def test_the_same_bytes_mean_the_same_at_every_split() -> None:
    expected = conversation([STREAM])
    assert expected == [
        REQUEST,
        (1, True, True, b"command!"),
        (1, False, True, b"data"),
        ReleaseRequest(),
    ]
    assert conversation([STREAM[i : i + 1] for i in range(len(STREAM))]) == expected
    for at in range(1, len(STREAM)):
        assert conversation([STREAM[:at], STREAM[at:]]) == expected


pdus = st.sampled_from(
    [
        encode(REQUEST),
        encode(ACCEPT),
        RELEASE,
        RELEASED,
        data(1, b"abc"),
        data(1, b"", is_last=False),
    ]
)
headers = st.builds(
    lambda kind, length, rest: bytes((kind, 0)) + length.to_bytes(4) + rest,
    st.integers(0, 8),
    st.sampled_from([0, 1, 4, 6, 10, 68, 100, MAX_PDU, MAX_PDU + 1, 0xFFFFFFFF]),
    st.binary(max_size=100),
)
spoiled = st.builds(
    lambda pdu, at, byte: pdu[: at % len(pdu)] + bytes((byte,)) + pdu[at % len(pdu) + 1 :],
    pdus,
    st.integers(0, 300),
    st.integers(0, 255),
)
streams = st.lists(pdus | headers | spoiled | st.binary(min_size=1, max_size=40), max_size=6).map(
    b"".join
)


@given(st.sampled_from(STATES), streams, st.lists(st.integers(1, 400), max_size=4))
def test_any_bytes_in_any_state_are_indications_at_any_split(
    name: str, stream: bytes, cuts: list[int]
) -> None:
    whole, split = in_every_state()[name], in_every_state()[name]
    expected = kept(list(whole.receive(stream))) if stream else []
    ends = [0, *sorted({cut for cut in cuts if cut < len(stream)}), len(stream)]
    found: list[object] = []
    for a, b in itertools.pairwise(ends):
        if a < b:
            for one in split.receive(stream[a:b]):
                found += kept([one])
            assert len(split._reader._held) <= MAX_PDU
    assert joined(found) == expected
    assert split.state is whole.state
    assert len(whole.outgoing()) in (0, 10)


def test_a_flood_after_an_abort_is_not_kept() -> None:
    side = accepting()
    side.send(Abort())
    for _ in range(100):
        assert hear(side, *[REQUEST] * 20) == []
        assert list(side.receive(data(1, bytes(1000)) * 10)) == []
    assert side.outgoing() == b""
    assert len(side._reader._held) == 0
