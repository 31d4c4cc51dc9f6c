"""The worklist: items that are scheduled, changed, found and moved on (PS3.4 §K.6)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Any

from filmroom.core.archive import Archive
from filmroom.core.worklist_files import FILE
from filmroom.core.worklist_items import (
    KIND,
    PAGE,
    file_item,
    item_of,
    items,
    move_file_item,
    record_of,
)
from filmroom.dicom.attributes import PATIENT_ID, PATIENT_NAME, STUDY_UID
from filmroom.dicom.by_keyword import from_keywords
from filmroom.dicom.identifiers import Identifier, read_identifier
from filmroom.errors import Conflict, Forbidden, Malformed, NotFound
from filmroom.model.instance import Attributes
from filmroom.model.records import Record
from filmroom.model.worklist import (
    ENDED,
    STEP_ID,
    STEP_STATUS,
    STEPS,
    Item,
    StepStatus,
    first_text,
    status_of,
    steps_of,
    with_status,
)

REQUESTED_ID = "00401001"
TRIES = 10  # times that a change is made anew because somebody else was faster
_NEEDED = {PATIENT_NAME: "PatientName", PATIENT_ID: "PatientID"}
_NEEDED_IN_STEPS = {
    "00080060": "Modality",
    "00400001": "ScheduledStationAETitle",
    "00400002": "ScheduledProcedureStepStartDate",
    "00400003": "ScheduledProcedureStepStartTime",
}


def add(archive: Archive, told: Mapping[str, Any], called: str = "") -> Item:
    """Schedule an item, told by keyword or tag; Conflict if its first step is scheduled already.

    Study Instance UID, Requested Procedure ID, Scheduled Procedure Step ID and Status are
    made where they are not told.
    """
    attributes = _complete(from_keywords(told))
    item = Item(_key(attributes), attributes, time.time(), called)
    try:
        archive.records.put(record_of(item, archive.settings.workflow_keep))
    except Conflict:
        raise Conflict("this step of this study is scheduled already") from None
    return item


def change(archive: Archive, key: str, told: Mapping[str, Any], called: str = "") -> Item:
    """Put other attributes in the place of an item's; NotFound if there is none."""
    record = _own(archive, key)
    held = item_of(record)
    attributes = from_keywords(told)
    attributes.setdefault(STUDY_UID, held.attributes[STUDY_UID])
    item = Item(key, _complete(attributes), time.time(), called)
    archive.records.put(record_of(item, archive.settings.workflow_keep, record.version))
    return item


def remove(archive: Archive, key: str) -> None:
    """Take an item off the worklist; NotFound if there is none."""
    _own(archive, key)
    if not archive.records.remove(KIND, key):
        raise _none(key)


def get(archive: Archive, key: str) -> Item:
    """One item; NotFound if there is none."""
    return file_item(archive, key) if key.startswith(FILE) else item_of(_own(archive, key))


def page(
    archive: Archive, *, after: str = "", limit: int = PAGE, ended: bool = False
) -> list[Item]:
    """Items by key, those behind `after`; those that have ended only if they are asked for."""
    return list(islice(items(archive, ended=ended, after=after), limit))


def find(
    archive: Archive, asked: Attributes, called: str = "", *, fuzzy: bool = False
) -> Iterator[Attributes]:
    """What an identifier matches, step by step: for each one answer (PS3.4 §K.6.1.2.2).

    Steps that have ended are left out unless Scheduled Procedure Step Status is asked for.
    Malformed for a key that its VR does not allow, before the first match.
    """
    identifier = read_identifier(asked, fuzzy=fuzzy)
    return _matches(archive, identifier, called, ended=_asks_for_status(identifier))


def move(archive: Archive, study: str, step: str, status: StepStatus) -> int:
    """Set the status of a scheduled step, of how many items; the step of a study that has one
    only need not be named."""
    moved = 0
    for item in items(archive, ended=True):
        if first_text(item.attributes, STUDY_UID) == study and _names(item, step):
            moved += _until_made(partial(_move, archive, item, study, step, status))
    return moved


