"""Jobs are queued, listed, cancelled, tried again and forgotten."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from filmroom.core import jobs
from filmroom.core.archive import Archive
from filmroom.errors import Conflict, NotFound
from filmroom.model.job import Job, JobKind, JobState, Progress

ARGUMENTS = {"peer": "ct", "selections": [["1.2", "1.3"]]}


def queued(archive: Archive) -> Job:
    return jobs.start(archive, JobKind.SEND, ARGUMENTS, "test")


def put(archive: Archive, job: Job, **values: object) -> Job:
    return jobs.change(archive, job.id, lambda job: replace(job, **values))  # type: ignore[arg-type]


def test_a_job_is_queued_and_due_at_once(archive: Archive) -> None:
    before = time.time()

    job = queued(archive)

    assert jobs.get(archive, job.id) == job
    assert (job.state, job.attempts, job.source) == (JobState.QUEUED, 0, "test")
    assert job.arguments == ARGUMENTS
    assert before <= job.created <= job.due <= time.time()
    with pytest.raises(NotFound):
        jobs.get(archive, "none")


def test_all_that_is_known_of_a_job_is_kept(archive: Archive) -> None:
    full = put(
        archive,
        queued(archive),
        state=JobState.RUNNING,
        progress=Progress(3, 1, 2, 10, ("1.2.3", "1.2.4"), "no room"),
        attempts=2,
        started=12.5,
        by="host/1/a/b",
        cancelling=True,
        notes={"transaction": "1.2.9"},
    )

    assert jobs.get(archive, full.id) == full


def test_the_newest_jobs_come_first(archive: Archive) -> None:
    made = []
    for _ in range(4):
        made.append(queued(archive).id)
        time.sleep(0.002)  # ids of the same millisecond have no order
    jobs.cancel(archive, made[1])

    assert [job.id for job in jobs.newest(archive)] == made[::-1]
    assert [job.id for job in jobs.newest(archive, limit=2)] == [made[3], made[2]]
    assert [job.id for job in jobs.newest(archive, before=made[2])] == [made[1], made[0]]
    assert [job.id for job in jobs.newest(archive, JobState.QUEUED, limit=2)] == [made[3], made[2]]
    assert [job.id for job in jobs.newest(archive, JobState.CANCELLED)] == [made[1]]


def test_a_job_that_waits_is_cancelled_at_once(archive: Archive) -> None:
    job = jobs.cancel(archive, queued(archive).id)

    assert job.state is JobState.CANCELLED
    with pytest.raises(Conflict, match="is over: cancelled"):
        jobs.cancel(archive, job.id)


def test_a_job_that_runs_is_told_to_end(archive: Archive) -> None:
    running = put(archive, queued(archive), state=JobState.RUNNING, by="host/1/a/b")

    told = jobs.cancel(archive, running.id)

    assert told == replace(running, cancelling=True)
    assert jobs.cancel(archive, running.id) == told


@pytest.mark.parametrize("state", [JobState.FAILED, JobState.CANCELLED, JobState.QUEUED])
def test_a_job_is_tried_again_now(archive: Archive, state: JobState) -> None:
    failed = put(
        archive,
        queued(archive),
        state=state,
        attempts=6,
        due=time.time() + 1000,
        progress=Progress(3, of=10),
    )

    again = jobs.retry(archive, failed.id)

    assert again.state is JobState.QUEUED
    assert again.attempts == 0
    assert again.due <= time.time()
    assert again.progress.done == 3


@pytest.mark.parametrize("state", [JobState.DONE, JobState.RUNNING])
def test_a_job_that_is_done_or_runs_is_not_tried_again(archive: Archive, state: JobState) -> None:
    job = put(archive, queued(archive), state=state)

    with pytest.raises(Conflict, match=state.value):
        jobs.retry(archive, job.id)


def test_what_was_sent_is_remembered_page_by_page(archive: Archive) -> None:
    one, other = queued(archive), queued(archive)
    assert jobs.sent(archive, one.id) == (set(), 0)

    jobs.remember_sent(archive, one.id, 0, ["a", "b"])
    jobs.remember_sent(archive, one.id, 1, ["c"])
    jobs.remember_sent(archive, other.id, 0, ["d"])

    assert jobs.sent(archive, one.id) == ({"a", "b", "c"}, 2)
    jobs.forget_sent(archive, one.id)
    assert jobs.sent(archive, one.id) == (set(), 0)
    assert jobs.sent(archive, other.id) == ({"d"}, 1)


def test_more_pages_than_are_listed_at_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PAGE", 2)
    job, later = queued(archive), queued(archive)
    for page in range(5):
        jobs.remember_sent(archive, job.id, page, [str(page)])
        jobs.remember_sent(archive, later.id, page, ["other"])

    assert jobs.sent(archive, job.id) == (set("01234"), 5)


def test_jobs_that_are_over_are_forgotten_after_a_time(archive: Archive) -> None:
    old = [put(archive, queued(archive), state=state, due=100.0) for state in JobState]
    new = put(archive, queued(archive), state=JobState.DONE)
    for job in old:
        jobs.remember_sent(archive, job.id, 0, ["a"])

    assert jobs.forget(archive, before=200.0) == 3

    assert {job.id for job in jobs.newest(archive)} == {old[0].id, old[1].id, new.id}
    assert len(archive.records.list(jobs.SENT)) == 2
