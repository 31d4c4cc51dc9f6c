"""Video streams written bit by bit: headers as encoders write them, and no picture worth seeing."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

START = b"\0\0\1"


class BitWriter:
    """Bits, first to last."""

    def __init__(self) -> None:
        self.bits = ""

    def u(self, count: int, value: int) -> BitWriter:
        self.bits += format(value, f"0{count}b") if count else ""
        return self

    def ue(self, value: int) -> BitWriter:
        binary = format(value + 1, "b")
        self.bits += "0" * (len(binary) - 1) + binary
        return self

    def se(self, value: int) -> BitWriter:
        return self.ue(2 * value - 1 if value > 0 else -2 * value)

    def rbsp(self) -> bytes:
        """The bytes, with stop bit and emulation prevention."""
        bits = self.bits + "1"
        bits += "0" * (-len(bits) % 8)
        plain = int(bits, 2).to_bytes(len(bits) // 8, "big")
        made, zeros = bytearray(), 0
        for byte in plain:
            if zeros >= 2 and byte <= 3:
                made.append(3)
                zeros = 0
            zeros = zeros + 1 if byte == 0 else 0
            made.append(byte)
        return bytes(made)


@dataclass(frozen=True)
class Avc:
    """H.264 parameter sets, and the slices that go with them."""

    order_type: int = 0
    order_bits: int = 6
    frame_bits: int = 4
    frames_only: bool = True
    always_zero: bool = False
    offset_not_reference: int = 0
    offset_bottom: int = 0
    cycle: tuple[int, ...] = ()
    columns: int = 2
    rows: int = 2
    weighted: bool = False
    weighted_bi: int = 0
    bottom_order: bool = False
    rate: tuple[int, int] | None = None
    aspect: tuple[int, int] | None = None
    crop: tuple[int, int, int, int] | None = None
    number: int = 0

    def sequence_set(self) -> bytes:
        bits = BitWriter().u(8, 77).u(8, 0).u(8, 30).ue(self.number).ue(self.frame_bits - 4)
        bits.ue(self.order_type)
        if self.order_type == 0:
            bits.ue(self.order_bits - 4)
        elif self.order_type == 1:
            bits.u(1, self.always_zero).se(self.offset_not_reference).se(self.offset_bottom)
            bits.ue(len(self.cycle))
            for each in self.cycle:
                bits.se(each)
        bits.ue(4).u(1, 0).ue(self.columns - 1).ue(self.rows - 1).u(1, self.frames_only)
        bits.u(1 if self.frames_only else 2, 1)
        bits.u(1, self.crop is not None)
        for each in self.crop or ():
            bits.ue(each)
        self._write_vui(bits)
        return b"\x67" + bits.rbsp()

    def _write_vui(self, bits: BitWriter) -> None:
        if self.rate is None and self.aspect is None:
            bits.u(1, 0)
            return
        bits.u(1, 1).u(1, self.aspect is not None)
        if self.aspect:
            bits.u(8, 255).u(16, self.aspect[0]).u(16, self.aspect[1])
        bits.u(3, 0).u(1, self.rate is not None)
        if self.rate:
            bits.u(32, self.rate[1]).u(32, 2 * self.rate[0]).u(1, 1)
        bits.u(4, 0)

    def picture_set(self) -> bytes:
        bits = BitWriter().ue(self.number).ue(self.number).u(1, 0).u(1, self.bottom_order)
        bits.ue(0).ue(0).ue(0).u(1, self.weighted).u(2, self.weighted_bi)
        return b"\x68" + bits.se(0).se(0).se(0).u(3, 0).rbsp()

    def slice(
        self,
        kind: str,
        frame: int = 0,
        order: int = 0,
        *,
        reference: bool = True,
        first: int = 0,
        bottom: bool | None = None,
        delta: int = 0,
        deltas: tuple[int, int] = (0, 0),
        resets: bool = False,
        body: bytes = b"picture",
    ) -> bytes:
        """A slice: `kind` is IDR, I, P or B; `bottom` says which field it is, None for a frame."""
        idr = kind == "IDR"
        bits = BitWriter().ue(first).ue({"IDR": 7, "I": 2, "P": 0, "B": 1}[kind]).ue(self.number)
        bits.u(self.frame_bits, frame % (1 << self.frame_bits))
        if not self.frames_only:
            bits.u(1, bottom is not None)
            if bottom is not None:
                bits.u(1, bottom)
        if idr:
            bits.ue(0)
        both = self.bottom_order and bottom is None
        if self.order_type == 0:
            bits.u(self.order_bits, order % (1 << self.order_bits))
            if both:
                bits.se(delta)
        elif self.order_type == 1 and not self.always_zero:
            bits.se(deltas[0])
            if both:
                bits.se(deltas[1])
        if reference and not idr:
            self._write_references(bits, kind, resets=resets)
        kind_byte = (0x60 if reference else 0) | (5 if idr else 1)
        return bytes([kind_byte]) + bits.u(8, 0x55).rbsp() + body

    def _write_references(self, bits: BitWriter, kind: str, *, resets: bool) -> None:
        lists = {"P": 1, "B": 2, "I": 0}[kind]
        if kind == "B":
            bits.u(1, 1)
        if lists:
            bits.u(1, 1)  # counts of their own
            for _ in range(lists):
                bits.ue(1)
        for _ in range(lists):
            bits.u(1, 1).ue(0).ue(3).ue(2).ue(0).ue(3)
        if (self.weighted and kind == "P") or (self.weighted_bi == 1 and kind == "B"):
            bits.ue(5).ue(5)
            for _ in range(2 * lists):
                bits.u(1, 1).se(-3).se(4).u(1, 1).se(1).se(-1).se(2).se(-2)
        bits.u(1, 1).ue(1).ue(0).ue(3).ue(1).ue(2)
        if resets:
            bits.ue(5)
        bits.ue(0)

    def stream(self, *units: bytes) -> bytes:
        """Parameter sets and more NAL units, as a byte stream."""
        return stream(self.sequence_set(), self.picture_set(), *units)


def stream(*units: bytes) -> bytes:
    """NAL units as a byte stream."""
    return b"".join(b"\0" + START + unit for unit in units)


DELIMITER = b"\x09\xf0"
RECOVERY = b"\x06\x06\x01\x80\x80"
"""An SEI message with a recovery point."""


@dataclass(frozen=True)
class Hevc:
    """HEVC parameter sets, and the slices that go with them."""

    order_bits: int = 8
    width: int = 64
    height: int = 48
    reference_sets: bool = False
    rate: tuple[int, int] | None = None

    @staticmethod
    def unit(kind: int, payload: bytes, *, layer: int = 0, temporal: int = 0) -> bytes:
        return bytes([kind << 1 | layer >> 5, (layer & 31) << 3 | temporal + 1]) + payload

    @staticmethod
    def _profile(bits: BitWriter) -> BitWriter:
        return bits.u(8, 1).u(32, 0x60000000).u(48, 0x900000000000).u(8, 93)

    def video_set(self) -> bytes:
        bits = BitWriter().u(4, 0).u(2, 3).u(6, 0).u(3, 0).u(1, 1).u(16, 0xFFFF)
        self._profile(bits).u(1, 1).ue(4).ue(2).ue(0).u(6, 0).ue(0)
        bits.u(1, self.rate is not None)
        if self.rate:
            bits.u(32, self.rate[1]).u(32, self.rate[0]).u(1, 0).ue(0)
        return self.unit(32, bits.u(1, 0).rbsp())

    def sequence_set(self) -> bytes:
        bits = self._profile(BitWriter().u(4, 0).u(3, 0).u(1, 1)).ue(0).ue(1)
        bits.ue(self.width).ue(self.height).u(1, 0).ue(0).ue(0).ue(self.order_bits - 4)
        bits.u(1, 1).ue(4).ue(2).ue(0)
        for each in (0, 1, 0, 2, 0, 0):
            bits.ue(each)
        bits.u(1, 0).u(2, 3).u(1, 0)
        if self.reference_sets:
            bits.ue(2).ue(1).ue(1).ue(0).u(1, 1).ue(0).u(1, 1)
            bits.u(1, 1).u(1, 0).ue(0).u(1, 1).u(1, 0).u(1, 1).u(1, 1)
        else:
            bits.ue(0)
        bits.u(1, 0).u(2, 3).u(1, 0)
        return self.unit(33, bits.u(1, 0).rbsp())

    def picture_set(self) -> bytes:
        return self.unit(34, BitWriter().ue(0).ue(0).u(1, 0).u(1, 0).u(3, 0).u(5, 0).rbsp())

    def slice(self, kind: int, order: int = 0, *, first: bool = True, temporal: int = 0) -> bytes:
        bits = BitWriter().u(1, first)
        if 16 <= kind <= 23:
            bits.u(1, 0)
        bits.ue(0)
        if not first:
            bits.u(4, 1)
        bits.ue(2)
        if kind not in (19, 20):
            bits.u(self.order_bits, order % (1 << self.order_bits))
        return self.unit(kind, bits.u(16, 0x5555).rbsp() + b"picture", temporal=temporal)

    def stream(self, *units: bytes) -> bytes:
        """Parameter sets and more NAL units, as a byte stream."""
        return stream(self.video_set(), self.sequence_set(), self.picture_set(), *units)


@dataclass
class Packets:
    """A transport stream with one video; `spare` bytes of adaptation field in each packet."""

    stream_type: int = 0x1B
    pid: int = 0x101
    spare: int = 0
    timed: bool = False
    counters: dict[int, int] = field(default_factory=dict)

    def tables(self) -> bytes:
        association = struct.pack(">HH", 1, 0xE000 | 0x100)
        streams = struct.pack(">BHH", 0x0F, 0xE000 | 0x102, 0xF000)
        streams += struct.pack(">BHH", self.stream_type, 0xE000 | self.pid, 0xF003) + b"\x05\x01x"
        mapping = struct.pack(">HH", 0xE000 | self.pid, 0xF000) + streams
        made = self._packets(0, b"\0" + self._section(0, association))
        return made + self._packets(0x100, b"\0" + self._section(2, mapping))

    @staticmethod
    def _section(table: int, body: bytes) -> bytes:
        head = struct.pack(">BHHBBB", table, 0xB000 | (9 + len(body)), 1, 0xC1, 0, 0)
        return head + body + b"\0\0\0\0"

    def pes(self, payload: bytes, *, header: int = 5) -> bytes:
        """A picture's bytes as a PES packet in packets, between some of another stream."""
        head = b"\0\0\1\xe0\0\0\x80\x80" + bytes([header]) + b"\xff" * header
        return self._packets(self.pid, head + payload) + self._packets(0x102, b"\0\0\1\xc0sound")

    def again(self, packets: bytes) -> bytes:
        """The same packets, the last of them twice."""
        length = 192 if self.timed else 188
        return packets + packets[-length:]

    def _packets(self, pid: int, data: bytes) -> bytes:
        made, first = b"", True
        while data:
            room = 184 - self.spare
            piece, data = data[:room], data[room:]
            made += self._packet(pid, piece, first=first)
            first = False
        return made

    def _packet(self, pid: int, piece: bytes, *, first: bool) -> bytes:
        counter = self.counters.get(pid, 0)
        self.counters[pid] = (counter + 1) % 16
        stuffing = 184 - len(piece)
        adaptation = b""
        if stuffing:
            rest = b"\0" + b"\xff" * (stuffing - 2) if stuffing > 1 else b""
            adaptation = bytes([stuffing - 1]) + rest
        control = 0x30 if adaptation else 0x10
        head = struct.pack(">BHB", 0x47, (0x4000 if first else 0) | pid, control | counter)
        return (b"time" if self.timed else b"") + head + adaptation + piece