def _matches(
    archive: Archive, identifier: Identifier, called: str, *, ended: bool
) -> Iterator[Attributes]:
    for item in items(archive, ended=ended):
        if item.fault or item.called not in ("", called):
            continue
        for scheduled in item.steps():
            (step,) = steps_of(scheduled)
            if (ended or status_of(step) not in ENDED) and identifier.matches(scheduled):
                yield identifier.told(scheduled)


def _asks_for_status(identifier: Identifier) -> bool:
    steps = identifier.wish(STEPS)
    status = steps.item.wish(STEP_STATUS) if steps and steps.item else None
    return status is not None and (status.test is not None or status.blank)


def _names(item: Item, step: str) -> bool:
    steps = steps_of(item.attributes)
    if not step:
        return len(steps) == 1
    return any(first_text(one, STEP_ID) == step for one in steps)


def _until_made(make: Callable[[], None]) -> bool:
    """Whether a change was made; what it is made to may be gone by now."""
    for _ in range(TRIES):
        try:
            make()
        except NotFound:
            return False
        except Conflict:
            continue  # another step of the item was moved meanwhile
        return True
    raise Conflict("a worklist item changes all the time")


def _move(archive: Archive, item: Item, study: str, step: str, status: StepStatus) -> None:
    if item.key.startswith(FILE):
        move_file_item(archive, item.key, study, step, status)
        return
    record = archive.records.get(KIND, item.key)
    attributes = with_status(item_of(record).attributes, step, status)
    moved = replace(item, attributes=attributes, changed=time.time())
    archive.records.put(record_of(moved, archive.settings.workflow_keep, record.version))


def _own(archive: Archive, key: str) -> Record:
    """The record of an item that is not a file's; NotFound, Forbidden."""
    if key.startswith(FILE):
        raise Forbidden(f"{key!r} is read from a file: it is changed there")
    try:
        return archive.records.get(KIND, key)
    except NotFound:
        raise _none(key) from None


def _none(key: str) -> NotFound:
    return NotFound(f"no worklist item {key!r}")


def _complete(attributes: Attributes) -> Attributes:
    """The item with what can be made for it; Malformed if something else is missing."""
    steps = steps_of(attributes)
    missing = [name for tag, name in _NEEDED.items() if not _has(attributes, tag)]
    if not steps:
        missing.append("ScheduledProcedureStepSequence")
    missing += [n for tag, n in _NEEDED_IN_STEPS.items() if not all(_has(s, tag) for s in steps)]
    if missing:
        raise Malformed(f"a worklist item needs {', '.join(missing)} (PS3.4 Table K.6-1)")
    made = uuid.uuid4()
    complete = _with(attributes, STUDY_UID, "UI", f"2.25.{made.int}")
    complete = _with(complete, REQUESTED_ID, "SH", made.hex[:16].upper())
    complete[STEPS] = {
        "vr": "SQ",
        "Value": [_complete_step(step, made.hex, i) for i, step in enumerate(steps)],
    }
    ids = [first_text(step, STEP_ID) for step in steps_of(complete)]
    if len(set(ids)) < len(ids):
        raise Malformed("two steps have the same ScheduledProcedureStepID")
    return dict(sorted(complete.items()))


def _complete_step(step: Attributes, made: str, number: int) -> Attributes:
    step = _with(step, STEP_ID, "SH", f"{made[16:28].upper()}-{number + 1}"[:16])
    step = _with(step, STEP_STATUS, "CS", StepStatus.SCHEDULED)
    return dict(sorted(step.items()))


def _with(attributes: Attributes, tag: str, vr: str, value: str) -> Attributes:
    if _has(attributes, tag):
        return dict(attributes)
    return {**attributes, tag: {"vr": vr, "Value": [str(value)]}}


def _has(attributes: Attributes, tag: str) -> bool:
    values = attributes.get(tag, {}).get("Value", ())
    return any(value not in ("", {}) for value in values)


def _key(attributes: Attributes) -> str:
    """The same for the same step of the same study, so that it is not scheduled twice."""
    told = f"{first_text(attributes, STUDY_UID)}/{first_text(steps_of(attributes)[0], STEP_ID)}"
    return sha256(told.encode()).hexdigest()[:32]
