"""Sort keys → SQL expressions; what lacks the attribute comes last in either direction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select

from filmroom.dicom.attributes import (
    BY_TAG,
    INSTANCE_NUMBER,
    INSTANCE_UID,
    SERIES_NUMBER,
    SERIES_RELATED_INSTANCES,
    SERIES_UID,
    SOP_CLASS_UID,
    STUDY_DATE,
    STUDY_RELATED_INSTANCES,
    STUDY_RELATED_SERIES,
    STUDY_UID,
)
from filmroom.dicom.levels import Level
from filmroom.index import schema
from filmroom.index.asking import Asking
from filmroom.index.plan import Plan
from filmroom.index.sql import Column, least
from filmroom.model.query import Order, Query

Key = ColumnElement[Any]
_OF_STUDY = {
    STUDY_UID: schema.study.c.uid,
    STUDY_RELATED_SERIES: schema.study.c.series,
    STUDY_RELATED_INSTANCES: schema.study.c.instances,
}


def order(query: Query, base: Plan, asking: Asking) -> list[Key]:
    """The sort keys of a search, the usual order last."""
    keys: list[Key] = []
    for one in query.order:
        keys += _asked(query.level, one, base, asking)
    if not any(one.path == STUDY_DATE for one in query.order):
        keys.append(base.sort.desc())
    keys.append(base.pk)
    if query.level >= Level.SERIES:
        keys += _numbered(asking.series.c.number, asking.series.c.pk)
    if query.level is Level.IMAGE:
        keys += _numbered(asking.instance.c.number, asking.instance.c.pk)
    return keys


def _numbered(number: Column, pk: Column) -> list[Key]:
    return [number.is_(None), number, pk]


def _asked(level: Level, one: Order, base: Plan, asking: Asking) -> list[Key]:
    attribute = BY_TAG.get(one.path)
    if attribute is None or attribute.level > level:
        return []
    if one.path == STUDY_DATE:
        # "" sorts last by itself when the newest come first, and then an index is in order.
        return [base.sort.desc()] if one.descending else [base.sort == "", base.sort]
    expression = _expression(one.path, base, asking)
    return [expression.is_(None), expression.desc() if one.descending else expression]


def _expression(path: str, base: Plan, asking: Asking) -> Column:
    attribute = BY_TAG[path]
    own = {
        SERIES_NUMBER: asking.series.c.number,
        SERIES_UID: asking.series.c.uid,
        SERIES_RELATED_INSTANCES: asking.series.c.instances,
        INSTANCE_NUMBER: asking.instance.c.number,
        INSTANCE_UID: asking.instance.c.uid,
        SOP_CLASS_UID: asking.instance.c.sop_class,
    }
    if path in own:
        return own[path]
    if path in _OF_STUDY:
        return select(_OF_STUDY[path]).where(schema.study.c.pk == base.pk).scalar_subquery()
    if attribute.level <= Level.STUDY:
        return least("study", base.pk, attribute)
    if attribute.level is Level.SERIES:
        return least("series", asking.series.c.pk, attribute)
    return func.filmroom_least(asking.instance.c.attributes, path)
