"""What another node has is asked for, and fetched from it (PS3.4 §C.4, as SCU)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dimse_door import Address, opened
from filmroom.app import open_archive
from filmroom.core import peers
from filmroom.core.archive import Archive
from filmroom.core.fetching import How, fetch, query
from filmroom.core.store import receive
from filmroom.dicom.levels import Level
from filmroom.errors import Declined, Malformed, Unreachable
from filmroom.model.peer import Peer
from filmroom.model.remote import Tally
from filmroom.model.selection import Selection
from filmroom.settings import Settings
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import ct_slice, encapsulated, part10, report, uid

JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
FILES = [
    part10(ct_slice(1, 1, 1, size=300)),
    part10(ct_slice(1, 1, 2), "1.2.840.10008.1.2"),
    part10(report(1)),
    encapsulated([b"\xff\xd8 no picture"], JPEG_LOSSLESS, 1, 2, 1),
    part10(ct_slice(2, 1, 1)),
]
INSTANCES = sorted([uid(1, 1, 1), uid(1, 1, 2), uid(1, 90, 1), uid(1, 2, 1)])
MOVED = "MOVED"


@pytest.fixture
def there(tmp_path: Path) -> Iterator[tuple[Archive, Peer]]:
    """Another archive, which knows us, and our peer that it is."""
    with (
        open_archive(Settings(data=tmp_path / "there", disk_reserve=0)) as archive,
        opened(archive) as (host, port),
    ):
        for file in FILES:
            with receive(archive, "test") as incoming:
                incoming.write(file)
                incoming.finish()
        yield archive, Peer("there", "FILMROOM", host, port, calling="HERE")


@pytest.fixture
def door(archive: Archive, there: tuple[Archive, Peer]) -> Iterator[Address]:
    """Ours; the other archive knows it as HERE."""
    with opened(archive) as (host, port):
        peers.add(there[0], PeerSettings(name="here", aet="HERE", host=host, port=port))
        yield host, port


def held(archive: Archive) -> dict[str, bytes]:
    """Data sets by instance, all but what is said of the file."""
    found = {}
    for located in archive.index.located():
        data = archive.storage.read(located.key)
        found[located.ref.instance] = data[data.index(b"\x08\x00\x05\x00") :]
    return found


@pytest.mark.parametrize("how", How)
def test_a_study_comes_as_it_is_stored_there(
    how: How, archive: Archive, door: Address, there: tuple[Archive, Peer]
) -> None:
    seen: list[int] = []

    tally = fetch(
        archive, there[1], Selection(uid(1)), how, lambda tally: seen.append(tally.completed)
    )

    assert tally == Tally(completed=4)
    assert seen[-1] == 4
    theirs = held(there[0])
    assert held(archive) == {instance: theirs[instance] for instance in INSTANCES}


@pytest.mark.parametrize("how", How)
def test_a_series_or_an_instance_comes_alone(
    how: How, archive: Archive, door: Address, there: tuple[Archive, Peer]
) -> None:
    assert fetch(archive, there[1], Selection(uid(1), uid(1, 2)), how).completed == 1
    assert list(held(archive)) == [uid(1, 2, 1)]
    one = Selection(uid(1), uid(1, 1), uid(1, 1, 2))
    assert fetch(archive, there[1], one, how).completed == 1
    assert sorted(held(archive)) == [uid(1, 1, 2), uid(1, 2, 1)]


@pytest.mark.parametrize("how", How)
def test_what_is_not_there_is_no_failure(
    how: How, archive: Archive, door: Address, there: tuple[Archive, Peer]
) -> None:
    assert fetch(archive, there[1], Selection(uid(7)), how) == Tally()


def test_a_fetch_that_is_cancelled_stops(
    archive: Archive, door: Address, there: tuple[Archive, Peer]
) -> None:
    tally = fetch(archive, there[1], Selection(uid(1)), How.GET, cancelled=lambda: True)
    assert tally.completed < 4
    assert tally.remaining > 0


def test_what_is_not_stored_here_is_told_and_listed(
    archive: Archive, there: tuple[Archive, Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive.storage, "free", lambda: -1)

    tally = fetch(archive, there[1], Selection(uid(1)), How.GET)

    assert (tally.completed, tally.failed, sorted(tally.failures)) == (0, 4, INSTANCES)
    assert "disk" in tally.message
    assert held(archive) == {}


def test_who_does_not_know_us_says_so(archive: Archive, there: tuple[Archive, Peer]) -> None:
    with pytest.raises(Declined, match="A801"):
        fetch(archive, there[1], Selection(uid(1)))


def test_nothing_in_particular_is_not_fetched(
    archive: Archive, there: tuple[Archive, Peer]
) -> None:
    with pytest.raises(Malformed):
        fetch(archive, there[1], Selection())


def test_a_peer_is_asked_what_it_has(archive: Archive, there: tuple[Archive, Peer]) -> None:
    keys: dict[str, Any] = {"0020000D": {"vr": "UI"}, "00100020": {"vr": "LO", "Value": ["ID1"]}}
    (study,) = query(archive, there[1], Level.STUDY, keys)
    assert study["0020000D"]["Value"] == [uid(1)]
    (patient,) = query(archive, there[1], Level.PATIENT, {"00100020": keys["00100020"]})
    assert patient["00100020"]["Value"] == ["ID1"]


def test_who_has_seen_enough_cancels(archive: Archive, there: tuple[Archive, Peer]) -> None:
    found = query(archive, there[1], Level.STUDY, {"0020000D": {"vr": "UI"}})
    assert next(found)["0020000D"]["Value"]
    found.close()  # type: ignore[attr-defined]
    archive.remote.echo(there[1])


def test_a_peer_that_nobody_is_cannot_be_asked(archive: Archive) -> None:
    nobody = Peer("nobody", "NOBODY", "127.0.0.1", 1)
    for ask in (
        lambda: archive.remote.echo(nobody),
        lambda: next(query(archive, nobody, Level.STUDY, {})),
        lambda: fetch(archive, nobody, Selection(uid(1)), How.GET),
        lambda: archive.remote.echo(Peer("caller", "CALLER", "", 104)),
    ):
        with pytest.raises(Unreachable, match=r"nobody|caller"):
            _told(ask)


def _told(ask: Callable[[], object]) -> object:
    return ask()
