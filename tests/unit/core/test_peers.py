"""Peers are known from settings and records, and found by title and address."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filmroom.core import peers
from filmroom.core.archive import Archive
from filmroom.errors import Conflict, Forbidden, Malformed, NotFound
from filmroom.model.peer import Peer, Service
from filmroom.settings.peers import PeerSettings

MakeArchive = Callable[..., Archive]


@pytest.fixture
def archive(make_archive: MakeArchive) -> Archive:
    return make_archive(peers=[{"name": "fixed", "aet": "FIXED", "host": "192.0.2.1"}])


def wanted(name: str, aet: str = "AET", host: str = "192.0.2.2", **more: object) -> PeerSettings:
    return PeerSettings.model_validate({"name": name, "aet": aet, "host": host, **more})


def names(archive: Archive) -> list[tuple[str, bool]]:
    return [(one.peer.name, one.fixed) for one in peers.known(archive)]


def test_a_peer_is_known_when_it_was_added(archive: Archive) -> None:
    full = wanted(
        "ct", "CT", port=105, tls=True, calling="ROOM", may=["store", "echo"], syntaxes=["1.2"]
    )

    added = peers.add(archive, full)

    may = frozenset({Service.ECHO, Service.STORE})
    assert added == Peer("ct", "CT", "192.0.2.2", 105, True, "ROOM", may, ("1.2",))
    assert peers.get(archive, "ct") == added
    assert names(archive) == [("ct", False), ("fixed", True)]
    with pytest.raises(Conflict, match="'ct' already"):
        peers.add(archive, full)


def test_a_peer_is_changed_field_by_field(archive: Archive) -> None:
    peers.add(archive, wanted("ct", "CT", syntaxes=["1.2"]))

    changed = peers.change(archive, "ct", {"port": 4242, "may": [], "name": "other"})

    assert changed == Peer("ct", "CT", "192.0.2.2", 4242, may=frozenset(), syntaxes=("1.2",))
    assert peers.get(archive, "ct") == changed
    with pytest.raises(Malformed, match="port"):
        peers.change(archive, "ct", {"port": 0})
    assert peers.get(archive, "ct") == changed
    with pytest.raises(NotFound):
        peers.change(archive, "mr", {"port": 1})


def test_a_peer_is_gone_when_it_was_removed(archive: Archive) -> None:
    peers.add(archive, wanted("ct"))

    peers.remove(archive, "ct")

    assert names(archive) == [("fixed", True)]
    for gone in (peers.get, peers.remove):
        with pytest.raises(NotFound, match="'ct'"):
            gone(archive, "ct")


def test_peers_of_the_settings_are_not_changed_here(archive: Archive) -> None:
    assert peers.get(archive, "fixed").aet == "FIXED"
    with pytest.raises(Conflict, match="in the settings"):
        peers.add(archive, wanted("fixed"))
    with pytest.raises(Forbidden, match="stands in the settings"):
        peers.change(archive, "fixed", {"port": 1})
    with pytest.raises(Forbidden, match="stands in the settings"):
        peers.remove(archive, "fixed")


def test_a_peer_of_the_settings_hides_a_record_of_its_name(
    archive: Archive, make_archive: MakeArchive
) -> None:
    earlier = make_archive()
    peers.add(earlier, wanted("fixed", "EARLIER"))
    object.__setattr__(archive, "index", earlier.index)

    assert names(archive) == [("fixed", True)]
    assert peers.get(archive, "fixed").aet == "FIXED"
    assert peers.find_by_title(archive, "EARLIER") is None


def test_more_peers_than_a_page_are_known(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PAGE", 2)
    for number in range(5):
        peers.add(archive, wanted(f"p{number}", f"AET{number}"))

    assert [name for name, _ in names(archive)] == ["fixed", "p0", "p1", "p2", "p3", "p4"]
    found = peers.find_by_title(archive, "AET4")
    assert found is not None
    assert found.name == "p4"


def test_a_destination_is_found_by_its_title(archive: Archive) -> None:
    peers.add(archive, wanted("a-caller", "AET", ""))
    first = peers.add(archive, wanted("b", "AET", "192.0.2.2"))
    second = peers.add(archive, wanted("c", "AET", "192.0.2.3"))
    peers.add(archive, wanted("only-calls", "MODALITY", ""))

    assert peers.find_by_title(archive, "AET ") == first
    assert peers.find_by_title(archive, "AET", "192.0.2.3") == second
    assert peers.find_by_title(archive, "AET", "192.0.2.9") == first
    assert peers.find_by_title(archive, "aet") is None
    assert peers.find_by_title(archive, "MODALITY") is None


def test_a_caller_is_known_by_title_and_address(archive: Archive) -> None:
    one = peers.add(archive, wanted("one", "AET", "192.0.2.2"))
    two = peers.add(archive, wanted("two", "AET", "2001:db8::2"))
    roaming = peers.add(archive, wanted("roaming", "ROAM", ""))
    local = peers.add(archive, wanted("local", "LOCAL", "localhost"))

    assert peers.who_is(archive, "AET", "192.0.2.2") == one
    assert peers.who_is(archive, " AET ", "::ffff:192.0.2.2") == one
    assert peers.who_is(archive, "AET", "2001:0db8:0:0::2") == two
    assert peers.who_is(archive, "AET", "192.0.2.3") is None
    assert peers.who_is(archive, "ROAM", "198.51.100.7") == roaming
    assert peers.who_is(archive, "LOCAL", "127.0.0.1") == local
    assert peers.who_is(archive, "OTHER", "192.0.2.2") is None


def test_of_the_peers_of_a_title_the_one_at_the_address_calls(archive: Archive) -> None:
    anywhere = peers.add(archive, wanted("a", "AET", ""))
    there = peers.add(archive, wanted("b", "AET", "192.0.2.2"))

    assert peers.who_is(archive, "AET", "192.0.2.2") == there
    assert peers.who_is(archive, "AET", "192.0.2.3") == anywhere


def test_a_host_that_cannot_be_resolved_is_nowhere(archive: Archive) -> None:
    peers.add(archive, wanted("lost", "LOST", "lost.invalid"))
    peers.add(archive, wanted("odd", "ODD", "a" * 80 + ".invalid"))

    assert peers.who_is(archive, "LOST", "192.0.2.2") is None
    assert peers.who_is(archive, "ODD", "192.0.2.2") is None
