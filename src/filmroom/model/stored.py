"""What became of an instance that was sent to the archive."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from filmroom.model.instance import InstanceRef
from filmroom.settings.storing import OnConflict

__all__ = ["OnConflict", "Outcome", "Stored"]


class Outcome(StrEnum):
    """How an accepted instance ended."""

    NEW = "new"
    SAME = "same"
    """The very bytes were there already: nothing changed."""
    KEPT_FIRST = "kept-first"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Stored:
    """An instance acknowledged: its bytes and its row are on stable storage."""

    ref: InstanceRef
    sop_class: str
    outcome: Outcome
    warnings: tuple[str, ...] = ()
    """What was odd about it, for the sender; empty if nothing."""
    saved: int = 0
    """Bytes fewer than were sent, if it was recoded."""
