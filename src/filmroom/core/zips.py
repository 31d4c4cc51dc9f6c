"""Zips from anywhere: read within limits, without believing what they say of themselves.

Nothing is unpacked to disk, so a name in a zip never becomes a path; one that leads
out of the zip is refused all the same, since it was made to do harm.
"""

from __future__ import annotations

import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from filmroom.errors import ArchiveError, Malformed, TooLarge, Unsupported
from filmroom.settings import Settings

SLACK = 1 << 20  # bytes of an entry before its ratio counts: small files may be all zeros
DIRECTORY_ENTRY = 512  # bytes of the zip's directory for each entry that may be there
_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, OSError)


def looks_zipped(path: Path) -> bool:
    """Whether a file begins as a zip does, and not as a DICOM file with such a preamble."""
    try:
        if not path.is_file():  # a pipe would have us wait
            return False
        with path.open("rb") as file:
            head = file.read(132)
    except OSError:
        return False
    return head.startswith(_MAGIC) and head[128:132] != b"DICM"


class ZipReader:
    """The files in a zip, each to be opened once; safe to read from several threads.

    Iterating raises Malformed if it is damaged, TooLarge if it lists too much.
    """

    def __init__(self, path: Path, settings: Settings) -> None:
        self._path = path
        self._settings = settings
        self._left = settings.zip_size  # bytes that may still come out of the zip
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Entry]:
        _check_directory(self._path, self._settings.zip_entries)
        with _named("the zip is damaged"):
            opened = zipfile.ZipFile(self._path)
        most = self._settings.zip_entries
        if len(opened.filelist) > most:
            raise TooLarge(_too_many(most))
        for info in opened.filelist:
            if not info.is_dir():
                yield Entry(self, opened, info)

    @property
    def ratio(self) -> int:
        """Inflated bytes per zipped byte that one entry may have."""
        return self._settings.zip_ratio

    def take(self, count: int) -> None:
        """Count bytes that came out; TooLarge when there were too many."""
        with self._lock:
            self._left -= count
            if self._left < 0:
                limit = self._settings.zip_size
                raise TooLarge(f"the zip holds more than {limit} bytes (setting zip_size)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a zip."""

    reader: ZipReader
    opened: zipfile.ZipFile
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """Its path in the zip, as the zip has it."""
        return self.info.filename

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Its bytes; Malformed, Unsupported or TooLarge when it proves bad, also while read."""
        self._check()
        with _named("its place in the zip is damaged"):
            stream = self.opened.open(self.info)
        with stream:
            yield cast("IO[bytes]", _Counted(stream, self))

    def _check(self) -> None:
        if _leads_out(self.name):
            raise Malformed("its path leads out of the zip")
        if stat.S_ISLNK(self.info.external_attr >> 16):
            raise Unsupported("it is a link")
        if self.info.flag_bits & 1:
            raise Unsupported("it is encrypted")


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or name[1:2] == ":"


class _Counted:
    """A stream out of a zip whose real bytes are counted."""

    def __init__(self, stream: IO[bytes], entry: Entry) -> None:
        self._stream = stream
        self._entry = entry
        self._size = 0

    def read(self, size: int) -> bytes:
        with _named("its bytes in the zip are damaged"):
            chunk = self._stream.read(size)
        self._size += len(chunk)
        ratio = self._entry.reader.ratio
        if self._size > SLACK and self._size > ratio * self._entry.info.compress_size:
            raise TooLarge(f"it inflates more than {ratio} times (setting zip_ratio)")
        self._entry.reader.take(len(chunk))
        return chunk


@contextmanager
def _named(what: str) -> Iterator[None]:
    try:
        yield
    except ArchiveError:
        raise
    except (NotImplementedError, RuntimeError) as error:
        raise Unsupported(f"it is zipped in a way that is not read: {error}") from None
    except _DAMAGED as error:
        raise Malformed(f"{what}: {error}") from None


def _check_directory(path: Path, most: int) -> None:
    # zipfile reads the whole directory into memory before anybody can count its entries.
    with path.open("rb") as file:
        entries, size = _directory(file)
    if entries > most or size > max(most, 1) * DIRECTORY_ENTRY:
        raise TooLarge(_too_many(most))


def _too_many(most: int) -> str:
    return f"the zip lists more than {most} files (setting zip_entries)"


def _directory(file: IO[bytes]) -> tuple[int, int]:
    """How many entries a zip says it has, and the bytes of its directory."""
    length = file.seek(0, 2)
    start = max(0, length - _END.size - 0xFFFF)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise Malformed("the zip is damaged: it has no end")
    fields: tuple[Any, ...] = _END.unpack_from(tail, at)
    entries, size = fields[4], fields[5]
    before = at - _LOCATOR_64.size
    if before >= 0 and tail[before:].startswith(b"PK\x06\x07"):
        file.seek(min(_LOCATOR_64.unpack_from(tail, before)[2], length))
        record = file.read(_END_64.size)
        if len(record) == _END_64.size and record.startswith(b"PK\x06\x06"):
            fields = _END_64.unpack(record)
            entries, size = fields[7], fields[8]
    return entries, size
