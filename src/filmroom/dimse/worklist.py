"""Modality Worklist, as SCP: a response for each scheduled step that matches (PS3.4 §K.4, §K.6)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice

from filmroom.association.messages import CommandField, Message
from filmroom.association.negotiation import Offer
from filmroom.association.statuses import Status
from filmroom.core.worklist import find as find_scheduled
from filmroom.dicom.datasets import read_told, write_dataset
from filmroom.dicom.transfer_syntaxes import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)
from filmroom.dimse.provided import Provided
from filmroom.dimse.session import Session
from filmroom.dimse.streaming import stream
from filmroom.errors import Malformed, TooLarge
from filmroom.model.peer import Service

MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"
SYNTAXES = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})
PAGE = 100  # responses between two looks for a C-CANCEL
RESERVED = 2  # bytes of the extended negotiation, always 1 (PS3.4 §K.5.1)
FUZZY = 2  # its byte for fuzzy semantic matching of person names


def find(session: Session, message: Message) -> None:
    """Answer with all scheduled steps that match, unless it is cancelled."""
    begun = time.monotonic()
    context = session.context(message.context_id)
    syntax = context.transfer_syntax
    try:
        told = read_told(session.read_data(), syntax)
        found = find_scheduled(
            session.archive, told.attributes, session.called, fuzzy=_is_fuzzy(session)
        )
    except (Malformed, TooLarge) as error:
        session.refuse(message, error, Status.CANNOT_UNDERSTAND)
        return
    written = (write_dataset(match, syntax, told.charset) for match in found)
    count = stream(session, message, _pages(written), Status.PENDING)
    session.log.info(
        "worklist",
        extra={
            "caller": session.caller.title,
            "matches": count,
            "milliseconds": round((time.monotonic() - begun) * 1000),
        },
    )


def negotiate(asked: bytes) -> bytes:
    """What is done of what a requester would like: fuzzy names, no zones (PS3.4 §K.5.1)."""
    return bytes(int(at < RESERVED or (at == FUZZY and byte == 1)) for at, byte in enumerate(asked))


def _pages(written: Iterator[bytes]) -> Iterator[list[bytes]]:
    while page := list(islice(written, PAGE)):
        yield page


def _is_fuzzy(session: Session) -> bool:
    agreed = session.accept.user.extended
    return any(
        one.sop_class == MODALITY_WORKLIST and one.information[FUZZY : FUZZY + 1] == b"\1"
        for one in agreed
    )


WORKLIST = Provided(
    Service.FIND,
    {MODALITY_WORKLIST: Offer(transfer_syntaxes=SYNTAXES)},
    {CommandField.C_FIND_RQ: find},
    negotiate,
)
