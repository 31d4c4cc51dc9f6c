"""`/api/jobs`: what takes a while, such as sending a study to a peer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from filmroom.core import jobs as verbs
from filmroom.core.job_kinds import selections_of
from filmroom.model.job import Job, JobKind, JobState
from filmroom.web.api_types import Selected, moment
from filmroom.web.request import archive_of

MOST = 1000

api = APIRouter(tags=["jobs"])


class JobOut(BaseModel):
    """A job, and how far it is; counts are of instances."""

    id: str
    kind: JobKind
    state: JobState
    peer: str
    selections: list[Selected]
    source: str
    """Who asked for it."""
    created: datetime
    started: datetime | None
    ended: datetime | None
    next_try: datetime | None
    """When it is tried again, if it failed and waits."""
    attempts: int
    """Tries in a row that came to nothing."""
    cancelling: bool
    """Whether it has been told to end."""
    done: int
    warned: int
    """Of those done: taken with a warning."""
    failed: int
    """Of the last try."""
    of: int | None
    """How many in all, if that is known."""
    failures: list[str]
    """SOP Instance UIDs of those that failed, the first hundred."""
    message: str
    """Why it failed, or what it waits for."""


def job_out(job: Job) -> JobOut:
    """A job as the API tells of it."""
    progress = job.progress
    return JobOut(
        id=job.id,
        kind=job.kind,
        state=job.state,
        peer=job.arguments.get("peer", ""),
        selections=[
            Selected(study=one.study or "", series=one.series, instance=one.instance)
            for one in selections_of(job.arguments)
        ],
        source=job.source,
        created=moment(job.created),
        started=None if job.started is None else moment(job.started),
        ended=moment(job.due) if job.state.is_over else None,
        next_try=moment(job.due) if job.state is JobState.QUEUED and job.started else None,
        attempts=job.attempts,
        cancelling=job.cancelling,
        done=progress.done,
        warned=progress.warned,
        failed=progress.failed,
        of=progress.of,
        failures=list(progress.failures),
        message=progress.message,
    )


@api.get("/jobs")
def jobs(
    request: Request,
    state: JobState | None = None,
    before: str = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> list[JobOut]:
    """Jobs, the newest first; the next page is `before` the last one's id."""
    return [job_out(job) for job in verbs.newest(archive_of(request), state, before, limit)]


@api.get("/jobs/{job}")
def job(request: Request, job: str) -> JobOut:
    """One job."""
    return job_out(verbs.get(archive_of(request), job))


@api.post("/jobs/{job}/cancel")
def cancel_job(request: Request, job: str) -> JobOut:
    """End a job; one that runs ends at its next instance."""
    return job_out(verbs.cancel(archive_of(request), job))


@api.post("/jobs/{job}/retry")
def retry_job(request: Request, job: str) -> JobOut:
    """Try a job again now that failed, was cancelled or waits for its next try."""
    return job_out(verbs.retry(archive_of(request), job))
