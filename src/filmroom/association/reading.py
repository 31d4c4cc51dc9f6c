"""PDUs out of a stream of bytes, fed at any split (PS3.8 §9.3).

The data of a P-DATA-TF is never collected: each run of it is given out as it comes. Of any
other PDU no more than MAX_PDU bytes are kept until it is whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from filmroom.association.pdus import (
    HEADER,
    PDV_HEADER,
    AbortReason,
    Pdu,
    PduKind,
    decode,
    read_header,
)
from filmroom.errors import Malformed, TooLarge

MAX_PDU = 1 << 16  # bytes: of a PDU whose length was not negotiated

_pdv = Struct(">LBB").unpack
_ASSOCIATE = frozenset({PduKind.ASSOCIATE_RQ, PduKind.ASSOCIATE_AC})
_KINDS = frozenset(PduKind)


class Fragment(NamedTuple):
    """A run of bytes of a message; `data` is good until the next run (PS3.8 §E.2).

    A tuple, because there are many, and a frozen dataclass takes three times as long to make.
    """

    context_id: int
    is_command: bool
    is_last: bool
    """Whether the command or data set ends with it."""
    data: memoryview


@dataclass(frozen=True, slots=True)
class DataBegins:
    """The header of a P-DATA-TF has come; its fragments follow."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What came is no PDU, or one that breaks a limit; nothing behind it can be read."""

    reason: AbortReason
    detail: str


Found = Pdu | DataBegins | Fragment | Unreadable


class PduReader:
    """Reads one side of a connection; what each `feed` finds must be used up before the next."""

    def __init__(self, max_length: int = MAX_PDU) -> None:
        self.max_length = max_length
        """Bytes of a P-DATA-TF, its header not counted; 0 is any."""
        self._held = bytearray()
        self._whole: tuple[int, int] | None = None  # type and length of a PDU to be decoded
        self._data_left = 0  # bytes of the P-DATA-TF that have not come
        self._run_left = 0  # bytes of the PDV that have not come
        self._context_id = 0
        self._control = 0
        self._lost = False

    @property
    def is_midway(self) -> bool:
        """Whether a PDU has begun and not ended."""
        return bool(self._held or self._whole or self._data_left)

    def feed(self, data: bytes | bytearray | memoryview) -> Iterator[Found]:
        """What the next bytes hold."""
        view = memoryview(data)
        try:
            while len(view) and not self._lost:
                if self._run_left:
                    run = view[: self._run_left]
                    view = view[len(run) :]
                    yield self._fragment(run)
                    continue
                taken, view = self._take(view)
                if taken is None:
                    return
                found = self._read(taken)
                if found is not None:
                    yield found
        except (Malformed, TooLarge) as error:
            yield self._give_up(AbortReason.INVALID_PARAMETER, str(error))

    def _wanted(self) -> int:
        if self._data_left:
            return PDV_HEADER
        return self._whole[1] if self._whole else HEADER

    def _take(self, view: memoryview) -> tuple[memoryview | None, memoryview]:
        """The bytes that are wanted next, None if they have not all come, and those behind."""
        wanted = self._wanted()
        if not self._held and len(view) >= wanted:
            return view[:wanted], view[wanted:]
        missing = wanted - len(self._held)
        self._held += view[:missing]
        if len(self._held) < wanted:
            return None, view[missing:]
        taken, self._held = memoryview(self._held), bytearray()
        return taken, view[missing:]

    def _read(self, taken: memoryview) -> Found | None:
        if self._data_left:
            return self._begin_run(taken)
        if self._whole is not None:
            kind, self._whole = self._whole[0], None
            return decode(kind, taken)
        kind, length = read_header(taken)
        if kind == PduKind.P_DATA_TF:
            return self._begin_data(length)
        if kind not in _KINDS:
            return self._give_up(AbortReason.UNRECOGNIZED_PDU, f"no PDU has type {kind:02X}H")
        if length > MAX_PDU:
            raise TooLarge(f"a PDU of type {kind:02X}H of {length} bytes")
        if kind not in _ASSOCIATE and length != 4:
            raise Malformed(f"a PDU of type {kind:02X}H has {length} bytes, not 4")
        if length == 0:
            return decode(kind, taken[:0])
        self._whole = kind, length
        return None

    def _begin_data(self, length: int) -> DataBegins:
        if length < PDV_HEADER:
            raise Malformed(f"a P-DATA-TF of {length} bytes holds no PDV")
        if 0 < self.max_length < length:
            raise TooLarge(f"a P-DATA-TF of {length} bytes, more than {self.max_length}")
        self._data_left = length
        return DataBegins()

    def _begin_run(self, taken: memoryview) -> Fragment | None:
        length, self._context_id, self._control = _pdv(taken)
        self._run_left = length - 2  # context and control header are counted
        self._data_left -= PDV_HEADER
        if not 0 <= self._run_left <= self._data_left:
            raise Malformed(f"a PDV of {length} bytes with {self._data_left + 2} left for it")
        if 0 < self._data_left - self._run_left < PDV_HEADER:
            raise Malformed("a P-DATA-TF ends within the header of a PDV")
        return None if self._run_left else self._fragment(taken[:0])

    def _fragment(self, run: memoryview) -> Fragment:
        self._run_left -= len(run)
        self._data_left -= len(run)
        is_last = self._control & 2 != 0 and not self._run_left
        return Fragment(self._context_id, self._control & 1 != 0, is_last, run)

    def _give_up(self, reason: AbortReason, detail: str) -> Unreadable:
        self._lost = True
        self._held.clear()
        return Unreadable(reason, detail)
