"""How a search goes about it: gather what is rare, walk what is common.

The newest page of a search is found in one of three ways. A test that few studies pass
gives the studies, which are then sorted. A test for one value walks that value's postings,
which are in the order of dates. Anything else walks all studies, the newest first, and
tests each: what is common fills a page soon.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt

from sqlalchemy import Select, literal_column, select, text
from sqlalchemy.sql.expression import FromClause, TextClause

from filmroom.dicom.attributes import STUDY_DATE
from filmroom.dicom.levels import Level
from filmroom.index import schema
from filmroom.index.asking import Asking, lifted
from filmroom.index.keys import Asked, Between, Equal, Moment
from filmroom.index.sql import Column, Condition, Known, among
from filmroom.index.terms import Terms

NEWEST = text("study AS s INDEXED BY study_newest")
ANY = text("study AS s")


@dataclass(slots=True)
class Plan:
    """Where the studies of a search come from."""

    source: FromClause | TextClause
    pk: Column
    sort: Column
    where: list[Condition] = field(default_factory=list)
    exact: bool = False
    """Few rows are looked at: counting them all costs little."""
    nothing: bool = False
    """No row can match."""
    used: Known | None = None
    """The test that the source answers in full, at study level."""


def walk(*, freely: bool = False) -> Plan:
    """All studies; `freely`: SQLite may find them in any way, a UID being given."""
    shown: Condition = literal_column("s.sort").is_not(None)
    return Plan(
        ANY if freely else NEWEST,
        literal_column("s.pk"),
        literal_column("s.sort"),
        [shown],
        exact=freely,
    )


def plan(level: Level, known: Sequence[Known], terms: Terms, studies: int, page: int) -> Plan:
    """Choose how to go about a search over everything."""
    rare = isqrt(2 * (page + 1) * (studies + 1)) + 100
    best: tuple[int, Known] | None = None
    single: Known | None = None
    for one in known:
        if one.terms is None:
            continue
        if not one.terms:
            return Plan(ANY, literal_column("s.pk"), literal_column("s.sort"), nothing=True)
        owner = _owner(level, one.asked)
        count = terms.postings(f"{owner}_term", one.terms, rare)
        if count <= rare and (best is None or count < best[0]):
            best = (count, one)
        elif owner == "study" and len(one.terms) == 1:
            single = single or one
    if best is not None:
        return _gather(level, best[1])
    return _postings(single) if single is not None else walk()


def _owner(level: Level, asked: Asked) -> str:
    return "study" if lifted(level, asked).attribute.level <= Level.STUDY else "series"


def _gather(level: Level, rare: Known) -> Plan:
    """The studies that pass a rare test."""
    terms = rare.terms or []
    if _owner(level, rare.asked) == "study":
        posting = schema.study_term
        found = (
            select(posting.c.study, posting.c.sort).where(among(posting.c.term, terms)).distinct()
        )
        base = found.subquery("d")
        return Plan(base, base.c.study, base.c.sort, exact=True, used=rare)
    series, study = schema.series, schema.study
    in_series = schema.series_term
    found = (
        select(study.c.pk.label("study"), study.c.sort)
        .where(
            among(in_series.c.term, terms),
            series.c.pk == in_series.c.series,
            study.c.pk == series.c.study,
        )
        .distinct()
    )
    base = found.subquery("d")
    return Plan(base, base.c.study, base.c.sort, exact=True)


def _postings(single: Known) -> Plan:
    """The studies of one term, in the order of its postings."""
    return Plan(
        text("study_term AS d INDEXED BY study_posting"),
        literal_column("d.study"),
        literal_column("d.sort"),
        [literal_column("d.term") == (single.terms or [0])[0]],
        used=single,
    )


def resolved(level: Level, tests: Sequence[Asked | Moment], terms: Terms) -> list[Known]:
    """Tests with the terms that pass them, as far as they are kept as terms and are few."""
    found = []
    for asked in tests:
        if isinstance(asked, Moment):
            continue
        asked = lifted(level, asked)  # the same test, better put
        found.append(
            Known(asked, terms.passing(asked.attribute, asked.test) if _kept(asked) else None)
        )
    return found


def _kept(asked: Asked) -> bool:
    attribute = asked.attribute
    if attribute.path in ("0020000D", "0020000E"):
        return False
    if attribute.path == STUDY_DATE and isinstance(asked.test, Between | Equal):
        return False  # the order of studies itself
    return attribute.level < Level.IMAGE or attribute.few


def statement(
    base: Plan, level: Level, asking: Asking, conditions: Sequence[Condition]
) -> Select[tuple[int]]:
    """What is searched: the numbers of a level's rows."""
    series, instance = asking.series, asking.instance
    columns = {Level.STUDY: base.pk, Level.SERIES: series.c.pk, Level.IMAGE: instance.c.pk}
    found = select(columns[level]).select_from(base.source).where(*base.where)
    if level >= Level.SERIES:
        found = found.where(series.c.study == base.pk, series.c.instances > literal_column("0"))
    if level is Level.IMAGE:
        found = found.where(instance.c.series == series.c.pk, instance.c.rejected.is_(None))
    return found.where(*conditions)
