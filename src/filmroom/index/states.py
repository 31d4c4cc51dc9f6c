"""Studies and series as the writer knows them between two looks at the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import orjson

from filmroom.dicom.attributes import (
    AT_LEVEL,
    BY_TAG,
    MODALITIES_IN_STUDY,
    MODALITY,
    PATIENT_ID,
    SERIES_NUMBER,
    SERIES_UID,
    SOP_CLASSES_IN_STUDY,
    STUDY_DATE,
    STUDY_TIME,
    STUDY_UID,
    Attribute,
    at_level,
)
from filmroom.dicom.levels import Level
from filmroom.index.schema import path_number
from filmroom.index.streams import Stream
from filmroom.index.values import moment, values
from filmroom.model.instance import Attributes

Origin = tuple[float, str, str]
"""When an instance was received, its series and its own UID: the least is the first."""
Term = tuple[int, str]
"""An attribute's path as a number, and a value in normal form."""
_UIDS = frozenset((STUDY_UID, SERIES_UID, MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY))


def _by_top(attributes: Iterable[Attribute]) -> dict[str, list[tuple[int, Attribute]]]:
    found: dict[str, list[tuple[int, Attribute]]] = {}
    for one in attributes:
        if one.matchable and one.path not in _UIDS:
            found.setdefault(one.top, []).append((path_number(one.path), one))
    return found


_KEPT = {
    Level.STUDY: _by_top(AT_LEVEL[Level.STUDY]),
    Level.SERIES: _by_top(AT_LEVEL[Level.SERIES]),
    Level.IMAGE: _by_top(one for one in AT_LEVEL[Level.IMAGE] if one.few),
}
FEW = frozenset(number for kept in _KEPT[Level.IMAGE].values() for number, _ in kept)
"""The paths of instances' attributes that are posted for the series."""
_MODALITIES = path_number(MODALITIES_IN_STUDY)
_SOP_CLASSES = path_number(SOP_CLASSES_IN_STUDY)
_SOP_CLASS = path_number("00080016")


def terms_of(attributes: Attributes, level: Level) -> set[Term]:
    """The terms of a level's attributes."""
    kept = _KEPT[level]
    return {
        (number, text)
        for tag in attributes.keys() & kept.keys()
        for number, attribute in kept[tag]
        for text in values(attributes, attribute)
    }


_FEW_TAGS = frozenset(_KEPT[Level.IMAGE])


def few_of(attributes: Attributes, sop_class: str) -> frozenset[Term]:
    """What of an instance is posted for its series."""
    # The instances of a series are alike in this: worth remembering.
    kept = {tag: attributes[tag] for tag in sorted(attributes.keys() & _FEW_TAGS)}
    return _few(orjson.dumps(kept), sop_class)


@lru_cache(maxsize=1024)
def _few(kept: bytes, sop_class: str) -> frozenset[Term]:
    found = terms_of(orjson.loads(kept), Level.IMAGE)
    return frozenset((*found, (_SOP_CLASS, sop_class)))


def least_number(attributes: Attributes, tag: str) -> float | None:
    """A number to sort by; None without one."""
    found = values(attributes, BY_TAG[tag])
    return min(map(float, found)) if found else None


def modalities_of(attributes: Attributes) -> set[str]:
    """Modality in normal form."""
    return values(attributes, BY_TAG[MODALITY])


def dumped(attributes: Attributes) -> bytes:
    """Attributes as they are kept in a row."""
    return orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS)


