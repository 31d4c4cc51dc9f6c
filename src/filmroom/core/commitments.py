"""Storage commitments as records: those that we are asked for, and those that we ask for."""

from __future__ import annotations

from filmroom.model.commitment import Commitment, CommitmentState, Reference, Verdict
from filmroom.model.records import Record

GIVEN = "commitment"
"""Those that others ask of us, by AE title and Transaction UID."""
WANTED = "commitment-wanted"
"""Those that we ask of others, by Transaction UID."""


def record_of(kind: str, key: str, commitment: Commitment, due: float | None = None) -> Record:
    """A new record of a commitment; due when who reports it is given up, or to be forgotten."""
    verdict = commitment.verdict
    value = {
        "transaction": commitment.transaction,
        "other": commitment.other,
        "address": commitment.address,
        "called": commitment.called,
        "asked": commitment.asked,
        "references": [[one.sop_class, one.instance] for one in commitment.references],
        "failed": None if verdict is None else [[o.instance, why] for o, why in verdict.failed],
    }
    return Record(kind, key, value, commitment.state, due)


def commitment_of(record: Record) -> Commitment:
    """The commitment that a record holds."""
    value = record.value
    references = tuple(Reference(*one) for one in value["references"])
    verdict = None
    if value["failed"] is not None:
        why = dict(value["failed"])
        verdict = Verdict(
            tuple(one for one in references if one.instance not in why),
            tuple((one, why[one.instance]) for one in references if one.instance in why),
        )
    return Commitment(
        value["transaction"],
        value["other"],
        value["address"],
        references,
        verdict,
        CommitmentState(record.state),
        value["asked"],
        value["called"],
    )
