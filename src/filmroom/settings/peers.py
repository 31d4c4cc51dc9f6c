"""Settings of peers and jobs: whom we know by name, and how what we do with them is repeated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_settings import NoDecode

from filmroom.errors import Malformed
from filmroom.settings.serving import MAX_PORT, Title

DICOM_PORT = 104
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names of peers: they stand in addresses and commands as they are."""
_HOST = re.compile(r"[0-9A-Za-z._:%-]{1,253}")
_UID = re.compile(r"[0-9.]{1,64}")
_ADDRESS = re.compile(r"(?P<aet>[^@]+)(?:@(?P<host>\[[^]]*\]|[^:]*)(?::(?P<port>\d+))?)?")
ServiceName = Literal["echo", "store", "find", "move", "get"]
SERVICES: tuple[ServiceName, ...] = ("echo", "store", "find", "move", "get")


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("a name is 1 to 64 letters, digits, dots, dashes and underscores")
    return value


def _host(value: str) -> str:
    host = value.strip().removeprefix("[").removesuffix("]")
    if host and not _HOST.fullmatch(host):
        raise ValueError("is neither a host name nor an address")
    return host


def _syntaxes(value: tuple[str, ...]) -> tuple[str, ...]:
    if not all(_UID.fullmatch(uid) for uid in value):
        raise ValueError("must be UIDs of transfer syntaxes")
    return value


class PeerSettings(BaseModel, use_attribute_docstrings=True):
    """One DICOM node: where it listens, what it is called there and here, what it may do here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, AfterValidator(_name)]
    """Ours for it, in commands and addresses."""
    aet: Title
    """Its AE title."""
    host: Annotated[str, AfterValidator(_host)] = ""
    """Name or address, from where it must call too; empty: it calls from anywhere, and cannot be
    called."""
    port: int = Field(DICOM_PORT, ge=1, le=MAX_PORT)
    """Where it listens."""
    tls: bool = False
    """Whether it is reached over TLS."""
    calling: Title | Literal[""] = ""
    """AE title that we call ourselves when we call it; empty: the archive's."""
    may: tuple[ServiceName, ...] = SERVICES
    """What it may do here."""
    syntaxes: Annotated[tuple[str, ...], AfterValidator(_syntaxes)] = ()
    """UIDs of the transfer syntaxes that it is sent, the best first; empty: as stored."""


def read_peer(fields: Mapping[str, Any]) -> PeerSettings:
    """A peer of the fields given; Malformed in one line if they do not fit."""
    try:
        return PeerSettings.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = first["msg"].removeprefix("Value error, ")
        raise Malformed(f"{first['loc'][0]}: {reason[:1].lower()}{reason[1:]}") from None


def _peers(value: Any) -> Any:  # noqa: ANN401 - text, or what pydantic is to judge
    """Peers in short, `NAME=AET@HOST:PORT`, separated by commas in one text."""
    written = [value] if isinstance(value, str) else value
    if not isinstance(written, (list, tuple)):
        return value
    read: list[Any] = []
    for one in written:
        parts = [part.strip() for part in one.split(",")] if isinstance(one, str) else [one]
        read.extend(_in_short(part) if isinstance(part, str) else part for part in parts if part)
    return tuple(read)


def _in_short(text: str) -> dict[str, str]:
    name, equals, address = text.partition("=")
    found = _ADDRESS.fullmatch(address)
    if not equals or "@" not in address or found is None:
        raise ValueError(f"{text!r} is not NAME=AET@HOST:PORT")
    return {"name": name.strip(), **_stripped(found)}


def read_address(text: str) -> dict[str, str]:
    """The fields that `AET`, `AET@HOST` or `AET@HOST:PORT` names; Malformed if it is none."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise Malformed(f"{text!r} is not AET@HOST:PORT")
    return _stripped(found)


def _stripped(found: re.Match[str]) -> dict[str, str]:
    return {name: part.strip() for name, part in found.groupdict().items() if part is not None}


def _different(value: tuple[PeerSettings, ...]) -> tuple[PeerSettings, ...]:
    names = [peer.name for peer in value]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"{min(twice)} is there twice")
    return value


Peers = Annotated[
    tuple[PeerSettings, ...], NoDecode, BeforeValidator(_peers), AfterValidator(_different)
]


class PeersSettings(BaseModel, use_attribute_docstrings=True):
    """Other DICOM nodes, and the jobs that send to them and fetch from them."""

    peers: Peers = ()
    """Nodes known by name: tables `[[peers]]` in the file with the fields of `filmroom peers add`,
    or in short `NAME=AET@HOST:PORT`. Others can be added while the archive runs."""
    job_threads: int = Field(2, ge=1, le=64)
    """Jobs that run at once."""
    job_attempts: int = Field(6, ge=1)
    """How often a job is tried whose peer fails; then it has failed."""
    job_retry: float = Field(30.0, gt=0)
    """Seconds until a job is tried again; each time twice as long."""
    job_retry_longest: float = Field(3600.0, gt=0)
    """Seconds that are waited at the most until a job is tried again."""
    job_keep: float = 14.0
    """Days that jobs are remembered when they have ended."""
