"""The seven PDUs, decoded and encoded (PS3.8 §9.3).

A P-DATA-TF is decoded by `reading`, piece by piece, for it may be of any length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import Generic, TypeVar

from filmroom.association.items import (
    OURSELVES,
    UserInformation,
    read_items,
    read_uid,
    read_user_information,
    write_item,
    write_uid,
    write_user_information,
)
from filmroom.errors import Malformed, TooLarge

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"  # PS3.7 §A.2.1: the only one
PROTOCOL_VERSION = 1  # bit 0: version 1, the only one
MAX_CONTEXTS = 128  # the odd numbers of one byte
AE_TITLE = 16  # bytes

_header = Struct(">BxL")
_associate = Struct(">HH16s16s32s")
_context = Struct(">BBBB")
_four = Struct(">xBBB")
HEADER = _header.size  # bytes: type and length of a PDU
APPLICATION_ITEM, PROPOSED_ITEM, ANSWER_ITEM, USER_ITEM = 0x10, 0x20, 0x21, 0x50  # item types
PDV_HEADER = 6  # bytes: length, context and message control header of a PDV
_pdv = Struct(">BxLLBB")


class PduKind(IntEnum):
    """The types of PDUs."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class ContextResult(IntEnum):
    """What became of a presentation context (PS3.8 Table 9-18)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


class RejectResult(IntEnum):
    """Whether asking again may help (PS3.8 Table 9-21)."""

    PERMANENT = 1
    TRANSIENT = 2


class RejectReason(IntEnum):
    """Source and reason of a rejection: source in the high byte (PS3.8 Table 9-21)."""

    USER_NO_REASON = 0x0101
    APPLICATION_CONTEXT_NOT_SUPPORTED = 0x0102
    CALLING_AE_TITLE_NOT_RECOGNIZED = 0x0103
    CALLED_AE_TITLE_NOT_RECOGNIZED = 0x0107
    ACSE_NO_REASON = 0x0201
    PROTOCOL_VERSION_NOT_SUPPORTED = 0x0202
    TEMPORARY_CONGESTION = 0x0301
    LOCAL_LIMIT_EXCEEDED = 0x0302


class AbortSource(IntEnum):
    """Who ended the association (PS3.8 Table 9-26)."""

    USER = 0
    PROVIDER = 2


class AbortReason(IntEnum):
    """Why the provider ended the association (PS3.8 Table 9-26)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """A presentation context as the requester offers it (PS3.8 §9.3.2.2)."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    """In the order of the requester's preference."""


@dataclass(frozen=True, slots=True)
class ContextAnswer:
    """What the acceptor says to one presentation context (PS3.8 §9.3.3.2)."""

    id: int
    result: int
    """A ContextResult, or what a peer made up: not 0 is a refusal."""
    transfer_syntax: str = ""
    """Means nothing unless the context is accepted."""


_C = TypeVar("_C", ProposedContext, ContextAnswer)


@dataclass(frozen=True, slots=True)
class _Associate(Generic[_C]):
    """What the PDUs that make an association have in common (PS3.8 Tables 9-11, 9-17)."""

    called: str
    calling: str
    contexts: tuple[_C, ...]
    user: UserInformation = OURSELVES
    application_context: str = APPLICATION_CONTEXT
    version: int = PROTOCOL_VERSION


class AssociateRequest(_Associate[ProposedContext]):
    """A-ASSOCIATE-RQ (PS3.8 §9.3.2)."""

    __slots__ = ()


class AssociateAccept(_Associate[ContextAnswer]):
    """A-ASSOCIATE-AC (PS3.8 §9.3.3); the titles are those of the request, sent back."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ (PS3.8 §9.3.4)."""

    result: int
    source: int
    reason: int

    @classmethod
    def because(
        cls, reason: RejectReason, result: RejectResult = RejectResult.PERMANENT
    ) -> AssociateReject:
        """A rejection for one of the standard's reasons."""
        return cls(int(result), reason >> 8, reason & 0xFF)


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A-RELEASE-RQ (PS3.8 §9.3.6)."""


@dataclass(frozen=True, slots=True)
class ReleaseResponse:
    """A-RELEASE-RP (PS3.8 §9.3.7)."""


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 §9.3.8)."""

    source: int = AbortSource.USER
    reason: int = AbortReason.NOT_SPECIFIED


_SILENT = read_user_information(memoryview(b""))  # a peer that tells nothing of itself

Pdu = (
    AssociateRequest | AssociateAccept | AssociateReject | ReleaseRequest | ReleaseResponse | Abort
)


def read_header(data: bytes | bytearray | memoryview, at: int = 0) -> tuple[int, int]:
    """Type of the PDU at `at`, and the length of what follows its header, in bytes."""
    kind, length = _header.unpack_from(data, at)
    return kind, length


def data_header(context_id: int, length: int, *, is_command: bool, is_last: bool) -> bytes:
    """What precedes `length` bytes that are a P-DATA-TF's only PDV (PS3.8 §9.3.5, §E.2)."""
    control = is_command | is_last << 1
    return _pdv.pack(PduKind.P_DATA_TF, length + PDV_HEADER, length + 2, context_id, control)


