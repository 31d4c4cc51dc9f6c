"""What C-MOVE and C-GET have in common: what is asked for, and how it goes (PS3.4 §C.4)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from struct import pack

from filmroom.association.messages import Message, response_to
from filmroom.association.negotiation import Offer
from filmroom.association.statuses import Status
from filmroom.core.unique_keys import UniqueKeys, named
from filmroom.dicom.attributes import INSTANCE_UID, PATIENT_ID, SERIES_UID, STUDY_UID
from filmroom.dicom.datasets import read_dataset, write_dataset
from filmroom.dicom.levels import Level
from filmroom.dicom.uids import is_uid
from filmroom.dimse.session import Session
from filmroom.errors import Busy, Malformed
from filmroom.model.instance import Attributes, Located
from filmroom.model.remote import Tally

LEVEL = "00080052"
FAILED_INSTANCES = "00080058"  # Failed SOP Instance UID List
PENDING_EVERY = 0.1  # seconds: pending responses are for those who watch
LOOK_EVERY = 0.01  # seconds: to look for a C-CANCEL costs as much as a small instance
MOST = 0xFFFF  # what a count of sub-operations holds

UNIQUE_KEYS = (PATIENT_ID, STUDY_UID, SERIES_UID, INSTANCE_UID)
"""Of the levels, from the top."""


@dataclass(frozen=True, slots=True)
class Model:
    """A query/retrieve information model (PS3.4 §C.6)."""

    top: Level
    bottom: Level


PATIENT_ROOT = Model(Level.PATIENT, Level.IMAGE)
STUDY_ROOT = Model(Level.STUDY, Level.IMAGE)
PATIENT_STUDY_ONLY = Model(Level.PATIENT, Level.STUDY)
OFFER = Offer()


def relational(asked: bytes) -> bytes:
    """The answer to extended negotiation: relational retrieval yes, conversion no (§C.5.2.1)."""
    return pack("BB", bool(asked[:1] == b"\1"), 0)[: max(len(asked), 1)]


def retrieve(
    session: Session, message: Message, models: Mapping[str, Model], perform: Perform
) -> None:
    """Serve a C-MOVE or C-GET whose sub-operations are for `perform`."""
    try:
        found = asked_for(session, message, models)
    except Malformed as error:
        session.refuse(message, error, Status.DATA_SET_MISMATCH)
        return
    slots = session.archive.retrieves
    if not slots.acquire(blocking=False):
        busy = Busy(f"{session.archive.settings.retrieves} retrievals are under way already")
        session.refuse(message, busy, Status.SUBOPERATIONS_NOT_PERFORMED)
        return
    try:
        progress = Progress(session, message)
        progress.end(perform(found, progress))
    finally:
        slots.release()


def asked_for(session: Session, message: Message, models: Mapping[str, Model]) -> list[Located]:
    """The instances that a request names; raises Malformed if its identifier does not fit."""
    context = session.context(message.context_id)
    identifier = read_dataset(session.read_data(), context.transfer_syntax)
    return named(session.archive, read_keys(identifier, models[context.abstract_syntax]))


def read_keys(identifier: Attributes, model: Model) -> UniqueKeys:
    """The unique keys of an identifier; raises Malformed."""
    level = _level(identifier)
    if not model.top <= level <= model.bottom:
        raise Malformed(f"no level {level.name} in this information model")
    keys = [_values(identifier, tag) for tag in UNIQUE_KEYS]
    if not keys[level]:
        raise Malformed(f"the unique key of level {level.name} has no value")
    if any(len(above) > 1 for above in keys[:level]):
        raise Malformed("a unique key above the level has several values")
    return UniqueKeys(level, *keys[: level + 1])


def _level(identifier: Attributes) -> Level:
    told = _values(identifier, LEVEL)
    try:
        return Level[told[0]]
    except (IndexError, KeyError):
        raise Malformed("Query/Retrieve Level is none of PATIENT, STUDY, SERIES, IMAGE") from None


def _values(identifier: Attributes, tag: str) -> tuple[str, ...]:
    element = identifier.get(tag, {})
    values = [value for value in element.get("Value", ()) if isinstance(value, str) and value]
    if tag in UNIQUE_KEYS[1:] and not all(is_uid(uid, leading_zeros=True) for uid in values):
        raise Malformed("a unique key is no UID (PS3.5 §9.1)")
    return tuple(dict.fromkeys(value.strip() for value in values))


class Progress:
    """Tells a requester how its sub-operations go, and what became of them."""

    def __init__(self, session: Session, message: Message) -> None:
        self._session, self._message = session, message
        self._told = self._looked = 0.0

    def report(self, tally: Tally) -> None:
        """A pending response, unless one was sent just before."""
        now = time.monotonic()
        if tally.remaining and now - self._told >= PENDING_EVERY:
            self._told = now
            self._answer(Status.PENDING, tally, remaining=_count(tally.remaining))

    def cancelled(self) -> bool:
        """Whether the requester does not want the rest any more."""
        message_id = self._message.command.message_id or 0
        now = time.monotonic()
        if now - self._looked < LOOK_EVERY:
            return self._session.was_cancelled(message_id)
        self._looked = now
        return self._session.cancelled(message_id)

    def end(self, tally: Tally) -> None:
        """The final response, with the instances that failed."""
        if tally.remaining:
            self._answer(Status.CANCEL, tally, tally.failures, remaining=_count(tally.remaining))
            return
        status = Status.SUCCESS
        if tally.failed and not (tally.completed or tally.warned):
            status = Status.SUBOPERATIONS_NOT_PERFORMED
        elif tally.failed or tally.warned:
            status = Status.SUBOPERATIONS_FAILED
        self._answer(status, tally, tally.failures)

    def _answer(
        self, status: Status, tally: Tally, failures: Sequence[str] = (), **counts: int
    ) -> None:
        context_id, command = self._message.context_id, self._message.command
        data = []
        if failures:
            identifier = {FAILED_INSTANCES: {"vr": "UI", "Value": list(failures)}}
            syntax = self._session.context(context_id).transfer_syntax
            data = [write_dataset(identifier, syntax, charset="")]
        response = response_to(
            command,
            status,
            has_data=bool(failures),
            completed=_count(tally.completed),
            failed=_count(tally.failed),
            warned=_count(tally.warned),
            comment=tally.message or None if status is not Status.PENDING else None,
            **counts,
        )
        self._session.answer(context_id, response, data)


Perform = Callable[[list[Located], Progress], Tally]
"""Sends instances and says what became of them."""


def _count(number: int) -> int:
    return min(number, MOST)
