"""Associations with pynetdicom, which asks us and is asked by us."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pynetdicom import AE, evt
from pynetdicom.association import Association as Theirs
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import (
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from sockets import Archive, serving

from filmroom.association.connection import Connection, Disconnected, Rejected, connect
from filmroom.association.items import (
    AsynchronousWindow,
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from filmroom.association.messages import Command, CommandField, Message, response_to
from filmroom.association.negotiation import Offer, acceptance, agreed_role, propose
from filmroom.association.pdus import (
    Abort,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    RejectReason,
    RejectResult,
    ReleaseRequest,
    ReleaseResponse,
)
from filmroom.association.protocol import ConnectionLost
from filmroom.association.reading import Fragment

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
ECHO = Command(field=CommandField.C_ECHO_RQ, message_id=7, sop_class=VERIFICATION)
ASK = AssociateRequest("THEIRS", "OURS", propose([(VERIFICATION, [IMPLICIT]), (CT, [EXPLICIT])]))
WAIT = 10  # seconds


@contextmanager
def their_server(
    *handlers: tuple[object, ...],
    also: tuple[str, ...] = (),
    roles: tuple[bool | None, bool | None] = (None, None),
    **settings: object,
) -> Iterator[tuple[str, int]]:
    """Address of a pynetdicom server that takes echoes, CT images, and what is told."""
    ae = AE("THEIRS")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = WAIT
    ae.add_supported_context(VERIFICATION)
    ae.add_supported_context(CT, EXPLICIT, scu_role=roles[0], scp_role=roles[1])
    for uid in also:
        ae.add_supported_context(uid)
    for name, value in settings.items():
        setattr(ae, name, value)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    try:
        yield server.server_address
    finally:
        server.shutdown()


@contextmanager
def their_request(address: tuple[str, int], **how: object) -> Iterator[Theirs]:
    """An association that pynetdicom asks for."""
    ae = AE("THEIRS")
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = WAIT
    ae.add_requested_context(VERIFICATION, [EXPLICIT, IMPLICIT])
    ae.add_requested_context(CT, EXPLICIT)
    ae.add_requested_context(GET)
    association = ae.associate(*address, ae_title="OURS", **how)
    try:
        yield association
    finally:
        if association.is_established:
            association.abort()
        if association.ident is not None:  # else it was rejected before its thread began
            association.join(WAIT)
    assert not association.is_alive()


def image(size: int) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.PatientName = CT, "1.2.3", "Doe^Jane"
    dataset.add_new(0x7FE00010, "OB", bytes(range(256)) * (size // 256))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = EXPLICIT
    return dataset


# We are asked.


@pytest.mark.parametrize("max_length", [0, 64, 16384])
def test_pynetdicom_echoes_and_stores(max_length: int) -> None:
    archive = Archive(max_length)
    with serving(archive) as address, their_request(address) as association:
        assert association.is_established
        assert [c.abstract_syntax for c in association.accepted_contexts] == [VERIFICATION, CT, GET]
        assert association.accepted_contexts[0].transfer_syntax == [EXPLICIT]
        assert association.send_c_echo().Status == 0
        assert association.send_c_store(image(100_000)).Status == 0
        association.release()
        assert association.is_released
    assert archive.stored["1.2.3"].endswith(bytes(range(256)) * 390)
    request = archive.heard[0]
    assert isinstance(request, AssociateRequest)
    assert (request.called, request.calling) == ("OURS", "THEIRS")
    assert request.user.implementation_version.startswith("PYNETDICOM")
    assert archive.heard[-1] == ReleaseRequest()


def test_pynetdicom_understands_all_that_is_negotiated() -> None:
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, False, True
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid, extended.service_class_application_information = GET, b"\1\1"
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.positive_response_requested = 2, True
    identity.primary_field, identity.secondary_field = b"user", b"secret"
    requests = []

    def accept(connection: Connection) -> None:
        request = connection.hear()
        assert isinstance(request, AssociateRequest)
        requests.append(request)
        accepted = acceptance(
            request,
            lambda uid: Offer(scp=True, preferred=(IMPLICIT,)) if uid != GET else None,
            max_length=16384,
            extended=(ExtendedNegotiation(GET, b"\1\0"),),
            identity_response=b"",
        )
        connection.send(accepted)
        assert isinstance(connection.hear(), ReleaseRequest)
        connection.send(ReleaseResponse())
        connection.hear()

    with (
        serving(accept) as address,
        their_request(address, ext_neg=[role, extended, identity]) as association,
    ):
        assert association.is_established
        echo, ct = association.accepted_contexts
        assert (echo.transfer_syntax, ct.transfer_syntax) == ([IMPLICIT], [EXPLICIT])
        assert (ct.as_scu, ct.as_scp) == (False, True)
        (rejected,) = association.rejected_contexts
        assert (rejected.abstract_syntax, rejected.result) == (GET, 3)
        assert association.acceptor.user_identity.server_response == b""
        assert association.acceptor.sop_class_extended == {GET: b"\1\0"}
        association.release()
    assert requests[0].user.roles == (RoleSelection(CT, scu=False, scp=True),)
    assert requests[0].user.extended == (ExtendedNegotiation(GET, b"\1\1"),)
    assert requests[0].user.identity == UserIdentity(2, b"user", b"secret", wants_response=True)


def test_pynetdicom_is_rejected_with_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    def reject(connection: Connection) -> None:
        connection.hear()
        connection.send(
            AssociateReject.because(RejectReason.LOCAL_LIMIT_EXCEEDED, RejectResult.TRANSIENT)
        )
        connection.hear()

    with (
        caplog.at_level("DEBUG", "pynetdicom"),
        serving(reject) as address,
        their_request(address) as association,
    ):
        # Whether it calls itself rejected or aborted is left to chance between its threads.
        assert not association.is_established
    assert "Result:    Rejected (Transient)" in caplog.text
    assert "Source:    DUL service-provider (presentation related)" in caplog.text
    assert "Reason:    Local limit exceeded" in caplog.text


def test_pynetdicom_aborts_and_is_heard() -> None:
    archive = Archive()
    with serving(archive) as address, their_request(address) as association:
        association.abort()
    assert archive.heard[1:] in ([Abort()], [ConnectionLost()])


def test_pynetdicom_is_aborted() -> None:
    def abort(connection: Connection) -> None:
        request = connection.hear()
        assert isinstance(request, AssociateRequest)
        connection.send(acceptance(request, lambda _: Offer(), max_length=16384))
        connection.abort()

    with serving(abort) as address, their_request(address) as association:
        association.join(WAIT)
        assert association.is_aborted


# We ask.


def test_pynetdicom_answers_an_echo_and_a_release() -> None:
    ended = threading.Event()
    with their_server((evt.EVT_RELEASED, lambda _: ended.set())) as address:
        connection, accepted = connect(address, ASK)
        assert [each.result for each in accepted.contexts] == [0, 0]
        assert accepted.user.implementation_version.startswith("PYNETDICOM")
        connection.send_message(1, ECHO)
        assert connection.hear() == Message(1, response_to(ECHO, 0))
        assert connection.release()
        assert ended.wait(WAIT)


@pytest.mark.parametrize("max_length", [0, 64, 16382])
def test_pynetdicom_takes_a_data_set_in_the_pieces_it_asks_for(max_length: int) -> None:
    kept = []

    def keep(event: Event) -> int:
        kept.append(event.request.DataSet.getvalue())
        return 0xB007

    data = [bytes(range(256)) * 40] * 20
    store = Command(
        field=CommandField.C_STORE_RQ,
        has_data=True,
        message_id=2,
        sop_class=CT,
        instance="1.2.3",
        priority=0,
        originator="ELSEWHERE",
        originator_message_id=5,
    )
    with their_server((evt.EVT_C_STORE, keep), maximum_pdu_size=max_length) as address:
        connection, accepted = connect(address, ASK)
        assert accepted.user.max_length == max_length
        connection.send_message(3, store, data)
        heard = connection.hear()
        assert isinstance(heard, Message)
        assert (heard.command.status, heard.command.instance) == (0xB007, "1.2.3")
        assert connection.release()
    assert kept == [b"".join(data)]


def test_pynetdicom_sends_us_many_answers_and_hears_our_cancel() -> None:
    cancelled = threading.Event()

    def find(event: Event) -> Iterator[tuple[int, Dataset | None]]:
        identifier = Dataset()
        identifier.PatientName = "Doe^Jane"
        for _ in range(100_000):
            if event.is_cancelled:
                cancelled.set()
                yield 0xFE00, None
                return
            yield 0xFF00, identifier

    model = "1.2.840.10008.5.1.4.1.2.2.1"
    ask = AssociateRequest("THEIRS", "OURS", propose([(model, [IMPLICIT])]))
    query = Command(
        field=CommandField.C_FIND_RQ, has_data=True, message_id=9, sop_class=model, priority=0
    )
    statuses: list[int | None] = []
    fragments = 0
    with their_server((evt.EVT_C_FIND, find), also=(model,)) as address:
        connection, _ = connect(address, ask)
        connection.send_message(1, query, [b"\x08\0\x52\0\x06\0\0\0STUDY "])
        while not statuses or statuses[-1] == 0xFF00:
            heard = connection.hear()
            if isinstance(heard, Message):
                statuses.append(heard.command.status)
                if len(statuses) == 20:
                    cancel = Command(field=CommandField.C_CANCEL_RQ, responded_to=9)
                    connection.send_message(1, cancel)
            else:
                assert isinstance(heard, Fragment)
                fragments += 1
        assert connection.release()
    assert cancelled.is_set()
    assert statuses[-1] == 0xFE00
    assert fragments >= len(statuses) - 1 > 20


def test_pynetdicom_agrees_on_roles_windows_and_identity() -> None:
    asked = AssociateRequest(
        "THEIRS",
        "OURS",
        propose([(CT, [EXPLICIT]), (GET, [IMPLICIT])]),
        UserInformation(
            window=AsynchronousWindow(4, 4),
            roles=(RoleSelection(CT, scu=True, scp=True),),
            extended=(ExtendedNegotiation(GET, b"\1"),),
            identity=UserIdentity(1, b"user", wants_response=True),
        ),
    )
    seen = []

    def identify(event: Event) -> tuple[bool, bytes | None]:
        seen.append((event.user_id_type, event.primary_field))
        return True, None

    handlers = [
        (evt.EVT_USER_ID, identify),
        (evt.EVT_SOP_EXTENDED, lambda event: event.app_info),
        (evt.EVT_ASYNC_OPS, lambda _: (1, 1)),
    ]
    with their_server(*handlers, roles=(False, True)) as address:
        connection, accepted = connect(address, asked)
        assert [each.result for each in accepted.contexts] == [
            ContextResult.ACCEPTANCE,
            ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED,
        ]
        assert connection.release()
    assert seen == [(1, b"user")]
    role = agreed_role(CT, asked.user.roles, accepted.user.roles)
    assert (role.scu, role.scp) == (False, True)
    assert accepted.user.extended == (ExtendedNegotiation(GET, b"\1"),)
    assert accepted.user.window in (None, AsynchronousWindow(1, 1))


def test_pynetdicom_rejects_us_with_a_reason() -> None:
    with (
        their_server(require_called_aet=True) as address,
        pytest.raises(Rejected) as raised,
    ):
        connect(address, AssociateRequest("NOBODY", "OURS", ASK.contexts))
    expected = AssociateReject.because(RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED)
    assert raised.value.answer == expected


def test_pynetdicom_aborts_us() -> None:
    def abort(event: Event) -> int:
        event.assoc.abort()
        return 0

    with their_server((evt.EVT_C_ECHO, abort)) as address:
        connection, _ = connect(address, ASK)
        connection.send_message(1, ECHO)
        assert isinstance(connection.hear(), Abort | ConnectionLost)
        assert connection.hear() is None


def test_pynetdicom_that_goes_away_leaves_us_disconnected() -> None:
    with their_server() as address:
        pass
    with pytest.raises(Disconnected):
        connect(address, ASK)
