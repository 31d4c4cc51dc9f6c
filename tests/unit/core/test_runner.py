"""The runner: claims, progress, tries, ends; what a crash or a stop leaves is taken up again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from filmroom.core import jobs, runner, running
from filmroom.core.archive import Archive
from filmroom.core.runner import Runner
from filmroom.core.running import Later, Run
from filmroom.errors import NotFound, Unreachable
from filmroom.model.job import Job, JobKind, JobState, Progress
from job_doubles import eventually, over, waiting_again

MakeArchive = Callable[..., Archive]
Verb = Callable[[Run], Progress]


@pytest.fixture
def archive(make_archive: MakeArchive) -> Archive:
    return make_archive(job_retry=0.01, job_attempts=3)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TICK", 0.02)
    monkeypatch.setattr(runner, "GRACE", 0.5)


def send(archive: Archive, peer: str = "ct") -> Job:
    return jobs.start(archive, JobKind.SEND, {"peer": peer}, "test")


@contextmanager
def running_with(archive: Archive, verb: Verb) -> Iterator[Runner]:
    with Runner(archive, {JobKind.SEND: verb}) as entered:
        yield entered


def test_a_job_is_done(archive: Archive, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with running_with(archive, lambda _: Progress(2, of=2)):
        done = over(archive, send(archive))

    assert (done.state, done.progress, done.by) == (JobState.DONE, Progress(2, of=2), "")
    assert done.started is not None
    (line,) = [record for record in caplog.records if record.message == "job"]
    assert (line.peer, line.state, line.done) == ("ct", "done", 2)  # type: ignore[attr-defined]


def test_what_fails_is_tried_again_after_longer_and_longer(make_archive: MakeArchive) -> None:
    archive = make_archive(job_retry=0.1, job_attempts=4, job_retry_longest=0.2)
    tries = []

    def verb(run: Run) -> Progress:
        tries.append(time.monotonic())
        raise Unreachable("ct does not answer")

    with running_with(archive, verb):
        failed = over(archive, send(archive))

    assert (failed.state, failed.attempts) == (JobState.FAILED, 4)
    assert failed.progress.message == "ct does not answer"
    pauses = [after - before for before, after in pairwise(tries)]
    assert len(tries) == 4
    assert pauses[0] >= 0.1
    assert min(pauses[1:]) >= 0.2
    assert pauses[2] < 0.4


def test_failures_of_instances_are_tried_again_too(archive: Archive) -> None:
    left = [3, 1, 0]

    def verb(run: Run) -> Progress:
        return Progress(10, failed=left.pop(0), of=10)

    with running_with(archive, verb):
        assert over(archive, send(archive)).state is JobState.DONE


def test_a_try_that_achieved_something_starts_the_count_anew(archive: Archive) -> None:
    tries = []

    def verb(run: Run) -> Progress:
        tries.append(len(run.already_sent()))
        if len(tries) <= 5:
            run.have_sent([str(len(tries))])
        raise Unreachable("gone")

    with running_with(archive, verb):
        failed = over(archive, send(archive))

    assert failed.attempts == 3
    assert tries == [0, 1, 2, 3, 4, 5, 5]


def test_a_failure_that_no_try_gets_over_ends_the_job(archive: Archive) -> None:
    def verb(run: Run) -> Progress:
        raise NotFound("no study 1.2")

    with running_with(archive, verb):
        failed = over(archive, send(archive))

    assert (failed.state, failed.progress.message) == (JobState.FAILED, "no study 1.2")
    assert failed.attempts == 1


def test_a_fault_of_ours_ends_the_job_and_is_logged(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    def verb(run: Run) -> Progress:
        raise ZeroDivisionError("secret")

    with running_with(archive, verb):
        failed = over(archive, send(archive))
        well = send(archive)
        assert over(archive, well).state is JobState.FAILED

    assert failed.progress.message == runner.OURS
    assert "ZeroDivisionError" in caplog.text


def test_progress_is_kept_while_a_job_runs(archive: Archive) -> None:
    go = threading.Event()

    def verb(run: Run) -> Progress:
        run.report(Progress(1, of=2))
        assert go.wait(10)
        return Progress(2, of=2)

    with running_with(archive, verb):
        job = send(archive)
        eventually(lambda: jobs.get(archive, job.id).progress == Progress(1, of=2))
        assert jobs.get(archive, job.id).state is JobState.RUNNING
        go.set()
        assert over(archive, job).progress == Progress(2, of=2)


def test_a_running_job_is_cancelled(archive: Archive) -> None:
    def verb(run: Run) -> Progress:
        eventually(run.stopped)
        return Progress(1, of=2)

    with running_with(archive, verb):
        job = send(archive)
        eventually(lambda: jobs.get(archive, job.id).state is JobState.RUNNING)
        jobs.cancel(archive, job.id)
        ended = over(archive, job)

    assert (ended.state, ended.progress.done) == (JobState.CANCELLED, 1)


def test_what_was_done_before_it_could_be_cancelled_is_done(archive: Archive) -> None:
    def verb(run: Run) -> Progress:
        eventually(run.stopped)
        return Progress(2, of=2)

    with running_with(archive, verb):
        job = send(archive)
        eventually(lambda: jobs.get(archive, job.id).state is JobState.RUNNING)
        jobs.cancel(archive, job.id)
        assert over(archive, job).state is JobState.DONE


def test_a_cancelled_job_does_not_run(archive: Archive) -> None:
    ran: list[str] = []

    def verb(run: Run) -> Progress:
        ran.append(run.job.id)
        return Progress()

    job = send(archive)
    jobs.cancel(archive, job.id)
    with running_with(archive, verb):
        other = over(archive, send(archive))

    assert ran == [other.id]


def test_a_job_that_has_nothing_to_do_waits_without_a_failure(archive: Archive) -> None:
    waits = [3]

    def verb(run: Run) -> Progress:
        count = int(run.job.notes.get("waited", 0))
        if count < waits[0]:
            run.note({"waited": count + 1})
            raise Later(0.01, Progress(message=f"waits {count}"))
        return Progress(count)

    with running_with(archive, verb):
        done = over(archive, send(archive))

    assert (done.state, done.attempts, done.progress) == (JobState.DONE, 0, Progress(3))


def test_so_many_jobs_run_at_once_and_peers_take_turns(make_archive: MakeArchive) -> None:
    archive = make_archive(job_threads=2)
    at_work: set[str] = set()
    most = []
    order: list[str] = []
    go = threading.Event()

    def verb(run: Run) -> Progress:
        at_work.add(run.job.id)
        most.append(len(at_work))
        order.append(run.arguments["peer"])
        assert go.wait(10)
        at_work.discard(run.job.id)
        return Progress()

    made = [send(archive, peer) for peer in ("slow", "slow", "slow", "ct")]
    with running_with(archive, verb):
        eventually(lambda: len(order) == 2)
        assert sorted(order) == ["ct", "slow"]
        go.set()
        for job in made:
            over(archive, job)

    assert max(most) == 2


def test_of_many_runners_one_runs_a_job(archive: Archive) -> None:
    ran: list[str] = []

    def verb(run: Run) -> Progress:
        ran.append(run.job.id)
        return Progress()

    made = [send(archive, str(number)).id for number in range(20)]
    with running_with(archive, verb), running_with(archive, verb), running_with(archive, verb):
        eventually(lambda: all(jobs.get(archive, name).state.is_over for name in made))

    assert sorted(ran) == sorted(made)


def test_what_runs_goes_back_into_the_queue_when_the_runner_is_left(archive: Archive) -> None:
    def verb(run: Run) -> Progress:
        run.already_sent()
        run.have_sent(["a"])
        eventually(run.stopped)
        raise Unreachable("hung up, to stop")

    with running_with(archive, verb):
        job = send(archive)
        eventually(lambda: jobs.get(archive, job.id).state is JobState.RUNNING)

    left = jobs.get(archive, job.id)
    assert (left.state, left.attempts, left.by) == (JobState.QUEUED, 0, "")
    assert left.due <= time.time()
    assert jobs.sent(archive, job.id)[0] == {"a"}


def test_a_job_that_does_not_stop_is_left_behind(archive: Archive) -> None:
    go = threading.Event()

    def verb(run: Run) -> Progress:
        go.wait(10)
        return Progress()

    with running_with(archive, verb):
        job = send(archive)
        eventually(lambda: jobs.get(archive, job.id).state is JobState.RUNNING)

    assert jobs.get(archive, job.id).state is JobState.QUEUED
    go.set()


def left_by(archive: Archive, by: str, **more: object) -> Job:
    """A job that a process was running."""
    job = send(archive)
    return jobs.change(
        archive,
        job.id,
        lambda job: replace(
            job,
            **{"state": JobState.RUNNING, "by": by, "due": time.time() + 1000.0, **more},  # type: ignore[arg-type]
        ),
    )


def gone(archive: Archive) -> str:
    """The name of a runner whose process had the same number as this one."""
    return Runner(archive).name.replace(runner.PROCESS, "an earlier life")


def test_what_a_dead_process_ran_is_claimed_at_once(archive: Archive) -> None:
    host, *_ = Runner(archive).name.split("/")
    left = [
        left_by(archive, gone(archive)),
        left_by(archive, f"{host}/{2**22 + 1}/x/y"),  # above the greatest number of a process
        left_by(archive, "elsewhere/1/x/y", due=time.time() - 1),
    ]

    with running_with(archive, lambda run: Progress(run.job.progress.done + 1)):
        ended = [over(archive, job) for job in left]

    assert [job.state for job in ended] == [JobState.DONE] * 3


def test_what_a_living_process_runs_is_left_to_it(archive: Archive) -> None:
    host, *_ = Runner(archive).name.split("/")
    alive = [left_by(archive, f"{host}/1/x/y"), left_by(archive, "elsewhere/1/x/y")]

    with running_with(archive, lambda _: Progress()):
        over(archive, send(archive))

    assert [jobs.get(archive, job.id) for job in alive] == alive


def test_a_job_that_ends_its_process_each_time_fails(archive: Archive) -> None:
    last = left_by(archive, gone(archive), attempts=2, progress=Progress(5, of=9))

    with running_with(archive, lambda _: Progress()):
        failed = over(archive, last)

    assert (failed.state, failed.attempts) == (JobState.FAILED, 3)
    assert failed.progress == Progress(5, of=9, message=runner.DIED)


def test_a_job_that_was_to_end_when_its_process_died_is_cancelled(archive: Archive) -> None:
    left = left_by(archive, gone(archive), cancelling=True)

    with running_with(archive, lambda _: Progress()):
        assert over(archive, left).state is JobState.CANCELLED


def test_a_job_that_another_took_is_let_go(archive: Archive) -> None:
    stopped = threading.Event()

    def verb(run: Run) -> Progress:
        eventually(run.stopped)
        stopped.set()
        return Progress(99)

    with running_with(archive, verb) as entered:
        job = send(archive)
        eventually(lambda: jobs.get(archive, job.id).by == entered.name)
        taken = jobs.change(archive, job.id, lambda job: replace(job, by="elsewhere/1/x/y"))
        assert stopped.wait(10)

    assert jobs.get(archive, job.id) == taken


def test_a_sign_of_life_is_given(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SIGN", 0.05)

    def verb(run: Run) -> Progress:
        first = jobs.get(run.archive, run.job.id).due
        eventually(lambda: jobs.get(run.archive, run.job.id).due > first)
        return Progress()

    with running_with(archive, verb):
        assert over(archive, send(archive)).state is JobState.DONE


def test_old_jobs_are_forgotten(make_archive: MakeArchive) -> None:
    archive = make_archive(job_keep=1.0)
    old, new = send(archive), send(archive)
    for job, age in ((old, 2.0), (new, 0.5)):
        due = time.time() - age * runner.DAY
        jobs.change(
            archive, job.id, lambda job, due=due: replace(job, state=JobState.DONE, due=due)
        )

    with running_with(archive, lambda _: Progress()):
        over(archive, send(archive))
        eventually(lambda: old.id not in [job.id for job in jobs.newest(archive)])

    assert new.id in [job.id for job in jobs.newest(archive)]


def test_a_fault_of_the_records_is_got_over(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = send(archive)
    put = archive.records.put
    faults = [Unreachable("the disk is busy"), ValueError("odd")]

    def failing(record: object) -> object:
        if faults:
            raise faults.pop(0)
        return put(record)  # type: ignore[arg-type]

    monkeypatch.setattr(type(archive.records), "put", lambda _, record: failing(record))
    with running_with(archive, lambda _: Progress()):
        assert over(archive, job).state is JobState.DONE


def test_no_thread_is_left(archive: Archive) -> None:
    before = threading.active_count()
    with running_with(archive, lambda _: Progress()):
        over(archive, send(archive))

    assert threading.active_count() == before


def test_a_try_again_shows_that_it_waits(make_archive: MakeArchive) -> None:
    archive = make_archive(job_retry=1000.0)

    def verb(run: Run) -> Progress:
        raise Unreachable("ct does not answer")

    with running_with(archive, verb):
        waits = waiting_again(archive, send(archive))

    assert waits.due > time.time() + 900
    assert waits.progress.message == "ct does not answer"


def test_a_runner_of_one_job_leaves_the_others(archive: Archive) -> None:
    other = send(archive)
    left = left_by(archive, gone(archive))
    one = send(archive)

    with Runner(archive, {JobKind.SEND: lambda _: Progress()}, only=one.id):
        assert over(archive, one).state is JobState.DONE
    with Runner(archive, {JobKind.SEND: lambda _: Progress()}, only=left.id):
        assert over(archive, left).state is JobState.DONE

    assert jobs.get(archive, other.id) == other


def test_what_a_job_notes_stays_with_it_while_it_is_kept(archive: Archive) -> None:
    def verb(run: Run) -> Progress:
        for number in range(20):
            run.note({"number": number})
            run.report(Progress(number))
            run.keep()  # as the runner does, in a thread of its own
            assert run.job.notes["number"] == number
        return Progress(20)

    with running_with(archive, verb):
        done = over(archive, send(archive))

    assert (done.state, done.notes) == (JobState.DONE, {"number": 19})
