"""Modality Performed Procedure Step and its retrieval, as SCP (PS3.4 §F.7, §F.8)."""

from __future__ import annotations

import uuid

from filmroom.association.messages import Command, CommandField, Message, response_to
from filmroom.association.negotiation import Offer
from filmroom.association.statuses import Status
from filmroom.core import steps
from filmroom.dicom.datasets import read_dataset, write_dataset
from filmroom.dicom.transfer_syntaxes import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
)
from filmroom.dicom.uids import is_uid
from filmroom.dimse.provided import Provided
from filmroom.dimse.session import Session
from filmroom.errors import Conflict, Malformed, NotFound
from filmroom.model.instance import Attributes
from filmroom.model.peer import Service
from filmroom.model.step import Ended, Fault, Step, Unfit

PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"
STEP_RETRIEVAL = "1.2.840.10008.3.1.2.3.4"
SYNTAXES = frozenset({IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED})
MAX_STEP = 16 << 20  # bytes of a data set: it names every instance that was made
MAY_NOT_BE_UPDATED = 0xA710  # Error ID (PS3.4 Table F.7.2-2)
_FAULTS = {
    Fault.MISSING: Status.MISSING_ATTRIBUTE,
    Fault.BLANK: Status.MISSING_ATTRIBUTE_VALUE,
    Fault.WRONG: Status.INVALID_ATTRIBUTE_VALUE,
}


def create(session: Session, message: Message) -> None:
    """N-CREATE: a step has begun; one without a UID is given one (PS3.7 §10.1.5.1.4)."""
    command = message.command
    instance = command.instance or f"2.25.{uuid.uuid4().int}"
    if not _fits(session, message, command.sop_class, instance):
        return
    source = f"dimse:{session.caller.title}@{session.caller.address}"
    try:
        step = steps.create(session.archive, instance, _read(session, message), source)
    except Unfit as error:
        _answer_unfit(session, message, error, instance)
        return
    except Conflict as error:
        session.refuse(message, error, Status.DUPLICATE_SOP_INSTANCE)
        return
    session.answer(message.context_id, _response(command, Status.SUCCESS, instance))
    _log(session, step)


def change(session: Session, message: Message) -> None:
    """N-SET: a step goes on, or ends."""
    command = message.command
    instance = command.requested_instance or command.instance or ""
    if not _fits(session, message, command.requested_sop_class or command.sop_class, instance):
        return
    try:
        changed = steps.change(session.archive, instance, _read(session, message))
    except Unfit as error:
        _answer_unfit(session, message, error, instance)
        return
    except NotFound as error:
        session.refuse(message, error, Status.NO_SUCH_SOP_INSTANCE)
        return
    except Ended:
        _answer_ended(session, message, instance)
        return
    status = Status.ATTRIBUTE_LIST_ERROR if changed.kept else Status.SUCCESS
    kept = tuple(int(tag, 16) for tag in changed.kept) or None
    response = _response(command, status, instance, offending=kept)
    session.answer(message.context_id, response)
    _log(session, changed.step)


def retrieve(session: Session, message: Message) -> None:
    """N-GET: what is known of a step, all of it or what is named (PS3.4 §F.8.2)."""
    command = message.command
    instance = command.requested_instance or command.instance or ""
    try:
        step = steps.get(session.archive, instance)
    except NotFound as error:
        session.refuse(message, error, Status.NO_SUCH_SOP_INSTANCE)
        return
    wanted = [f"{tag:08X}" for tag in command.attributes or ()]
    told = {tag: step.attributes[tag] for tag in wanted if tag in step.attributes}
    lacks = len(told) < len(set(wanted))
    status = Status.OPTIONAL_CLASSES_NOT_SUPPORTED if lacks else Status.SUCCESS
    syntax = session.context(message.context_id).transfer_syntax
    data = write_dataset(told if wanted else step.attributes, syntax)
    response = response_to(
        command, status, sop_class=PERFORMED_STEP, instance=instance, has_data=True
    )
    session.answer(message.context_id, response, [data])


def _read(session: Session, message: Message) -> Attributes:
    data = session.read_data(MAX_STEP)
    return read_dataset(data, session.context(message.context_id).transfer_syntax)


def _fits(session: Session, message: Message, sop_class: str | None, instance: str) -> bool:
    """Whether a message is about a step that can be; if not, that is answered."""
    if sop_class not in (None, "", PERFORMED_STEP):
        session.refuse(message, Malformed("not the SOP class"), Status.CLASS_INSTANCE_CONFLICT)
    elif not is_uid(instance, leading_zeros=True):
        session.refuse(message, Malformed("not a UID"), Status.INVALID_SOP_INSTANCE)
    else:
        return True
    return False


def _answer_unfit(session: Session, message: Message, error: Unfit, instance: str) -> None:
    offending = tuple(int(tag, 16) for tag in error.tags)
    session.tally.failed += 1
    session.answer(
        message.context_id,
        _response(
            message.command,
            _FAULTS[error.fault],
            instance,
            offending=offending,
            comment=str(error),
        ),
    )


def _answer_ended(session: Session, message: Message, instance: str) -> None:
    comment = "Performed Procedure Step Object may no longer be updated"
    session.tally.failed += 1
    session.answer(
        message.context_id,
        _response(
            message.command,
            Status.PROCESSING_FAILURE,
            instance,
            error_id=MAY_NOT_BE_UPDATED,
            comment=comment,
        ),
    )


def _response(command: Command, status: int, instance: str, **elements: object) -> Command:
    return response_to(command, status, sop_class=PERFORMED_STEP, instance=instance, **elements)


def _log(session: Session, step: Step) -> None:
    session.log.info(
        "procedure step",
        extra={"caller": session.caller.title, "step": step.instance, "status": step.status.value},
    )


STEPS = Provided(
    Service.STORE,
    {PERFORMED_STEP: Offer(transfer_syntaxes=SYNTAXES)},
    {CommandField.N_CREATE_RQ: create, CommandField.N_SET_RQ: change},
)
STEP_READING = Provided(
    Service.FIND,
    {STEP_RETRIEVAL: Offer(transfer_syntaxes=SYNTAXES)},
    {CommandField.N_GET_RQ: retrieve},
)
