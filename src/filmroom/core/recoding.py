"""Recoding: frames coded without loss before an instance is stored, by setting.

What is kept is another file than was sent, with the same pixels, bit for bit, and all
other attributes. The digest of what was sent stays known, in the ledger too, so that
the same instance sent again is the same.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from time import time
from typing import IO, BinaryIO, cast

from filmroom.core import ledger
from filmroom.core.absent import NoPixels
from filmroom.core.archive import Archive
from filmroom.core.content import CHUNK
from filmroom.core.ledger import Deed, Entry
from filmroom.core.rewrite import write_instance
from filmroom.core.unstored import unstored
from filmroom.dicom.scan import Scan, ScanLimits, scan
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import ArchiveError, NotFound
from filmroom.model.instance import Instance, InstanceRef, Original
from filmroom.model.pixels import Coded, Image, Pixels
from filmroom.model.ports import Staged
from filmroom.settings.storing import IngestTranscode

TARGETS = {
    IngestTranscode.HTJ2K: "1.2.840.10008.1.2.4.202",
    IngestTranscode.JPEG_LS: "1.2.840.10008.1.2.4.80",
    IngestTranscode.JPEG_2000: "1.2.840.10008.1.2.4.90",
}
IN_MEMORY = 16 << 20
"""Bytes up to which what is written anew stays in memory; more goes to a file without a name."""
LEAST = 4096
"""Bytes of a file that are worth the while."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Written:
    """The bytes to store of an instance, and what they say."""

    staged: Staged
    scanned: Scan
    key: str
    size: int
    original: Original | None = None
    """What was sent, where that is not what is staged."""


def recoded(archive: Archive, staged: Staged, scanned: Scan, limits: ScanLimits) -> Written:
    """What to store of an instance that was sent: its bytes, or others with the same pixels.

    If it is stored already, recoded, that is told by the key, under which nothing is
    staged. What cannot be recoded is stored as it was sent.
    """
    as_sent = Written(staged, scanned, staged.digest, staged.size)
    target = TARGETS.get(archive.settings.ingest_transcode)
    if target is None or not _is_worth_it(as_sent, target):
        return as_sent
    try:
        made = _stored(archive, as_sent) or _recoded(archive, as_sent, limits, target)
    except Exception as error:
        # Whatever is the matter, what was sent can be stored.
        reason = str(error) if isinstance(error, ArchiveError) else repr(error)
        log.info("stored as sent", extra={"instance": scanned.instance, "reason": reason})
        return as_sent
    return made or as_sent


def _stored(archive: Archive, sent: Written) -> Written | None:
    """The instance as it is stored, if it was made of these bytes or is of these."""
    scanned = sent.scanned
    try:
        located = archive.index.locate(InstanceRef(scanned.study, scanned.series, scanned.instance))
    except NotFound:
        return None
    if located.key == sent.key:
        return sent
    original = archive.index.original(located.key)
    if original is None or original.digest != sent.key:
        return None
    return Written(sent.staged, scanned, located.key, located.size)


def _is_worth_it(sent: Written, target: str) -> bool:
    """Whether there are pixels that lost nothing yet, in a syntax that can be decoded."""
    syntax = transfer_syntax(sent.scanned.transfer_syntax)
    return (
        len(sent.scanned.frames) > 0
        and sent.size >= LEAST
        and syntax.uid != target
        and syntax.decoder is not None
        and not syntax.lossy
        and not syntax.video
    )


def _recoded(archive: Archive, sent: Written, limits: ScanLimits, target: str) -> Written | None:
    """The instance written anew and staged; None if that saves nothing."""
    with SpooledTemporaryFile(IN_MEMORY, "w+b", dir=str(archive.settings.data)) as file:
        with sent.staged.view() as data:
            pixels = _Proving(archive.pixels)
            alone, located = unstored(archive, data, sent.scanned, sent.key, pixels)
            write_instance(alone, located, target, cast("BinaryIO", file))
        size = file.seek(0, 2)
        if size >= sent.size:
            return None
        staged = _staged(archive, file)
    try:
        with staged.view() as data:
            scanned = scan(data, limits, archive.settings.public_root)
        _check(sent.scanned, scanned)
    except BaseException:
        staged.discard()
        raise
    original = Original(sent.key, sent.size, sent.scanned.transfer_syntax)
    sent.staged.discard()
    return Written(staged, scanned, staged.digest, staged.size, original)


def _staged(archive: Archive, file: IO[bytes]) -> Staged:
    staged = archive.storage.stage()
    try:
        file.seek(0)
        while piece := file.read(CHUNK):
            staged.write(piece)
    except BaseException:
        staged.discard()
        raise
    return staged


def _check(before: Scan, after: Scan) -> None:
    """See that what was written is the same instance, with as many frames."""
    told = [
        (one.study, one.series, one.instance, one.sop_class, len(one.frames))
        for one in (before, after)
    ]
    if told[0] != told[1]:
        raise NotFound(f"instance {before.instance} is another one when written anew")


class _Proving(NoPixels):
    """Codes frames without loss only, and proves it."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels

    def transcode(self, frame: bytes, image: Image, target: str, quality: int = 90) -> Coded:
        return self._pixels.recode(frame, image, target)


def write_down(archive: Archive, instance: Instance) -> None:
    """Note in the ledger what an instance was recoded from.

    To be done before the row is there: a row without the note would forget it at `reindex`.
    """
    original = instance.original
    if original is None:
        return
    extra = {
        "instance": instance.ref.instance,
        "transfer_syntax": instance.transfer_syntax,
        "saved": original.size - instance.size,
    }
    log.info("recoded", extra=extra)
    if archive.index.original(instance.key) is None:
        code = f"{original.digest} {original.size} {original.transfer_syntax}"
        entry = Entry(Deed.RECODED, (instance.key,), time(), instance.source, code=code)
        ledger.write(archive.storage, entry)


def original_of(entry: Entry) -> Original | None:
    """What a line of the ledger says that a blob was recoded from."""
    digest, _, rest = entry.code.partition(" ")
    size, _, syntax = rest.partition(" ")
    return Original(digest, int(size), syntax) if size.isdecimal() else None
