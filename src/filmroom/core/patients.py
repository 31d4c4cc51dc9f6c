"""Patients: found by their studies, one answer for each (PS3.4 §C.6.1.1.2).

The archive keeps no patients of their own. Who a patient is, Patient ID and its issuer say;
where there is no Patient ID, name and birth date must do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b

from filmroom.core.archive import Archive
from filmroom.core.find import pages
from filmroom.dicom.attributes import (
    PATIENT_ID,
    PATIENT_NAME,
    STUDY_RELATED_INSTANCES,
    STUDY_RELATED_SERIES,
)
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import AnyOf, Exact
from filmroom.dicom.names import groups
from filmroom.model.instance import Attributes
from filmroom.model.query import Match, Query

ISSUER, BIRTH_DATE = "00100021", "00100030"
STUDIES, SERIES, INSTANCES = "00201200", "00201202", "00201204"
"""Number of Patient Related Studies, Series, Instances."""
PATIENT_TAGS = frozenset(
    {
        *("00100010", "00100020", "00100021", "00100022", "00100024", "00100030", "00100032"),
        *("00100040", "00101000", "00101001", "00101002", "00102160", "00102201", "00102203"),
        *("00102292", "00102297", "00102299", "00104000", "00120062"),
        *("00120010", "00120020", "00120021", "00120030", "00120031", "00120040", "00120042"),
    }
)
"""Attributes of the Patient and Clinical Trial Subject modules (PS3.3 §C.7.1)."""
COUNTS = frozenset({STUDIES, SERIES, INSTANCES})
_TELLING = frozenset({PATIENT_ID, ISSUER, PATIENT_NAME, BIRTH_DATE})


def patients(archive: Archive, query: Query) -> Iterator[list[Attributes]]:
    """The patients that have a study which matches, a page at a time, the last seen first.

    Each as its newest such study tells it. Of the patients that were told only a digest is
    remembered. Counts, where they are included, are of all a patient's studies.
    """
    told: set[bytes] = set()
    asked = replace(query, level=Level.STUDY, include=query.include | _TELLING)
    for page in pages(archive, asked):
        fresh: dict[bytes, Attributes] = {}
        for study in page:
            who = _who(study)
            if who not in told:
                told.add(who)
                fresh[who] = {tag: study[tag] for tag in study.keys() & PATIENT_TAGS}
        if COUNTS & query.include:
            _count(archive, fresh)
        if fresh:
            yield list(fresh.values())


def _who(study: Attributes) -> bytes:
    """A digest of what tells a patient from others."""
    tags = (PATIENT_ID, ISSUER) if _first(study, PATIENT_ID) else (PATIENT_NAME, BIRTH_DATE)
    text = "\0".join((tags[0], *(_first(study, tag) for tag in tags)))
    return blake2b(text.encode("utf-8", "replace"), digest_size=16).digest()


def _first(study: Attributes, tag: str) -> str:
    values = study.get(tag, {}).get("Value")
    return str(values[0]).strip() if values else ""


def _count(archive: Archive, patients: dict[bytes, Attributes]) -> None:
    """Add to patients how much there is of each."""
    with_id = {who: one for who, one in patients.items() if _first(one, PATIENT_ID)}
    others = {who: one for who, one in patients.items() if who not in with_id}
    include = _TELLING | {STUDY_RELATED_SERIES, STUDY_RELATED_INSTANCES}
    for some, matching in ((with_id, _by_id(with_id)), (others, _by_name(others))):
        counts = {who: [0, 0, 0] for who in some}
        asked = Query(Level.STUDY, matching=matching, include=include, bare=True)
        for page in pages(archive, asked) if some else ():
            for study in page:
                count = counts.get(_who(study))
                if count is not None:
                    count[0] += 1
                    count[1] += int(_first(study, STUDY_RELATED_SERIES) or 0)
                    count[2] += int(_first(study, STUDY_RELATED_INSTANCES) or 0)
        for who, numbers in counts.items():
            for tag, number in zip((STUDIES, SERIES, INSTANCES), numbers, strict=True):
                some[who][tag] = {"vr": "IS", "Value": [number]}


def _by_id(patients: dict[bytes, Attributes]) -> tuple[Match, ...]:
    ids = {Exact(_first(patient, PATIENT_ID)) for patient in patients.values()}
    return (Match(PATIENT_ID, AnyOf(tuple(ids))),)


def _by_name(patients: dict[bytes, Attributes]) -> tuple[Match, ...]:
    """Of patients without an ID; one without a name, too, is among all there are."""
    names = set()
    for patient in patients.values():
        written = groups((patient.get(PATIENT_NAME, {}).get("Value") or [None])[0])
        if not written:
            return ()
        names.add(Exact(written[0]))
    return (Match(PATIENT_NAME, AnyOf(tuple(names))),)
