"""Jobs that fetch what is selected, by C-MOVE or C-GET; only what is missing is asked for again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from filmroom.core import jobs, peers, runner
from filmroom.core.archive import Archive
from filmroom.core.runner import Runner
from filmroom.errors import Unreachable
from filmroom.model.instance import Attributes
from filmroom.model.job import Job, JobKind, JobState, Progress
from filmroom.model.peer import Peer
from filmroom.model.remote import Cancelled, Proposal, Report, Stores, Tally
from filmroom.model.stored import Stored
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import ct_slice, part10, uid
from job_doubles import eventually, over, waiting_again, with_remote

MakeArchive = Callable[..., Archive]
Store = Callable[..., Stored]


@dataclass
class HoldingPeer:
    """A `Remote` that sends nothing, but tells how it would have gone."""

    tallies: dict[str, list[Tally]]
    """By study, what becomes of each time that it is asked for."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """How it was asked, and for which study."""

    def move(
        self,
        peer: Peer,
        sop_class: str,
        identifier: Attributes,
        destination: str,
        report: Report,
        cancelled: Cancelled,
    ) -> Tally:
        return self._answer(f"move to {destination}", identifier, report, cancelled)

    def get(
        self,
        peer: Peer,
        sop_class: str,
        identifier: Attributes,
        proposals: Sequence[Proposal],
        store: Stores,
        report: Report,
        cancelled: Cancelled,
    ) -> Tally:
        return self._answer("get", identifier, report, cancelled)

    def find(self, peer: Peer, sop_class: str, identifier: Attributes) -> list[Attributes]:
        return []

    def _answer(
        self, how: str, identifier: Attributes, report: Report, cancelled: Cancelled
    ) -> Tally:
        (study,) = identifier["0020000D"]["Value"]
        self.asked.append((how, study))
        tally = self.tallies[study].pop(0)
        if tally.message == "away":
            raise Unreachable("away")
        report(tally)
        if tally.message == "slow":
            eventually(cancelled)
        return tally


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "TICK", 0.02)


@pytest.fixture
def make(make_archive: MakeArchive) -> Callable[..., tuple[Archive, HoldingPeer]]:
    def made(**tallies: list[Tally]) -> tuple[Archive, HoldingPeer]:
        peer = HoldingPeer({uid(int(name[1:])): told for name, told in tallies.items()})
        archive = with_remote(make_archive(job_retry=0.05, job_attempts=3), peer)
        peers.add(archive, PeerSettings(name="pacs", aet="PACS", host="192.0.2.1", calling="US"))
        return archive, peer

    return made


def fetch(archive: Archive, *studies: int, **more: str) -> Job:
    arguments = {"peer": "pacs", "selections": [[uid(number)] for number in studies], **more}
    return jobs.start(archive, JobKind.FETCH, arguments, "test")


def test_all_that_is_selected_is_fetched(make) -> None:
    archive, peer = make(s1=[Tally(completed=3)], s2=[Tally(completed=4, warned=1)])
    with Runner(archive):
        done = over(archive, fetch(archive, 1, 2))

    assert (done.state, done.progress) == (JobState.DONE, Progress(8, 1, of=8))
    assert peer.asked == [("move to US", uid(1)), ("move to US", uid(2))]


def test_it_is_fetched_as_was_asked(make) -> None:
    archive, peer = make(s1=[Tally(completed=3)])
    with Runner(archive):
        over(archive, fetch(archive, 1, by="get"))

    assert peer.asked == [("get", uid(1))]


def test_only_what_failed_is_fetched_again(make) -> None:
    failing = Tally(completed=1, failed=2, failures=["1.2", "1.3"], message="no room")
    archive, peer = make(
        s1=[Tally(completed=3)], s2=[failing, Tally(completed=3)], s3=[Tally(completed=5)]
    )
    with Runner(archive):
        job = fetch(archive, 1, 2, 3)
        waits = waiting_again(archive, job)
        done = over(archive, job)

    assert waits.progress == Progress(9, 0, 2, 11, ("1.2", "1.3"), "no room")
    assert (done.state, done.progress) == (JobState.DONE, Progress(11, of=11))
    assert [study for _, study in peer.asked] == [uid(1), uid(2), uid(3), uid(2)]


def test_a_peer_that_goes_away_is_asked_for_the_rest(make) -> None:
    archive, peer = make(s1=[Tally(completed=3)], s2=[Tally(message="away"), Tally(completed=1)])
    with Runner(archive):
        done = over(archive, fetch(archive, 1, 2))

    assert (done.state, done.progress) == (JobState.DONE, Progress(4, of=4))
    assert [study for _, study in peer.asked] == [uid(1), uid(2), uid(2)]


def test_what_fails_each_time_fails_in_the_end(make) -> None:
    archive, peer = make(s1=[Tally(completed=2, failed=1) for _ in range(5)])
    with Runner(archive):
        failed = over(archive, fetch(archive, 1))

    assert (failed.state, failed.attempts) == (JobState.FAILED, 3)
    assert len(peer.asked) == 3


def test_a_peer_that_sends_nothing_has_nothing(make) -> None:
    archive, _ = make(s1=[Tally()])
    with Runner(archive):
        failed = over(archive, fetch(archive, 1))

    assert failed.state is JobState.FAILED
    assert f"pacs has sent nothing of study {uid(1)}" in failed.progress.message


def test_a_peer_may_count_nothing_and_yet_send(make, store: Store) -> None:
    archive, _ = make(s1=[Tally()])
    store(archive, part10(ct_slice(1)))
    with Runner(archive):
        assert over(archive, fetch(archive, 1)).state is JobState.DONE


def test_a_fetch_is_cancelled(make) -> None:
    archive, peer = make(
        s1=[Tally(completed=2)], s2=[Tally(completed=1, remaining=4, message="slow")], s3=[]
    )
    with Runner(archive):
        job = fetch(archive, 1, 2, 3)
        eventually(lambda: jobs.get(archive, job.id).progress.done == 3)
        progress = jobs.get(archive, job.id).progress
        jobs.cancel(archive, job.id)
        ended = over(archive, job)

    assert progress.of == 7
    assert (ended.state, ended.progress.done) == (JobState.CANCELLED, 3)
    assert len(peer.asked) == 2


def test_a_fetch_goes_on_at_the_selection_where_it_was_stopped(make) -> None:
    slow = Tally(completed=1, remaining=4, message="slow")
    archive, peer = make(s1=[Tally(completed=2)], s2=[slow, Tally(completed=5)])
    with Runner(archive):
        job = fetch(archive, 1, 2)
        eventually(lambda: jobs.get(archive, job.id).progress.done == 3)
    stopped = jobs.get(archive, job.id)
    with Runner(archive):
        done = over(archive, job)

    assert stopped.state is JobState.QUEUED
    assert done.progress == Progress(7, of=7)
    assert [study for _, study in peer.asked] == [uid(1), uid(2), uid(2)]
