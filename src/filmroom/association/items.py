"""User information of an association: sub-items, decoded and encoded (PS3.8 §D.1, PS3.7 §D.3.3).

Lengths must add up. What no one knows is passed over, as PS3.8 §9.3.1 asks, and reserved bytes
may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct

from filmroom.dicom.part10 import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION
from filmroom.errors import Malformed, TooLarge

MAX_ITEMS = 1024  # within one item or PDU
MAX_ITEM = 0xFFFF  # bytes: item lengths have 16 bits
DEFAULT_MAX_LENGTH = 16384  # bytes: of a P-DATA-TF of a peer that does not say

_item = Struct(">BxH")
_short = Struct(">H")
_window = Struct(">HH")


class IdentityKind(IntEnum):
    """How a user says who he is (PS3.7 Table D.3-14)."""

    USERNAME = 1
    PASSCODE = 2
    """Username and passcode."""
    KERBEROS = 3
    SAML = 4
    JWT = 5


@dataclass(frozen=True, slots=True)
class AsynchronousWindow:
    """Operations outstanding at once; 0 is unlimited (PS3.7 §D.3.3.3)."""

    invoked: int
    performed: int


@dataclass(frozen=True, slots=True)
class RoleSelection:
    """Roles of the requester for one SOP class: proposed, or accepted (PS3.7 §D.3.3.4)."""

    sop_class: str
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class ExtendedNegotiation:
    """Service-class application information of one SOP class (PS3.7 §D.3.3.5)."""

    sop_class: str
    information: bytes


@dataclass(frozen=True, slots=True)
class CommonExtendedNegotiation:
    """Which service and general classes a SOP class belongs to (PS3.7 §D.3.3.6)."""

    sop_class: str
    service_class: str
    related: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """Who the requester is (PS3.7 §D.3.3.7.1)."""

    kind: int
    """An IdentityKind, or what a later edition defines."""
    primary: bytes
    secondary: bytes = b""
    wants_response: bool = False


@dataclass(frozen=True, slots=True)
class UserInformation:
    """What the two sides tell of themselves (PS3.8 §D.1)."""

    max_length: int = DEFAULT_MAX_LENGTH
    """Bytes of a P-DATA-TF, its header not counted, that the sender of this takes; 0 is any."""
    implementation_class: str = IMPLEMENTATION_CLASS
    implementation_version: str = IMPLEMENTATION_VERSION
    window: AsynchronousWindow | None = None
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    identity: UserIdentity | None = None
    """In a request only."""
    identity_response: bytes | None = None
    """In an acceptance only (PS3.7 §D.3.3.7.2)."""


OURSELVES = UserInformation()
"""What we tell unless more is to be said."""


def read_items(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Type and value of each item of a list that fills `data`."""
    at, count = 0, 0
    while at < len(data):
        if len(data) - at < _item.size:
            raise Malformed("an item is cut short in its header")
        kind, length = _item.unpack_from(data, at)
        at += _item.size
        if length > len(data) - at:
            raise Malformed(f"an item of type {kind:02X}H has a length beyond what holds it")
        count += 1
        if count > MAX_ITEMS:
            raise TooLarge(f"more than {MAX_ITEMS} items in a list")
        yield kind, data[at : at + length]
        at += length


def write_item(kind: int, value: bytes) -> bytes:
    """An item with its header."""
    if len(value) > MAX_ITEM:
        raise TooLarge(f"an item of type {kind:02X}H would have {len(value)} bytes")
    return _item.pack(kind, len(value)) + value


def read_uid(data: memoryview) -> str:
    """A UID, or a name, without the padding that some peers add."""
    return bytes(data).decode("latin-1").strip(" \0")


def write_uid(uid: str) -> bytes:
    """A UID as items hold it: unpadded (PS3.8 §F)."""
    return uid.encode("latin-1", "replace")


def read_user_information(data: memoryview) -> UserInformation:
    """The value of a user information item; raises Malformed, TooLarge."""
    told: dict[str, object] = {"implementation_class": "", "implementation_version": ""}
    lists: dict[str, list[object]] = {}
    for kind, value in read_items(data):
        if kind in _ONCE:
            name, read = _ONCE[kind]
            told[name] = read(value)
        elif kind in _OFTEN:
            name, read = _OFTEN[kind]
            lists.setdefault(name, []).append(read(value))
    told |= {name: tuple(found) for name, found in lists.items()}
    return UserInformation(**told)  # type: ignore[arg-type]  # each is read by its field's reader


