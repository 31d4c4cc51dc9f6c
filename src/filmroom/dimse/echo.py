"""C-ECHO, as SCP: yes, we are here (PS3.4 Annex A, PS3.7 §9.1.5)."""

from __future__ import annotations

from filmroom.association.messages import CommandField, Message, response_to
from filmroom.association.negotiation import Offer
from filmroom.association.statuses import Status
from filmroom.dimse.provided import Provided
from filmroom.dimse.session import Session
from filmroom.model.peer import Service

VERIFICATION = "1.2.840.10008.1.1"


def echo(session: Session, message: Message) -> None:
    """Answer with success."""
    session.answer(message.context_id, response_to(message.command, Status.SUCCESS))


ECHO = Provided(Service.ECHO, {VERIFICATION: Offer()}, {CommandField.C_ECHO_RQ: echo})