def decode(kind: int, body: memoryview) -> Pdu:
    """The PDU of type `kind` whose header `body` follows; raises Malformed, TooLarge."""
    match kind:
        case PduKind.ASSOCIATE_RQ:
            return AssociateRequest(*_read_associate(body, PROPOSED_ITEM, _read_proposed))
        case PduKind.ASSOCIATE_AC:
            return AssociateAccept(*_read_associate(body, ANSWER_ITEM, _read_answer))
    if kind not in _FOUR_BYTES:
        raise Malformed(f"no PDU has type {kind:02X}H")
    if len(body) != _four.size:
        raise Malformed(f"a PDU of type {kind:02X}H has {len(body)} bytes, not 4")
    first, second, third = _four.unpack(body)
    match kind:
        case PduKind.ASSOCIATE_RJ:
            return AssociateReject(first, second, third)
        case PduKind.RELEASE_RQ:
            return ReleaseRequest()
        case PduKind.RELEASE_RP:
            return ReleaseResponse()
    return Abort(second, third)


_FOUR_BYTES = frozenset(
    {PduKind.ASSOCIATE_RJ, PduKind.RELEASE_RQ, PduKind.RELEASE_RP, PduKind.ABORT}
)


def encode(pdu: Pdu) -> bytes:
    """The bytes of a PDU; TooLarge if a field does not hold what it is given."""
    match pdu:
        case AssociateRequest():
            items = [write_item(PROPOSED_ITEM, _write_proposed(one)) for one in pdu.contexts]
            return _write_associate(PduKind.ASSOCIATE_RQ, pdu, items)
        case AssociateAccept():
            items = [write_item(ANSWER_ITEM, _write_answer(one)) for one in pdu.contexts]
            return _write_associate(PduKind.ASSOCIATE_AC, pdu, items)
        case AssociateReject(result, source, reason):
            return _with_header(PduKind.ASSOCIATE_RJ, _four.pack(result, source, reason))
        case ReleaseRequest():
            return _with_header(PduKind.RELEASE_RQ, bytes(4))
        case ReleaseResponse():
            return _with_header(PduKind.RELEASE_RP, bytes(4))
        case Abort(source, reason):
            return _with_header(PduKind.ABORT, _four.pack(0, source, reason))


def _read_associate(
    body: memoryview, kind: int, read: Callable[[memoryview], _C]
) -> tuple[str, str, tuple[_C, ...], UserInformation, str, int]:
    """The fields of an A-ASSOCIATE PDU whose presentation contexts are items of type `kind`."""
    version, called, calling = _read_fixed(body)
    contexts: list[_C] = []
    user, application = _SILENT, ""
    for item, value in read_items(body[_associate.size :]):
        if item == kind:
            contexts.append(read(value))
        elif item == APPLICATION_ITEM:
            application = read_uid(value)
        elif item == USER_ITEM:
            user = read_user_information(value)
    _check_ids([context.id for context in contexts])
    return called, calling, tuple(contexts), user, application, version


def _read_fixed(body: memoryview) -> tuple[int, str, str]:
    if len(body) < _associate.size:
        raise Malformed(f"an A-ASSOCIATE PDU of {len(body)} bytes is cut short")
    version, _, called, calling, _ = _associate.unpack_from(body)
    return version, _title(called), _title(calling)


def _write_associate(
    kind: PduKind, pdu: AssociateRequest | AssociateAccept, contexts: list[bytes]
) -> bytes:
    titles = (pdu.called, pdu.calling)
    called, calling = (title.encode("latin-1", "replace").ljust(AE_TITLE) for title in titles)
    if max(len(called), len(calling)) > AE_TITLE:
        raise TooLarge(f"an AE title of {titles} has more than {AE_TITLE} characters")
    fixed = _associate.pack(pdu.version, 0, called, calling, bytes(32))
    application = write_item(APPLICATION_ITEM, write_uid(pdu.application_context))
    user = write_item(USER_ITEM, write_user_information(pdu.user))
    return _with_header(kind, b"".join((fixed, application, *contexts, user)))


def _read_proposed(data: memoryview) -> ProposedContext:
    if len(data) < _context.size:
        raise Malformed("a presentation context is cut short")
    abstract, syntaxes = "", []
    for kind, value in read_items(data[_context.size :]):
        if kind == 0x30:
            abstract = read_uid(value)
        elif kind == 0x40:
            syntaxes.append(read_uid(value))
    return ProposedContext(data[0], abstract, tuple(syntaxes))


def _write_proposed(context: ProposedContext) -> bytes:
    syntaxes = [write_item(0x40, write_uid(uid)) for uid in context.transfer_syntaxes]
    abstract = write_item(0x30, write_uid(context.abstract_syntax))
    return b"".join((_context.pack(context.id, 0, 0, 0), abstract, *syntaxes))


def _read_answer(data: memoryview) -> ContextAnswer:
    if len(data) < _context.size:
        raise Malformed("a presentation context is cut short")
    syntax = ""
    for kind, value in read_items(data[_context.size :]):
        if kind == 0x40:
            syntax = read_uid(value)
    return ContextAnswer(data[0], data[2], syntax)


def _write_answer(context: ContextAnswer) -> bytes:
    fixed = _context.pack(context.id, 0, context.result, 0)
    # A transfer syntax is there in a refusal too (PS3.8 Table 9-18), and old peers count on it.
    return fixed + write_item(0x40, write_uid(context.transfer_syntax))


def _check_ids(ids: list[int]) -> None:
    if len(ids) > MAX_CONTEXTS:
        raise TooLarge(f"more than {MAX_CONTEXTS} presentation contexts")
    if len(set(ids)) < len(ids) or any(number % 2 == 0 for number in ids):
        raise Malformed("the numbers of the presentation contexts are not odd, or not unique")


def _title(raw: bytes) -> str:
    return raw.decode("latin-1").strip(" \0")


def _with_header(kind: PduKind, body: bytes) -> bytes:
    return _header.pack(kind, len(body)) + body
