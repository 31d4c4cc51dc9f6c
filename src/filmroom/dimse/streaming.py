"""Many responses to one query: pages of them, C-CANCEL honoured (PS3.7 §9.1.2, §9.3.2.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from filmroom.association.messages import Message, response_to
from filmroom.association.statuses import Status
from filmroom.dimse.session import Session


def stream(
    session: Session, message: Message, pages: Iterable[Sequence[bytes]], pending: Status
) -> int:
    """Send a pending response with each identifier, then the last; how many were sent.

    Between pages it is seen whether the peer has cancelled or is gone.
    """
    request = message.command
    one = response_to(request, pending, has_data=True)
    sent, last = 0, Status.SUCCESS
    for page in pages:
        if session.cancelled(request.message_id or 0):
            last = Status.CANCEL
            break
        session.connection.send_each(message.context_id, one, page)
        sent += len(page)
    session.answer(message.context_id, response_to(request, last))
    return sent
