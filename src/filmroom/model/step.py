"""Performed procedure steps: what a modality says that it does and has done (PS3.4 Annex F)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, auto

from filmroom.errors import Conflict, Malformed
from filmroom.model.instance import Attributes


class PerformedStatus(StrEnum):
    """Performed Procedure Step Status (PS3.3 §C.4.14)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"


class Fault(StrEnum):
    """What is wrong with an attribute."""

    MISSING = auto()
    BLANK = auto()
    WRONG = auto()


class Unfit(Malformed):
    """Attributes are not as a step must have them; `tags` names them."""

    def __init__(self, fault: Fault, tags: tuple[str, ...], names: str) -> None:
        super().__init__(f"{fault}: {names}")
        self.fault = fault
        self.tags = tags


class Ended(Conflict):
    """The step has ended, and is not changed any more (PS3.4 §F.7.2.2.3)."""


@dataclass(frozen=True, slots=True)
class Step:
    """One performed procedure step."""

    instance: str
    """Its SOP Instance UID."""
    status: PerformedStatus
    attributes: Attributes
    created: float
    """Seconds since the epoch, as the next."""
    changed: float
    source: str
    """Who sent it."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What became of a request to change a step."""

    step: Step
    kept: tuple[str, ...] = ()
    """Tags that it named and that stay as they were, since no N-SET may change them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of one attribute of a step (PS3.4 Table F.7.2-1)."""

    name: str
    at_create: bool = False
    """Whether it must have a value when the step is created."""
    at_end: bool = False
    """Whether it must have one when the step ends."""
    fixed: bool = False
    """Whether only creation sets it."""


RULES: Mapping[str, Rule] = {
    "00100010": Rule("Patient's Name", fixed=True),
    "00100020": Rule("Patient ID", fixed=True),
    "00100030": Rule("Patient's Birth Date", fixed=True),
    "00100040": Rule("Patient's Sex", fixed=True),
    "00081120": Rule("Referenced Patient Sequence", fixed=True),
    "00400270": Rule("Scheduled Step Attributes Sequence", at_create=True, fixed=True),
    "00400253": Rule("Performed Procedure Step ID", at_create=True, fixed=True),
    "00400241": Rule("Performed Station AE Title", at_create=True, fixed=True),
    "00400242": Rule("Performed Station Name", fixed=True),
    "00400243": Rule("Performed Location", fixed=True),
    "00400244": Rule("Performed Procedure Step Start Date", at_create=True, fixed=True),
    "00400245": Rule("Performed Procedure Step Start Time", at_create=True, fixed=True),
    "00400252": Rule("Performed Procedure Step Status", at_create=True),
    "00080060": Rule("Modality", at_create=True, fixed=True),
    "00200010": Rule("Study ID", fixed=True),
    "00400250": Rule("Performed Procedure Step End Date", at_end=True),
    "00400251": Rule("Performed Procedure Step End Time", at_end=True),
    "00400340": Rule("Performed Series Sequence", at_end=True),
}
"""By tag; what is not named here may come and change at any time before the end."""
