"""MPEG transport streams: the video in their packets (ISO 13818-1 §2.4)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filmroom.errors import Undecodable

PACKET = 188  # bytes
TIMED_PACKET = 192  # bytes: four of a time stamp before each, as on Blu-ray discs
SYNC = 0x47
PROGRAMS = 0  # the PID of the program association table
NO_PID = 0x1FFF
AVC_STREAM, HEVC_STREAM = 0x1B, 0x24
VIDEO = {
    0x01: "MPEG-1",
    0x02: "MPEG-2",
    0x10: "MPEG-4 part 2",
    AVC_STREAM: "H.264",
    HEVC_STREAM: "HEVC",
}
"""Names by stream type (Table 2-34)."""
SEARCHED = 4 << 20
"""Bytes at the beginning in which the tables must come."""
PES_HEADER = 9  # bytes of a PES packet's header before its optional fields
PES_PREFIX = b"\0\0\1"


@dataclass(frozen=True, slots=True)
class Layout:
    """Which packets have the video."""

    packet: int
    """Bytes from one packet to the next."""
    before: int
    """Bytes before the sync byte in each of them."""
    pid: int
    stream_type: int


def is_transport_stream(head: bytes) -> bool:
    """Whether a stream that begins so is made of packets."""
    return _packets(head) is not None


def _packets(head: bytes) -> tuple[int, int] | None:
    for packet, before in ((PACKET, 0), (TIMED_PACKET, TIMED_PACKET - PACKET)):
        places = range(before, min(len(head), 5 * packet), packet)
        if len(places) > 2 and all(head[place] == SYNC for place in places):
            return packet, before
    return None


def read_layout(head: bytes) -> Layout:
    """Find the first video stream in a transport stream's tables; Undecodable if there is none."""
    packets = _packets(head)
    if packets is None:
        raise Undecodable("the video is no transport stream")
    packet, before = packets
    for pid in _maps(_section(head, packet, before, PROGRAMS)):
        for stream_type, stream in _streams(_section(head, packet, before, pid)):
            if stream_type in VIDEO:
                return Layout(packet, before, stream, stream_type)
    raise Undecodable("the transport stream's tables name no video")


def _section(head: bytes, packet: int, before: int, pid: int) -> bytes:
    """The first section on a PID (§2.4.4), without its header and checksum; b"" if none is."""
    section, length = b"", -1
    for at in range(before, len(head) - PACKET + 1, packet):
        if (head[at + 1] & 31) << 8 | head[at + 2] != pid:
            continue
        payload = _payload(head, at)
        if head[at + 1] & 0x40 and payload:
            section = payload[1 + payload[0] :]
        elif section:
            section += payload
        if len(section) >= 3:
            length = (section[1] & 15) << 8 | section[2]
        if 0 <= length <= len(section) - 3:
            return section[8 : 3 + length - 4]
    return b""


def _payload(packets: bytes, at: int) -> bytes:
    """What a packet carries after its header and adaptation field."""
    control = packets[at + 3]
    if not control & 0x10:
        return b""
    skipped = 5 + packets[at + 4] if control & 0x20 else 4
    return packets[at + skipped : at + PACKET] if skipped < PACKET else b""


def _maps(section: bytes) -> Iterator[int]:
    """PIDs of the program map tables that a program association table lists."""
    for at in range(0, len(section) - 3, 4):
        if section[at] << 8 | section[at + 1]:  # 0 is the network's own
            yield (section[at + 2] & 31) << 8 | section[at + 3]


def _streams(section: bytes) -> Iterator[tuple[int, int]]:
    """Stream type and PID of each stream that a program map table lists."""
    if len(section) < 4:
        return
    at = 4 + ((section[2] & 15) << 8 | section[3])
    while at + 5 <= len(section):
        yield section[at], (section[at + 1] & 31) << 8 | section[at + 2]
        at += 5 + ((section[at + 3] & 15) << 8 | section[at + 4])


class Demultiplexer:
    """Takes the elementary stream out of packets, and remembers where it came from.

    `begun`: whether the first packets belong to a PES packet whose header was before.
    """

    def __init__(self, layout: Layout, *, begun: bool = False) -> None:
        self._layout = layout
        self._begun = begun
        self._rest = b""
        self._at = 0  # bytes of the file before the rest
        self._made = 0  # bytes of the elementary stream
        self._skip = 0  # bytes of a PES packet's header still to come
        self._counter, self._last = -1, b""
        self._stream_at: list[int] = []
        self._file_at: list[int] = []

    def feed(self, piece: bytes) -> bytes:
        """The bytes of the elementary stream in some more bytes of the file."""
        block = self._rest + piece
        packet, before, pid = self._layout.packet, self._layout.before, self._layout.pid
        high, low = pid >> 8, pid & 255
        found = []
        whole = len(block) - len(block) % packet
        if block[before:whole:packet].count(SYNC) != whole // packet:
            raise Undecodable("the transport stream is out of step")
        for at in range(before, whole, packet):
            if block[at + 2] == low and block[at + 1] & 31 == high:
                carried = self._take(block, at)
                found.append(carried)
                self._made += len(carried)
        self._rest, self._at = block[whole:], self._at + whole
        return b"".join(found)

    def _take(self, block: bytes, at: int) -> bytes:
        counter = block[at + 3] & 15
        payload = _payload(block, at)
        if not payload or (counter == self._counter and payload == self._last):
            return b""  # nothing, or sent twice
        self._counter, self._last = counter, payload
        begins = block[at + 1] & 0x40
        if begins:
            if not payload.startswith(PES_PREFIX) or len(payload) < PES_HEADER:
                raise Undecodable("the transport stream has a damaged packet header")
            self._begun, self._skip = True, PES_HEADER + payload[8]
        if not self._begun:
            return b""
        if begins or not self._skip:  # else reading could not begin here
            self._stream_at.append(self._made)
            self._file_at.append(self._at + at - self._layout.before)
        skipped = min(self._skip, len(payload))
        self._skip -= skipped
        return payload[skipped:]

    def source(self, start: int, end: int) -> tuple[int, int, int]:
        """Where a run of the elementary stream lies in the file.

        The first byte of its packets, their length, and how many bytes of the stream they
        carry before the run. What was made before `start` is forgotten.
        """
        first = bisect_right(self._stream_at, start) - 1
        after = bisect_right(self._stream_at, end - 1)
        begin, skipped = self._file_at[first], start - self._stream_at[first]
        length = (self._file_at[after] if after < len(self._file_at) else self._at) - begin
        del self._stream_at[:first], self._file_at[:first]
        return begin, length, skipped


def demultiplexed(pieces: Iterable[bytes], demultiplexer: Demultiplexer) -> Iterator[bytes]:
    """The elementary stream in pieces."""
    for piece in pieces:
        stream = demultiplexer.feed(piece)
        if stream:
            yield stream
