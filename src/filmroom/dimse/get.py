"""C-GET, as SCP: instances sent back over the same association (PS3.4 §C.4.3, PS3.7 §9.1.3)."""

from __future__ import annotations

from collections import deque

from filmroom.association.messages import Command, CommandField, Message, Priority
from filmroom.association.statuses import Status, is_warning
from filmroom.core.sending import Sending
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
from filmroom.errors import ArchiveError, Declined, Unreachable
from filmroom.model.instance import Located
from filmroom.model.peer import Service
from filmroom.model.remote import Originator, Outgoing, Tally

MODELS = {
    "1.2.840.10008.5.1.4.1.2.1.3": PATIENT_ROOT,
    "1.2.840.10008.5.1.4.1.2.2.3": STUDY_ROOT,
    "1.2.840.10008.5.1.4.1.2.3.3": PATIENT_STUDY_ONLY,
}


def get(session: Session, message: Message) -> None:
    """Send what is asked for to who asks."""

    def perform(found: list[Located], progress: Progress) -> Tally:
        tally = Tally(len(found))
        peer = session.caller.peer
        sending = Sending(
            session.archive,
            tally,
            progress.report,
            progress.cancelled,
            syntaxes=peer.syntaxes if peer else (),
        )
        sending.over(SubOperations(session), deque(found))
        return tally

    retrieve(session, message, MODELS, perform)


class SubOperations:
    """A delivery to who asked, in the presentation contexts that it is SCP of."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._contexts = {
            (context.abstract_syntax, context.transfer_syntax): context.id
            for context in session.connection.association.contexts.values()
            if session.role(context.abstract_syntax).scp
        }
        self._message_id = 0

    def takes(self, sop_class: str, transfer_syntax: str) -> bool:
        return (sop_class, transfer_syntax) in self._contexts

    def send(self, outgoing: Outgoing, originator: Originator | None = None) -> None:
        self._message_id = self._message_id % 0xFFFF + 1
        command = Command(
            field=CommandField.C_STORE_RQ,
            has_data=True,
            message_id=self._message_id,
            sop_class=outgoing.sop_class,
            instance=outgoing.instance,
            priority=Priority.MEDIUM,
        )
        context_id = self._contexts[outgoing.sop_class, outgoing.transfer_syntax]
        try:
            self._session.answer(context_id, command, outgoing.data)
        except Unreachable:
            raise
        except ArchiveError as error:  # a message is left half-sent
            self._session.abort(str(error))

    def stored(self) -> bool:
        response = self._session.response(CommandField.C_STORE_RSP)
        status = response.status or 0
        if status != Status.SUCCESS and not is_warning(status):
            raise Declined(f"C-STORE was answered with {status:04X}H", status)
        return status == Status.SUCCESS


GET = Provided(
    Service.GET,
    dict.fromkeys(MODELS, OFFER),
    {CommandField.C_GET_RQ: get},
    relational,
)
