"""Answering a search from the SQL index: plan, page, total, rows."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import cast

import orjson
from sqlalchemy import ClauseElement, Select, func, select
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.sql.compiler import SQLCompiler

from filmroom.dicom.attributes import INSTANCE_UID, SERIES_UID, SOP_CLASS_UID, STUDY_UID
from filmroom.dicom.levels import Level
from filmroom.index import rows
from filmroom.index.answers import answer, computed_of_series, computed_of_study, wanted
from filmroom.index.asking import Asking
from filmroom.index.functions import TOKENS
from filmroom.index.keys import Asked, Equal, Every, Moment, asked
from filmroom.index.ordering import order
from filmroom.index.plan import Plan, plan, resolved, statement, walk
from filmroom.index.sql import Condition, Known
from filmroom.index.terms import Terms
from filmroom.model.instance import Attributes
from filmroom.model.query import Found, Query

COUNTED = 1000
"""Matches that are counted where counting is quick, yet not free."""
_DIALECT = dialect(paramstyle="qmark")


def compiled(clause: ClauseElement) -> tuple[str, list[object]]:
    """A statement as the driver takes it."""
    made = cast(
        SQLCompiler,
        clause.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True}),
    )
    return str(made), [made.params[name] for name in made.positiontup or ()]


class Search:
    """Finds pages of what matches."""

    def find(self, connection: sqlite3.Connection, query: Query) -> Found:
        """One page; runs in a transaction of the caller's."""
        kept = rows.counters(connection)
        version = rows.version(connection)
        with self._asked(connection, query, kept["studies"]) as (base, asking, found):
            if base.nothing:
                return Found([], 0, False, version)
            return self._page(connection, query, base, asking, found, kept, version)

    def numbers(self, connection: sqlite3.Connection, query: Query) -> array[int]:
        """The rows of all that matches, in order, whatever page the query asks for."""
        every = replace(query, limit=rows.counters(connection)["studies"], offset=0)
        with self._asked(connection, every, every.limit) as (base, asking, found):
            if base.nothing:
                return array("q")
            ordered = found.order_by(*order(every, base, asking))
            return array("q", (pk for (pk,) in connection.execute(*compiled(ordered))))

    def matches(
        self, connection: sqlite3.Connection, query: Query, numbers: Sequence[int]
    ) -> list[Attributes]:
        """What is told of some rows of the query's level; those that are gone are left out."""
        return _matches(connection, query, numbers)

    @contextmanager
    def _asked(
        self, connection: sqlite3.Connection, query: Query, studies: int
    ) -> Iterator[tuple[Plan, Asking, Select[tuple[int]]]]:
        """The statement that finds what matches; it can be run within."""
        tests = _apart(asked(query.matching, combined=query.combined))
        terms = Terms(connection)
        known = resolved(query.level, tests, terms)
        base = self._base(query, known, terms, studies)
        tokens: dict[int, Asked | Moment] = {}
        asking = Asking(query.level, base.pk, base.sort, tokens)
        conditions = _conditions(query, base, asking, known, tests)
        found = statement(base, query.level, asking, conditions)
        TOKENS.update(tokens)
        try:
            yield base, asking, found
        finally:
            for token in tokens:
                TOKENS.pop(token, None)

    def _base(self, query: Query, known: Sequence[Known], terms: Terms, studies: int) -> Plan:
        within = query.within
        if within.study or within.series or within.instance or any(map(_names, known)):
            return walk(freely=True)
        if query.order and query.level is Level.STUDY and not known:
            return walk()
        return plan(query.level, known, terms, studies, query.limit + query.offset)

    def _page(
        self,
        connection: sqlite3.Connection,
        query: Query,
        base: Plan,
        asking: Asking,
        found: Select[tuple[int]],
        kept: dict[str, int],
        version: str,
    ) -> Found:
        ordered = found.order_by(*order(query, base, asking))
        if base.exact:
            # Few rows are looked at anyhow: all of them at once give the total too.
            every = [pk for (pk,) in connection.execute(*compiled(ordered))]
            numbers = every[query.offset : query.offset + query.limit]
            more = query.offset + len(numbers) < len(every)
            return Found(_matches(connection, query, numbers), len(every), more, version)
        page = ordered.limit(query.limit + 1).offset(query.offset)
        numbers = [pk for (pk,) in connection.execute(*compiled(page))]
        more = len(numbers) > query.limit
        numbers = numbers[: query.limit]
        total: int | None
        if not more and (numbers or not query.offset):
            total = query.offset + len(numbers)
        else:
            total = _total(connection, query, base, found, kept)
        return Found(_matches(connection, query, numbers), total, more, version)


def _apart(tests: Sequence[Asked | Moment]) -> list[Asked | Moment]:
    """Tests that must all be passed by one attribute of one row, each on its own."""
    apart: list[Asked | Moment] = []
    for one in tests:
        if isinstance(one, Asked) and isinstance(one.test, Every):
            apart += [Asked(one.attribute, test) for test in one.test.tests]
        else:
            apart.append(one)
    return apart


