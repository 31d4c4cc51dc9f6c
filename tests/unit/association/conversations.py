"""Associations brought into any of their states, for tests."""

from __future__ import annotations

from filmroom.association.items import UserInformation
from filmroom.association.pdus import (
    Abort,
    AssociateAccept,
    AssociateRequest,
    ContextAnswer,
    Pdu,
    ProposedContext,
    ReleaseRequest,
    ReleaseResponse,
    encode,
)
from filmroom.association.protocol import Association, Indication, Role

VERIFICATION = "1.2.840.10008.1.1"
IMPLICIT = "1.2.840.10008.1.2"
REQUEST = AssociateRequest(
    "CALLED",
    "CALLING",
    (ProposedContext(1, VERIFICATION, (IMPLICIT,)), ProposedContext(3, "1.2.3", (IMPLICIT,))),
    UserInformation(max_length=4096),
)
ACCEPT = AssociateAccept(
    "CALLED",
    "CALLING",
    (ContextAnswer(1, 0, IMPLICIT), ContextAnswer(3, 3, "")),
    UserInformation(max_length=1024),
)


def hear(side: Association, *pdus: Pdu) -> list[Indication]:
    """What a side makes of PDUs of its peer."""
    return list(side.receive(b"".join(map(encode, pdus))))


def accepting() -> Association:
    """An acceptor that has accepted."""
    side = Association(Role.ACCEPTOR)
    hear(side, REQUEST)
    side.send(ACCEPT)
    return side


def requesting() -> Association:
    """A requester that was accepted."""
    side = Association(Role.REQUESTER)
    side.send(REQUEST)
    hear(side, ACCEPT)
    return side


def in_every_state() -> dict[str, Association]:
    """An association in each state, on each side that can be in it."""
    sides = {"requester 4": Association(Role.REQUESTER), "acceptor 2": Association(Role.ACCEPTOR)}
    asked = Association(Role.REQUESTER)
    asked.send(REQUEST)
    heard = Association(Role.ACCEPTOR)
    hear(heard, REQUEST)
    sides |= {"requester 5": asked, "acceptor 3": heard}
    for name, make in (("requester", requesting), ("acceptor", accepting)):
        sides |= {f"{name} {n}": make() for n in (1, 6, 7, 8, 13)}
        sides[f"{name} 7"].send(ReleaseRequest())
        hear(sides[f"{name} 8"], ReleaseRequest())
        sides[f"{name} 13"].send(Abort())
        hear(sides[f"{name} 1"], Abort())
    for number in (9, 11):
        sides[f"requester {number}"] = side = requesting()
        side.send(ReleaseRequest())
        hear(side, ReleaseRequest())
    side.send(ReleaseResponse())
    for number in (10, 12):
        sides[f"acceptor {number}"] = side = accepting()
        side.send(ReleaseRequest())
        hear(side, ReleaseRequest())
    hear(side, ReleaseResponse())
    return sides
