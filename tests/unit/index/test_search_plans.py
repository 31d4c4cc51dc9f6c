"""Searches go by the indexes that they are meant to go by: they stay quick as studies grow."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from filmroom.dicom.levels import Level
from filmroom.dicom.matching import AnyOf, Exact, Range, Wildcard
from filmroom.index import terms
from filmroom.index.functions import install
from filmroom.index.opening import connect
from filmroom.index.search import Search
from filmroom.index.sqlite import open_index
from filmroom.model.query import Order, Query
from filmroom.model.selection import Selection
from filmroom.testing.index_objects import instance
from filmroom.testing.index_suite_search import matching

STUDIES = 260


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "index.sqlite3"
    index = open_index(f"sqlite:///{path}")

    def add(number: int) -> None:
        index.add(
            instance(
                f"{number}.1.1",
                series=f"{number}.1",
                study=str(number),
                PatientName=f"Smith^{number:03}" if number % 50 else f"Rarely^{number}",
                PatientID=f"MRN-{number:05}",
                StudyDate=f"2024{number % 12 + 1:02}{number % 28 + 1:02}",
                StudyTime="1015",
                Modality="CT" if number % 50 else "XC",
            )
        )

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(add, range(STUDIES)))
    index.close()
    return path


@pytest.fixture
def connection(filled: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(filled)
    install(connection)
    yield connection
    connection.close()


def plan(connection: sqlite3.Connection, query: Query) -> str:
    """How SQLite goes about the statement that finds the page."""
    ran: list[str] = []
    connection.set_trace_callback(ran.append)
    Search().find(connection, query)
    connection.set_trace_callback(None)
    pages = [sql for sql in ran if sql.startswith("SELECT") and "ORDER BY" in sql]
    assert len(pages) == 1
    rows = connection.execute(f"EXPLAIN QUERY PLAN {pages[0]}").fetchall()
    return "\n".join(row[3] for row in rows)


def test_the_newest_studies_are_read_off_the_index(connection: sqlite3.Connection) -> None:
    assert plan(connection, Query(Level.STUDY, limit=1)) == (
        "SEARCH s USING COVERING INDEX study_newest (sort>?)"
    )


def test_a_range_of_dates_is_a_run_of_the_index(connection: sqlite3.Connection) -> None:
    query = matching(Level.STUDY, StudyDate=Range("20240101", "20240301"))

    assert plan(connection, query) == (
        "SEARCH s USING COVERING INDEX study_newest (sort>? AND sort<?)"
    )


def test_a_uid_is_looked_up(connection: sqlite3.Connection) -> None:
    found = plan(connection, matching(Level.STUDY, StudyInstanceUID=Exact("7")))

    assert "SEARCH s USING INTEGER PRIMARY KEY" in found
    assert "SEARCH study USING COVERING INDEX sqlite_autoindex_study_1 (uid=?)" in found
    found = plan(connection, matching(Level.STUDY, SOPInstanceUID=Exact("7.1.1")))
    assert "USING INDEX instance_uid (uid=?)" in found
    assert "SCAN" not in found


@pytest.mark.parametrize(
    "query",
    [
        matching(Level.STUDY, PatientID=Exact("mrn-00007")),
        matching(Level.STUDY, PatientID=Wildcard("*0007*")),
        matching(Level.STUDY, PatientName=Wildcard("rarely*")),
        matching(Level.STUDY, PatientName=Wildcard("*arel*")),
        matching(Level.STUDY, ModalitiesInStudy=Exact("XC"), PatientName=Wildcard("*smith*")),
    ],
)
def test_what_is_rare_is_gathered_by_its_postings(
    connection: sqlite3.Connection, query: Query
) -> None:
    found = plan(connection, query)

    assert "SEARCH study_term USING COVERING INDEX study_posting (term=?)" in found
    assert "study_newest" not in found


def test_what_is_common_is_walked_newest_first(connection: sqlite3.Connection) -> None:
    one = Query(Level.STUDY, matching=matching(Level.STUDY, Modality=Exact("CT")).matching, limit=1)
    assert plan(connection, one) == "SEARCH d USING COVERING INDEX study_posting (term=?)"
    both = matching(
        Level.STUDY,
        ModalitiesInStudy=Exact("CT"),
        StudyDate=Range("20240101", "20240601"),
    ).matching
    assert plan(connection, Query(Level.STUDY, matching=both, limit=1)) == (
        "SEARCH d USING COVERING INDEX study_posting (term=? AND sort>? AND sort<?)"
    )
    name = matching(Level.STUDY, PatientName=Wildcard("*smith*")).matching
    found = plan(connection, Query(Level.STUDY, matching=name, limit=1))
    assert found.startswith("SEARCH s USING COVERING INDEX study_newest (sort>?)")
    assert "SEARCH st USING PRIMARY KEY (study=? AND path=?" in found
    assert "TEMP B-TREE" not in found
    either = matching(Level.STUDY, Modality=AnyOf((Exact("CT"), Exact("MR")))).matching
    assert "TEMP B-TREE" not in plan(connection, Query(Level.STUDY, matching=either, limit=1))


@pytest.mark.parametrize("pattern", ["*mith*", "Smith*", "*mith^1?5*", "Smith^?99"])
def test_names_too_many_to_list_are_told_from_a_few_and_all_found_the_same(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    named = matching(Level.STUDY, PatientName=Wildcard(pattern)).matching
    query = Query(Level.STUDY, matching=named, limit=500)
    listed = Search().find(connection, query).matches

    monkeypatch.setattr(terms, "MOST_TERMS", 20)
    monkeypatch.setattr(terms, "SAMPLE", 10)
    ran: list[str] = []
    connection.set_trace_callback(ran.append)
    told = Search().find(connection, query).matches
    connection.set_trace_callback(None)

    assert told == listed
    assert len(told) == sum(fits(pattern, number) for number in range(STUDIES))
    reads = [sql for sql in ran if "GLOB" in sql and "LIMIT 21" in sql]
    assert len(reads) == (1 if "?" in pattern else 0)  # read in full only where few of them fit


def fits(pattern: str, number: int) -> bool:
    return bool(number % 50) and fnmatchcase(f"Smith^{number:03}", pattern)


def test_series_of_a_study_are_looked_up(connection: sqlite3.Connection) -> None:
    found = plan(connection, Query(Level.SERIES, Selection("7")))

    assert "SCAN s" not in found
    assert "SEARCH e USING INDEX sqlite_autoindex_series_1 (study=?)" in found


def test_newest_series_follow_the_newest_studies(connection: sqlite3.Connection) -> None:
    found = plan(connection, Query(Level.SERIES, limit=1))

    assert "SEARCH s USING COVERING INDEX study_newest (sort>?)" in found
    assert "SEARCH e USING INDEX sqlite_autoindex_series_1 (study=?)" in found
    # Only the series of one study at a time are sorted.
    assert "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY" in found


def test_the_newest_first_may_be_asked_for(connection: sqlite3.Connection) -> None:
    query = Query(Level.STUDY, order=(Order("00080020", descending=True),), limit=1)

    assert plan(connection, query) == "SEARCH s USING COVERING INDEX study_newest (sort>?)"
