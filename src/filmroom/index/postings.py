"""Postings: which studies and series have which terms, kept as they should be."""

from __future__ import annotations

import sqlite3

from filmroom.index.schema import TRIGRAMS_BY_NUMBER
from filmroom.index.states import Owner, SeriesState, StudyState, Term

MOST_TERMS = 65536  # remembered between transactions


class Postings:
    """The terms and postings of the writer's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._run = connection.execute
        self._terms: dict[Term, int] = {}

    def forget(self) -> None:
        """Look terms up anew."""
        self._terms.clear()

    def tidy(self) -> None:
        """Remember no more than is worth it."""
        if len(self._terms) > MOST_TERMS:
            self._terms.clear()

    def of(self, owner: Owner, table: str) -> set[Term]:
        """The terms that a study or series has postings for."""
        if owner.posted is None:
            rows = self._run(
                f"SELECT term.path, term.text FROM {table}_term JOIN term ON term.pk = term"  # noqa: S608  # names of ours
                f" WHERE {table} = ?",
                (owner.pk,),
            )
            owner.posted = set(rows)
        return owner.posted

    def make(self, owner: StudyState | SeriesState, table: str) -> None:
        """Make a study's or series' postings what they should be."""
        there, wanted = self.of(owner, table), owner.terms()
        if isinstance(owner, StudyState) and owner.sort != owner.posted_sort:
            self._run("UPDATE study_term SET sort = ? WHERE study = ?", (owner.sort, owner.pk))
            owner.posted_sort = owner.sort
        more: tuple[object, ...] = (owner.sort,) if isinstance(owner, StudyState) else ()
        signs = ", ?" * len(more)
        self._connection.executemany(
            f"INSERT INTO {table}_term VALUES (?, ?, ?{signs})",  # noqa: S608  # names of ours
            [(owner.pk, one[0], self._term(one), *more) for one in wanted - there],
        )
        for one in there - wanted:
            pk = self._term(one)
            self._run(
                f"DELETE FROM {table}_term WHERE {table} = ? AND path = ? AND term = ?",  # noqa: S608  # names of ours
                (owner.pk, one[0], pk),
            )
            self._clear_term(one, pk)
        owner.posted = wanted
        owner.retold = False

    def _term(self, term: Term) -> int:
        pk = self._terms.get(term)
        if pk is None:
            row = self._run("SELECT pk FROM term WHERE path = ? AND text = ?", term).fetchone()
            pk = int(row[0]) if row else self._new_term(term)
            self._terms[term] = pk
        return pk

    def _new_term(self, term: Term) -> int:
        pk = self._run("INSERT INTO term (path, text) VALUES (?, ?)", term).lastrowid
        assert pk is not None  # noqa: S101  # an INSERT has just succeeded
        if trigrams := TRIGRAMS_BY_NUMBER.get(term[0]):
            self._run(f"INSERT INTO {trigrams} (rowid, text) VALUES (?, ?)", (pk, term[1]))  # noqa: S608  # names of ours
        return pk

    def _clear_term(self, term: Term, pk: int) -> None:
        """Forget a value that nothing has any more: what is deleted must not linger."""
        used = self._run(
            "SELECT EXISTS (SELECT 1 FROM study_term WHERE term = ?1)"
            " OR EXISTS (SELECT 1 FROM series_term WHERE term = ?1)",
            (pk,),
        ).fetchone()[0]
        if not used:
            if trigrams := TRIGRAMS_BY_NUMBER.get(term[0]):
                self._run(
                    f"INSERT INTO {trigrams} ({trigrams}, rowid, text) VALUES ('delete', ?, ?)",  # noqa: S608  # names of ours
                    (pk, term[1]),
                )
            self._run("DELETE FROM term WHERE pk = ?", (pk,))
            self._terms.pop(term, None)
