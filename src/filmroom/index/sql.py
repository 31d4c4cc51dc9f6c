"""Tests → SQL conditions, and sort keys → SQL expressions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Float,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.sql.expression import FromClause

from filmroom.dicom.attributes import Attribute
from filmroom.index import schema
from filmroom.index.keys import Asked, Begins, Between, Either, Equal, Every, Like, Test
from filmroom.index.schema import path_number
from filmroom.index.terms import glob, glob_word
from filmroom.index.values import NUMBERS

Condition = ColumnElement[bool]
Column = ColumnElement[Any]
# Made once: an alias costs more than the search that it is in.
_POSTINGS: dict[str, FromClause] = {
    "study": schema.study_term.alias("st"),
    "series": schema.series_term.alias("et"),
}
_TERM = schema.term.alias("t")
FEW_LITERALS = 32  # terms written into a statement; more are compared by their text


@dataclass(frozen=True, slots=True)
class Known:
    """A test, and the terms that pass it where they are known."""

    asked: Asked
    terms: list[int] | None = None


def text_condition(text: Column, test: Test) -> Condition:
    """A test put to a column that holds one value in normal form."""
    match test:
        case Equal(values):
            return text.in_(sorted(values))
        case Like(pattern):
            return text.op("GLOB", is_comparison=True)(glob(pattern))
        case Between(first, last):
            ends: list[Condition] = []
            if first is not None:
                ends.append(text >= first)
            if last is not None:
                ends.append(text <= last)
            return and_(*ends)
        case Begins(word):
            begins = text.op("GLOB", is_comparison=True)
            return or_(begins(f"{glob_word(word)}*"), begins(f"* {glob_word(word)}*"))
        case Every(tests):
            return and_(*(text_condition(text, one) for one in tests))
        case Either(tests):
            return or_(*(text_condition(text, one) for one in tests))


def posted(owner: str, pk: Column, known: Known) -> Condition:
    """Whether the study or series of a number has a term that passes a test."""
    test, number = known.asked.test, path_number(known.asked.attribute.path)
    if isinstance(test, Every | Either):
        each = [posted(owner, pk, Known(Asked(known.asked.attribute, one))) for one in test.tests]
        return and_(*each) if isinstance(test, Every) else or_(*each)
    posting = _POSTINGS[owner]
    mine = and_(posting.c[owner] == pk, posting.c.path == number)
    if known.terms is not None and len(known.terms) <= FEW_LITERALS:
        return exists().where(mine, posting.c.term.in_(known.terms))
    term = _TERM
    return exists().where(mine, posting.c.term == term.c.pk, text_condition(term.c.text, test))


def among(column: Column, terms: Sequence[int]) -> Condition:
    """Whether a column holds one of some terms, handed over as one value however many."""
    listed: BindParameter[str] = bindparam("terms", orjson.dumps(list(terms)).decode(), unique=True)
    each = text("SELECT value FROM json_each(:terms)").bindparams(listed)
    return column.in_(each.columns(literal_column("value")))


def least(owner: str, pk: Column, attribute: Attribute) -> Column:
    """The least value of an attribute of a study or series, to sort by."""
    posting, term = _POSTINGS[owner], _TERM
    text: Column = term.c.text
    value = func.min(cast(text, Float) if attribute.vr in NUMBERS else text)
    return (
        select(value)
        .where(
            posting.c[owner] == pk,
            posting.c.path == path_number(attribute.path),
            posting.c.term == term.c.pk,
        )
        .scalar_subquery()
    )
