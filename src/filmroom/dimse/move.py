"""C-MOVE, as SCP: instances sent to a peer, because somebody asks (PS3.4 §C.4.2, PS3.7 §9.1.4)."""

from __future__ import annotations

from filmroom.association.messages import CommandField, Message
from filmroom.association.statuses import Status
from filmroom.core.peers import find_by_title
from filmroom.core.sending import send
from filmroom.dimse.provided import Provided
from filmroom.dimse.retrieving import (
    OFFER,
    PATIENT_ROOT,
    PATIENT_STUDY_ONLY,
    STUDY_ROOT,
    Progress,
    asked_for,
    relational,
)
from filmroom.dimse.session import Session
from filmroom.errors import Malformed, NotFound, Unreachable
from filmroom.model.peer import Service
from filmroom.model.remote import Originator, Tally

MODELS = {
    "1.2.840.10008.5.1.4.1.2.1.2": PATIENT_ROOT,
    "1.2.840.10008.5.1.4.1.2.2.2": STUDY_ROOT,
    "1.2.840.10008.5.1.4.1.2.3.2": PATIENT_STUDY_ONLY,
}


def move(session: Session, message: Message) -> None:
    """Send what is asked for to the peer that is its destination."""
    command = message.command
    try:
        found = asked_for(session, message, MODELS)
    except Malformed as error:
        session.refuse(message, error, Status.DATA_SET_MISMATCH)
        return
    title = command.destination or ""
    peer = find_by_title(session.archive, title, session.caller.address)
    if peer is None:
        unknown = NotFound(f"no peer has the AE title {title}")
        session.refuse(message, unknown, Status.MOVE_DESTINATION_UNKNOWN)
        return
    progress = Progress(session, message)
    originator = Originator(session.caller.title, command.message_id or 0)
    try:
        tally = send(session.archive, peer, found, progress.report, progress.cancelled, originator)
    except Unreachable as error:
        failures = [located.ref.instance for located in found]
        tally = Tally(failed=len(found), failures=failures, message=str(error))
    session.log.info(
        "moved",
        extra={
            "to": peer.name,
            "completed": tally.completed,
            "warned": tally.warned,
            "failed": tally.failed,
            "remaining": tally.remaining,
        },
    )
    progress.end(tally)


MOVE = Provided(
    Service.MOVE,
    dict.fromkeys(MODELS, OFFER),
    {CommandField.C_MOVE_RQ: move},
    relational,
)