def write_user_information(user: UserInformation) -> bytes:
    """The value of a user information item."""
    items = [
        write_item(0x51, user.max_length.to_bytes(4)),
        write_item(0x52, write_uid(user.implementation_class)),
    ]
    if user.window is not None:
        items.append(write_item(0x53, _window.pack(user.window.invoked, user.window.performed)))
    items += [
        write_item(0x54, _count(write_uid(role.sop_class)) + bytes((role.scu, role.scp)))
        for role in user.roles
    ]
    if user.implementation_version:
        items.append(write_item(0x55, write_uid(user.implementation_version)))
    items += [
        write_item(0x56, _count(write_uid(one.sop_class)) + one.information)
        for one in user.extended
    ]
    items += [write_item(0x57, _write_common_extended(one)) for one in user.common_extended]
    if (who := user.identity) is not None:
        flags = bytes((who.kind, who.wants_response))
        items.append(write_item(0x58, flags + _count(who.primary) + _count(who.secondary)))
    if user.identity_response is not None:
        items.append(write_item(0x59, _count(user.identity_response)))
    return b"".join(items)


def _read_max_length(data: memoryview) -> int:
    return int.from_bytes(_exactly(data, 4, "maximum length"))


def _read_window(data: memoryview) -> AsynchronousWindow:
    return AsynchronousWindow(*_window.unpack(_exactly(data, 4, "asynchronous operations window")))


def _read_extended(data: memoryview) -> ExtendedNegotiation:
    sop_class, information = _counted(data)
    return ExtendedNegotiation(read_uid(sop_class), bytes(information))


def _read_role(data: memoryview) -> RoleSelection:
    sop_class, roles = _counted(data)
    _exactly(roles, 2, "role selection")
    return RoleSelection(read_uid(sop_class), roles[0] != 0, roles[1] != 0)


def _read_common_extended(data: memoryview) -> CommonExtendedNegotiation:
    sop_class, rest = _counted(data)
    service_class, rest = _counted(rest)
    uids, _ = _counted(rest)  # what follows is reserved
    related = []
    while uids:
        uid, uids = _counted(uids)
        related.append(read_uid(uid))
        if len(related) > MAX_ITEMS:
            raise TooLarge(f"more than {MAX_ITEMS} related general SOP classes")
    return CommonExtendedNegotiation(read_uid(sop_class), read_uid(service_class), tuple(related))


def _write_common_extended(one: CommonExtendedNegotiation) -> bytes:
    related = b"".join(_count(write_uid(uid)) for uid in one.related)
    return _count(write_uid(one.sop_class)) + _count(write_uid(one.service_class)) + _count(related)


def _read_identity(data: memoryview) -> UserIdentity:
    if len(data) < 2:
        raise Malformed("the user identity is cut short")
    primary, rest = _counted(data[2:])
    secondary, _ = _counted(rest)
    return UserIdentity(data[0], bytes(primary), bytes(secondary), data[1] != 0)


def _counted(data: memoryview) -> tuple[memoryview, memoryview]:
    """A value behind its 16-bit length, and what follows it."""
    if len(data) < _short.size:
        raise Malformed("a sub-item is cut short")
    end = _short.size + _short.unpack_from(data)[0]
    if end > len(data):
        raise Malformed("a field of a sub-item has a length beyond its end")
    return data[_short.size : end], data[end:]


def _count(value: bytes) -> bytes:
    if len(value) > MAX_ITEM:
        raise TooLarge(f"a field of a sub-item would have {len(value)} bytes")
    return _short.pack(len(value)) + value


def _exactly(data: memoryview, length: int, name: str) -> memoryview:
    if len(data) != length:
        raise Malformed(f"the {name} has {len(data)} bytes, not {length}")
    return data


_ONCE: dict[int, tuple[str, Callable[[memoryview], object]]] = {
    0x51: ("max_length", _read_max_length),
    0x52: ("implementation_class", read_uid),
    0x53: ("window", _read_window),
    0x55: ("implementation_version", read_uid),
    0x58: ("identity", _read_identity),
    0x59: ("identity_response", lambda data: bytes(_counted(data)[0])),
}
_OFTEN: dict[int, tuple[str, Callable[[memoryview], object]]] = {
    0x54: ("roles", _read_role),
    0x56: ("extended", _read_extended),
    0x57: ("common_extended", _read_common_extended),
}