@dataclass(slots=True)
class Owner:
    """What a study and a series have in common."""

    pk: int
    uid: str
    attributes: Attributes = field(default_factory=dict)
    instances: int = 0
    size: int = 0
    held: int = 0
    origins: dict[str, Origin] = field(default_factory=dict)
    """Which instance told each attribute: the first that had it."""
    posted: set[Term] | None = None
    """The terms that it has postings for; None: not looked up yet."""
    retold: bool = True
    """Its terms may have changed."""

    def heard(self, said: Attributes, origin: Origin) -> None:
        """Merge what an instance says: of each attribute the first instance's word stands."""
        for tag, element in said.items():
            before = self.origins.get(tag)
            if before is None or origin < before:
                self.origins[tag] = origin
                if self.attributes.get(tag) != element:
                    self.attributes[tag] = element
                    self.retold = True

    def unhear(self) -> None:
        """Forget what instances said, to hear them again."""
        self.attributes.clear()
        self.origins.clear()
        self.retold = True

    def dumped_origins(self) -> bytes:
        """As they are kept in a row: the tags that each instance told."""
        told: dict[Origin, list[str]] = {}
        for tag, origin in self.origins.items():
            told.setdefault(origin, []).append(tag)
        return orjson.dumps([[*origin, tags] for origin, tags in told.items()])


def read_origins(kept: bytes) -> dict[str, Origin]:
    """What `dumped_origins` made these bytes of."""
    return {
        tag: (received, series, uid)
        for received, series, uid, tags in orjson.loads(kept)
        for tag in tags
    }


@dataclass(slots=True)
class SeriesState(Owner):
    """A series as its row has it, or soon will."""

    study: int = 0
    stream: Stream = field(default_factory=lambda: Stream(0))
    few: set[Term] | None = None
    """Terms of its instances; None: not looked up yet."""

    def terms(self) -> set[Term]:
        """The terms to post for it."""
        if not self.instances:
            return set()
        return terms_of(self.attributes, Level.SERIES) | (self.few or set())

    @property
    def number(self) -> float | None:
        """SeriesNumber, to sort by."""
        return least_number(self.attributes, SERIES_NUMBER)

    @property
    def modalities(self) -> set[str]:
        """Modality in normal form."""
        return modalities_of(self.attributes)


@dataclass(slots=True)
class StudyState(Owner):
    """A study as its row has it, or soon will."""

    series: int = 0
    modalities: set[str] = field(default_factory=set)
    sop_classes: set[str] = field(default_factory=set)
    sort: str = ""
    posted_sort: str = ""

    def terms(self) -> set[Term]:
        """The terms to post for it."""
        if not self.instances:
            return set()
        made = {(_MODALITIES, text) for text in self.modalities}
        made |= {(_SOP_CLASSES, text) for text in self.sop_classes}
        return made | terms_of(self.attributes, Level.STUDY)

    def resort(self) -> None:
        """Find the study's place among the others anew."""
        dates, times = (values(self.attributes, BY_TAG[tag]) for tag in (STUDY_DATE, STUDY_TIME))
        self.sort = moment(dates, times)


@dataclass(frozen=True, slots=True)
class Head:
    """What an instance says of its study and series."""

    study: Attributes
    series: Attributes

    @classmethod
    def of(cls, attributes: Attributes) -> Head:
        """Cut from the indexed attributes of an instance."""
        study = at_level(attributes, Level.STUDY)
        series = at_level(attributes, Level.SERIES)
        # Identity is by the reference alone.
        study.pop(STUDY_UID, None)
        series.pop(SERIES_UID, None)
        return cls(study, series)

    @classmethod
    def read(cls, kept: bytes) -> Head:
        """What `dumped` made these bytes of."""
        study, series = orjson.loads(kept)
        return cls(study, series)

    def is_of_another_patient(self, study: Attributes) -> bool:
        """Whether both it and a study have a PatientID, and these differ."""
        mine, other = self.study.get(PATIENT_ID), study.get(PATIENT_ID)
        if not mine or not other or mine == other:
            return False
        patients = [values(one, BY_TAG[PATIENT_ID]) for one in (self.study, study)]
        return all(patients) and not patients[0] & patients[1]

    def dumped(self) -> bytes:
        """As it is kept in a row."""
        return orjson.dumps([self.study, self.series], option=orjson.OPT_SORT_KEYS)
