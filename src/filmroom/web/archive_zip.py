"""Instances as a zip archive: not deflated, every length said beforehand (PS3.18 §8.7.3.1).

Streamed, and yet without data descriptors, which some readers of stored entries
refuse: what an entry's header must say of its content, the CRC-32, is computed in a
first reading. Zip64 records are used where the sizes need them (APPNOTE §4.5.3).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore

from starlette.responses import Response

from filmroom.dicom.media_types import ZIP
from filmroom.model.answer import Content, Part
from filmroom.web.sending import Streamed

IN_MEMORY = 32 << 20
"""Bytes of an entry up to which it is read once and kept, rather than read twice."""

MOST_32 = 0xFFFFFFFF
MOST_16 = 0xFFFF
PLAIN, ZIP64 = 20, 45  # "version needed to extract": 2.0 and 4.5
STORED = 0
DOS_DATE = 0x21  # 1 January 1980: when an instance was made is said within it

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4sHHHHIIH")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive and where its header will lie."""

    name: bytes
    content: Content
    offset: int

    @property
    def large(self) -> bool:
        """Whether its size needs zip64 fields."""
        return self.content.size >= MOST_32

    def local(self, crc: int) -> bytes:
        """The header in front of the content."""
        size = MOST_32 if self.large else self.content.size
        extra = struct.pack("<HHQQ", 1, 16, self.content.size, self.content.size)
        extra = extra if self.large else b""
        needed = ZIP64 if self.large else PLAIN
        fixed = (b"PK\3\4", needed, 0, STORED, 0, DOS_DATE, crc, size, size)
        return _LOCAL.pack(*fixed, len(self.name), len(extra)) + self.name + extra

    def central(self, crc: int) -> bytes:
        """The line of the directory."""
        wide = [self.content.size] * 2 if self.large else []
        wide += [self.offset] if self.offset >= MOST_32 else []
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        size = MOST_32 if self.large else self.content.size
        needed = ZIP64 if wide else PLAIN
        fixed = (b"PK\1\2", ZIP64, needed, 0, STORED, 0, DOS_DATE, crc, size, size)
        rest = (len(self.name), len(extra), 0, 0, 0, 0, min(self.offset, MOST_32))
        return _CENTRAL.pack(*fixed, *rest) + self.name + extra


def zipped(
    parts: Sequence[Part], name: str, headers: Mapping[str, str], slots: BoundedSemaphore
) -> Response:
    """The parts as a zip; `name` is that of the file without `.zip`."""
    entries = _laid_out(parts)
    size = _end_of(entries) + sum(len(entry.central(0)) for entry in entries)
    size += len(_ending(entries, size - _end_of(entries)))
    headers = {**headers, "Content-Disposition": f'attachment; filename="{name}.zip"'}
    return Streamed(_pieces(entries), size, ZIP, headers, slots=slots)


def _laid_out(parts: Sequence[Part]) -> list[Entry]:
    """Entries named by study, series and instance, one behind another."""
    entries: list[Entry] = []
    offset = 0
    for part in parts:
        _, _, study, _, series, _, instance = part.location.split("/")
        entry = Entry(f"{study}/{series}/{instance}.dcm".encode(), part.content, offset)
        entries.append(entry)
        offset += len(entry.local(0)) + part.content.size
    return entries


def _end_of(entries: Sequence[Entry]) -> int:
    """Where the directory begins."""
    last = entries[-1]
    return last.offset + len(last.local(0)) + last.content.size


def _pieces(entries: Sequence[Entry]) -> Iterator[bytes]:
    checks = []
    for entry in entries:
        pieces = entry.content.chunks()
        if entry.content.size <= IN_MEMORY:
            kept = list(pieces)
            crc, pieces = _crc(iter(kept)), iter(kept)
        else:
            crc, pieces = _crc(pieces), entry.content.chunks()
        checks.append(crc)
        yield entry.local(crc)
        yield from pieces
    directory = b"".join(entry.central(crc) for entry, crc in zip(entries, checks, strict=True))
    yield directory
    yield _ending(entries, len(directory))


def _crc(pieces: Iterator[bytes]) -> int:
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    return crc


def _ending(entries: Sequence[Entry], length: int) -> bytes:
    """What closes the archive; `length` is that of the directory in bytes."""
    start, count = _end_of(entries), len(entries)
    wide = b""
    if start >= MOST_32 or length >= MOST_32 or count >= MOST_16:
        counts = (count, count, length, start)
        wide = _END_64.pack(b"PK\6\6", _END_64.size - 12, ZIP64, ZIP64, 0, 0, *counts)
        wide += _LOCATOR.pack(b"PK\6\7", 0, start + length, 1)
    few = min(count, MOST_16)
    return wide + _END.pack(b"PK\5\6", 0, 0, few, few, min(length, MOST_32), min(start, MOST_32), 0)
