"""The seven PDUs against literal bytes (PS3.8 §9.3), and back."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filmroom.association import pdus
from filmroom.association.items import (
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ExtendedNegotiation,
    IdentityKind,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from filmroom.association.pdus import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextAnswer,
    Pdu,
    ProposedContext,
    RejectReason,
    RejectResult,
    ReleaseRequest,
    ReleaseResponse,
    data_header,
    decode,
    encode,
    read_header,
)
from filmroom.errors import Malformed, TooLarge

FIXED = bytes.fromhex("0001 0000") + b"CALLED          CALLING         " + bytes(32)
APPLICATION = bytes.fromhex("1000 0015") + b"1.2.840.10008.3.1.1.1"
HELLO = AssociateRequest(
    "CALLED",
    "CALLING",
    (ProposedContext(1, "1.2.840.10008.1.1", ("1.2.840.10008.1.2",)),),
    UserInformation(
        max_length=16384,
        implementation_class="1.2.3",
        implementation_version="V",
        window=AsynchronousWindow(0, 1),
        roles=(RoleSelection("1.2", scu=False, scp=True),),
        extended=(ExtendedNegotiation("1.3", b"\1\0"),),
        common_extended=(CommonExtendedNegotiation("1.4", "1.5", ("1.6", "1.7")),),
        identity=UserIdentity(IdentityKind.PASSCODE, b"ann", b"word", wants_response=True),
    ),
)
HELLO_BYTES = (
    bytes.fromhex("0100 000000f2")
    + FIXED
    + APPLICATION
    + bytes.fromhex("2000 002e 01000000")
    + bytes.fromhex("3000 0011")
    + b"1.2.840.10008.1.1"
    + bytes.fromhex("4000 0011")
    + b"1.2.840.10008.1.2"
    + bytes.fromhex("5000 005f")
    + bytes.fromhex("5100 0004 00004000")
    + bytes.fromhex("5200 0005")
    + b"1.2.3"
    + bytes.fromhex("5300 0004 0000 0001")
    + bytes.fromhex("5400 0007 0003")
    + b"1.2"
    + bytes.fromhex("0001")
    + bytes.fromhex("5500 0001")
    + b"V"
    + bytes.fromhex("5600 0007 0003")
    + b"1.3"
    + bytes.fromhex("0100")
    + bytes.fromhex("5700 0016 0003")
    + b"1.4"
    + bytes.fromhex("0003")
    + b"1.5"
    + bytes.fromhex("000a 0003")
    + b"1.6"
    + bytes.fromhex("0003")
    + b"1.7"
    + bytes.fromhex("5800 000d 02 01 0003")
    + b"ann"
    + bytes.fromhex("0004")
    + b"word"
)
WELCOME = AssociateAccept(
    "CALLED",
    "CALLING",
    (ContextAnswer(1, 0, "1.2.840.10008.1.2"), ContextAnswer(3, 4, "")),
    UserInformation(65536, "1.2.3", "", identity_response=b"hi"),
)
WELCOME_BYTES = (
    bytes.fromhex("0200 000000a3")
    + FIXED
    + APPLICATION
    + bytes.fromhex("2100 0019 01000000")
    + bytes.fromhex("4000 0011")
    + b"1.2.840.10008.1.2"
    + bytes.fromhex("2100 0008 03000400")
    + bytes.fromhex("4000 0000")
    + bytes.fromhex("5000 0019")
    + bytes.fromhex("5100 0004 00010000")
    + bytes.fromhex("5200 0005")
    + b"1.2.3"
    + bytes.fromhex("5900 0004 0002")
    + b"hi"
)
VECTORS: list[tuple[Pdu, bytes]] = [
    (HELLO, HELLO_BYTES),
    (WELCOME, WELCOME_BYTES),
    (
        AssociateReject.because(RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED),
        bytes.fromhex("0300 00000004 00 01 01 07"),
    ),
    (
        AssociateReject.because(RejectReason.TEMPORARY_CONGESTION, RejectResult.TRANSIENT),
        bytes.fromhex("0300 00000004 00 02 03 01"),
    ),
    (ReleaseRequest(), bytes.fromhex("0500 00000004 00000000")),
    (ReleaseResponse(), bytes.fromhex("0600 00000004 00000000")),
    (Abort(2, 6), bytes.fromhex("0700 00000004 0000 02 06")),
]


def read(data: bytes) -> Pdu:
    kind, length = read_header(data)
    assert length == len(data) - pdus.HEADER
    return decode(kind, memoryview(data)[pdus.HEADER :])


def with_length(kind: int, body: bytes) -> bytes:
    return bytes((kind, 0)) + len(body).to_bytes(4) + body


@pytest.mark.parametrize(("pdu", "data"), VECTORS)
def test_a_pdu_is_written_as_the_standard_says(pdu: Pdu, data: bytes) -> None:
    assert encode(pdu) == data


@pytest.mark.parametrize(("pdu", "data"), VECTORS)
def test_a_pdu_is_read_as_the_standard_says(pdu: Pdu, data: bytes) -> None:
    assert read(data) == pdu


def test_a_p_data_tf_of_one_pdv_has_both_lengths() -> None:
    command = data_header(3, 4, is_command=True, is_last=True)
    data = data_header(255, 0x10000, is_command=False, is_last=False)
    assert command == bytes.fromhex("0400 0000000a 00000006 03 03")
    assert data == bytes.fromhex("0400 00010006 00010002 ff 00")


def test_reserved_bytes_padding_and_unknown_items_are_passed_over() -> None:
    odd = bytearray(FIXED)
    odd[2:4] = b"\xff\xff"
    odd[36:68] = b"\xee" * 32
    odd[4:20] = b" CALLED\0\0\0\0\0\0\0\0\0"
    context = (
        bytes.fromhex("20ff 001d 05aabbcc 30ff 0004")
        + b"1.2\0"
        + bytes.fromhex("6600 0001 ff 4000 0004")
        + b"1.3 "
        + bytes.fromhex("4000 0000")
    )
    user = bytes.fromhex("50ff 000d 5aff 0001 01 51ff 0004 00000400")
    read_back = read(with_length(1, bytes(odd) + b"\x99\0\0\2ab" + APPLICATION + context + user))
    assert read_back == AssociateRequest(
        "CALLED",
        "CALLING",
        (ProposedContext(5, "1.2", ("1.3", "")),),
        UserInformation(1024, "", ""),
    )


def test_a_request_without_items_is_read() -> None:
    silent = UserInformation(16384, "", "")
    assert read(with_length(1, FIXED)) == AssociateRequest("CALLED", "CALLING", (), silent, "", 1)


@pytest.mark.parametrize("pdu", [HELLO_BYTES, WELCOME_BYTES])
def test_a_cut_of_an_associate_pdu_is_malformed_or_lacks_whole_items(pdu: bytes) -> None:
    whole = 0
    for end in range(pdus.HEADER, len(pdu)):
        try:
            decode(pdu[0], memoryview(pdu)[pdus.HEADER : end])
            whole += 1
        except Malformed:
            pass
    assert whole in (3, 4)  # behind the fixed fields, and behind each item


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(FIXED[:-1], id="fixed fields cut short"),
        pytest.param(FIXED + b"\x10", id="item header cut short"),
        pytest.param(FIXED + bytes.fromhex("1000 0001"), id="item beyond the PDU"),
        pytest.param(FIXED + bytes.fromhex("2000 0003 010000"), id="context cut short"),
        pytest.param(FIXED + bytes.fromhex("2000 0004 02000000"), id="even context"),
        pytest.param(FIXED + bytes.fromhex("2000 0004 01000000") * 2, id="context twice"),
        pytest.param(
            FIXED + bytes.fromhex("2000 0009 01000000 3000 0002 31"), id="sub-item beyond its item"
        ),
        pytest.param(FIXED + bytes.fromhex("5000 0005 5100 0001 00"), id="short maximum length"),
        pytest.param(FIXED + bytes.fromhex("5000 0005 5300 0001 00"), id="short window"),
        pytest.param(FIXED + bytes.fromhex("5000 0006 5400 0002 0009"), id="UID beyond the role"),
        pytest.param(FIXED + bytes.fromhex("5000 0007 5400 0003 0000 01"), id="one role of two"),
        pytest.param(FIXED + bytes.fromhex("5000 0005 5600 0001 00"), id="no SOP class length"),
        pytest.param(FIXED + bytes.fromhex("5000 0006 5700 0002 0000"), id="no service class"),
        pytest.param(FIXED + bytes.fromhex("5000 0005 5800 0001 01"), id="short identity"),
    ],
)
def test_lengths_that_do_not_add_up_are_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(with_length(1, body))


@pytest.mark.parametrize("kind", [3, 5, 6, 7])
@pytest.mark.parametrize("body", [b"", bytes(3), bytes(5)])
def test_a_short_pdu_has_four_bytes(kind: int, body: bytes) -> None:
    with pytest.raises(Malformed, match="not 4"):
        decode(kind, memoryview(body))


@pytest.mark.parametrize("kind", [0, 4, 8, 0x47, 255])
def test_no_other_type_is_decoded(kind: int) -> None:
    with pytest.raises(Malformed, match="no PDU has type"):
        decode(kind, memoryview(bytes(4)))


def test_items_are_counted() -> None:
    with pytest.raises(TooLarge, match="1024 items"):
        read(with_length(1, FIXED + bytes.fromhex("9900 0000") * 1025))
    related = bytes(2) * 1025
    common = bytes.fromhex("0000 0000") + len(related).to_bytes(2) + related
    item = b"\x57\0" + len(common).to_bytes(2) + common
    with pytest.raises(TooLarge, match="1024 related"):
        read(with_length(1, FIXED + b"\x50\0" + len(item).to_bytes(2) + item))


def test_what_no_field_holds_is_not_written() -> None:
    with pytest.raises(TooLarge, match="16 characters"):
        encode(AssociateRequest("A" * 17, "B", ()))
    with pytest.raises(TooLarge):
        encode(
            AssociateRequest(
                "A", "B", (), UserInformation(identity=UserIdentity(4, bytes(1 << 16)))
            )
        )


uids = st.text("0123456789.", max_size=64)
titles = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=16)
binary = st.binary(max_size=40)
flags = st.booleans()
shorts = st.integers(0, 0xFFFF)
bytes_ = st.integers(0, 255)
ids = st.integers(0, 127).map(lambda n: 2 * n + 1)
users = st.builds(
    UserInformation,
    max_length=st.integers(0, 0xFFFFFFFF),
    implementation_class=uids,
    implementation_version=titles,
    window=st.none() | st.builds(AsynchronousWindow, shorts, shorts),
    roles=st.lists(st.builds(RoleSelection, uids, flags, flags), max_size=3).map(tuple),
    extended=st.lists(st.builds(ExtendedNegotiation, uids, binary), max_size=3).map(tuple),
    common_extended=st.lists(
        st.builds(CommonExtendedNegotiation, uids, uids, st.lists(uids, max_size=3).map(tuple)),
        max_size=2,
    ).map(tuple),
    identity=st.none() | st.builds(UserIdentity, bytes_, binary, binary, flags),
    identity_response=st.none() | binary,
)
proposals = st.lists(
    st.builds(ProposedContext, ids, uids, st.lists(uids, max_size=4).map(tuple)),
    max_size=5,
    unique_by=lambda context: context.id,
).map(tuple)
answers = st.lists(
    st.builds(ContextAnswer, ids, bytes_, uids), max_size=5, unique_by=lambda context: context.id
).map(tuple)
any_pdu = st.one_of(
    st.builds(AssociateRequest, titles, titles, proposals, users, uids, shorts),
    st.builds(AssociateAccept, titles, titles, answers, users, uids, shorts),
    st.builds(AssociateReject, bytes_, bytes_, bytes_),
    st.builds(Abort, bytes_, bytes_),
)


@given(any_pdu)
def test_what_is_written_is_read_back(pdu: Pdu) -> None:
    assert read(encode(pdu)) == pdu


@given(st.sampled_from([1, 2]), st.binary(max_size=200))
def test_any_bytes_are_a_pdu_or_an_error_of_ours(kind: int, data: bytes) -> None:
    for body in (data, FIXED + data, FIXED + b"\x50\0" + len(data).to_bytes(2) + data):
        with contextlib.suppress(Malformed, TooLarge):
            decode(kind, memoryview(body))
