"""From an accepted association to the handlers of its messages."""

from __future__ import annotations

import time
from threading import Lock

from filmroom.association.connection import Disconnected
from filmroom.association.messages import Message, response_to
from filmroom.association.protocol import OutOfTurn
from filmroom.association.statuses import Status
from filmroom.dimse.failures import OURS
from filmroom.dimse.services import handler_for
from filmroom.dimse.session import Ended, Session
from filmroom.errors import ArchiveError, Unsupported


def serve(session: Session, at_work: Lock) -> None:
    """Serve an association's messages until it is over, and write its line into the log.

    `at_work` is held while a message is served.
    """
    begun = time.monotonic()
    ended = "released"
    try:
        for message in session.messages():
            with at_work:
                _serve_one(session, message)
    except (Ended, Disconnected, OutOfTurn) as error:
        ended = str(error)
    finally:
        session.give_up()
        session.log.info(
            "association",
            extra={
                "caller": session.caller.title,
                "called": session.called,
                "address": session.caller.address,
                "requests": session.tally.messages,
                "failed": session.tally.failed,
                "bytes": session.tally.received,
                "milliseconds": round((time.monotonic() - begun) * 1000),
                "ended": ended,
            },
        )


def _serve_one(session: Session, message: Message) -> None:
    command = message.command
    handler = handler_for(session.context(message.context_id).abstract_syntax, command.field)
    if command.field.is_response:
        if session.is_answered(message):
            return
        session.abort(f"a {command.field.name} that nobody waits for")
    name = command.field.name.removesuffix("_RQ")
    session.tally.messages[name] = session.tally.messages.get(name, 0) + 1
    try:
        (handler or _unrecognized)(session, message)
    except (Ended, Disconnected, OutOfTurn):
        raise
    except ArchiveError as error:
        session.refuse(message, error)
    except Exception:
        session.log.exception("a request failed", extra={"request": name})
        session.tally.failed += 1
        session.drain()
        answer = response_to(command, Status.PROCESSING_FAILURE, comment=OURS)
        session.answer(message.context_id, answer)


def _unrecognized(session: Session, message: Message) -> None:
    abstract_syntax = session.context(message.context_id).abstract_syntax
    raise Unsupported(f"no {message.command.field.name} for {abstract_syntax}")
