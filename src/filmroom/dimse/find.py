"""C-FIND of what is stored, as SCP: patients, studies, series, instances (PS3.4 §C.4.1)."""

from __future__ import annotations

import time
from collections.abc import Iterator

from filmroom.association.messages import CommandField, Message
from filmroom.association.negotiation import Offer
from filmroom.association.protocol import Context
from filmroom.association.statuses import Status
from filmroom.core.find import pages
from filmroom.core.patients import patients
from filmroom.dicom.datasets import read_told
from filmroom.dicom.levels import Level
from filmroom.dicom.transfer_syntaxes import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)
from filmroom.dimse.callers import own_titles
from filmroom.dimse.find_answer import Answers
from filmroom.dimse.find_query import Mismatch, Options, Question, read_question
from filmroom.dimse.provided import Provided
from filmroom.dimse.session import Session
from filmroom.dimse.streaming import stream
from filmroom.errors import Malformed
from filmroom.model.instance import Attributes
from filmroom.model.peer import Service

PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_STUDY_ONLY = "1.2.840.10008.5.1.4.1.2.3.1"
LEVELS = {
    PATIENT_ROOT: frozenset(Level),
    STUDY_ROOT: frozenset(Level) - {Level.PATIENT},
    PATIENT_STUDY_ONLY: frozenset({Level.PATIENT, Level.STUDY}),
}
"""The levels of each information model (PS3.4 §C.6.1, §C.6.2, §C.6.3)."""
SYNTAXES = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})
RELATIONAL, COMBINED, FUZZY = range(3)
"""Bytes of the extended negotiation (PS3.4 Table C.5.1.1-1); further ones we answer with 0."""


def find(session: Session, message: Message) -> None:
    """Answer with all that matches, unless it is cancelled."""
    begun = time.monotonic()
    context = session.context(message.context_id)
    syntax = context.transfer_syntax
    try:
        told = read_told(session.read_data(), syntax)
        levels, options = LEVELS[context.abstract_syntax], _options(session, context)
        question = read_question(told, levels, options, session.archive.settings)
    except Malformed as error:
        session.refuse(message, error, _status(error))
        return
    answers = Answers(question, syntax, _title(session))
    found = ([answers.write(match) for match in page] for page in _matches(session, question))
    ignored = question.query.ignored
    pending = Status.PENDING_KEYS_IGNORED if ignored else Status.PENDING
    count = stream(session, message, found, pending)
    session.log.info(
        "find",
        extra={
            "caller": session.caller.title,
            "level": question.query.level.name,
            "matches": count,
            "milliseconds": round((time.monotonic() - begun) * 1000),
        },
    )


def _matches(session: Session, question: Question) -> Iterator[list[Attributes]]:
    if question.query.level is Level.PATIENT:
        return patients(session.archive, question.query)
    return pages(session.archive, question.query)


def _title(session: Session) -> str:
    """Where to retrieve from: the title we were called by, if it is ours."""
    settings = session.archive.settings
    return session.called if session.called in own_titles(settings) else settings.aet


def _status(error: Malformed) -> Status:
    mismatch = isinstance(error, Mismatch)
    return Status.DATA_SET_MISMATCH if mismatch else Status.CANNOT_UNDERSTAND


def _options(session: Session, context: Context) -> Options:
    """What the extended negotiation of the context's SOP class settled."""
    settled = next(
        (
            one.information
            for one in session.accept.user.extended
            if one.sop_class == context.abstract_syntax
        ),
        b"",
    )
    agreed = {at for at, byte in enumerate(settled) if byte}
    return Options(combined=COMBINED in agreed, fuzzy=FUZZY in agreed)


def negotiate(asked: bytes) -> bytes:
    """What is done of what a requester would like: relational, combined and fuzzy matching."""
    done = (RELATIONAL, COMBINED, FUZZY)
    return bytes(int(at in done and byte == 1) for at, byte in enumerate(asked))


FIND = Provided(
    Service.FIND,
    {model: Offer(transfer_syntaxes=SYNTAXES) for model in LEVELS},
    {CommandField.C_FIND_RQ: find},
    negotiate,
)
