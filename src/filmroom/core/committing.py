"""Storage commitment, as SCU: asking a peer to keep instances, and hearing what it says.

The report comes on the association that asks, or on one that the peer makes; it may take hours
(PS3.4 §J.3).
"""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from filmroom.core.archive import Archive
from filmroom.core.commitments import WANTED, commitment_of, record_of
from filmroom.core.job_kinds import MOST_FAILURES, callable_peer, instances_of, selections_of
from filmroom.core.running import Later, Run
from filmroom.core.worklist_items import due_to_forget
from filmroom.errors import Conflict, Malformed, NotFound, Unreachable
from filmroom.model.commitment import (
    PUSH_MODEL,
    REQUEST,
    SOME_FAILED,
    WELL_KNOWN,
    Commitment,
    CommitmentState,
    Reason,
    Reference,
    Verdict,
    read_report,
    request_of,
)
from filmroom.model.job import Progress
from filmroom.model.peer import Peer
from filmroom.model.remote import Operation, Verb

HERE = 3.0  # seconds that the report is waited for on the association that asked
LOOK = 5.0  # seconds between two looks whether it came on another
PATIENCE = 24 * 3600.0  # seconds that a peer may take to report
ANEW: dict[str, None] = {"transaction": None, "asked": None}
"""Notes of a job whose next try is to ask once more."""
SUCCESS, PROCESSING_FAILURE, INVALID_ARGUMENT = 0x0000, 0x0110, 0x0115


def commit(run: Run) -> Progress:
    """Ask, once, and wait until the peer has reported."""
    archive = run.archive
    peer = callable_peer(archive, run.arguments["peer"])
    transaction = run.job.notes.get("transaction")
    if transaction is None:
        transaction = _begin(run, peer)
    if run.job.notes.get("asked") is None:
        _ask(archive, peer, _wanted(archive, transaction))
        run.note({"asked": time.time()})
    commitment = _wanted(archive, transaction)
    if commitment.verdict is not None:
        if commitment.verdict.failed:
            run.note(ANEW)
        return _progress(commitment)
    if time.time() - run.job.notes["asked"] > PATIENCE:
        run.note(ANEW)
        raise Unreachable(f"peer {peer.name} has not reported on a storage commitment")
    waiting = Progress(of=len(commitment.references), message="the peer has not reported yet")
    raise Later(LOOK, waiting)


def settle(archive: Archive, report: Operation) -> int:
    """Take what a peer reports; the status to answer it with (PS3.4 §J.3.3.1.4)."""
    try:
        transaction, verdict = read_report(report.attributes or {})
        record = archive.records.get(WANTED, transaction)
    except (Malformed, NotFound):
        return INVALID_ARGUMENT
    commitment = commitment_of(record)
    judged = replace(
        commitment,
        verdict=_of_ours(commitment, verdict, report.kind),
        state=CommitmentState.REPORTED,
    )
    due = due_to_forget(archive.settings.workflow_keep)
    try:
        made = record_of(WANTED, transaction, judged, due)
        archive.records.put(replace(made, version=record.version))
    except Conflict:  # it comes twice at once
        return PROCESSING_FAILURE
    return SUCCESS


def _begin(run: Run, peer: Peer) -> str:
    located = instances_of(run.archive, selections_of(run.arguments))
    references = tuple(Reference(one.sop_class, one.ref.instance) for one in located)
    transaction = f"2.25.{uuid.uuid4().int}"
    wanted = Commitment(
        transaction, peer.aet, "", references, None, CommitmentState.ASKED, time.time()
    )
    due = due_to_forget(run.archive.settings.workflow_keep)
    run.archive.records.put(record_of(WANTED, transaction, wanted, due))
    run.note({"transaction": transaction})
    return transaction


def _ask(archive: Archive, peer: Peer, wanted: Commitment) -> None:
    request = Operation(
        Verb.ACTION,
        PUSH_MODEL,
        WELL_KNOWN,
        REQUEST,
        request_of(wanted.transaction, wanted.references),
    )
    archive.remote.perform(peer, request, lambda report: settle(archive, report), HERE)


def _wanted(archive: Archive, transaction: str) -> Commitment:
    return commitment_of(archive.records.get(WANTED, transaction))


def _of_ours(commitment: Commitment, verdict: Verdict, event: int | None) -> Verdict:
    """What a report says of what we asked for: of failures, what it does not mention failed."""
    why = {reference.instance: reason for reference, reason in verdict.failed}
    if event == SOME_FAILED:
        kept = {reference.instance for reference in verdict.kept}
        for reference in commitment.references:
            if reference.instance not in kept:
                why.setdefault(reference.instance, Reason.PROCESSING_FAILURE)
    ours = commitment.references
    return Verdict(
        tuple(one for one in ours if one.instance not in why),
        tuple((one, why[one.instance]) for one in ours if one.instance in why),
    )


def _progress(commitment: Commitment) -> Progress:
    verdict = commitment.verdict or Verdict()
    failures = tuple(one.instance for one, _ in verdict.failed)
    reasons = sorted({reason for _, reason in verdict.failed})
    return Progress(
        done=len(verdict.kept),
        failed=len(failures),
        of=len(commitment.references),
        failures=failures[:MOST_FAILURES],
        message=", ".join(f"not kept: {reason:04X}H" for reason in reasons),
    )
