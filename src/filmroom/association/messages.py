"""DIMSE messages: command sets, read and written, and what belongs to one (PS3.7 §9, §10, Annex E).

A command set is always in Implicit VR Little Endian (PS3.7 §6.3.1). A data set is not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Any

from filmroom.association.reading import Fragment
from filmroom.errors import Malformed, TooLarge

MAX_COMMAND = 1 << 16  # bytes
NO_DATA_SET = 0x0101  # of Command Data Set Type; any other value says that one follows
DATA_SET = 0x0001
MAX_COMMENT = 64  # characters of an Error Comment
RESPONSE = 0x8000  # the bit of a Command Field that makes it a response's

_header = Struct("<HHL")
_us = Struct("<H")
_ul = Struct("<L")
_at = Struct("<HH")


class CommandField(IntEnum):
    """Which message it is (PS3.7 Table E.1-1)."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_GET_RQ = 0x0110
    N_GET_RSP = 0x8110
    N_SET_RQ = 0x0120
    N_SET_RSP = 0x8120
    N_ACTION_RQ = 0x0130
    N_ACTION_RSP = 0x8130
    N_CREATE_RQ = 0x0140
    N_CREATE_RSP = 0x8140
    N_DELETE_RQ = 0x0150
    N_DELETE_RSP = 0x8150
    C_CANCEL_RQ = 0x0FFF

    @property
    def is_response(self) -> bool:
        """Whether it answers a request."""
        return self & RESPONSE != 0


class Priority(IntEnum):
    """What the standard lets a requester wish for."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command set; None is an element that is not there (PS3.7 §E.1)."""

    field: CommandField
    has_data: bool = False
    """Whether a data set follows."""
    message_id: int | None = None
    responded_to: int | None = None
    """Message ID of the request that is answered or cancelled."""
    sop_class: str | None = None
    """Affected SOP Class UID."""
    requested_sop_class: str | None = None
    instance: str | None = None
    """Affected SOP Instance UID."""
    requested_instance: str | None = None
    priority: int | None = None
    status: int | None = None
    offending: tuple[int, ...] | None = None
    """Tags of the elements in which an error was found."""
    comment: str | None = None
    """Error Comment: of it 64 characters are sent."""
    error_id: int | None = None
    destination: str | None = None
    """Move Destination: an AE title."""
    originator: str | None = None
    """AE title of who asked for the C-MOVE that this C-STORE belongs to."""
    originator_message_id: int | None = None
    remaining: int | None = None
    """Number of Remaining Sub-operations; likewise the next three."""
    completed: int | None = None
    failed: int | None = None
    warned: int | None = None
    event_type: int | None = None
    action_type: int | None = None
    attributes: tuple[int, ...] | None = None
    """Tags: Attribute Identifier List of an N-GET."""


@dataclass(frozen=True, slots=True)
class Message:
    """A command set that has come whole; the fragments of its data set follow, if it has one."""

    context_id: int
    command: Command


def response_to(request: Command, status: int, **elements: Any) -> Command:
    """The response to a request, with the UIDs that the request names (PS3.7 §9.3, §10.3)."""
    told: dict[str, Any] = {
        "sop_class": request.sop_class or request.requested_sop_class,
        "instance": request.instance or request.requested_instance,
    }
    return Command(
        field=CommandField(request.field | RESPONSE),
        responded_to=request.message_id,
        status=int(status),
        **told | elements,
    )


def cancel_of(message_id: int) -> Command:
    """A C-CANCEL-RQ (PS3.7 §9.3.2.3)."""
    return Command(field=CommandField.C_CANCEL_RQ, responded_to=message_id)


def write_command(command: Command) -> bytes:
    """The bytes of a command set, its group length first."""
    elements = []
    for number, (name, _, write) in _ELEMENTS.items():
        value = getattr(command, name)
        if value is not None:
            data = write(value)
            elements.append(_header.pack(0, number, len(data)) + data)
    group = b"".join(elements)
    return _header.pack(0, 0, 4) + _ul.pack(len(group)) + group


def read_command(data: bytes | memoryview) -> Command:
    """A command set; elements that no message has today are passed over. Raises Malformed."""
    view, at = memoryview(data), 0
    told: dict[str, Any] = {}
    while at < len(view):
        if len(view) - at < _header.size:
            raise Malformed("a command set ends within an element's header")
        group, number, length = _header.unpack_from(view, at)
        at += _header.size
        if group != 0 or length > len(view) - at:
            raise Malformed(f"a command set holds ({group:04X},{number:04X}) of {length} bytes")
        if number in _ELEMENTS and length:
            name, read, _ = _ELEMENTS[number]
            told[name] = read(view[at : at + length])
        at += length
    if "field" not in told:
        raise Malformed("a command set without a Command Field")
    command = Command(**told)
    for name in _required(command.field):
        if getattr(command, name) is None:
            raise Malformed(f"a {command.field.name} without {name}")
    return command


