"""Command sets against literal bytes and against pydicom, and the parts of messages."""

from __future__ import annotations

import contextlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.filereader import read_dataset

from filmroom.association.messages import (
    Command,
    CommandField,
    Message,
    MessageReader,
    Priority,
    cancel_of,
    read_command,
    response_to,
    write_command,
)
from filmroom.association.reading import Fragment
from filmroom.association.statuses import Status, is_pending, is_warning
from filmroom.errors import Malformed, TooLarge

VERIFICATION = "1.2.840.10008.1.1"
ECHO = Command(field=CommandField.C_ECHO_RQ, message_id=7, sop_class=VERIFICATION)
ECHO_BYTES = (
    bytes.fromhex("0000 0000 04000000 38000000")
    + bytes.fromhex("0000 0200 12000000")
    + b"1.2.840.10008.1.1\0"
    + bytes.fromhex("0000 0001 02000000 3000")
    + bytes.fromhex("0000 1001 02000000 0700")
    + bytes.fromhex("0000 0008 02000000 0101")
)
STORE = Command(
    field=CommandField.C_STORE_RQ,
    has_data=True,
    message_id=65535,
    sop_class="1.2.840.10008.5.1.4.1.1.2",
    instance="1.2.3",
    priority=Priority.MEDIUM,
    originator="MOVER",
    originator_message_id=9,
)


def fragment(
    data: bytes, *, context_id: int = 1, is_command: bool = False, is_last: bool = True
) -> Fragment:
    return Fragment(context_id, is_command, is_last, memoryview(data))


def command(data: bytes, **how: bool) -> Fragment:
    return fragment(data, is_command=True, **how)


def test_a_command_set_is_written_as_the_standard_says() -> None:
    assert write_command(ECHO) == ECHO_BYTES
    assert read_command(ECHO_BYTES) == ECHO


def test_a_command_set_is_what_pydicom_reads() -> None:
    found = read_dataset(BytesIO(write_command(STORE)), is_implicit_VR=True, is_little_endian=True)
    assert {e.keyword: e.value for e in found} == {
        "CommandGroupLength": len(write_command(STORE)) - 12,
        "AffectedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "CommandField": 1,
        "MessageID": 65535,
        "Priority": 0,
        "CommandDataSetType": 1,
        "AffectedSOPInstanceUID": "1.2.3",
        "MoveOriginatorApplicationEntityTitle": "MOVER",
        "MoveOriginatorMessageID": 9,
    }


def test_a_response_names_what_the_request_did() -> None:
    assert response_to(STORE, Status.OUT_OF_RESOURCES, comment="no room") == Command(
        field=CommandField.C_STORE_RSP,
        responded_to=65535,
        status=0xA700,
        sop_class="1.2.840.10008.5.1.4.1.1.2",
        instance="1.2.3",
        comment="no room",
    )
    asked = Command(
        field=CommandField.N_ACTION_RQ,
        message_id=1,
        requested_sop_class="1.2",
        requested_instance="1.3",
        action_type=1,
    )
    answer = response_to(asked, Status.SUCCESS, action_type=1)
    assert answer.field is CommandField.N_ACTION_RSP
    assert (answer.sop_class, answer.instance) == ("1.2", "1.3")


def test_a_cancel_names_its_request() -> None:
    assert write_command(cancel_of(5)) == bytes.fromhex(
        "0000 0000 04000000 1e000000 0000 0001 02000000 ff0f"
        "0000 2001 02000000 0500 0000 0008 02000000 0101"
    )


def test_a_comment_is_cut_where_the_standard_does_and_has_no_letters_it_forbids() -> None:
    refusal = response_to(ECHO, 0xC001, comment="ü" * 100, offending=(0x00100010, 0x0020000D))
    found = read_command(write_command(refusal))
    assert found.comment == "?" * 64
    assert found.offending == (0x00100010, 0x0020000D)


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param("0000 0000 04000000 99999999", id="wrong group length"),
        pytest.param("0000 0300 00000000", id="empty element"),
        pytest.param("0000 1000 04000000 6c6f6e67", id="retired element"),
        pytest.param("0000 0007 00000000", id="empty number"),
    ],
)
def test_oddities_of_peers_are_passed_over(odd: str) -> None:
    assert read_command(ECHO_BYTES[12:] + bytes.fromhex(odd)) == ECHO


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(ECHO_BYTES[:-3], id="cut in a header"),
        pytest.param(ECHO_BYTES[:-1], id="cut in a value"),
        pytest.param(ECHO_BYTES + bytes.fromhex("0800 0500 00000000"), id="not of the group"),
        pytest.param(bytes.fromhex("0000 0001 ffffffff"), id="undefined length"),
        pytest.param(bytes.fromhex("0000 0001 04000000 30000000"), id="long number"),
        pytest.param(bytes.fromhex("0000 0001 02000000 3100"), id="no such message"),
        pytest.param(bytes.fromhex("0000 0001 02000000 3000"), id="no message ID"),
        pytest.param(bytes.fromhex("0000 0001 02000000 3080"), id="response to nothing"),
        pytest.param(bytes.fromhex("0000 0109 02000000 0000") + ECHO_BYTES, id="half a tag"),
    ],
)
def test_what_cannot_be_acted_on_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_command(data)


