"""Worklist items of a folder of files, such as DCMTK's `wlmscpfs` serves.

The folder is looked at for each query; files that are new or were changed are read. A folder
below it is named by the AE title by which callers of its items call us.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from filmroom.dicom.datasets import read_dataset
from filmroom.dicom.part10 import PREAMBLE, PREFIX, read_file_meta
from filmroom.errors import ArchiveError, Malformed, Refused, TooLarge
from filmroom.model.instance import Attributes
from filmroom.model.worklist import Item, steps_of

FILE = "file:"
"""How the keys of items begin that are read from files."""
ENDING = ".wl"
MOST = 50_000  # files
LARGEST = 1 << 20  # bytes of a file
SECOND = 1_000_000_000  # nanoseconds
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    """One file, as it was found."""

    path: str
    called: str
    modified: int
    """Nanoseconds since the epoch."""
    size: int


class WorklistFiles:
    """The items that the files of a folder hold."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        """Empty: there is none."""
        self._lock = threading.Lock()
        self._read: dict[str, tuple[_Found, Item]] = {}

    def items(self) -> list[Item]:
        """Each file's item as the files are now, or were when the folder could last be read."""
        if not self.folder:
            return []
        with self._lock:
            try:
                files = dict(_files(self.folder))
            except OSError as error:
                log.warning("the worklist folder cannot be read", extra={"reason": error.strerror})
            else:
                self._read = {key: self._item(key, file) for key, file in files.items()}
            return [item for _, item in self._read.values()]

    def _item(self, key: str, file: _Found) -> tuple[_Found, Item]:
        known = self._read.get(key)
        if known is not None and known[0] == file:
            return known
        attributes: Attributes = {}
        fault = ""
        try:
            attributes = _attributes(file.path)
        except (ArchiveError, OSError) as error:
            # It may only be half there: then it changes once more, and is read again.
            fault = str(error) if isinstance(error, ArchiveError) else str(error.strerror)
            log.warning("a worklist file cannot be read", extra={"reason": fault})
        return file, Item(key, attributes, file.modified / SECOND, file.called, fault)


def _files(folder: str) -> Iterator[tuple[str, _Found]]:
    count = 0
    with os.scandir(folder) as entries:
        below = [(entry.name, entry.path) for entry in entries if entry.is_dir()]
    for called, path in [("", folder), *below]:
        with os.scandir(path) as entries:
            for entry in entries:
                if not entry.name.lower().endswith(ENDING):
                    continue
                count += 1
                if count > MOST:
                    log.warning("the worklist folder holds too many files", extra={"most": MOST})
                    return
                with suppress(FileNotFoundError):
                    told = entry.stat()
                    name = f"{called}/{entry.name}" if called else entry.name
                    key = FILE + os.fsencode(name).decode("utf-8", "backslashreplace")
                    yield key, _Found(entry.path, called, told.st_mtime_ns, told.st_size)


def _attributes(path: str) -> Attributes:
    """The data set of a file, with or without File Meta Information."""
    if not os.path.isfile(path):  # a pipe would not end
        raise Malformed("not a file")
    with open(path, "rb") as file:
        data = memoryview(file.read(LARGEST + 1))
    if len(data) > LARGEST:
        raise TooLarge(f"more than {LARGEST} bytes")
    start, syntax = 0, EXPLICIT if data[4:6].tobytes().isalpha() else IMPLICIT
    if data[PREAMBLE : PREAMBLE + len(PREFIX)] == PREFIX:
        try:
            meta = read_file_meta(data)
        except Refused as refusal:
            raise Malformed(str(refusal)) from None
        start, syntax = meta.end, meta.transfer_syntax
    attributes = read_dataset(data[start:], syntax)
    if not steps_of(attributes):
        raise Malformed("no Scheduled Procedure Step Sequence")
    return attributes
