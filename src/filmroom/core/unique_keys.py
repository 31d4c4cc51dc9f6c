"""Which instances the unique keys of a retrieval name (PS3.4 §C.4.2.1, §C.4.3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from filmroom.core.archive import Archive
from filmroom.core.find import find
from filmroom.core.selected import select
from filmroom.dicom.attributes import PATIENT_ID, STUDY_UID
from filmroom.dicom.levels import Level
from filmroom.dicom.matching import AnyOf, Exact
from filmroom.errors import NotFound
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.query import Match, Query
from filmroom.model.selection import Selection

PAGE = 1000  # studies that are looked up together


@dataclass(frozen=True, slots=True)
class UniqueKeys:
    """Values of the unique keys: several at the level that is asked for, one at most above it."""

    level: Level
    patients: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()


def named(archive: Archive, keys: UniqueKeys) -> list[Located]:
    """The instances that the keys name, each once; what is not there is left out.

    Keys above the level may be missing (relational retrieval), but those that are given hold.
    """
    found: dict[InstanceRef, Located] = {}
    for selection in _selections(archive, keys):
        try:
            found |= {located.ref: located for located in select(archive, selection)}
        except NotFound:
            continue
    if keys.patients and keys.level is not Level.PATIENT:
        theirs = set(_studies_of(archive, keys.patients, {ref.study for ref in found}))
        return [located for ref, located in found.items() if ref.study in theirs]
    return list(found.values())


def _selections(archive: Archive, keys: UniqueKeys) -> Iterator[Selection]:
    study = next(iter(keys.studies), None)
    series = next(iter(keys.series), None)
    match keys.level:
        case Level.PATIENT:
            yield from map(Selection, _studies_of(archive, keys.patients))
        case Level.STUDY:
            yield from map(Selection, keys.studies)
        case Level.SERIES:
            yield from (Selection(study, uid) for uid in keys.series)
        case Level.IMAGE:
            yield from (Selection(study, series, uid) for uid in keys.instances)


def _studies_of(
    archive: Archive, patients: Iterable[str], among: Iterable[str] | None = None
) -> Iterator[str]:
    """The studies of patients by their IDs, all or those `among` some."""
    matching = [Match(PATIENT_ID, AnyOf(tuple(Exact(patient) for patient in patients)))]
    if among is not None:
        matching.append(Match(STUDY_UID, AnyOf(tuple(Exact(uid) for uid in among))))
    offset, more = 0, True
    while more:
        page = find(
            archive, Query(Level.STUDY, Selection(), tuple(matching), limit=PAGE, offset=offset)
        )
        yield from (match[STUDY_UID]["Value"][0] for match in page.matches)
        offset, more = offset + len(page.matches), page.more
