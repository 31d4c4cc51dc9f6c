"""Performed procedure steps: created, changed until they end, and read (PS3.4 §F.7, §F.8).

A step moves the worklist items on that it performs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from filmroom.core import worklist
from filmroom.core.archive import Archive
from filmroom.core.worklist_items import due_to_forget
from filmroom.dicom.attributes import SERIES_UID, STUDY_UID
from filmroom.dicom.identifiers import CHARSET
from filmroom.dicom.uids import is_uid
from filmroom.errors import Conflict, NotFound
from filmroom.model.instance import Attributes
from filmroom.model.records import Record
from filmroom.model.step import RULES, Changed, Ended, Fault, PerformedStatus, Step, Unfit
from filmroom.model.worklist import STEP_ID, StepStatus, first_text

KIND = "step"
TRIES = 10  # times that a change is made anew because somebody else was faster
PAGE = 1000
SCHEDULED, SERIES, STATUS = "00400270", "00400340", "00400252"
_MOVES = {
    PerformedStatus.IN_PROGRESS: StepStatus.STARTED,
    PerformedStatus.COMPLETED: StepStatus.COMPLETED,
    PerformedStatus.DISCONTINUED: StepStatus.DISCONTINUED,
}


def create(archive: Archive, instance: str, attributes: Attributes, source: str) -> Step:
    """Begin a step (PS3.4 §F.7.2.1); Unfit, and Conflict if there is one of that UID.

    On return it is on stable storage, and so are the worklist items that it has moved.
    """
    held = _without_charset(attributes)
    _check(held, [tag for tag, rule in RULES.items() if rule.at_create])
    _check_uids(held, SCHEDULED, STUDY_UID, "Study Instance UID")
    if _status(held) is not PerformedStatus.IN_PROGRESS:
        raise Unfit(Fault.WRONG, (STATUS,), "a step begins IN PROGRESS")
    now = time.time()
    step = Step(instance, PerformedStatus.IN_PROGRESS, held, now, now, source)
    try:
        archive.records.put(_record(step, archive.settings.workflow_keep))
    except Conflict:
        raise Conflict(f"there is a procedure step {instance} already") from None
    _follow(archive, step)
    return step


def change(archive: Archive, instance: str, attributes: Attributes) -> Changed:
    """Set attributes of a step in progress (PS3.4 §F.7.2.2); Unfit, NotFound, Ended.

    What only creation sets stays as it was, and is told if it was to be another.
    """
    news = _without_charset(attributes)
    for _ in range(TRIES):
        record = archive.records.get(KIND, instance)
        held = _step(record)
        if held.status is not PerformedStatus.IN_PROGRESS:
            raise Ended(f"procedure step {instance} is {held.status}")
        changed = _changed(held, news)
        made = _record(changed.step, archive.settings.workflow_keep, record.version)
        try:
            archive.records.put(made)
        except Conflict:
            continue
        if changed.step.status is not held.status:
            _follow(archive, changed.step)
        return changed
    raise Conflict(f"procedure step {instance} changes all the time")


def get(archive: Archive, instance: str) -> Step:
    """One step; NotFound if there is none."""
    try:
        return _step(archive.records.get(KIND, instance))
    except NotFound:
        raise NotFound(f"no procedure step {instance}") from None


def page(
    archive: Archive, status: PerformedStatus | None = None, after: str = "", limit: int = PAGE
) -> list[Step]:
    """Steps by UID, those behind `after`; of a status if one is named."""
    return [
        _step(record)
        for record in archive.records.list(KIND, state=status, after=after, limit=limit)
    ]


def of_study(archive: Archive, study: str) -> Iterator[Step]:
    """The steps that were performed for a study."""
    after: str | None = ""
    while after is not None:
        found = page(archive, after=after)
        for step in found:
            if any(first_text(i, STUDY_UID) == study for i in _items(step.attributes, SCHEDULED)):
                yield step
        after = found[-1].instance if len(found) == PAGE else None


def _changed(held: Step, news: Attributes) -> Changed:
    fixed = {tag for tag in news if tag in RULES and RULES[tag].fixed}
    kept = tuple(sorted(tag for tag in fixed if news[tag] != held.attributes.get(tag)))
    free = {tag: element for tag, element in news.items() if tag not in fixed}
    attributes = dict(sorted((held.attributes | free).items()))
    status = _status(attributes)
    if status is not PerformedStatus.IN_PROGRESS:
        _check(attributes, [tag for tag, rule in RULES.items() if rule.at_end])
        _check_uids(attributes, SERIES, SERIES_UID, "Series Instance UID")
    step = replace(held, status=status, attributes=attributes, changed=time.time())
    return Changed(step, kept)


def _follow(archive: Archive, step: Step) -> None:
    """Move on the worklist items that a step performs."""
    for item in _items(step.attributes, SCHEDULED):
        study, scheduled = first_text(item, STUDY_UID), first_text(item, STEP_ID)
        worklist.move(archive, study, scheduled, _MOVES[step.status])


def _check(attributes: Attributes, needed: list[str]) -> None:
    """Raise Unfit if attributes of type 1 are not there, or have no value (PS3.5 §7.4.1)."""
    missing = tuple(tag for tag in needed if tag not in attributes)
    if missing:
        raise Unfit(Fault.MISSING, missing, _names(missing))
    blank = tuple(tag for tag in needed if not any(attributes[tag].get("Value", ())))
    if blank:
        raise Unfit(Fault.BLANK, blank, _names(blank))


def _check_uids(attributes: Attributes, sequence: str, tag: str, name: str) -> None:
    """Raise Unfit if an item of a sequence names no UID."""
    for item in _items(attributes, sequence):
        uid = first_text(item, tag)
        if not is_uid(uid, leading_zeros=True):
            raise Unfit(Fault.WRONG if uid else Fault.MISSING, (tag,), name)


def _status(attributes: Attributes) -> PerformedStatus:
    try:
        return PerformedStatus(first_text(attributes, STATUS).strip())
    except ValueError:
        raise Unfit(Fault.WRONG, (STATUS,), RULES[STATUS].name) from None


def _names(tags: tuple[str, ...]) -> str:
    return ", ".join(RULES[tag].name for tag in tags)


def _items(attributes: Attributes, sequence: str) -> list[Attributes]:
    values = attributes.get(sequence, {}).get("Value", ())
    return [value for value in values if isinstance(value, dict)]


def _without_charset(attributes: Attributes) -> Attributes:
    return {tag: element for tag, element in attributes.items() if tag != CHARSET}


def _record(step: Step, keep: float, version: int = 0) -> Record:
    value = {
        "attributes": step.attributes,
        "created": step.created,
        "changed": step.changed,
        "source": step.source,
    }
    ended = step.status is not PerformedStatus.IN_PROGRESS
    due = due_to_forget(keep) if ended else None
    return Record(KIND, step.instance, value, step.status, due, version)


def _step(record: Record) -> Step:
    value = record.value
    return Step(
        record.key,
        PerformedStatus(record.state),
        value["attributes"],
        value["created"],
        value["changed"],
        value["source"],
    )
