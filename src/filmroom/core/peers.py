"""Peers: the nodes that are known by name, from the settings and from the archive's records."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from filmroom.core.archive import Archive
from filmroom.errors import Conflict, Forbidden, NotFound
from filmroom.model.peer import Peer, Service
from filmroom.model.records import Record
from filmroom.settings.peers import PeerSettings, read_peer

KIND = "peer"
PAGE = 1000
REMEMBERED = 60  # seconds that a host name's addresses are believed


@dataclass(frozen=True, slots=True)
class Known:
    """A peer, and whether it is the settings that name it; those are not changed here."""

    peer: Peer
    fixed: bool


def known(archive: Archive) -> list[Known]:
    """All peers by name; one of the settings hides a record of its name."""
    by_name: dict[str, Known] = {}
    after: str | None = ""
    while after is not None:
        page = archive.records.list(KIND, after=after, limit=PAGE)
        by_name |= {record.key: Known(_of_record(record), fixed=False) for record in page}
        after = page[-1].key if len(page) == PAGE else None
    by_name |= {each.name: Known(_of_settings(each), fixed=True) for each in archive.settings.peers}
    return [by_name[name] for name in sorted(by_name)]


def get(archive: Archive, name: str) -> Peer:
    """The peer of a name; NotFound if there is none."""
    fixed = _fixed(archive, name)
    return fixed if fixed is not None else _of_record(archive.records.get(KIND, name))


def is_fixed(archive: Archive, name: str) -> bool:
    """Whether the settings name the peer of a name."""
    return _fixed(archive, name) is not None


def add(archive: Archive, wanted: PeerSettings) -> Peer:
    """Make a peer known; Conflict if its name is taken."""
    if is_fixed(archive, wanted.name):
        raise Conflict(f"there is a peer {wanted.name!r} in the settings")
    peer = _of_settings(wanted)
    try:
        archive.records.put(Record(KIND, peer.name, _value(peer)))
    except Conflict:
        raise Conflict(f"there is a peer {peer.name!r} already") from None
    return peer


def change(archive: Archive, name: str, changes: Mapping[str, Any]) -> Peer:
    """Set some of a peer's fields; NotFound if there is none, Malformed if they do not fit."""
    _refuse_fixed(archive, name)
    record = archive.records.get(KIND, name)
    wanted = read_peer({**record.value, **changes, "name": name})
    peer = _of_settings(wanted)
    archive.records.put(replace(record, value=_value(peer)))
    return peer


def remove(archive: Archive, name: str) -> None:
    """Forget a peer; NotFound if there is none."""
    _refuse_fixed(archive, name)
    if not archive.records.remove(KIND, name):
        raise NotFound(f"no peer {name!r}")


def find_by_title(archive: Archive, title: str, address: str = "") -> Peer | None:
    """The peer of an AE title that can be called; of several, one at `address` comes first."""
    there = [one for one in _titled(archive, title) if one.host]
    near = (one for one in there if address and _is_at(one.host, address))
    return next(near, there[0] if there else None)


def who_is(archive: Archive, title: str, address: str) -> Peer | None:
    """Which peer calls by an AE title from an address (IPv4 or IPv6); None: no peer does.

    A peer of that title at another host is not the caller: titles are no secret.
    """
    titled = _titled(archive, title)
    there = (one for one in titled if one.host and _is_at(one.host, address))
    anywhere = (one for one in titled if not one.host)
    return next(there, next(anywhere, None))


def _titled(archive: Archive, title: str) -> list[Peer]:
    wanted = title.strip()
    return [one.peer for one in known(archive) if one.peer.aet == wanted]


def _is_at(host: str, address: str) -> bool:
    return _plain(address) in _addresses(host, int(time.monotonic() // REMEMBERED))


@lru_cache(maxsize=1024)
def _addresses(host: str, _moment: int) -> frozenset[str]:
    """The addresses of a host; none if its name cannot be resolved."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return frozenset()
    return frozenset(_plain(str(where[0])) for *_, where in found)


def _plain(address: str) -> str:
    """An address in one spelling; IPv4 inside IPv6 is IPv4."""
    try:
        read = ip_address(address)
    except ValueError:
        return address
    if isinstance(read, IPv6Address) and read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(read)


def _fixed(archive: Archive, name: str) -> Peer | None:
    named = (_of_settings(one) for one in archive.settings.peers if one.name == name)
    return next(named, None)


def _refuse_fixed(archive: Archive, name: str) -> None:
    if is_fixed(archive, name):
        raise Forbidden(f"peer {name!r} stands in the settings: it is changed there")


def _of_settings(written: PeerSettings) -> Peer:
    return Peer(
        written.name,
        written.aet,
        written.host,
        written.port,
        written.tls,
        written.calling,
        frozenset(map(Service, written.may)),
        written.syntaxes,
    )


def _of_record(record: Record) -> Peer:
    value = record.value
    return Peer(
        record.key,
        value["aet"],
        value["host"],
        value["port"],
        value["tls"],
        value["calling"],
        frozenset(map(Service, value["may"])),
        tuple(value["syntaxes"]),
    )


def _value(peer: Peer) -> dict[str, Any]:
    return {
        "aet": peer.aet,
        "host": peer.host,
        "port": peer.port,
        "tls": peer.tls,
        "calling": peer.calling,
        "may": [service.value for service in Service if service in peer.may],
        "syntaxes": list(peer.syntaxes),
    }
