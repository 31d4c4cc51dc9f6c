"""Rows → what a search returns: which attributes, in the order of their tags (PS3.18 §10.6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from filmroom.dicom.attributes import (
    AT_LEVEL,
    BY_TAG,
    INSTANCE_AVAILABILITY,
    INSTANCE_UID,
    MODALITIES_IN_STUDY,
    SERIES_RELATED_INSTANCES,
    SERIES_UID,
    SOP_CLASSES_IN_STUDY,
    STUDY_RELATED_INSTANCES,
    STUDY_RELATED_SERIES,
    STUDY_UID,
    defaults,
)
from filmroom.dicom.levels import Level
from filmroom.model.instance import Attributes
from filmroom.model.query import Query

UID_TAGS = {Level.STUDY: STUDY_UID, Level.SERIES: SERIES_UID, Level.IMAGE: INSTANCE_UID}
_LEVELS = (Level.STUDY, Level.SERIES, Level.IMAGE)
_TAGS = {level: frozenset(a.top for a in AT_LEVEL[level]) for level in Level}
_ONLINE = {"vr": "CS", "Value": ["ONLINE"]}


def wanted(query: Query) -> tuple[str, ...]:
    """Tags that a query's answer holds where the rows have them, in order.

    The defaults of the level and of those above it that the request does not
    name (PS3.18 §10.6.3.3); what was asked for or matched, of this level and above.
    """
    levels = [level for level in _LEVELS if level <= query.level]
    tags = {INSTANCE_AVAILABILITY, *(UID_TAGS[level] for level in levels)}
    within = query.within.level
    for level in levels:
        if not query.bare and (level == query.level or level > within):
            tags |= defaults(level)
    if query.include_all:
        tags = tags.union(*(_TAGS[level] for level in levels))
    asked = [*query.include, *(match.path for match in query.matching)]
    for path in asked:
        attribute = BY_TAG.get(path)
        if attribute is not None and attribute.level <= query.level:
            tags.add(attribute.top)
    return tuple(sorted(tags))


def answer(wanted: tuple[str, ...], row: Attributes) -> Attributes:
    """One match: the wanted attributes of a study, with its series and instance, by tag."""
    return {tag: row[tag] for tag in wanted if tag in row}


def computed_of_study(
    series: int, instances: int, modalities: Sequence[str], sop_classes: Sequence[str]
) -> Attributes:
    """The attributes of a study that the archive makes, from lists in order (PS3.4 §C.3.4)."""
    made: Attributes = {
        INSTANCE_AVAILABILITY: _ONLINE,
        STUDY_RELATED_SERIES: _number(series),
        STUDY_RELATED_INSTANCES: _number(instances),
    }
    # Left out when unknown, never an element without a value: viewers fail on that.
    if modalities:
        made[MODALITIES_IN_STUDY] = {"vr": "CS", "Value": list(modalities)}
    if sop_classes:
        made[SOP_CLASSES_IN_STUDY] = {"vr": "UI", "Value": list(sop_classes)}
    return made


def computed_of_series(instances: int) -> Attributes:
    """The attributes of a series that the archive makes."""
    return {SERIES_RELATED_INSTANCES: _number(instances)}


@lru_cache(maxsize=4096)
def _number(value: int) -> Attributes:
    return {"vr": "IS", "Value": [value]}
