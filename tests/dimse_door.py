"""A DIMSE door over a test's archive, on a free port, and a caller that stores."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from filmroom.association.connection import PATIENCE, Connection, Patience, connect
from filmroom.association.messages import Command, CommandField, Message
from filmroom.association.negotiation import propose
from filmroom.association.pdus import AssociateRequest
from filmroom.core.archive import Archive
from filmroom.dicom.part10 import read_file_meta
from filmroom.dimse.acceptor import Acceptor
from filmroom.dimse.admission import Doorkeeper, Identify
from filmroom.dimse.callers import WhoIs

Address = tuple[str, int]

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"


@contextmanager
def opened(
    archive: Archive, who_is: WhoIs = lambda *_: None, identify: Identify | None = None
) -> Iterator[Address]:
    """The address at which an archive's DIMSE door takes associations."""
    listening = socket.create_server(("127.0.0.1", 0))
    address: Address = listening.getsockname()
    with Acceptor(archive, listening, Doorkeeper(archive.settings, who_is, identify)):
        yield address


def called(
    address: Address,
    *wanted: tuple[str, list[str]],
    title: str = "TESTER",
    patience: Patience = PATIENCE,
) -> Connection:
    """An association; its contexts are numbered 1, 3, … in the order of what is wanted."""
    request = AssociateRequest("FILMROOM", title, propose(wanted or [(VERIFICATION, [IMPLICIT])]))
    return connect(address, request, patience)[0]


def answer(connection: Connection) -> Command:
    """The response that comes next."""
    heard = connection.hear()
    assert isinstance(heard, Message), heard
    return heard.command


def echo(connection: Connection, context_id: int = 1) -> int | None:
    """The status of a C-ECHO."""
    connection.send_message(context_id, Command(field=CommandField.C_ECHO_RQ, message_id=1))
    return answer(connection).status


def store_request(file: bytes, message_id: int = 1) -> Command:
    """The C-STORE-RQ for a Part 10 file."""
    meta = read_file_meta(memoryview(file))
    return Command(
        field=CommandField.C_STORE_RQ,
        has_data=True,
        message_id=message_id,
        sop_class=meta.sop_class,
        instance=meta.instance,
        priority=0,
    )


def data_set(file: bytes) -> bytes:
    """What follows a Part 10 file's meta information."""
    return file[read_file_meta(memoryview(file)).end :]


def c_store(
    connection: Connection,
    file: bytes,
    context_id: int = 1,
    data: Iterable[bytes] | None = None,
) -> Command:
    """The response to a C-STORE of a file, or of other `data` in its name."""
    pieces = [data_set(file)] if data is None else data
    connection.send_message(context_id, store_request(file), pieces)
    return answer(connection)
