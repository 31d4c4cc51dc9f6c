"""C-MOVE, as SCP: instances sent to a peer, because somebody asks (PS3.4 §C.4.2, PS3.7 §9.1.4)."""

from __future__ import annotations

from functools import partial

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
    relational,
    retrieve,
)
from filmroom.dimse.session import Session
from filmroom.errors import NotFound, Unreachable
from filmroom.model.instance import Located
from filmroom.model.peer import Peer, Service
from filmroom.model.remote import Originator, Tally

MODELS = {
    "1.2.840.10008.5.1.4.1.2.1.2": PATIENT_ROOT,
    "1.2.840.10008.5.1.4.1.2.2.2": STUDY_ROOT,
    "1.2.840.10008.5.1.4.1.2.3.2": PATIENT_STUDY_ONLY,
}


def move(session: Session, message: Message) -> None:
    """Send what is asked for to the peer that is its destination."""
    command = message.command
    title = command.destination or ""
    peer = find_by_title(session.archive, title, session.caller.address)
    if peer is None:
        unknown = NotFound(f"no peer has the AE title {title}")
        session.refuse(message, unknown, Status.MOVE_DESTINATION_UNKNOWN)
        return
    originator = Originator(session.caller.title, command.message_id or 0)
    retrieve(session, message, MODELS, partial(_moved, session, peer, originator))


def _moved(
    session: Session, peer: Peer, originator: Originator, found: list[Located], progress: Progress
) -> Tally:
    """What became of instances sent to a peer; where it is not reached, all have failed."""
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
    return tally


MOVE = Provided(
    Service.MOVE,
    dict.fromkeys(MODELS, OFFER),
    {CommandField.C_MOVE_RQ: move},
    relational,
)
