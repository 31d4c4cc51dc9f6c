"""Which SQL condition a test is, by the level it is about and the level that is searched."""

from __future__ import annotations

from sqlalchemy import and_, exists, false, func, literal_column, or_, select
from sqlalchemy.sql.expression import FromClause

from filmroom.dicom.attributes import (
    BY_TAG,
    INSTANCE_NUMBER,
    INSTANCE_UID,
    MODALITIES_IN_STUDY,
    MODALITY,
    SERIES_UID,
    SOP_CLASS_UID,
    SOP_CLASSES_IN_STUDY,
    STUDY_DATE,
    STUDY_UID,
)
from filmroom.dicom.levels import Level
from filmroom.index import schema
from filmroom.index.keys import AFTER, Asked, Between, Equal, Moment
from filmroom.index.sql import Column, Condition, Known, least, posted, text_condition

STUDY_LEVEL = {MODALITY: MODALITIES_IN_STUDY, SOP_CLASS_UID: SOP_CLASSES_IN_STUDY}
"""What a study knows of its series and instances."""
# Made once: an alias costs more than the search that it is in.
SERIES: FromClause = schema.series.alias("e")
INSTANCE: FromClause = schema.instance.alias("i")
ANY_SERIES: FromClause = schema.series.alias("any_e")
ANY_INSTANCE: FromClause = schema.instance.alias("any_i")


def lifted(level: Level, asked: Asked) -> Asked:
    """A test put to what the searched level itself knows, where it does."""
    known = STUDY_LEVEL.get(asked.attribute.path)
    if level is Level.STUDY and known is not None:
        return Asked(BY_TAG[known], asked.test)
    return asked


class Asking:
    """Conditions for one search; `pk` and `sort` are its study's number and sort key."""

    def __init__(
        self, level: Level, pk: Column, sort: Column, tokens: dict[int, Asked | Moment]
    ) -> None:
        self._level = level
        self._pk = pk
        self._sort = sort
        self._tokens = tokens
        self.series = SERIES
        self.instance = INSTANCE

    def condition(self, known: Known) -> Condition:
        """The condition that a test comes to."""
        match known.asked.attribute.level:
            case Level.SERIES:
                return self._of_series(known)
            case Level.IMAGE:
                return self._of_instance(known)
            case _:
                return self._of_study(known)

    def named(self, tag: str, uid: str) -> Condition:
        """Whether a row is, or has, what the request's address names."""
        return self.condition(Known(Asked(BY_TAG[tag], Equal(frozenset((uid,))))))

    def _of_study(self, known: Known) -> Condition:
        path, test = known.asked.attribute.path, known.asked.test
        if path == STUDY_UID:
            uids = select(schema.study.c.pk).where(text_condition(schema.study.c.uid, test))
            return self._pk.in_(uids)
        if path == STUDY_DATE and isinstance(test, Between):
            return between(self._sort, test)
        if path == STUDY_DATE and isinstance(test, Equal):
            days = [Between(day, day + AFTER) for day in sorted(test.values)]
            return or_(false(), *(between(self._sort, day) for day in days))
        return posted("study", self._pk, known)

    def _of_series(self, known: Known) -> Condition:
        if self._level >= Level.SERIES:
            if known.asked.attribute.path == SERIES_UID:
                return text_condition(self.series.c.uid, known.asked.test)
            return posted("series", self.series.c.pk, known)
        any_series = ANY_SERIES
        if known.asked.attribute.path == SERIES_UID:
            fits = text_condition(any_series.c.uid, known.asked.test)
            return self._pk.in_(select(any_series.c.study).where(fits, shown(any_series)))
        return exists().where(
            any_series.c.study == self._pk,
            shown(any_series),
            posted("series", any_series.c.pk, known),
        )

    def _of_instance(self, known: Known) -> Condition:
        asked = known.asked
        if self._level is Level.IMAGE:
            exact = self._exactly(self.instance, asked)
            few = asked.attribute.few and asked.attribute.path != SOP_CLASS_UID
            return and_(posted("series", self.series.c.pk, known), exact) if few else exact
        if asked.attribute.few:
            if self._level is Level.SERIES:
                return posted("series", self.series.c.pk, known)
            return self._of_series(known)
        return self._among_instances(asked)

    def _exactly(self, instance: FromClause, asked: Asked) -> Condition:
        path, test = asked.attribute.path, asked.test
        if path == INSTANCE_UID:
            return text_condition(instance.c.uid, test)
        if path == SOP_CLASS_UID:
            return text_condition(instance.c.sop_class, test)
        if path == INSTANCE_NUMBER and isinstance(test, Equal):
            return instance.c.number.in_([float(value) for value in test.values])
        token = id(asked)
        self._tokens[token] = asked
        passes: Condition = func.filmroom_passes(instance.c.attributes, token) == 1
        return passes

    def _among_instances(self, asked: Asked) -> Condition:
        """Of a study or series: any of its instances."""
        instance, any_series = ANY_INSTANCE, ANY_SERIES
        fits = and_(instance.c.rejected.is_(None), self._exactly(instance, asked))
        if self._level is Level.SERIES:
            mine = select(instance.c.series).where(fits)
            if asked.attribute.path == INSTANCE_UID:
                return self.series.c.pk.in_(mine)
            return exists().where(instance.c.series == self.series.c.pk, fits)
        joined = and_(instance.c.series == any_series.c.pk, fits)
        if asked.attribute.path == INSTANCE_UID:
            return self._pk.in_(select(any_series.c.study).where(joined))
        return exists().where(any_series.c.study == self._pk, joined)

    def moment(self, asked: Moment) -> Condition:
        """Combined date-time matching of a pair."""
        if asked.date.path == STUDY_DATE:
            return between(self._sort, asked.between)
        level = asked.date.level
        if level is Level.STUDY:
            return _moment("study", self._pk, asked)
        if level is Level.SERIES and self._level >= Level.SERIES:
            return _moment("series", self.series.c.pk, asked)
        if level is Level.SERIES:
            any_series = ANY_SERIES
            return exists().where(
                any_series.c.study == self._pk,
                shown(any_series),
                _moment("series", any_series.c.pk, asked),
            )
        token = id(asked)
        self._tokens[token] = asked
        return self._instance_moment(token)

    def _instance_moment(self, token: int) -> Condition:
        if self._level is Level.IMAGE:
            fits: Condition = func.filmroom_passes(self.instance.c.attributes, token) == 1
            return fits
        instance, any_series = ANY_INSTANCE, ANY_SERIES
        passes = and_(
            instance.c.rejected.is_(None),
            func.filmroom_passes(instance.c.attributes, token) == 1,
        )
        if self._level is Level.SERIES:
            return exists().where(instance.c.series == self.series.c.pk, passes)
        return exists().where(
            any_series.c.study == self._pk, instance.c.series == any_series.c.pk, passes
        )


def between(column: Column, test: Between) -> Condition:
    """A range of moments; what has none is in no range."""
    ends = [column >= (test.first or "0")]
    if test.last is not None:
        ends.append(column <= test.last)
    return and_(*ends)


def _moment(owner: str, pk: Column, asked: Moment) -> Condition:
    clock = func.coalesce(least(owner, pk, asked.time), "")
    return between(least(owner, pk, asked.date).op("||")(clock), asked.between)


def shown(series: FromClause) -> Condition:
    """Whether a series has anything to show; said literally, as indexes have it."""
    return series.c.instances > literal_column("0")
