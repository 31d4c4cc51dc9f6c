"""TLS towards peers (PS3.15 §B.12, BCP 195): what they must show us, and what we show them."""

from __future__ import annotations

import ssl

from filmroom.errors import Malformed


def outgoing_tls(authorities: str = "", certificate: str = "", key: str = "") -> ssl.SSLContext:
    """The context for associations that we make; paths of PEM files, "" for none.

    `authorities` are those that a peer's certificate must come from, else the system's; its
    name must be the host that it is reached at. `certificate` is shown to peers that ask.
    """
    try:
        context = ssl.create_default_context(cafile=authorities or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate:
            context.load_cert_chain(certificate, key or None)
    except (OSError, ssl.SSLError) as error:
        raise Malformed(f"TLS towards peers: a file of certificates cannot be read: {error}") from (
            error
        )
    return context
