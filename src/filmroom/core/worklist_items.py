"""Worklist items as records, and those of files with what procedure steps set of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum

from filmroom.core.archive import Archive
from filmroom.dicom.attributes import STUDY_UID
from filmroom.errors import NotFound
from filmroom.model.records import Record
from filmroom.model.worklist import (
    ENDED,
    Item,
    StepStatus,
    first_text,
    status_of,
    steps_of,
    with_status,
)

KIND = "worklist"
MOVED = "worklist-moved"
"""Of an item of a file: the states that procedure steps gave it, by study and scheduled step.

They outlive the file, which its writer may take away for a moment to write it anew."""
PAGE = 1000  # records read at once
DAY = 86400.0  # seconds


class State(StrEnum):
    """Whether an item is told to whoever does not ask for what has ended."""

    OPEN = "open"
    ENDED = "ended"


def items(archive: Archive, *, ended: bool, after: str = "") -> Iterator[Item]:
    """Items by key: those that were added, then those of files."""
    state = None if ended else State.OPEN
    for record in _records(archive, KIND, state, after):
        yield item_of(record)
    for item in file_items(archive):
        if item.key > after and (ended or not has_ended(item)):
            yield item


def file_items(archive: Archive) -> list[Item]:
    """The items of files, by key, in the states that procedure steps gave them."""
    found = {item.key: item for item in archive.worklist_files.items()}
    for record in _records(archive, MOVED, None, ""):
        item = found.get(record.key)
        if item is not None:
            found[record.key] = _moved(item, record)
    return sorted(found.values(), key=lambda item: item.key)


def file_item(archive: Archive, key: str) -> Item:
    """The item of a file; NotFound if there is none."""
    found = (item for item in archive.worklist_files.items() if item.key == key)
    item = next(found, None)
    if item is None:
        raise NotFound(f"no worklist item {key!r}")
    return _moved(item, moved_record(archive, key))


def moved_record(archive: Archive, key: str) -> Record:
    """What procedure steps set of an item of a file, a new record if that is nothing."""
    try:
        return archive.records.get(MOVED, key)
    except NotFound:
        return Record(MOVED, key, {"moved": {}})


def move_file_item(archive: Archive, key: str, study: str, step: str, status: StepStatus) -> None:
    """Remember what a procedure step sets of an item of a file; Conflict if others do as well."""
    record = moved_record(archive, key)
    moved = {**record.value["moved"], f"{study}/{step}": status.value}
    due = due_to_forget(archive.settings.workflow_keep)
    archive.records.put(replace(record, value={"moved": moved}, due=due))


def due_to_forget(keep: float) -> float | None:
    """When what ends now is to be forgotten, `keep` days from now; None: never."""
    return time.time() + keep * DAY if keep else None


def item_of(record: Record) -> Item:
    """The item that a record holds."""
    value = record.value
    return Item(record.key, value["attributes"], value["changed"], value["called"])


def record_of(item: Item, keep: float, version: int = 0) -> Record:
    """The record of an item; `keep` days after it ended it is due to be forgotten."""
    ended = has_ended(item)
    value = {"attributes": item.attributes, "changed": item.changed, "called": item.called}
    due = due_to_forget(keep) if ended else None
    return Record(KIND, item.key, value, State.ENDED if ended else State.OPEN, due, version)


def has_ended(item: Item) -> bool:
    """Whether all steps of an item have ended."""
    steps = steps_of(item.attributes)
    return bool(steps) and all(status_of(step) in ENDED for step in steps)


def _moved(item: Item, record: Record) -> Item:
    attributes = item.attributes
    own = first_text(attributes, STUDY_UID) + "/"
    for scheduled, status in record.value["moved"].items():
        if scheduled.startswith(own):
            step = scheduled.removeprefix(own)
            attributes = with_status(attributes, step, StepStatus(status))
    return replace(item, attributes=attributes)


def _records(archive: Archive, kind: str, state: str | None, after: str) -> Iterator[Record]:
    at: str | None = after
    while at is not None:
        found = archive.records.list(kind, state=state, after=at, limit=PAGE)
        yield from found
        at = found[-1].key if len(found) == PAGE else None
