"""Associations over TLS (PS3.15 Annex B.12): ours with each other, and with DCMTK's tools."""

from __future__ import annotations

import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conversations import IMPLICIT, VERIFICATION
from sockets import Archive, serving

from filmroom.association.connection import Connection, Disconnected, Patience, connect
from filmroom.association.messages import Command, CommandField, Message, response_to
from filmroom.association.negotiation import propose
from filmroom.association.pdus import Abort, AssociateRequest, ReleaseRequest
from filmroom.association.protocol import ProviderAbort

CT = "1.2.840.10008.5.1.4.1.1.2"
ASK = AssociateRequest("OURS", "THEIRS", propose([(VERIFICATION, [IMPLICIT]), (CT, [IMPLICIT])]))
ECHO = Command(field=CommandField.C_ECHO_RQ, message_id=1, sop_class=VERIFICATION)
STORE = Command(
    field=CommandField.C_STORE_RQ, has_data=True, message_id=2, sop_class=CT, instance="1.2.3"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for loopback that signs itself, and its key."""
    folder = tmp_path_factory.mktemp("certificate")
    made = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-out", made[0], "-keyout", made[1]),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return made


@pytest.fixture
def ours(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """What a server needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@pytest.fixture
def trusting(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """What a client needs that trusts the server."""
    return ssl.create_default_context(cafile=str(certificate[0]))


def over(tls: ssl.SSLContext, serve: Callable[[Connection], None]) -> Callable[[Connection], None]:
    """Serve over TLS: the handshake comes first."""

    def secured(connection: Connection) -> None:
        connection._sock.settimeout(5)
        connection._sock = tls.wrap_socket(connection._sock, server_side=True)
        serve(connection)

    return secured


@pytest.mark.parametrize("max_length", [0, 64, 16384])
def test_messages_pass_over_tls(
    ours: ssl.SSLContext, trusting: ssl.SSLContext, max_length: int
) -> None:
    archive = Archive(max_length)
    data = [bytes(range(256)) * 400] * 10
    with serving(over(ours, archive)) as address:
        connection, _ = connect(address, ASK, tls=trusting)
        assert isinstance(connection._sock, ssl.SSLSocket)
        connection.send_messages(1, [(ECHO, ())] * 3)
        assert [connection.hear() for _ in range(3)] == [Message(1, response_to(ECHO, 0))] * 3
        connection.send_message(3, STORE, data)
        assert connection.hear() == Message(3, response_to(STORE, 0))
        assert connection.hear(wait=0) is None  # looks without waiting, over TLS too
        assert connection.release()
    assert archive.stored == {"1.2.3": b"".join(data)}
    assert archive.heard[-1] == ReleaseRequest()


def test_silence_over_tls_is_aborted(ours: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    hasty = Patience(idle=0.3, artim=2)
    archive = Archive()
    with serving(over(ours, archive), hasty) as address:
        connection, _ = connect(address, ASK, tls=trusting)
        assert connection.hear() == Abort(source=2)
    assert isinstance(archive.heard[-1], ProviderAbort)


def test_a_server_that_is_not_trusted_is_not_spoken_to(ours: ssl.SSLContext) -> None:
    def nobody(connection: Connection) -> None:
        assert connection.hear() is None

    def refused(connection: Connection) -> None:
        with pytest.raises(ssl.SSLError):
            over(ours, nobody)(connection)

    with serving(refused) as address, pytest.raises(Disconnected, match="CERTIFICATE_VERIFY"):
        connect(address, ASK, tls=ssl.create_default_context())


def test_who_does_not_speak_tls_is_told_apart(trusting: ssl.SSLContext) -> None:
    archive = Archive()
    hasty = Patience(connect=5, artim=1)
    with serving(archive, hasty) as address, pytest.raises(Disconnected, match="no connection"):
        connect(address, ASK, hasty, tls=trusting)
    assert not any(isinstance(each, AssociateRequest) for each in archive.heard)


def test_a_connection_cut_without_a_word_is_a_lost_one(
    ours: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    archive = Archive()
    with serving(over(ours, archive)) as address:
        connection, _ = connect(address, ASK, tls=trusting)
        connection._sock.shutdown(socket.SHUT_RDWR)  # no close_notify
        connection.close()
    assert len(archive.heard) == 2


def test_dcmtk_echoes_over_tls(ours: ssl.SSLContext, certificate: tuple[Path, Path]) -> None:
    archive = Archive()
    with serving(over(ours, archive)) as (host, port):
        asked = subprocess.run(
            ["echoscu", "-v", "+tla", "+cf", certificate[0], host, str(port)],
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert asked.returncode == 0, asked.stderr
    assert archive.heard[-1] == ReleaseRequest()
