"""Searching plain rows: what a search means, said as plainly as can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from filmroom.dicom.attributes import (
    BY_TAG,
    INSTANCE_NUMBER,
    INSTANCE_UID,
    MODALITY,
    PATIENT_ID,
    SERIES_NUMBER,
    SERIES_UID,
    SOP_CLASS_UID,
    STUDY_DATE,
    STUDY_TIME,
    STUDY_UID,
    Attribute,
    at_level,
)
from filmroom.dicom.levels import Level
from filmroom.index.answers import answer, computed_of_series, computed_of_study, wanted
from filmroom.index.keys import Asked, Moment, asked, passes
from filmroom.index.values import NUMBERS, moment, values
from filmroom.model.instance import Attributes, Instance, InstanceRef
from filmroom.model.query import Found, Order, Query


class Row(Protocol):
    """A stored instance and the number that says when it came."""

    @property
    def instance(self) -> Instance:
        """What was stored."""

    @property
    def arrived(self) -> int:
        """Rises with each arrival."""


@dataclass(slots=True)
class Thing:
    """A study, a series or an instance, with those above it and those in it."""

    level: Level
    arrived: int
    attributes: Attributes
    above: Thing | None = None
    below: list[Thing] = field(default_factory=list)
    row: Row | None = None

    def chain(self) -> list[Thing]:
        """Itself and those above it, the study first."""
        return [*(self.above.chain() if self.above else ()), self]

    def at(self, level: Level) -> list[Thing]:
        """The things that an attribute of a level is looked for in."""
        if level <= self.level:
            return [thing for thing in self.chain() if thing.level == level]
        if level == self.level + 1:
            return self.below
        return [thing for below in self.below for thing in below.at(level)]


class Search:
    """Searches over the rows that are visible."""

    def __init__(self, rows: Sequence[Row], born: dict[tuple[str, ...], int]) -> None:
        self._studies: list[Thing] = []
        by_study: dict[str, dict[str, list[Row]]] = {}
        for row in sorted(rows, key=_first):
            ref = row.instance.ref
            by_study.setdefault(ref.study, {}).setdefault(ref.series, []).append(row)
        for study, series in by_study.items():
            self._studies.append(_study(study, series, born))

    @staticmethod
    def patient(instance: Instance) -> set[str]:
        """The PatientID of an instance in normal form; empty if it has none."""
        return values(instance.attributes, BY_TAG[PATIENT_ID])

    @staticmethod
    def told_patient(rows: Iterable[Row]) -> set[str]:
        """The PatientID of rows in normal form: that of the first that has one."""
        each = (Search.patient(row.instance) for row in sorted(rows, key=_first))
        return next((patient for patient in each if patient), set())

    def in_order(self) -> list[Row]:
        """Every instance, in series and instance order."""
        things = self._sorted(Level.IMAGE, ())
        return [thing.row for thing in things if thing.row is not None]

    def answer(self, query: Query, version: str) -> Found:
        """One page of what matches."""
        tests = asked(query.matching, combined=query.combined)
        found = [
            thing
            for thing in self._sorted(query.level, query.order)
            if _within(query, thing) and all(_passes(test, thing) for test in tests)
        ]
        tags = wanted(query)
        page = found[query.offset : query.offset + query.limit]
        return Found(
            [answer(tags, _merged_chain(one)) for one in page],
            len(found),
            query.offset + len(page) < len(found),
            version,
        )

    def _sorted(self, level: Level, order: Sequence[Order]) -> list[Thing]:
        things = list(self._studies)
        for _ in range(Level.STUDY, level):
            things = [below for thing in things for below in thing.below]
        things.sort(key=_usual)
        for one in reversed(order):
            attribute = BY_TAG.get(one.path)
            if attribute is not None and attribute.level <= level:
                things = _sorted_by(things, attribute, one.descending)
        return things


def _first(row: Row) -> tuple[float, InstanceRef]:
    """What makes an instance the first: when it was received, then its UIDs."""
    return row.instance.received, row.instance.ref


def _study(uid: str, series: dict[str, list[Row]], born: dict[tuple[str, ...], int]) -> Thing:
    rows = sorted((row for rows in series.values() for row in rows), key=_first)
    below = [_series(uid, one, kept, born[(uid, one)]) for one, kept in series.items()]
    modalities = {text for one in below for text in values(one.attributes, BY_TAG[MODALITY])}
    attributes = {
        **_merged(rows, Level.STUDY),
        STUDY_UID: {"vr": "UI", "Value": [uid]},
        **computed_of_study(
            len(below), len(rows), sorted(modalities), sorted({r.instance.sop_class for r in rows})
        ),
    }
    thing = Thing(Level.STUDY, born[(uid,)], attributes, below=below)
    for one in below:
        one.above = thing
    return thing


def _series(study: str, uid: str, rows: list[Row], arrived: int) -> Thing:
    attributes = {
        **_merged(rows, Level.SERIES),
        SERIES_UID: {"vr": "UI", "Value": [uid]},
        **computed_of_series(len(rows)),
    }
    thing = Thing(Level.SERIES, arrived, attributes)
    for row in rows:
        own = {
            **at_level(row.instance.attributes, Level.IMAGE),
            SOP_CLASS_UID: {"vr": "UI", "Value": [row.instance.sop_class]},
            INSTANCE_UID: {"vr": "UI", "Value": [row.instance.ref.instance]},
        }
        thing.below.append(Thing(Level.IMAGE, row.arrived, own, above=thing, row=row))
    return thing


def _merged(rows: Iterable[Row], level: Level) -> Attributes:
    """Of each attribute what the first instance that has it says."""
    merged: Attributes = {}
    for row in rows:
        for tag, element in at_level(row.instance.attributes, level).items():
            merged.setdefault(tag, element)
    return merged


def _merged_chain(thing: Thing) -> Attributes:
    merged: Attributes = {}
    for one in thing.chain():
        merged |= one.attributes
    return merged


def _within(query: Query, thing: Thing) -> bool:
    within = query.within
    uids = {STUDY_UID: within.study, SERIES_UID: within.series, INSTANCE_UID: within.instance}
    return all(
        uid is None
        or any(values(one.attributes, BY_TAG[tag]) == {uid} for one in thing.at(BY_TAG[tag].level))
        for tag, uid in uids.items()
    )


def _passes(test: Asked | Moment, thing: Thing) -> bool:
    if isinstance(test, Moment):
        return any(
            bool(when) and passes(test.between, (when,))
            for one in thing.at(test.date.level)
            for when in [
                moment(values(one.attributes, test.date), values(one.attributes, test.time))
            ]
        )
    return any(
        passes(test.test, values(one.attributes, test.attribute))
        for one in thing.at(test.attribute.level)
    )


def _usual(thing: Thing) -> tuple[object, ...]:
    """Newest study first, then series and instances by number, then by arrival."""
    study, *inner = thing.chain()
    key: list[object] = [_Newest(_when(study)), study.arrived]
    for one, number in zip(inner, (SERIES_NUMBER, INSTANCE_NUMBER), strict=False):
        key += [_least(one, BY_TAG[number]), one.arrived]
    return tuple(key)


def _when(study: Thing) -> str:
    dates, times = (values(study.attributes, BY_TAG[tag]) for tag in (STUDY_DATE, STUDY_TIME))
    return moment(dates, times)


@dataclass(frozen=True, slots=True)
class _Newest:
    """A moment that sorts later ones first."""

    when: str

    def __lt__(self, other: _Newest) -> bool:
        return self.when > other.when


def _least(thing: Thing, attribute: Attribute) -> tuple[bool, float | str]:
    """The least of an attribute's values; things without one sort last.

    The study date sorts with its time: a day's studies are in the order of the day.
    """
    found = values(thing.attributes, attribute)
    if attribute.path == STUDY_DATE:
        found = {_when(thing)} - {""}
    if attribute.vr in NUMBERS:
        return (False, min(map(float, found))) if found else (True, 0.0)
    return (False, min(found)) if found else (True, "")


def _sorted_by(things: list[Thing], attribute: Attribute, descending: bool) -> list[Thing]:
    keyed = [(_least(next(iter(thing.at(attribute.level))), attribute), thing) for thing in things]
    there = [one for one in keyed if not one[0][0]]
    there.sort(key=lambda one: one[0], reverse=descending)
    return [thing for _, thing in there] + [thing for (blank, _), thing in keyed if blank]
