"""Forgetting what has been over for `workflow_keep` days: items, steps, commitments."""

from __future__ import annotations

from filmroom.core.archive import Archive
from filmroom.core.commitments import GIVEN, WANTED
from filmroom.core.steps import KIND as STEPS
from filmroom.core.worklist_items import KIND as ITEMS
from filmroom.core.worklist_items import MOVED
from filmroom.model.commitment import CommitmentState

PAGE = 1000


def forget(archive: Archive, now: float) -> int:
    """Remove the records that are due; how many."""
    states = {GIVEN: (CommitmentState.ASKED, CommitmentState.REPORTED)}  # not who tells just now
    forgotten = 0
    for kind in (ITEMS, MOVED, STEPS, GIVEN, WANTED):
        for state in states.get(kind, (None,)):
            while page := archive.records.list(kind, state=state, due=now, limit=PAGE):
                forgotten += sum(archive.records.remove(kind, record.key) for record in page)
    return forgotten