def _names(known: Known) -> bool:
    """Whether a test gives UIDs, each of which is looked up at once."""
    uids = (STUDY_UID, SERIES_UID, INSTANCE_UID)
    return known.asked.attribute.path in uids and isinstance(known.asked.test, Equal)


def _conditions(
    query: Query,
    base: Plan,
    asking: Asking,
    known: Sequence[Known],
    tests: Sequence[Asked | Moment],
) -> list[Condition]:
    conditions = [asking.condition(one) for one in known if one is not base.used]
    conditions += [asking.moment(one) for one in tests if isinstance(one, Moment)]
    within = query.within
    named = (
        (STUDY_UID, within.study),
        (SERIES_UID, within.series),
        (INSTANCE_UID, within.instance),
    )
    conditions += [asking.named(tag, uid) for tag, uid in named if uid is not None]
    return conditions


def _total(
    connection: sqlite3.Connection,
    query: Query,
    base: Plan,
    found: Select[tuple[int]],
    kept: dict[str, int],
) -> int | None:
    """How many match in all, where that can be told at little cost, or nothing else is asked."""
    within = query.within
    if not query.matching and not (within.study or within.series or within.instance):
        names = {Level.STUDY: "studies", Level.SERIES: "series", Level.IMAGE: "instances"}
        return kept[names[query.level]]
    exact = base.exact or query.limit == 0  # who takes no match wants to know how many there are
    if not (exact or _index_alone(query, base)):
        return None
    most = None if exact else COUNTED + query.offset
    counted = found.limit(most + 1) if most is not None else found
    sql, values = compiled(select(func.count()).select_from(counted.subquery()))
    (total,) = connection.execute(sql, values).fetchone()
    return None if most is not None and total > most else int(total)


def _index_alone(query: Query, base: Plan) -> bool:
    """Whether postings or dates alone answer the search: each row looked at is a match."""
    dates = {"00080020", "00080030"}
    others = [match for match in query.matching if match.path not in dates]
    return query.level is Level.STUDY and len(others) <= (base.used is not None)


# -- rows → answers ----------------------------------------------------------------------

_STUDIES = (
    "SELECT pk, uid, attributes, series, instances, modalities, sop_classes FROM study"
    " WHERE pk IN (SELECT value FROM json_each(?))"
)
_SERIES = (
    "SELECT pk, uid, attributes, instances, study FROM series"
    " WHERE pk IN (SELECT value FROM json_each(?))"
)
_INSTANCES = (
    "SELECT pk, uid, attributes, sop_class, series FROM instance"
    " WHERE pk IN (SELECT value FROM json_each(?))"
)


def _uid(value: str) -> dict[str, object]:
    return {"vr": "UI", "Value": [value]}


def _read(connection: sqlite3.Connection, sql: str, numbers: Sequence[int]) -> sqlite3.Cursor:
    return connection.execute(sql, (orjson.dumps(list(numbers)).decode(),))


@lru_cache(maxsize=1024)
def _texts(packed: bytes) -> tuple[str, ...]:
    return tuple(sorted(orjson.loads(packed)))


def _studies(connection: sqlite3.Connection, numbers: Sequence[int]) -> dict[int, Attributes]:
    return {
        pk: {
            **orjson.loads(kept),
            **computed_of_study(series, instances, _texts(kinds), _texts(classes)),
            STUDY_UID: _uid(uid),
        }
        for pk, uid, kept, series, instances, kinds, classes in _read(connection, _STUDIES, numbers)
    }


def _series(
    connection: sqlite3.Connection, numbers: Sequence[int]
) -> dict[int, tuple[Attributes, int]]:
    return {
        pk: (
            {**orjson.loads(kept), **computed_of_series(instances), SERIES_UID: _uid(uid)},
            study,
        )
        for pk, uid, kept, instances, study in _read(connection, _SERIES, numbers)
    }


def _matches(
    connection: sqlite3.Connection, query: Query, numbers: Sequence[int]
) -> list[Attributes]:
    tags = wanted(query)
    if query.level is Level.STUDY:
        studies = _studies(connection, numbers)
        return [answer(tags, studies[pk]) for pk in numbers if pk in studies]
    if query.level is Level.SERIES:
        series = _series(connection, numbers)
        studies = _studies(connection, sorted({study for _, study in series.values()}))
        there = [series[pk] for pk in numbers if pk in series]
        return [answer(tags, {**studies[study], **own}) for own, study in there]
    instances = {
        pk: (
            {**orjson.loads(kept), SOP_CLASS_UID: _uid(sop_class), INSTANCE_UID: _uid(uid)},
            one,
        )
        for pk, uid, kept, sop_class, one in _read(connection, _INSTANCES, numbers)
    }
    series = _series(connection, sorted({one for _, one in instances.values()}))
    studies = _studies(connection, sorted({study for _, study in series.values()}))
    found = []
    for pk in numbers:
        if pk not in instances:
            continue
        own, of_series = instances[pk]
        above, of_study = series[of_series]
        found.append(answer(tags, {**studies[of_study], **above, **own}))
    return found
