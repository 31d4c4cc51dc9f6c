"""C-STORE, as SCP: what comes is written as it comes, and answered when it will last.

PS3.4 Annex B, PS3.7 §9.1.1. No data set is ever whole in memory.
"""

from __future__ import annotations

from filmroom.association.messages import Command, CommandField, Message, response_to
from filmroom.association.negotiation import Offer
from filmroom.association.protocol import Context
from filmroom.association.statuses import Status
from filmroom.core.store import receive
from filmroom.dicom.part10 import new_file_meta
from filmroom.dicom.uids import is_uid
from filmroom.dimse.provided import Provided
from filmroom.dimse.session import Session
from filmroom.errors import (
    ArchiveError,
    Busy,
    Conflict,
    FailureReason,
    Full,
    Refused,
    TooLarge,
)
from filmroom.model.peer import Service
from filmroom.model.stored import Outcome, Stored
from filmroom.settings import Settings

STATUSES: dict[type[ArchiveError], int] = {
    ArchiveError: Status.PROCESSING_FAILURE,
    Busy: Status.OUT_OF_RESOURCES,
    Conflict: Status.DUPLICATE_SOP_INSTANCE,
    Full: Status.OUT_OF_RESOURCES,
    TooLarge: Status.OUT_OF_RESOURCES,
}
"""PS3.4 Table B.2-1."""


def storage_offer(settings: Settings) -> Offer:
    """What is taken of a storage SOP class; as SCU of C-GET's sub-operations we send it."""
    return Offer(settings.dimse_syntaxes or None, scp=True)


def store(session: Session, message: Message) -> None:
    """Store the instance that follows."""
    context, command = session.context(message.context_id), message.command
    try:
        stored = _store(session, context, command)
    except ArchiveError as error:
        session.refuse(message, error, _status_of(error))
        return
    status, comment = _outcome(stored)
    session.answer(message.context_id, response_to(command, status, comment=comment))


def _store(session: Session, context: Context, command: Command) -> Stored:
    sop_class, instance = command.sop_class or "", command.instance or ""
    if not session.role(context.abstract_syntax).scu:
        raise Refused("not agreed on: who called is no SCU here", FailureReason.NOT_AUTHORIZED)
    if sop_class != context.abstract_syntax:
        reason = FailureReason.SOP_CLASS_NOT_SUPPORTED
        raise Refused("not the SOP class of the presentation context", reason)
    if not is_uid(instance, leading_zeros=True):
        raise Refused("Affected SOP Instance UID is not a UID (PS3.5 §9.1)")
    if not command.has_data:
        raise Refused("a C-STORE without a data set")
    source = f"dimse:{session.caller.title}@{session.caller.address}"
    with receive(session.archive, source, named=(sop_class, instance)) as incoming:
        incoming.write(new_file_meta(context.transfer_syntax, sop_class, instance))
        for piece in session.pieces():
            incoming.write(piece)
        return incoming.finish()


def _outcome(stored: Stored) -> tuple[Status, str | None]:
    """Status and comment of what was stored; what is merely odd about it is no warning."""
    if stored.outcome is Outcome.KEPT_FIRST:
        return Status.COERCED, stored.warnings[-1]
    return Status.SUCCESS, None


def _status_of(error: ArchiveError) -> int:
    if isinstance(error, Refused):
        return int(error.reason)
    return int(next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES))


STORE = Provided(Service.STORE, {}, {CommandField.C_STORE_RQ: store})
"""For all storage SOP classes, private ones too: see `storage_offer`."""
