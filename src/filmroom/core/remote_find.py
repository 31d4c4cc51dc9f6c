"""Find at a peer: what it holds, asked by C-FIND (PS3.4 Annexes C and K)."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from filmroom.core.archive import Archive
from filmroom.dicom.keywords import identifier_of
from filmroom.model.instance import Attributes
from filmroom.model.peer import Peer

PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
WORKLIST = "1.2.840.10008.5.1.4.31"

_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_STEP = "ScheduledProcedureStepSequence."


@dataclass(frozen=True, slots=True)
class Question:
    """How a peer is asked for something."""

    sop_class: str
    level: str
    """Query/Retrieve Level; a worklist has none."""
    returned: tuple[str, ...]
    """Keywords of what is asked back besides what is named."""


QUESTIONS: dict[str, Question] = {
    "patient": Question(PATIENT_ROOT, "PATIENT", _PATIENT),
    "study": Question(
        STUDY_ROOT,
        "STUDY",
        (
            *_PATIENT,
            *("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"),
            *("StudyDescription", "ModalitiesInStudy", "ReferringPhysicianName"),
            *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
        ),
    ),
    "series": Question(
        STUDY_ROOT,
        "SERIES",
        (
            *("StudyInstanceUID", "SeriesInstanceUID", "Modality", "SeriesNumber"),
            *("SeriesDescription", "NumberOfSeriesRelatedInstances"),
        ),
    ),
    "instance": Question(
        STUDY_ROOT,
        "IMAGE",
        (
            *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"),
            "InstanceNumber",
        ),
    ),
    "worklist": Question(
        WORKLIST,
        "",
        (
            *_PATIENT,
            *("AccessionNumber", "StudyInstanceUID", "RequestedProcedureID"),
            "RequestedProcedureDescription",
            f"{_STEP}Modality",
            f"{_STEP}ScheduledStationAETitle",
            f"{_STEP}ScheduledProcedureStepStartDate",
            f"{_STEP}ScheduledProcedureStepStartTime",
            f"{_STEP}ScheduledProcedureStepDescription",
            f"{_STEP}ScheduledProcedureStepID",
            f"{_STEP}ScheduledPerformingPhysicianName",
        ),
    ),
}
"""By what is looked for."""


@dataclass(frozen=True, slots=True)
class Matches:
    """What a peer answered, and whether there was more."""

    found: list[Attributes]
    more: bool


def find_at(
    archive: Archive,
    peer: Peer,
    what: str,
    keys: Mapping[str, str | Sequence[str]],
    limit: int,
) -> Matches:
    """The first matches at a peer; with more than `limit` the query is cancelled there.

    `what` is a word of QUESTIONS. `keys` are keywords or tags with what they must match.
    Malformed if they are none, Unreachable or Declined if the peer does not answer.
    """
    question = QUESTIONS[what]
    wanted: dict[str, str | Sequence[str]] = dict.fromkeys(question.returned, "") | dict(keys)
    if question.level:
        wanted["QueryRetrieveLevel"] = question.level
    identifier = identifier_of(wanted)
    answers = archive.remote.find(peer, question.sop_class, identifier)
    try:
        found = list(islice(answers, limit + 1))
    finally:
        if isinstance(answers, Generator):
            answers.close()
    return Matches(found[:limit], len(found) > limit)
