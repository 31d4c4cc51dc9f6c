"""Storage commitment, as SCP: what is held safely, and telling who asked (PS3.4 §J.3).

Asked for is a record before it is answered. Who asked is told on its own association if that
stays open, else by a job; whoever tells has claimed the record first, so that nobody is told
twice, and a claim that a crash left behind runs out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from filmroom.core import jobs
from filmroom.core.archive import Archive
from filmroom.core.commitments import GIVEN, commitment_of, record_of
from filmroom.core.find import find
from filmroom.core.worklist_items import due_to_forget
from filmroom.dicom.attributes import INSTANCE_UID, SERIES_UID, STUDY_UID
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import AnyOf, Exact
from filmroom.errors import Conflict, NotFound
from filmroom.model.commitment import (
    PUSH_MODEL,
    WELL_KNOWN,
    Commitment,
    CommitmentState,
    Reason,
    Reference,
    Verdict,
    report_of,
)
from filmroom.model.instance import InstanceRef
from filmroom.model.job import JobKind
from filmroom.model.query import Match, Query
from filmroom.model.records import Record
from filmroom.model.remote import Operation, Verb

TOGETHER = 200  # instances that are looked up at once
CLAIM = 60.0  # seconds that telling may take until somebody else tries
LATER = 2.0  # seconds that the asker's association is given more than it was promised
PAGE = 1000


def accept(archive: Archive, commitment: Commitment, peer: str | None) -> str:
    """Take a request on, durably; the key of its record.

    A request that comes again is answered again. If its association does not do, a job tells
    `peer`; None is nobody who can be called.
    """
    key = key_of(commitment.other, commitment.transaction)
    while True:
        due = due_to_forget(archive.settings.workflow_keep)
        asked = record_of(GIVEN, key, commitment, due)
        try:
            before = archive.records.get(GIVEN, key)
            asked = replace(asked, version=before.version)
        except NotFound:
            pass
        try:
            archive.records.put(asked)
        except Conflict:
            continue
        break
    if peer is not None:
        first = time.time() + archive.settings.commitment_wait + LATER
        arguments = {"peer": peer, "commitment": key, "selections": []}
        jobs.start(archive, JobKind.REPORT, arguments, f"dimse:{commitment.other}", first)
    return key


def claim(archive: Archive, key: str) -> Record | None:
    """Make the telling of a commitment ours for CLAIM seconds; None if there is nothing to tell.

    Conflict if somebody else is telling it.
    """
    record = archive.records.get(GIVEN, key)
    if record.state == CommitmentState.REPORTED:
        return None
    if record.state == CommitmentState.REPORTING and (record.due or 0) > time.time():
        raise Conflict("somebody else is telling it")
    now = time.time()
    claimed = replace(record, state=CommitmentState.REPORTING, due=now + CLAIM)
    return archive.records.put(claimed)


def judge(archive: Archive, claimed: Record) -> tuple[Record, Commitment, Operation]:
    """Look up what a claimed commitment is about, and how it is reported."""
    commitment = commitment_of(claimed)
    verdict = check(archive, commitment.references)
    judged = replace(commitment, verdict=verdict)
    record = replace(record_of(GIVEN, claimed.key, judged, claimed.due), version=claimed.version)
    report = Operation(
        Verb.EVENT_REPORT,
        PUSH_MODEL,
        WELL_KNOWN,
        verdict.event,
        report_of(commitment.transaction, verdict),
    )
    return archive.records.put(record), judged, report


def told(archive: Archive, claimed: Record) -> None:
    """Note that who asked has taken the report."""
    due = due_to_forget(archive.settings.workflow_keep)
    archive.records.put(replace(claimed, state=CommitmentState.REPORTED, due=due))


def release(archive: Archive, claimed: Record) -> None:
    """Give a claim up: who asked has not taken the report."""
    due = due_to_forget(archive.settings.workflow_keep)
    archive.records.put(replace(claimed, state=CommitmentState.ASKED, due=due))


def check(archive: Archive, references: Sequence[Reference]) -> Verdict:
    """Which instances are held: indexed, of the class that is named, and their bytes there."""
    kept: list[Reference] = []
    failed: list[tuple[Reference, int]] = []
    for start in range(0, len(references), TOGETHER):
        some = references[start : start + TOGETHER]
        held = {
            ref.instance: ref for ref in _held(archive, {reference.instance for reference in some})
        }
        for reference in some:
            why = _why_not(archive, reference, held.get(reference.instance))
            if why is None:
                kept.append(reference)
            else:
                failed.append((reference, why))
    return Verdict(tuple(kept), tuple(failed))


def key_of(title: str, transaction: str) -> str:
    """The key of a commitment's record."""
    return f"{title}/{transaction}"


def page(archive: Archive, after: str = "", limit: int = PAGE) -> list[tuple[str, Commitment]]:
    """Commitments that we were asked for, by key."""
    found = archive.records.list(GIVEN, after=after, limit=limit)
    return [(record.key, commitment_of(record)) for record in found]


def _held(archive: Archive, instances: set[str]) -> Iterator[InstanceRef]:
    matching = (Match(INSTANCE_UID, AnyOf(tuple(map(Exact, sorted(instances))))),)
    offset, more = 0, True
    while more:
        query = Query(Level.IMAGE, matching=matching, bare=True, limit=PAGE, offset=offset)
        found = find(archive, query)
        for match in found.matches:
            uids = (match[tag]["Value"][0] for tag in (STUDY_UID, SERIES_UID, INSTANCE_UID))
            yield InstanceRef(*uids)
        offset, more = offset + len(found.matches), found.more


def _why_not(archive: Archive, reference: Reference, ref: InstanceRef | None) -> Reason | None:
    if ref is None:
        return Reason.NO_SUCH_INSTANCE
    try:
        located = archive.index.locate(ref)
    except NotFound:
        return Reason.NO_SUCH_INSTANCE
    if located.sop_class != reference.sop_class:
        return Reason.CLASS_CONFLICT
    try:
        is_whole = archive.storage.size(located.key) == located.size
    except NotFound:
        is_whole = False
    return None if is_whole else Reason.PROCESSING_FAILURE
