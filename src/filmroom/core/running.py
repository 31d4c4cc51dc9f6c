"""A job that runs: what its verb is handed, and what is kept of it while it runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from filmroom.core import jobs
from filmroom.core.archive import Archive
from filmroom.errors import ArchiveError
from filmroom.model.job import Job, JobState, Progress

LEASE = 30.0
"""Seconds after its last sign of life in which a process is believed to be running a job."""
SIGN = 10.0
"""Seconds after which a sign of life is given, if there is nothing else to say."""


class Later(Exception):
    """There is nothing to do for a job until some seconds have passed."""

    def __init__(self, seconds: float, progress: Progress) -> None:
        super().__init__(progress.message)
        self.seconds = seconds
        self.progress = progress


class Lost(ArchiveError):
    """Another process has taken the job."""


@dataclass(eq=False, slots=True)
class Run:
    """One try of a job. Its verb runs in a thread; `keep` is called by another, the runner's."""

    archive: Archive
    job: Job
    """As it was claimed, and noted since; changed by the verb's thread alone while that runs."""
    progress: Progress = field(init=False)
    is_fruitful: bool = False
    """Whether something was done that a next try need not do again."""
    is_cancelled: bool = False
    is_stopped: bool = False
    _sent: deque[str] = field(default_factory=deque)
    _page: int = 0
    _kept: Progress = field(init=False)
    _kept_at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.progress = self._kept = self.job.progress

    # -- for the verb ----------------------------------------------------------------------

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What was asked for."""
        return self.job.arguments

    def stopped(self) -> bool:
        """Whether to end soon, because the job is cancelled or its process ends."""
        return self.is_stopped or self.is_cancelled

    def report(self, progress: Progress) -> None:
        """Tell how things stand; quick, it is kept a little later."""
        self.progress = progress

    def already_sent(self) -> set[str]:
        """Keys of the blobs that earlier tries have sent."""
        keys, self._page = jobs.sent(self.archive, self.job.id)
        return keys

    def have_sent(self, keys: Iterable[str]) -> None:
        """Tell which blobs need not be sent again; call `already_sent` before."""
        before = len(self._sent)
        self._sent.extend(keys)
        self.is_fruitful = self.is_fruitful or len(self._sent) > before

    def note(self, notes: Mapping[str, Any]) -> None:
        """Keep what the next try must know; it is durable on return."""
        self.job = self._change(lambda job: replace(job, notes={**job.notes, **notes}))

    # -- for the runner --------------------------------------------------------------------

    def keep(self) -> None:
        """Make durable what is new, and look whether it is to end; raises Lost."""
        now = time.monotonic()
        progress = self.progress
        news = self._keep_sent() or progress != self._kept
        if news or now - self._kept_at >= SIGN:
            job = self._change(lambda job: self._signed(job, progress))
            self._kept_at, self._kept = now, progress
        else:
            job = self._ours(jobs.get(self.archive, self.job.id))
        self.is_cancelled = self.is_cancelled or job.cancelling

    def finish(self, outcome: Callable[[Job], Job]) -> None:
        """Keep how it ended; raises Lost."""
        self._keep_sent()
        self.job = self._change(outcome)
        if self.job.state is JobState.DONE:
            jobs.forget_sent(self.archive, self.job.id)

    def _keep_sent(self) -> bool:
        keys = []
        while self._sent:
            keys.append(self._sent.popleft())
        if keys:
            jobs.remember_sent(self.archive, self.job.id, self._page, keys)
            self._page += 1
        return bool(keys)

    def _signed(self, job: Job, progress: Progress) -> Job:
        attempts = 0 if self.is_fruitful else job.attempts
        return replace(job, progress=progress, due=time.time() + LEASE, attempts=attempts)

    def _change(self, make: jobs.Change) -> Job:
        return jobs.change(self.archive, self.job.id, lambda job: make(self._ours(job)))

    def _ours(self, job: Job) -> Job:
        if job.by != self.job.by or job.state is not JobState.RUNNING:
            raise Lost(f"job {job.id} was taken by another process")
        return job
