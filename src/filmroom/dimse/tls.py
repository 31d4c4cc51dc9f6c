"""TLS for those who call (PS3.15 §B.12: the BCP 195 profile)."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress

from filmroom.errors import Malformed
from filmroom.settings import Settings

CIPHERS = "ECDHE+AESGCM"  # of TLS 1.2; those of 1.3 are all fit
HANDSHAKE = b"\x16"  # what TLS begins with; no PDU has that type


def incoming_tls(settings: Settings) -> ssl.SSLContext | None:
    """What callers are met with; None where no TLS is spoken. Malformed if a file is not good."""
    if settings.dimse_tls == "no":
        return None
    if not settings.dimse_tls_certificate:
        raise Malformed("setting dimse_tls needs a certificate: dimse_tls_certificate names it")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    try:
        context.load_cert_chain(settings.dimse_tls_certificate, settings.dimse_tls_key or None)
        if settings.dimse_tls_callers:
            context.load_verify_locations(settings.dimse_tls_callers)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # ssl.SSLError is one
        reason = error.strerror or type(error).__name__
        raise Malformed(f"the certificates of the DIMSE door cannot be read: {reason}") from None
    return context


def speaks_tls(sock: socket.socket, patience: float) -> bool:
    """Whether a caller begins with TLS; waits for the first byte, and leaves it there."""
    sock.settimeout(patience)
    return sock.recv(1, socket.MSG_PEEK) == HANDSHAKE


def shake_hands(sock: ssl.SSLSocket, patience: float) -> None:
    """Have the handshake done within `patience` seconds in all; OSError."""
    late = threading.Timer(patience, _shut, (sock,))
    late.daemon = True
    late.start()
    try:
        sock.settimeout(patience)
        sock.do_handshake()
    finally:
        late.cancel()


def _shut(sock: ssl.SSLSocket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
