"""The ledger: what was done to blobs that their bytes can't tell.

A blob says which instance it is; that it was rejected, deleted, kept aside or stored
again, only the index knows. Each such deed is written down beside the blobs too,
after the index did it and before anybody is told, so that `reindex` can do it again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from filmroom.model.ports import Storage

log = logging.getLogger(__name__)


class Deed(StrEnum):
    """What was done."""

    STORED = "stored"
    """An instance was new, though its blob was there already."""
    KEPT_FIRST = "kept-first"
    """A newcomer lost to the stored instance of its UIDs."""
    REPLACED = "replaced"
    """A newcomer took the place of the stored instance of its UIDs."""
    REJECTED = "rejected"
    RESTORED = "restored"
    DELETED = "deleted"
    """The rows are gone; the blobs stay for a while."""
    PURGED = "purged"
    """The blobs are gone: one that is there now came later."""
    RECODED = "recoded"
    """A blob was made of what was sent: `code` has the digest, size and transfer syntax of that."""
    SPARED = "spared"
    """`reindex` could not read the blobs: they are no litter."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger."""

    deed: Deed
    keys: tuple[str, ...]
    """The blobs that it was done to."""
    at: float
    """Seconds since the epoch, UTC."""
    source: str
    code: str = ""
    """Why rejected, as `113001^DCM`; or what a blob was recoded from."""
    fresh: bool = False
    """Whether the blob came with this very deed."""


def write(storage: Storage, entry: Entry) -> None:
    """Append one entry, durably; one about no blob is left out."""
    if entry.keys:
        storage.record(json.dumps(asdict(entry), separators=(",", ":")).encode())


def read(storage: Storage) -> Iterator[Entry]:
    """Every entry, oldest first; a line that is none is passed over with a warning."""
    for number, line in enumerate(storage.records(), start=1):
        try:
            yield _entry(json.loads(line))
        except (ValueError, TypeError, KeyError):
            log.warning("line %d of the ledger is damaged", number)


def spared(storage: Storage) -> set[str]:
    """The blobs that no row names and that are no litter."""
    return {key for entry in read(storage) if entry.deed is Deed.SPARED for key in entry.keys}


def _entry(fields: dict[str, Any]) -> Entry:
    return Entry(
        deed=Deed(fields["deed"]),
        keys=tuple(map(str, fields["keys"])),
        at=float(fields["at"]),
        source=str(fields["source"]),
        code=str(fields.get("code", "")),
        fresh=bool(fields.get("fresh", False)),
    )
