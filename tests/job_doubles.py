"""Peers that take what they are sent into a list, and what waits for jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from filmroom.core import jobs
from filmroom.core.archive import Archive
from filmroom.errors import Declined, Unreachable
from filmroom.model.instance import Attributes
from filmroom.model.job import Job, JobState
from filmroom.model.peer import Peer
from filmroom.model.remote import Originator, Outgoing, Proposal, Remote

PATIENCE = 15.0  # seconds


@dataclass
class ListeningPeer:
    """A `Remote` of one peer; takes what is stored there, if it is let."""

    taken: list[str] = field(default_factory=list)
    """SOP Instance UIDs in the order in which they came."""
    coming: str = ""
    associations: int = 0
    declined: set[str] = field(default_factory=set)
    """SOP Instance UIDs that it does not take."""
    is_away: bool = False
    before_each: Callable[[], None] | None = None
    """Is called before each instance is taken."""
    matches: list[Attributes] = field(default_factory=list)
    """What is found there."""
    asked: list[tuple[str, Attributes]] = field(default_factory=list)
    """SOP class and identifier of each query."""
    is_cancelled: bool = False
    """Whether a query was ended before its last match."""

    def echo(self, peer: Peer) -> None:
        if self.is_away:
            raise Unreachable(f"{peer.name} does not answer")

    def find(self, peer: Peer, sop_class: str, identifier: Attributes) -> Iterator[Attributes]:
        self.echo(peer)
        self.asked.append((sop_class, identifier))
        try:
            yield from self.matches
        except GeneratorExit:
            self.is_cancelled = True
            raise

    @contextmanager
    def deliver(self, peer: Peer, proposals: Sequence[Proposal]) -> Iterator[ListeningPeer]:
        if self.is_away:
            raise Unreachable(f"{peer.name} does not answer")
        self.associations += 1
        yield self

    def takes(self, sop_class: str, transfer_syntax: str) -> bool:
        return True

    def send(self, outgoing: Outgoing, originator: Originator | None = None) -> None:
        if self.before_each is not None:
            self.before_each()
        if self.is_away:
            raise Unreachable("gone in the middle")
        b"".join(outgoing.data)
        self.coming = outgoing.instance

    def stored(self) -> bool:
        if self.coming in self.declined:
            raise Declined("no room", 0xA700)
        self.taken.append(self.coming)
        return True


def with_remote(archive: Archive, remote: object) -> Archive:
    """The same archive, with other nodes to ask."""
    return replace(archive, remote=cast(Remote, remote))


def eventually(true: Callable[[], Any], what: str = "it") -> None:
    """Wait until something is true, not for long."""
    deadline = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline, f"{what} did not come"
        pause.wait(0.01)


def over(archive: Archive, job: Job) -> Job:
    """A job when it is over."""
    eventually(lambda: jobs.get(archive, job.id).state.is_over, f"the end of {job.id}")
    return jobs.get(archive, job.id)


def waiting_again(archive: Archive, job: Job) -> Job:
    """A job when it waits for another try."""

    def waits() -> bool:
        now = jobs.get(archive, job.id)
        return now.state is JobState.QUEUED and now.attempts > 0

    eventually(waits, f"the next try of {job.id}")
    return jobs.get(archive, job.id)
