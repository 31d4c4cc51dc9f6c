"""Who calls, and what they may do."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from filmroom.dimse.session import Caller
from filmroom.model.peer import EVERYTHING, Peer, Service
from filmroom.settings import Settings

FROM_NETWORK = frozenset({Service.ECHO, Service.STORE})

WhoIs = Callable[[str, str], Peer | None]
"""The peer with an AE title that calls from an address."""


def may(caller: Caller, settings: Settings) -> frozenset[Service]:
    """What a caller may ask of us."""
    if caller.peer is not None:
        return caller.peer.may
    if settings.dimse_unknown:
        return frozenset(Service(word) for word in settings.dimse_unknown if word != "none")
    return EVERYTHING if is_near(caller.address) else FROM_NETWORK


def is_near(address: str) -> bool:
    """Whether an address is of this machine."""
    read = ipaddress.ip_address(address.partition("%")[0])
    inner = read.ipv4_mapped if isinstance(read, ipaddress.IPv6Address) else None
    return (inner or read).is_loopback


def own_titles(settings: Settings) -> frozenset[str]:
    """The AE titles that the archive answers to."""
    return frozenset((settings.aet, *settings.dimse_aets))
