"""Jobs: asked for, looked at, cancelled, tried again; kept as records, run by `core.runner`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from secrets import token_hex
from typing import Any

from filmroom.core.archive import Archive
from filmroom.errors import Conflict
from filmroom.model.job import Job, JobKind, JobState, Progress
from filmroom.model.records import Record

KIND = "job"
SENT = "sent"
"""Records of which blobs a job has sent already: `JOB/NUMBER`, pages of keys."""
PAGE = 1000
OVER = tuple(state for state in JobState if state.is_over)

Change = Callable[[Job], Job]


def start(
    archive: Archive,
    kind: JobKind,
    arguments: Mapping[str, Any],
    source: str,
    due: float | None = None,
) -> Job:
    """Put a job into the queue, to be tried now or when it is `due`."""
    now = time.time()
    name = f"{int(now * 1000):011x}-{token_hex(3)}"
    job = Job(name, kind, arguments, source, now, due=now if due is None else due)
    archive.records.put(record_of(job))
    return job


def get(archive: Archive, name: str) -> Job:
    """One job by its id; NotFound if there is none."""
    return job_of(archive.records.get(KIND, name))


def newest(
    archive: Archive, state: JobState | None = None, before: str = "", limit: int = 100
) -> list[Job]:
    """Jobs from the newest back, of a state if given; those before a job of that id."""
    found = archive.records.list(KIND, state=state, after=before, limit=limit, backwards=True)
    return [job_of(record) for record in found]


def cancel(archive: Archive, name: str) -> Job:
    """End a job; one that runs ends soon. Conflict if it is over."""

    def cancelled(job: Job) -> Job:
        if job.state.is_over:
            raise Conflict(f"job {name} is over: {job.state}")
        if job.state is JobState.RUNNING:
            return replace(job, cancelling=True)
        return ended(job, JobState.CANCELLED)

    return change(archive, name, cancelled)


def retry(archive: Archive, name: str) -> Job:
    """Try a job again now that failed, was cancelled or waits; Conflict if it runs or is done."""

    def queued(job: Job) -> Job:
        if job.state in (JobState.RUNNING, JobState.DONE):
            raise Conflict(f"job {name} is not to be tried again: {job.state}")
        return replace(
            job, state=JobState.QUEUED, due=time.time(), attempts=0, by="", cancelling=False
        )

    return change(archive, name, queued)


def forget(archive: Archive, before: float) -> int:
    """Forget jobs that were over before a time; how many."""
    forgotten = 0
    for state in OVER:
        while page := archive.records.list(KIND, state=state, due=before, limit=PAGE):
            for record in page:
                forget_sent(archive, record.key)
                forgotten += archive.records.remove(KIND, record.key)
    return forgotten


def sent(archive: Archive, name: str) -> tuple[set[str], int]:
    """Keys of the blobs that a job has sent, and the number of the next page of them."""
    keys: set[str] = set()
    pages = 0
    for record in _pages(archive, name):
        keys.update(record.value["keys"])
        pages = int(record.key.rpartition("/")[2]) + 1
    return keys, pages


def remember_sent(archive: Archive, name: str, page: int, keys: list[str]) -> None:
    """Note durably what a job has sent."""
    archive.records.put(Record(SENT, f"{name}/{page:08}", {"keys": keys}))


def forget_sent(archive: Archive, name: str) -> None:
    """Forget what a job has sent: it will not be taken up again."""
    for record in _pages(archive, name):
        archive.records.remove(SENT, record.key)


def _pages(archive: Archive, name: str) -> list[Record]:
    found: list[Record] = []
    after, end = f"{name}/", f"{name}0"  # "0" is what follows "/"
    while True:
        page = archive.records.list(SENT, after=after, limit=PAGE)
        found += [record for record in page if record.key < end]
        if len(page) < PAGE or page[-1].key >= end:
            return found
        after = page[-1].key


def change(archive: Archive, name: str, make: Change) -> Job:
    """Change a job as it stands, whoever else changes it too; what `make` raises is raised."""
    while True:
        record = archive.records.get(KIND, name)
        job = make(job_of(record))
        try:
            archive.records.put(replace(record_of(job), version=record.version))
        except Conflict:
            continue
        return job


def ended(job: Job, state: JobState, progress: Progress | None = None) -> Job:
    """A job that is over now."""
    last = job.progress if progress is None else progress
    return replace(job, state=state, due=time.time(), by="", cancelling=False, progress=last)


def record_of(job: Job) -> Record:
    """A job as a record."""
    value = asdict(job)
    for other in ("id", "state", "due"):
        del value[other]
    return Record(KIND, job.id, value, job.state, job.due)


def job_of(record: Record) -> Job:
    """A record as a job."""
    value = dict(record.value)
    progress = value.pop("progress")
    return Job(
        id=record.key,
        kind=JobKind(value.pop("kind")),
        state=JobState(record.state),
        due=record.due or 0.0,
        progress=Progress(**{**progress, "failures": tuple(progress["failures"])}),
        **value,
    )