@pytest.mark.parametrize(
    ("field", "lacks"),
    [
        (CommandField.C_STORE_RQ, "sop_class"),
        (CommandField.C_MOVE_RQ, "destination"),
        (CommandField.N_ACTION_RQ, "action_type"),
        (CommandField.N_EVENT_REPORT_RQ, "event_type"),
    ],
)
def test_a_request_has_what_it_is_about(field: CommandField, lacks: str) -> None:
    with pytest.raises(Malformed, match=f"{field.name} without {lacks}"):
        read_command(write_command(Command(field=field, message_id=1)))


numbers = st.none() | st.integers(0, 0xFFFF)
uids = st.none() | st.text("0123456789.", min_size=1, max_size=64)
titles = st.none() | st.text("ABC_19", min_size=1, max_size=16)
tags = st.none() | st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=4).map(tuple)
commands = st.builds(
    Command,
    field=st.sampled_from([f for f in CommandField if f.is_response]),
    has_data=st.booleans(),
    responded_to=st.integers(0, 0xFFFF),
    status=st.integers(0, 0xFFFF),
    **dict.fromkeys(("sop_class", "requested_sop_class", "instance", "requested_instance"), uids),
    **dict.fromkeys(("offending", "attributes"), tags),
    **dict.fromkeys(("comment", "destination", "originator"), titles),
    **dict.fromkeys(
        ("message_id", "priority", "error_id", "originator_message_id", "remaining", "completed",
         "failed", "warned", "event_type", "action_type"),
        numbers,
    ),
)  # fmt: skip


@given(commands)
def test_what_is_written_is_read_back(told: Command) -> None:
    assert read_command(write_command(told)) == told


@given(st.binary(max_size=100))
def test_any_bytes_are_a_command_or_malformed(data: bytes) -> None:
    for body in (data, ECHO_BYTES + data, ECHO_BYTES[:20] + data):
        with contextlib.suppress(Malformed):
            read_command(body)


def test_a_message_is_told_when_its_command_is_whole() -> None:
    reader = MessageReader()
    data = write_command(STORE)
    assert reader.take(command(data[:50], is_last=False)) is None
    assert reader.take(command(data[50:])) == Message(1, STORE)
    for piece in (fragment(b"ab", is_last=False), fragment(b"")):
        assert reader.take(piece) is piece
    assert reader.take(command(ECHO_BYTES)) == Message(1, ECHO)
    in_another = fragment(ECHO_BYTES, context_id=3, is_command=True)
    assert reader.take(in_another) == Message(3, ECHO)


@pytest.mark.parametrize(
    ("before", "wrong"),
    [
        pytest.param([], fragment(b"data"), id="data before any command"),
        pytest.param([command(ECHO_BYTES)], fragment(b"data"), id="data that was not announced"),
        pytest.param([command(write_command(STORE))], command(ECHO_BYTES), id="no data"),
        pytest.param([command(b"", is_last=False)], fragment(b"data"), id="half a command"),
        pytest.param(
            [command(write_command(STORE))], fragment(b"", context_id=3), id="another context"
        ),
    ],
)
def test_fragments_out_of_order_are_malformed(before: list[Fragment], wrong: Fragment) -> None:
    reader = MessageReader()
    for one in before:
        reader.take(one)
    with pytest.raises(Malformed):
        reader.take(wrong)


def test_a_command_is_not_collected_without_end() -> None:
    reader = MessageReader()
    for _ in range(64):
        assert reader.take(command(bytes(1024), is_last=False)) is None
    with pytest.raises(TooLarge, match="65536"):
        reader.take(command(bytes(1), is_last=False))


def test_statuses_are_of_their_kinds() -> None:
    assert [s.name for s in Status if is_pending(s)] == ["PENDING", "PENDING_KEYS_IGNORED"]
    assert [f"{s:04X}" for s in Status if is_warning(s)] == [
        "0001", "0107", "0116", "B000", "B006", "B007",
    ]  # fmt: skip
    assert Status.SUBOPERATIONS_FAILED is Status.COERCED
