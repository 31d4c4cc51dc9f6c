"""Worklist: what is scheduled to be performed (PS3.4 Annex K)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from filmroom.model.instance import Attributes

STEPS = "00400100"
"""Scheduled Procedure Step Sequence."""
STEP_ID = "00400009"
STEP_STATUS = "00400020"


class StepStatus(StrEnum):
    """Scheduled Procedure Step Status (PS3.3 §C.4.10), and how a step has ended."""

    SCHEDULED = "SCHEDULED"
    ARRIVED = "ARRIVED"
    READY = "READY"
    STARTED = "STARTED"
    DEPARTED = "DEPARTED"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


ENDED = frozenset({StepStatus.COMPLETED, StepStatus.DISCONTINUED})
"""What is left out of an answer unless it is asked for."""


@dataclass(frozen=True, slots=True)
class Item:
    """One worklist item: a patient, a requested procedure, and its scheduled steps."""

    key: str
    """Ours for it; of one that is read from a file `file:` and the file's name."""
    attributes: Attributes
    changed: float
    """Seconds since the epoch."""
    called: str = ""
    """AE title by which callers must call us to be told of it; "" is any."""
    fault: str = ""
    """Why its file cannot be read; such an item is told to nobody."""

    def steps(self) -> Iterator[Attributes]:
        """Each scheduled step, with all that is above it (PS3.4 §K.6.1.2.2)."""
        for step in steps_of(self.attributes):
            yield {**self.attributes, STEPS: {"vr": "SQ", "Value": [step]}}


def steps_of(attributes: Attributes) -> list[Attributes]:
    """The items of Scheduled Procedure Step Sequence."""
    values = attributes.get(STEPS, {}).get("Value", ())
    return [value for value in values if isinstance(value, dict)]


def status_of(step: Attributes) -> str:
    """The status of one of them; "" if it says none."""
    return first_text(step, STEP_STATUS)


def first_text(attributes: Attributes, tag: str) -> str:
    """The first value of an attribute of text, "" if it has none."""
    values = attributes.get(tag, {}).get("Value", ())
    return values[0] if values and isinstance(values[0], str) else ""


def with_status(attributes: Attributes, step: str, status: StepStatus) -> Attributes:
    """The same with another status of the scheduled step of an ID; "" is of all its steps."""
    element = {"vr": "CS", "Value": [status.value]}
    steps = [
        {**one, STEP_STATUS: element} if step in ("", first_text(one, STEP_ID)) else one
        for one in steps_of(attributes)
    ]
    return {**attributes, STEPS: {"vr": "SQ", "Value": steps}}
