"""Storage Commitment Push Model, as SCP, and what peers report that we have asked (PS3.4 §J.3)."""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

from filmroom.association.messages import Command, CommandField, Message, response_to
from filmroom.association.negotiation import Offer
from filmroom.association.statuses import Status, is_warning
from filmroom.core import commitment, committing, peers
from filmroom.dicom.datasets import read_dataset, write_dataset
from filmroom.dicom.transfer_syntaxes import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)
from filmroom.dimse.provided import Provided
from filmroom.dimse.session import Session
from filmroom.errors import ArchiveError, Conflict, Malformed, NotFound
from filmroom.model.commitment import (
    PUSH_MODEL,
    REQUEST,
    WELL_KNOWN,
    Commitment,
    CommitmentState,
    read_request,
)
from filmroom.model.instance import Attributes
from filmroom.model.peer import Peer, Service
from filmroom.model.records import Record
from filmroom.model.remote import Operation, Verb

SYNTAXES = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})
LARGEST = 32 << 20  # bytes of a data set: it names every instance


def action(session: Session, message: Message) -> None:
    """N-ACTION: take a request on, and tell what became of it later."""
    command = message.command
    if command.action_type != REQUEST:
        session.refuse(message, Malformed("no such action"), Status.NO_SUCH_ACTION)
        return
    if command.requested_instance not in (None, "", WELL_KNOWN):
        fault = NotFound("not the well-known SOP instance")
        session.refuse(message, fault, Status.NO_SUCH_SOP_INSTANCE)
        return
    try:
        asked = _asked(session, _read(session, message))
    except Malformed as error:
        session.refuse(message, error, Status.INVALID_ARGUMENT_VALUE)
        return
    peer = _callable(session)
    key = commitment.accept(session.archive, asked, peer.name if peer else None)
    session.answer(message.context_id, response_to(command, Status.SUCCESS, action_type=REQUEST))
    session.log.info(
        "commitment asked",
        extra={
            "caller": session.caller.title,
            "transaction": asked.transaction,
            "instances": len(asked.references),
            "peer": peer.name if peer else None,
        },
    )
    wait = session.archive.settings.commitment_wait
    session.later(wait, partial(_tell, session, message.context_id, key))


def report(session: Session, message: Message) -> None:
    """N-EVENT-REPORT: a peer tells what became of a request of ours."""
    command = message.command
    attributes = _read(session, message)
    event = Operation(
        Verb.EVENT_REPORT, PUSH_MODEL, command.instance or "", command.event_type, attributes
    )
    status = committing.settle(session.archive, event)
    session.answer(message.context_id, response_to(command, status, event_type=command.event_type))
    session.log.info(
        "commitment reported", extra={"caller": session.caller.title, "status": status}
    )


def _read(session: Session, message: Message) -> Attributes:
    data = session.read_data(LARGEST)
    return read_dataset(data, session.context(message.context_id).transfer_syntax)


def _asked(session: Session, attributes: Attributes) -> Commitment:
    transaction, references = read_request(attributes)
    caller = session.caller
    return Commitment(
        transaction,
        caller.title,
        caller.address,
        references,
        None,
        CommitmentState.ASKED,
        time.time(),
        session.called,
    )


def _callable(session: Session) -> Peer | None:
    """The peer that is told if its association has ended by then; None: there is none."""
    caller = session.caller
    if caller.peer is not None and caller.peer.host:
        return caller.peer
    return peers.find_by_title(session.archive, caller.title, caller.address)


def _tell(session: Session, context_id: int, key: str) -> None:
    """Report on the association that asked, which is still there."""
    archive = session.archive
    try:
        claimed = commitment.claim(archive, key)
        if claimed is None:
            return
        judged, _, event = commitment.judge(archive, claimed)
    except (Conflict, NotFound):  # somebody else tells it, or it is forgotten
        return
    except ArchiveError as error:  # the job will try when the claim has run out
        session.log.warning("commitment not told", extra={"reason": str(error)})
        return
    command = Command(
        field=CommandField.N_EVENT_REPORT_RQ,
        has_data=True,
        sop_class=PUSH_MODEL,
        instance=WELL_KNOWN,
        event_type=event.kind,
    )
    syntax = session.context(context_id).transfer_syntax
    data = write_dataset(event.attributes or {}, syntax)
    session.ask(context_id, command, [data], partial(_answered, session, judged))


def _answered(session: Session, judged: Record, response: Command | None) -> None:
    status = None if response is None else response.status or 0
    is_taken = status is not None and (status == Status.SUCCESS or is_warning(status))
    with suppress(ArchiveError):  # it took so long that somebody else tells it too
        (commitment.told if is_taken else commitment.release)(session.archive, judged)
    session.log.info("commitment told", extra={"caller": session.caller.title, "status": status})


COMMITMENT = Provided(
    Service.STORE,
    {PUSH_MODEL: Offer(transfer_syntaxes=SYNTAXES, scp=True)},
    {CommandField.N_ACTION_RQ: action, CommandField.N_EVENT_REPORT_RQ: report},
)
