"""A DIMSE door over a test's archive, on a free port."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from filmroom.core.archive import Archive
from filmroom.dimse.acceptor import Acceptor
from filmroom.dimse.admission import Doorkeeper, Identify
from filmroom.dimse.callers import WhoIs

Address = tuple[str, int]


@contextmanager
def opened(
    archive: Archive, who_is: WhoIs = lambda *_: None, identify: Identify | None = None
) -> Iterator[Address]:
    """The address at which an archive's DIMSE door takes associations."""
    listening = socket.create_server(("127.0.0.1", 0))
    address: Address = listening.getsockname()
    with Acceptor(archive, listening, Doorkeeper(archive.settings, who_is, identify)):
        yield address
