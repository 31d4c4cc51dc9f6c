"""Storage commitment: what is asked to be kept safely, and what is said to that (PS3.4 Annex J)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from filmroom.dicom.uids import is_uid
from filmroom.errors import Malformed
from filmroom.model.instance import Attributes
from filmroom.model.worklist import first_text

PUSH_MODEL = "1.2.840.10008.1.20.1"
"""Storage Commitment Push Model SOP Class."""
WELL_KNOWN = "1.2.840.10008.1.20.1.1"
"""Its one SOP instance."""
REQUEST = 1
"""Action Type ID."""
ALL_KEPT, SOME_FAILED = 1, 2
"""Event Type IDs."""
MOST = 200_000  # references of one request
TRANSACTION, KEPT, FAILED = "00081195", "00081199", "00081198"
SOP_CLASS, INSTANCE, REASON = "00081150", "00081155", "00081197"


class Reason(IntEnum):
    """Why an instance is not committed (PS3.3 §C.14.1.1)."""

    PROCESSING_FAILURE = 0x0110
    NO_SUCH_INSTANCE = 0x0112
    RESOURCE_LIMITATION = 0x0213
    CLASS_NOT_SUPPORTED = 0x0122
    CLASS_CONFLICT = 0x0119
    DUPLICATE_TRANSACTION = 0x0131


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance that is referred to."""

    sop_class: str
    instance: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which instances are kept safely, and why others are not."""

    kept: tuple[Reference, ...] = ()
    failed: tuple[tuple[Reference, int], ...] = ()
    """With a Failure Reason each."""

    @property
    def event(self) -> int:
        """The Event Type ID that reports it."""
        return SOME_FAILED if self.failed else ALL_KEPT


class CommitmentState(StrEnum):
    """How it stands with a commitment."""

    ASKED = "asked"
    """Nobody has been told yet, or nobody has told us."""
    REPORTING = "reporting"
    """Somebody is being told."""
    REPORTED = "reported"


@dataclass(frozen=True, slots=True)
class Commitment:
    """One storage commitment, that we were asked for or have asked for."""

    transaction: str
    """Transaction UID."""
    other: str
    """AE title of the other side."""
    address: str
    """Where it called from; "" of one that we have asked for."""
    references: tuple[Reference, ...]
    verdict: Verdict | None
    state: CommitmentState
    asked: float
    """Seconds since the epoch."""
    called: str = ""
    """The AE title that we were called by."""


def request_of(transaction: str, references: tuple[Reference, ...]) -> Attributes:
    """Action Information (PS3.4 Table J.3-1)."""
    return {
        TRANSACTION: {"vr": "UI", "Value": [transaction]},
        KEPT: {"vr": "SQ", "Value": [_item(one) for one in references]},
    }


def report_of(transaction: str, verdict: Verdict) -> Attributes:
    """Event Information (PS3.4 Table J.3-2)."""
    told: Attributes = {TRANSACTION: {"vr": "UI", "Value": [transaction]}}
    if verdict.failed:
        failed = [
            _item(one) | {REASON: {"vr": "US", "Value": [why]}} for one, why in verdict.failed
        ]
        told[FAILED] = {"vr": "SQ", "Value": failed}
    if verdict.kept:
        told[KEPT] = {"vr": "SQ", "Value": [_item(one) for one in verdict.kept]}
    return told


def read_request(attributes: Attributes) -> tuple[str, tuple[Reference, ...]]:
    """Transaction UID and references of a request; Malformed if they are not there."""
    references = tuple(_reference(item) for item in _items(attributes, KEPT))
    if not references:
        raise Malformed("no Referenced SOP Sequence")
    if len(references) > MOST:
        raise Malformed(f"more than {MOST} references")
    return _transaction(attributes), references


def read_report(attributes: Attributes) -> tuple[str, Verdict]:
    """Transaction UID and what is reported; Malformed if that is nothing."""
    kept = tuple(_reference(item) for item in _items(attributes, KEPT))
    failed = tuple((_reference(item), _reason(item)) for item in _items(attributes, FAILED))
    return _transaction(attributes), Verdict(kept, failed)


def _transaction(attributes: Attributes) -> str:
    uid = first_text(attributes, TRANSACTION)
    if not is_uid(uid, leading_zeros=True):
        raise Malformed("no Transaction UID")
    return uid


def _item(reference: Reference) -> Attributes:
    return {
        SOP_CLASS: {"vr": "UI", "Value": [reference.sop_class]},
        INSTANCE: {"vr": "UI", "Value": [reference.instance]},
    }


def _items(attributes: Attributes, sequence: str) -> list[Attributes]:
    values = attributes.get(sequence, {}).get("Value", ())
    return [value for value in values if isinstance(value, dict)]


def _reference(item: Attributes) -> Reference:
    reference = Reference(first_text(item, SOP_CLASS), first_text(item, INSTANCE))
    if not all(
        is_uid(uid, leading_zeros=True) for uid in (reference.sop_class, reference.instance)
    ):
        raise Malformed("a reference without SOP class and instance")
    return reference


def _reason(item: Attributes) -> int:
    values = item.get(REASON, {}).get("Value", ())
    return values[0] if values and isinstance(values[0], int) else Reason.PROCESSING_FAILURE
