"""Change: one line of the change feed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from filmroom.model.instance import InstanceRef


class Action(StrEnum):
    """What happened to an instance."""

    STORED = "stored"
    REPLACED = "replaced"
    REJECTED = "rejected"
    RESTORED = "restored"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the feed; `sequence` rises without gaps in commit order."""

    sequence: int
    action: Action
    ref: InstanceRef
    at: float
    """Seconds since the epoch, UTC."""
    source: str
