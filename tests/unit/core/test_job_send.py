"""Jobs that send: all of it, some of it, what is left of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filmroom.core import jobs, peers, runner
from filmroom.core.archive import Archive
from filmroom.core.runner import Runner
from filmroom.model.job import Job, JobKind, JobState, Progress
from filmroom.model.stored import Stored
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import ct_slice, part10, uid
from job_doubles import ListeningPeer, eventually, over, waiting_again, with_remote

MakeArchive = Callable[..., Archive]
Store = Callable[..., Stored]
SLICES = 8


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TICK", 0.02)


@pytest.fixture
def peer() -> ListeningPeer:
    return ListeningPeer()


@pytest.fixture
def archive(make_archive: MakeArchive, store: Store, peer: ListeningPeer) -> Archive:
    """Two studies: one of eight slices in two series, one of a single slice."""
    archive = with_remote(make_archive(job_retry=0.05, job_attempts=3), peer)
    peers.add(archive, PeerSettings(name="ct", aet="CT", host="192.0.2.1"))
    peers.add(archive, PeerSettings(name="caller", aet="CALLER"))
    for number in range(SLICES):
        slice_ = ct_slice(study=1, series=1 + number % 2, instance=number)
        store(archive, part10(slice_))
    store(archive, part10(ct_slice(study=2, series=5, instance=1)))
    return archive


def send(archive: Archive, *selections: list[str], peer: str = "ct") -> Job:
    arguments = {"peer": peer, "selections": list(selections)}
    return jobs.start(archive, JobKind.SEND, arguments, "test")


def sops(archive: Archive) -> set[str]:
    return {one.ref.instance for one in archive.index.located()}


def test_what_is_selected_is_sent_once(archive: Archive, peer: ListeningPeer) -> None:
    study, series = uid(1), next(archive.index.located()).ref.series
    with Runner(archive):
        done = over(archive, send(archive, [study], [study, series], [uid(2)]))

    assert done.state is JobState.DONE
    assert done.progress == Progress(9, of=9)
    assert set(peer.taken) == sops(archive)
    assert len(peer.taken) == 9
    assert archive.records.list(jobs.SENT) == []


def test_only_what_failed_is_sent_again(archive: Archive, peer: ListeningPeer) -> None:
    declined = sorted(sops(archive))[:2]
    peer.declined.update(declined)
    with Runner(archive):
        job = send(archive, [uid(1)], [uid(2)])
        waits = waiting_again(archive, job)
        peer.declined.clear()
        done = over(archive, job)

    assert (waits.progress.done, waits.progress.failed, waits.progress.of) == (7, 2, 9)
    assert sorted(waits.progress.failures) == declined
    assert "no room" in waits.progress.message
    assert done.state is JobState.DONE
    assert done.progress == Progress(9, of=9)
    assert sorted(peer.taken) == sorted(sops(archive))


def test_what_is_declined_each_time_fails_in_the_end(archive: Archive, peer: ListeningPeer) -> None:
    peer.declined.add(sorted(sops(archive))[0])
    with Runner(archive):
        failed = over(archive, send(archive, [uid(1)], [uid(2)]))
        peer.declined.clear()
        done = over(archive, jobs.retry(archive, failed.id))

    assert (failed.state, failed.attempts, failed.progress.done) == (JobState.FAILED, 3, 8)
    assert done.progress == Progress(9, of=9)
    assert len(peer.taken) == 9


def test_a_peer_that_comes_back_gets_the_rest(archive: Archive, peer: ListeningPeer) -> None:
    peer.is_away = True
    with Runner(archive):
        job = send(archive, [uid(1)])
        waits = waiting_again(archive, job)
        peer.is_away = False
        done = over(archive, job)

    assert "does not answer" in waits.progress.message
    assert done.progress == Progress(8, of=8)


def test_a_send_goes_on_where_it_was_stopped(archive: Archive, peer: ListeningPeer) -> None:
    first = Runner(archive)

    def stop_after_three() -> None:
        if len(peer.taken) == 3:
            peer.before_each = None
            first._stopping = True  # as when it is left
            eventually(lambda: first._tasks and first._tasks[0].run.stopped())

    peer.before_each = stop_after_three
    with first:
        job = send(archive, [uid(1)])
        eventually(lambda: jobs.get(archive, job.id).progress.done == 4)
    stopped = jobs.get(archive, job.id)
    with Runner(archive):
        done = over(archive, job)

    assert (stopped.state, stopped.progress) == (JobState.QUEUED, Progress(4, of=8))
    assert done.progress == Progress(8, of=8)
    assert len(peer.taken) == 8
    assert peer.associations == 2


def test_what_came_meanwhile_is_sent_too(
    archive: Archive, peer: ListeningPeer, store: Store
) -> None:
    peer.declined.add(sorted(sops(archive))[0])
    with Runner(archive):
        job = send(archive, [uid(1)], [uid(2)])
        waiting_again(archive, job)
        store(archive, part10(ct_slice(study=2, series=5, instance=2)))
        peer.declined.clear()
        done = over(archive, job)

    assert done.progress == Progress(10, of=10)
    assert set(peer.taken) == sops(archive)


def test_a_send_is_cancelled_between_two_instances(archive: Archive, peer: ListeningPeer) -> None:
    made: list[Job] = []
    with Runner(archive) as entered:

        def cancel_after_three() -> None:
            if len(peer.taken) == 3:
                eventually(lambda: made and entered._tasks)
                jobs.cancel(archive, made[0].id)
                eventually(lambda: entered._tasks[0].run.stopped())

        peer.before_each = cancel_after_three
        made.append(send(archive, [uid(1)]))
        ended = over(archive, made[0])

    assert ended.state is JobState.CANCELLED
    assert ended.progress == Progress(4, of=8)
    assert len(peer.taken) == 4


@pytest.mark.parametrize(
    ("peer_name", "selection", "message"),
    [
        ("nobody", [uid(1)], "no peer 'nobody'"),
        ("caller", [uid(1)], "has no host"),
        ("ct", ["1.2.3.4.5"], "1.2.3.4.5"),
    ],
)
def test_what_cannot_be_sent_fails_at_once(
    archive: Archive, peer: ListeningPeer, peer_name: str, selection: list[str], message: str
) -> None:
    with Runner(archive):
        failed = over(archive, send(archive, selection, peer=peer_name))

    assert failed.state is JobState.FAILED
    assert message in failed.progress.message
    assert peer.associations == 0
