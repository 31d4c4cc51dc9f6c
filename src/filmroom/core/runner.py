"""The runner of jobs: claims them, runs each in a thread, keeps how they stand."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from secrets import token_hex
from types import TracebackType
from typing import Self

from filmroom.core import jobs
from filmroom.core.archive import Archive
from filmroom.core.job_kinds import Verb
from filmroom.core.job_verbs import VERBS
from filmroom.core.running import LEASE, Later, Lost, Run
from filmroom.errors import (
    ArchiveError,
    Conflict,
    Forbidden,
    Malformed,
    NotFound,
    Unsupported,
)
from filmroom.model.job import Job, JobKind, JobState, Progress
from filmroom.model.records import Record

TICK = 0.5  # seconds between two looks at the queue and at what runs
GRACE = 5.0  # seconds that jobs have to stop in
FORGETTING = 3600.0  # seconds between two looks for jobs that are to be forgotten
PAGE = 100  # jobs that are looked at when one is to be claimed
DAY = 24 * 3600.0
FINAL = (Malformed, NotFound, Forbidden, Unsupported, Conflict)
"""Failures that another try would not get over."""
OURS = "the archive failed: its log tells why"
PROCESS = token_hex(4)
"""Tells this process from an earlier one of the same number."""
DIED = "the process that ran it ended, each time that it was tried"

log = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Task:
    """A run and its thread."""

    run: Run
    verb: Verb
    wake: threading.Event
    error: Exception | None = None
    begun: float = field(default_factory=time.monotonic)
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        name = f"job-{self.run.job.id}"
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        try:
            self.run.report(self.verb(self.run))
        except Exception as error:  # judged by who keeps the job
            self.error = error
        finally:
            self.wake.set()


class Runner:
    """Runs the jobs of an archive until it is left, `job_threads` of them at once.

        with Runner(archive):
            ...  # until the process is told to end

    Any number of processes may have one: a job is claimed by one of them. Entering starts a
    thread and returns at once. Leaving tells what runs to stop, waits for it at most GRACE
    seconds, and puts it back into the queue; it goes on from there at the next start. What a
    process left behind that was killed is claimed by the next runner at once where it can see
    that the process is gone, else after LEASE seconds.
    """

    def __init__(
        self, archive: Archive, verbs: Mapping[JobKind, Verb] = VERBS, *, only: str | None = None
    ) -> None:
        """With `only` it runs the job of that id and no other."""
        self.archive = archive
        self.verbs = verbs
        self.only = only
        self.name = f"{socket.gethostname()}/{os.getpid()}/{PROCESS}/{token_hex(4)}"
        self._tasks: list[Task] = []
        self._wake = threading.Event()
        self._stopping = False
        self._forgotten = float("-inf")
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                self._keep_all()
                self._claim_some()
                self._forget_old()
            except ArchiveError as problem:
                # The next round may do better; the archive goes on.
                log.warning("jobs are not kept", extra={"reason": str(problem)})
            except Exception:
                log.exception("jobs are not kept")
            self._wake.wait(TICK)
        self._stop_all()

    # -- what runs ---------------------------------------------------------------------------

    def _keep_all(self) -> None:
        for task in list(self._tasks):
            try:
                if task.thread.is_alive():
                    task.run.keep()
                else:
                    self._finish(task)
            except (Lost, NotFound):
                task.run.is_stopped = True
                if not task.thread.is_alive():
                    self._tasks.remove(task)

    def _finish(self, task: Task) -> None:
        error = task.error
        if error is not None and not isinstance(error, (ArchiveError, Later)):
            log.error("a job failed", exc_info=error, extra={"job": task.run.job.id})
        task.run.finish(lambda job: self._outcome(job, task.run, error))
        self._tasks.remove(task)
        _tell(task)

    def _outcome(self, job: Job, run: Run, error: Exception | None) -> Job:
        """How a job stands after a try that ended, with an error or none."""
        progress = run.progress
        well = error is None and progress.failed == 0
        if well and progress.done == progress.of:
            return jobs.ended(job, JobState.DONE, progress)
        if job.cancelling:
            return jobs.ended(job, JobState.CANCELLED, progress)
        if isinstance(error, Later):
            return self._queued(job, error.progress, error.seconds, job.attempts)
        if run.is_stopped:
            return self._queued(job, progress, 0.0, job.attempts)
        if well:
            return jobs.ended(job, JobState.DONE, progress)
        return self._after_failure(job, run, progress, error)

    def _after_failure(
        self, job: Job, run: Run, progress: Progress, error: Exception | None
    ) -> Job:
        ours = error is not None and not isinstance(error, ArchiveError)
        if error is not None:
            progress = replace(progress, message=OURS if ours else str(error))
        attempts = 1 if run.is_fruitful else job.attempts + 1
        if ours or isinstance(error, FINAL) or attempts >= self.archive.settings.job_attempts:
            return replace(jobs.ended(job, JobState.FAILED, progress), attempts=attempts)
        return self._queued(job, progress, self._pause(attempts), attempts)

    def _queued(self, job: Job, progress: Progress, seconds: float, attempts: int) -> Job:
        due = time.time() + seconds
        return replace(
            job, state=JobState.QUEUED, due=due, by="", progress=progress, attempts=attempts
        )

    def _pause(self, attempts: int) -> float:
        settings = self.archive.settings
        doubled = settings.job_retry * 2.0 ** min(attempts - 1, 40)
        return min(doubled, max(settings.job_retry, settings.job_retry_longest))

    def _stop_all(self) -> None:
        for task in self._tasks:
            task.run.is_stopped = True
        deadline = time.monotonic() + GRACE
        for task in self._tasks:
            task.thread.join(max(0.0, deadline - time.monotonic()))
        for task in list(self._tasks):
            try:
                self._finish(task)
            except ArchiveError as problem:
                # Then it is claimed again as after a crash.
                log.warning("a job was not kept", extra={"reason": str(problem)})

    # -- what waits --------------------------------------------------------------------------

    def _claim_some(self) -> None:
        while len(self._tasks) < self.archive.settings.job_threads and not self._stopping:
            job = self._claim()
            if job is None:
                return
            self._tasks.append(Task(Run(self.archive, job), self.verbs[job.kind], self._wake))

    def _claim(self) -> Job | None:
        """Take a job that is due, rather one whose peer has no other; None: there is none."""
        busy = {task.run.arguments.get("peer") for task in self._tasks}
        claimable = self._claimable()
        claimable.sort(key=lambda record: record.value["arguments"].get("peer") in busy)
        for record in claimable:
            job = self._taken(jobs.job_of(record))
            try:
                self.archive.records.put(replace(jobs.record_of(job), version=record.version))
            except Conflict:  # another was faster, or it was cancelled
                continue
            if job.state is JobState.RUNNING:
                return job
        return None

    def _claimable(self) -> list[Record]:
        """Jobs that are due, and those that nobody runs any more."""
        records, now = self.archive.records, time.time()
        if self.only is not None:
            one = records.get(jobs.KIND, self.only)
            waits = one.state == JobState.QUEUED and (one.due or 0.0) <= now
            left = one.state == JobState.RUNNING and self._is_left(jobs.job_of(one))
            return [one] if waits or left else []
        running = records.list(jobs.KIND, state=JobState.RUNNING)
        due = records.list(jobs.KIND, state=JobState.QUEUED, due=now, limit=PAGE)
        return [*due, *(one for one in running if self._is_left(jobs.job_of(one)))]

    def _is_left(self, job: Job) -> bool:
        """Whether nobody runs a running job any more."""
        if job.by == self.name:
            return all(task.run.job.id != job.id for task in self._tasks)
        return job.due <= time.time() or self._is_gone(job.by)

    def _is_gone(self, by: str) -> bool:
        host, pid, process, *_ = [*by.split("/"), "", ""]
        if host != self.name.partition("/")[0] or not pid.isdigit():
            return False
        if int(pid) == os.getpid():
            return process != PROCESS
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False

    def _taken(self, job: Job) -> Job:
        """A job that is due, as ours; or over, if it was to end or kills its process each time."""
        crashed = job.state is JobState.RUNNING
        attempts = job.attempts + crashed
        if job.cancelling:
            return jobs.ended(job, JobState.CANCELLED)
        if crashed and attempts >= self.archive.settings.job_attempts:
            failed = jobs.ended(job, JobState.FAILED, replace(job.progress, message=DIED))
            return replace(failed, attempts=attempts)
        return replace(
            job,
            state=JobState.RUNNING,
            by=self.name,
            due=time.time() + LEASE,
            attempts=attempts,
            started=job.started or time.time(),
        )

    def _forget_old(self) -> None:
        now = time.monotonic()
        if now - self._forgotten >= FORGETTING:
            self._forgotten = now
            jobs.forget(self.archive, time.time() - self.archive.settings.job_keep * DAY)


def _tell(task: Task) -> None:
    job = task.run.job
    log.info(
        "job",
        extra={
            "job": job.id,
            "kind": job.kind.value,
            "peer": job.arguments.get("peer"),
            "state": job.state.value,
            "attempts": job.attempts,
            "done": job.progress.done,
            "failed": job.progress.failed,
            "milliseconds": round((time.monotonic() - task.begun) * 1000),
        },
    )
