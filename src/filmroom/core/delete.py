"""Delete: forget instances, rows first and bytes second; or hide them for a while."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from filmroom.core import ledger
from filmroom.core.archive import Archive
from filmroom.core.ledger import Deed, Entry
from filmroom.core.store import discard_unneeded
from filmroom.errors import Malformed
from filmroom.model.selection import Selection

HOUR = 3600.0  # seconds
DAY = 24 * HOUR
PURGER = "purge"
BATCH = 100  # blobs whose tombstones go together


def delete(archive: Archive, selection: Selection, source: str) -> int:
    """Forget a selection; how many instances went. NotFound if it held none.

    Their bytes go after `purge_grace`; with none of that, before this returns.
    """
    gone = archive.index.remove(_named(selection), source)
    _write_down(archive, Deed.DELETED, gone, source)
    if not archive.settings.purge_grace:
        _erase(archive, archive.index.tombstones(math.inf))
    return len(gone)


def reject(archive: Archive, selection: Selection, code: str, source: str) -> int:
    """Hide a selection from search and retrieval; how many instances it was.

    `code` is the reason's value and scheme (PS3.16 CID 7011) as `113001^DCM`.
    """
    hidden = archive.index.reject(_named(selection), code, source)
    _write_down(archive, Deed.REJECTED, hidden, source, code)
    return len(hidden)


def restore(archive: Archive, selection: Selection, source: str) -> int:
    """Show what was rejected of a selection again; how many instances it was."""
    shown = archive.index.restore(_named(selection), source)
    _write_down(archive, Deed.RESTORED, shown, source)
    return len(shown)


def purge(archive: Archive, now: float | None = None) -> int:
    """Remove the bytes that are due; how many blobs went.

    Due are those deleted `purge_grace` ago. Instances rejected `purge_rejected_after` ago
    are deleted first, and their grace begins. `now` is in seconds since the epoch.
    """
    now = time.time() if now is None else now
    settings = archive.settings
    if settings.purge_rejected_after:
        before = now - settings.purge_rejected_after * DAY
        gone = archive.index.purge_rejected(before, PURGER)
        _write_down(archive, Deed.DELETED, gone, PURGER)
    return _erase(archive, due(archive, now))


def due(archive: Archive, now: float) -> list[str]:
    """Keys of the blobs whose grace is over."""
    grace = archive.settings.purge_grace * HOUR
    return archive.index.tombstones(now - grace if grace else math.inf)


def _named(selection: Selection) -> Selection:
    if selection.study is None:
        raise Malformed("name the study, series or instance")
    return selection


def _write_down(
    archive: Archive, deed: Deed, keys: Sequence[str], source: str, code: str = ""
) -> None:
    ledger.write(archive.storage, Entry(deed, tuple(keys), time.time(), source, code))


def _erase(archive: Archive, keys: Sequence[str]) -> int:
    batches = (keys[at : at + BATCH] for at in range(0, len(keys), BATCH))
    return sum(_erase_batch(archive, batch) for batch in batches)


def _erase_batch(archive: Archive, keys: Sequence[str]) -> int:
    # The tombstones go first, so that `knows` tells of other rows; a crash leaves litter.
    archive.index.bury(keys)
    erased = [key for key in keys if discard_unneeded(archive, key)]
    ledger.write(archive.storage, Entry(Deed.PURGED, tuple(erased), time.time(), PURGER))
    return len(erased)