class MessageReader:
    """Tells commands from data sets among the fragments of an association (PS3.8 §E.1)."""

    def __init__(self) -> None:
        self._command = bytearray()
        self._context_id: int | None = None  # of the message under way
        self._awaits_data = False

    @property
    def is_midway(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._context_id is not None

    def take(self, fragment: Fragment) -> Message | Fragment | None:
        """A message, if the fragment completes its command, or a piece of its data set.

        Raises Malformed, TooLarge for what no message holds: the association is to be aborted.
        """
        if self._context_id not in (None, fragment.context_id):
            raise Malformed(f"a message goes on in presentation context {fragment.context_id}")
        if fragment.is_command is self._awaits_data:
            wanted = "data set" if self._awaits_data else "command set"
            raise Malformed(f"a fragment of another kind where a {wanted} was to come")
        if self._awaits_data:
            if fragment.is_last:
                self._context_id, self._awaits_data = None, False
            return fragment
        return self._take_command(fragment)

    def _take_command(self, fragment: Fragment) -> Message | None:
        if len(self._command) + len(fragment.data) > MAX_COMMAND:
            raise TooLarge(f"a command set of more than {MAX_COMMAND} bytes")
        self._command += fragment.data
        self._context_id = fragment.context_id
        if not fragment.is_last:
            return None
        command = read_command(bytes(self._command))
        self._command.clear()
        self._awaits_data = command.has_data
        if not command.has_data:
            self._context_id = None
        return Message(fragment.context_id, command)


def _required(field: CommandField) -> tuple[str, ...]:
    """What a message cannot be acted on without; peers leave out much else that is mandatory."""
    if field.is_response:
        return ("responded_to", "status")
    match field:
        case CommandField.C_CANCEL_RQ:
            return ("responded_to",)
        case CommandField.C_STORE_RQ:
            return ("message_id", "sop_class", "instance")
        case CommandField.C_MOVE_RQ:
            return ("message_id", "destination")
        case CommandField.N_ACTION_RQ:
            return ("message_id", "action_type")
        case CommandField.N_EVENT_REPORT_RQ:
            return ("message_id", "event_type")
    return ("message_id",)


def _read_us(data: memoryview) -> int:
    if len(data) != _us.size:
        raise Malformed(f"a number of a command set has {len(data)} bytes, not 2")
    number: int = _us.unpack(data)[0]
    return number


def _read_field(data: memoryview) -> CommandField:
    number = _read_us(data)
    try:
        return CommandField(number)
    except ValueError:
        raise Malformed(f"no message has the Command Field {number:04X}H") from None


def _read_text(data: memoryview) -> str:
    return bytes(data).decode("latin-1").strip(" \0")


def _read_tags(data: memoryview) -> tuple[int, ...]:
    if len(data) % _at.size:
        raise Malformed(f"a list of tags has {len(data)} bytes")
    return tuple(group << 16 | element for group, element in _at.iter_unpack(data))


def _write_uid(uid: str) -> bytes:
    data = uid.encode("latin-1", "replace")
    return data + b"\0" * (len(data) % 2)


def _write_text(text: str) -> bytes:
    data = text.encode("ascii", "replace")[:MAX_COMMENT]
    return data + b" " * (len(data) % 2)


def _write_tags(tags: tuple[int, ...]) -> bytes:
    return b"".join(_at.pack(tag >> 16, tag & 0xFFFF) for tag in tags)


_US: tuple[Callable[[memoryview], Any], Callable[[Any], bytes]] = (_read_us, _us.pack)
_UI: tuple[Callable[[memoryview], Any], Callable[[Any], bytes]] = (_read_text, _write_uid)
_TEXT: tuple[Callable[[memoryview], Any], Callable[[Any], bytes]] = (_read_text, _write_text)
_AT: tuple[Callable[[memoryview], Any], Callable[[Any], bytes]] = (_read_tags, _write_tags)

_ELEMENTS: dict[int, tuple[str, Callable[[memoryview], Any], Callable[[Any], bytes]]] = {
    0x0002: ("sop_class", *_UI),
    0x0003: ("requested_sop_class", *_UI),
    0x0100: ("field", _read_field, _us.pack),
    0x0110: ("message_id", *_US),
    0x0120: ("responded_to", *_US),
    0x0600: ("destination", *_TEXT),
    0x0700: ("priority", *_US),
    0x0800: (
        "has_data",
        lambda data: _read_us(data) != NO_DATA_SET,
        lambda has: _us.pack(DATA_SET if has else NO_DATA_SET),
    ),
    0x0900: ("status", *_US),
    0x0901: ("offending", *_AT),
    0x0902: ("comment", *_TEXT),
    0x0903: ("error_id", *_US),
    0x1000: ("instance", *_UI),
    0x1001: ("requested_instance", *_UI),
    0x1002: ("event_type", *_US),
    0x1005: ("attributes", *_AT),
    0x1008: ("action_type", *_US),
    0x1020: ("remaining", *_US),
    0x1021: ("completed", *_US),
    0x1022: ("failed", *_US),
    0x1023: ("warned", *_US),
    0x1030: ("originator", *_TEXT),
    0x1031: ("originator_message_id", *_US),
}
"""Number, field, reader and writer of each element of group 0000, in order (PS3.7 Table E.1-1)."""
