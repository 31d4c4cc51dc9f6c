"""Delete what was rejected for one reason, as an archive's housekeeping does."""

from __future__ import annotations

from filmroom.core.archive import Archive
from filmroom.core.delete import delete
from filmroom.model.selection import Selection

MOST = 1 << 31  # rejections that are looked through: all there can be


def delete_rejected(archive: Archive, code: str, before: float, source: str) -> int:
    """Forget what was rejected as `code` before a time; how many instances went."""
    due = [
        Selection(rejection.ref.study, rejection.ref.series, rejection.ref.instance)
        for rejection in archive.index.rejections(limit=MOST)
        if rejection.code == code and rejection.at < before
    ]
    return sum(delete(archive, selection, source) for selection in due)
