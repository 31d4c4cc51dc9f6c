"""A caller that asks: C-FIND over an association, its answers read by pydicom."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from filmroom.association.connection import Connection, connect
from filmroom.association.items import ExtendedNegotiation, UserInformation
from filmroom.association.messages import Command, CommandField, Message
from filmroom.association.negotiation import propose
from filmroom.association.pdus import AssociateAccept, AssociateRequest
from filmroom.association.reading import Fragment

PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_STUDY_ONLY = "1.2.840.10008.5.1.4.1.2.3.1"
IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
Answer = tuple[int, Dataset | None]


def asking(
    address: tuple[str, int],
    model: str = STUDY_ROOT,
    syntax: str = IMPLICIT,
    extended: bytes | None = None,
) -> tuple[Connection, AssociateAccept]:
    """An association for one information model, and what was accepted."""
    told = () if extended is None else (ExtendedNegotiation(model, extended),)
    user = UserInformation(extended=told)
    request = AssociateRequest("FILMROOM", "TESTER", propose([(model, [syntax])]), user)
    return connect(address, request)


def identifier(level: str, **keys: Any) -> Dataset:
    """An identifier by keywords."""
    asked = Dataset()
    asked.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    return asked


def ask(connection: Connection, asked: Dataset | bytes, message_id: int = 1) -> None:
    """Send a C-FIND."""
    (context,) = connection.association.contexts.values()
    data = asked if isinstance(asked, bytes) else written(asked, context.transfer_syntax)
    connection.send_message(context.id, find_request(context.abstract_syntax, message_id), [data])


def find_request(model: str, message_id: int = 1) -> Command:
    """A C-FIND-RQ."""
    return Command(
        field=CommandField.C_FIND_RQ,
        has_data=True,
        message_id=message_id,
        sop_class=model,
        priority=0,
    )


def written(asked: Dataset, syntax: str) -> bytes:
    """A data set as pydicom writes it."""
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = syntax == IMPLICIT, syntax != EXPLICIT_BIG
    write_dataset(out, asked)
    return out.getvalue()


def response(connection: Connection) -> tuple[Command, Dataset | None]:
    """The next response, and its identifier if it has one."""
    heard = connection.hear()
    assert isinstance(heard, Message), heard
    if not heard.command.has_data:
        return heard.command, None
    data = bytearray()
    while True:
        piece = connection.hear()
        assert isinstance(piece, Fragment), piece
        data += piece.data
        if piece.is_last:
            break
    syntax = connection.association.contexts[heard.context_id].transfer_syntax
    read = read_dataset(BytesIO(data), syntax == IMPLICIT, syntax != EXPLICIT_BIG)
    return heard.command, read


def answers(connection: Connection) -> list[Answer]:
    """All responses to a C-FIND, the last included: status and identifier."""
    found: list[Answer] = []
    while True:
        command, told = response(connection)
        assert command.status is not None
        found.append((command.status, told))
        if command.status not in (0xFF00, 0xFF01):
            return found


def c_find(connection: Connection, level: str, **keys: Any) -> list[Dataset]:
    """What a C-FIND finds; it succeeds."""
    ask(connection, identifier(level, **keys))
    *found, (status, _) = answers(connection)
    assert status == 0
    return [told for _, told in found if told is not None]
