"""Studies that are complete are announced to peers, once, also over a restart."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from filmroom.app import open_archive
from filmroom.core import announcing, jobs, peers
from filmroom.core.alone import NoPeers
from filmroom.core.archive import Archive
from filmroom.core.delete import reject
from filmroom.core.runner import Runner
from filmroom.core.store import receive
from filmroom.errors import Declined
from filmroom.model.job import JobKind, JobState
from filmroom.model.peer import Peer
from filmroom.model.remote import Operation, Performed, Verb
from filmroom.model.selection import Selection
from filmroom.settings import Settings
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import CT_IMAGE, ct_slice, part10, uid

LATER = 1000.0  # seconds: everything is due by then


class Listening(NoPeers):
    """Peers that take what they are told, or refuse it."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Operation]] = []
        self.status = 0

    def perform(self, peer: Peer, operation: Operation, *_: Any) -> Performed:
        self.told.append((peer.name, operation))
        if self.status:
            raise Declined("no", self.status)
        return Performed(0, operation.instance, None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data",
        disk_reserve=0,
        availability_peers=("one", "two"),
        availability_after=60,
        job_retry=0.05,
    )


@pytest.fixture
def remote() -> Listening:
    return Listening()


@pytest.fixture
def archive(settings: Settings, remote: Listening) -> Iterator[Archive]:
    with ExitStack() as closed_last:
        archive = closed_last.enter_context(open_archive(settings))
        object.__setattr__(archive, "remote", cast(Any, remote))
        for name in ("one", "two"):
            peers.add(archive, PeerSettings(name=name, aet=name.upper(), host="127.0.0.1"))
        yield archive


def keep(archive: Archive, study: int, instance: int = 1) -> None:
    incoming = receive(archive, "test")
    incoming.write(part10(ct_slice(study, 1, instance)))
    incoming.finish()


def waiting(archive: Archive) -> list[str]:
    queued = jobs.newest(archive, JobState.QUEUED)
    return sorted(job.arguments["selections"][0][0] for job in queued)


def test_a_study_is_announced_when_it_has_been_quiet(archive: Archive) -> None:
    announcing.look(archive)
    keep(archive, 1)

    assert announcing.look(archive) == 0
    assert announcing.look(archive, time.time() + LATER) == 2
    assert waiting(archive) == [uid(1)] * 2
    assert announcing.look(archive, time.time() + LATER) == 0


def test_what_was_there_before_is_not_announced(archive: Archive) -> None:
    for study in range(1, 6):
        keep(archive, study)
    announcing.look(archive)
    keep(archive, 6)

    announcing.look(archive, time.time() + LATER)

    assert waiting(archive) == [uid(6)] * 2


def test_what_waits_is_announced_after_a_restart(archive: Archive, settings: Settings) -> None:
    announcing.look(archive)
    keep(archive, 1)
    announcing.look(archive)
    keep(archive, 2)

    with open_archive(settings) as again:
        assert announcing.look(again, time.time() + LATER) == 4


def test_what_is_rejected_is_no_news(archive: Archive) -> None:
    keep(archive, 1)
    announcing.look(archive)
    reject(archive, Selection(uid(1)), "113001^DCM", "test")

    assert announcing.look(archive, time.time() + LATER) == 0


@pytest.mark.requires("PS3.4 R.3.2")
def test_each_peer_is_told_what_the_study_holds(archive: Archive, remote: Listening) -> None:
    announcing.look(archive)
    keep(archive, 1, 1)
    keep(archive, 1, 2)
    announcing.look(archive, time.time() + LATER)

    with Runner(archive):
        assert soon(lambda: len(jobs.newest(archive, JobState.DONE)) == 2)

    assert sorted(name for name, _ in remote.told) == ["one", "two"]
    _, operation = remote.told[0]
    assert (operation.verb, operation.sop_class) == (Verb.CREATE, "1.2.840.10008.5.1.4.33")
    told = operation.attributes
    assert told is not None
    assert told["0020000D"]["Value"] == [uid(1)]
    (series,) = told["00081115"]["Value"]
    assert series["0020000E"]["Value"] == [uid(1, 1)]
    assert series["00081199"]["Value"] == [
        {
            "00081150": {"vr": "UI", "Value": [CT_IMAGE]},
            "00081155": {"vr": "UI", "Value": [uid(1, 1, number)]},
            "00080056": {"vr": "CS", "Value": ["ONLINE"]},
            "00080054": {"vr": "AE", "Value": ["FILMROOM"]},
        }
        for number in (1, 2)
    ]


def test_a_try_that_had_come_through_is_not_a_failure(archive: Archive, remote: Listening) -> None:
    keep(archive, 1)
    remote.status = 0x0111
    job = jobs.start(archive, JobKind.ANNOUNCE, {"peer": "one", "selections": [[uid(1)]]}, "test")

    with Runner(archive):
        assert soon(lambda: jobs.get(archive, job.id).state is JobState.DONE)


def soon(condition: Any) -> bool:
    until = time.monotonic() + 15
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(condition())
