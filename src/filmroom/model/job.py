"""Job: what takes a while and may fail on the way, such as sending a study to a peer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobKind(StrEnum):
    """What a job does."""

    SEND = "send"
    """Store instances at a peer (C-STORE)."""
    FETCH = "fetch"
    """Bring a peer's instances here (C-MOVE or C-GET)."""
    COMMIT = "commit"
    """Ask a peer whether it holds instances safely (storage commitment)."""
    REPORT = "report"
    """Tell who asked which instances are held safely here."""
    ANNOUNCE = "announce"
    """Tell a peer which instances of a study can be retrieved."""


class JobState(StrEnum):
    """How a job stands."""

    QUEUED = "queued"
    """It waits for its turn, or for its next try."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    """Not all of it was done, and it is not tried again by itself."""
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; counts are of instances."""

    done: int = 0
    warned: int = 0
    """Of those done: taken with a warning."""
    failed: int = 0
    """Of the last try."""
    of: int | None = None
    """How many in all, where that is known."""
    failures: tuple[str, ...] = ()
    """SOP Instance UIDs of those that failed, as far as they are known and not too many."""
    message: str = ""
    """Why it failed, or what it waits for."""


@dataclass(frozen=True, slots=True)
class Job:
    """One job; times are seconds since the epoch."""

    id: str
    """Its own; those of later jobs are greater."""
    kind: JobKind
    arguments: Mapping[str, Any]
    """What JSON can hold; what is in it depends on the kind."""
    source: str
    """Who asked for it."""
    created: float
    state: JobState = JobState.QUEUED
    progress: Progress = Progress()
    attempts: int = 0
    """Tries in a row that came to nothing."""
    due: float = 0.0
    """Queued: when it is tried; running: until when its process is believed to be alive; over:
    since when."""
    started: float | None = None
    """When it was first tried."""
    by: str = ""
    """The process that runs it."""
    cancelling: bool = False
    """Whether it is to end."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    """What it needs to know when it is taken up again; what JSON can hold."""
