"""Tests → the terms that pass them, where these are few enough to be worth knowing."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence

import orjson

from filmroom.dicom.attributes import Attribute
from filmroom.index.keys import Begins, Between, Either, Equal, Every, Like, Test
from filmroom.index.schema import path_number, trigrams_of

MOST_TERMS = 2000
"""Terms of one test; more are common, and looked for where they lie."""
SAMPLE = 100  # terms that are read of many, to tell how many there are
LAST = "\U0010ffff"  # sorts after every text that begins as it does
_RUNS = re.compile(r"[^*?]+")


def glob(pattern: str) -> str:
    """A pattern as SQLite's GLOB reads it."""
    return pattern.replace("[", "[[]")


def glob_word(word: str) -> str:
    """Text without wildcards as GLOB reads it."""
    return re.sub(r"[*?\[]", r"[\g<0>]", word)


class Terms:
    """Looks terms up on a reader's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._run = connection.execute

    def passing(self, attribute: Attribute, test: Test) -> list[int] | None:
        """The terms that pass a test; None if they are many, or cannot be told from here."""
        match test:
            case Equal(values):
                return self._equal(attribute, values)
            case Like(pattern):
                return self._like(attribute, pattern)
            case Between(first, last):
                return self._between(attribute, first, last)
            case Begins(word):
                # GLOB would read these as wildcards, and so does `_like`.
                if set(word) & set("*?"):
                    return None
                either = (Like(f"{word}*"), Like(f"* {word}*"))
                return self._united(self.passing(attribute, one) for one in either)
            case Either(tests):
                return self._united(self.passing(attribute, one) for one in tests)
            case Every():
                return None

    def _united(self, found: Iterable[list[int] | None]) -> list[int] | None:
        united: set[int] = set()
        for terms in found:
            if terms is None:
                return None
            united.update(terms)
        return self._few(sorted(united))

    def _few(self, terms: Sequence[int]) -> list[int] | None:
        return None if len(terms) > MOST_TERMS else list(terms)

    def _equal(self, attribute: Attribute, values: Iterable[str]) -> list[int]:
        rows = self._run(
            "SELECT pk FROM term WHERE path = ? AND text IN (SELECT value FROM json_each(?))",
            (path_number(attribute.path), orjson.dumps(sorted(values)).decode()),
        )
        return [pk for (pk,) in rows]

    def _between(
        self, attribute: Attribute, first: str | None, last: str | None
    ) -> list[int] | None:
        rows = self._run(
            "SELECT pk FROM term WHERE path = ? AND text >= ? AND text <= ? LIMIT ?",
            (path_number(attribute.path), first or "", last or LAST, MOST_TERMS + 1),
        )
        return self._few([pk for (pk,) in rows])

    def _like(self, attribute: Attribute, pattern: str) -> list[int] | None:
        number = path_number(attribute.path)
        prefix = re.split(r"[*?]", pattern, maxsplit=1)[0]
        run = max(_RUNS.findall(pattern), key=len, default="")
        trigrams = trigrams_of(attribute)
        if trigrams is not None and len(run) >= 3 and len(run) > len(prefix):
            return self._containing(trigrams, run, number, pattern)
        if prefix:
            begun = "SELECT pk FROM term WHERE path = ? AND text >= ? AND text < ?"
            if self._many(begun, (number, prefix, prefix + LAST), number, pattern):
                return None
            rows = self._run(
                "SELECT pk FROM term WHERE path = ? AND text >= ? AND text < ?"
                " AND text GLOB ? LIMIT ?",
                (number, prefix, prefix + LAST, glob(pattern), MOST_TERMS + 1),
            )
            return self._few([pk for (pk,) in rows])
        return self._among_few(number, pattern)

    def _containing(self, trigrams: str, run: str, number: int, pattern: str) -> list[int] | None:
        quoted = '"' + run.replace('"', '""') + '"'
        held = f"SELECT rowid AS pk FROM {trigrams} WHERE {trigrams} MATCH ?"  # noqa: S608  # names of ours
        if self._many(held, (quoted,), number, pattern):
            return None
        rows = self._run(
            # CROSS: the trigrams first; left to itself the planner asks them once for every term.
            f"SELECT term.pk FROM {trigrams} CROSS JOIN term ON term.pk = {trigrams}.rowid"  # noqa: S608  # names of ours
            f" WHERE {trigrams} MATCH ? AND term.path = ? AND term.text GLOB ? LIMIT ?",
            (quoted, number, glob(pattern), MOST_TERMS + 1),
        )
        return self._few([pk for (pk,) in rows])

    def _many(self, found: str, values: tuple[object, ...], number: int, pattern: str) -> bool:
        """Whether the terms that fit among those `found` are too many, told from a few of them.

        To read each of them costs ten times as much as to count them.
        """
        (count,) = self._run(
            f"SELECT count(*) FROM ({found} LIMIT ?)",  # noqa: S608  # a statement of ours
            (*values, MOST_TERMS + 1),
        ).fetchone()
        if count <= MOST_TERMS:
            return False
        (fit,) = self._run(
            f"SELECT count(*) FROM ({found} LIMIT ?) AS few CROSS JOIN term"  # noqa: S608  # likewise
            " ON term.pk = few.pk WHERE term.path = ? AND term.text GLOB ?",
            (*values, SAMPLE, number, glob(pattern)),
        ).fetchone()
        return int(fit) * 2 > SAMPLE

    def _among_few(self, number: int, pattern: str) -> list[int] | None:
        """Of an attribute with few values, such as codes, look at each."""
        rows = self._run(
            "SELECT pk, text GLOB ? FROM term WHERE path = ? LIMIT ?",
            (glob(pattern), number, MOST_TERMS + 1),
        ).fetchall()
        return None if len(rows) > MOST_TERMS else [pk for pk, fits in rows if fits]

    def postings(self, table: str, terms: Sequence[int], most: int) -> int:
        """How many postings terms have, at most one more than `most`."""
        row = self._run(
            f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE term IN"  # noqa: S608  # names of ours
            " (SELECT value FROM json_each(?)) LIMIT ?)",
            (orjson.dumps(terms).decode(), most + 1),
        ).fetchone()
        return int(row[0])
