"""Peer: another DICOM node that we know by name."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Service(StrEnum):
    """What a peer may ask of us; what we ask of a peer is for it to allow."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    MOVE = "move"
    GET = "get"


EVERYTHING = frozenset(Service)


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a node listens, what it is called there and here, and what it may do here."""

    name: str
    """Ours for it: unique, in commands and addresses."""
    aet: str
    """Its AE title; more than one peer may have the same at different hosts."""
    host: str
    """Name or address; whoever calls with the title must come from there, unless it is empty."""
    port: int
    tls: bool = False
    """Whether it is reached over TLS."""
    calling: str = ""
    """The AE title that we call ourselves when we call it; "" is the archive's own."""
    may: frozenset[Service] = EVERYTHING
    syntaxes: tuple[str, ...] = ()
    """UIDs of the transfer syntaxes that it is sent, the best first; () is as stored."""
