"""Records of either index keep what records promise, and outlive what they are kept in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from filmroom.errors import Broken, Conflict
from filmroom.index import opening
from filmroom.index.memory import MemoryIndex
from filmroom.index.sqlite import SqliteIndex, open_index
from filmroom.model.records import Record, Records
from filmroom.testing.index_objects import instance
from filmroom.testing.records_suite import RecordsSuite


class TestMemoryRecords(RecordsSuite):
    @pytest.fixture
    def records(self) -> Records:
        return MemoryIndex().records


class TestSqliteRecords(RecordsSuite):
    @pytest.fixture
    def records(self, tmp_path: Path) -> Iterator[Records]:
        index = open_index(f"sqlite:///{tmp_path}/index.sqlite3")
        yield index.records
        index.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.sqlite3"


def opened(path: Path) -> SqliteIndex:
    return open_index(f"sqlite:///{path}")


def test_records_are_there_when_the_index_is_opened_again(path: Path) -> None:
    with closing(opened(path)) as index:
        put = index.records.put(Record("peer", "a", {"port": 104}))

    with closing(opened(path)) as index:
        assert index.records.get("peer", "a") == put
        assert index.records.put(put).version > put.version


def test_two_that_share_a_file_see_each_others_records(path: Path) -> None:
    with closing(opened(path)) as one, closing(opened(path)) as other:
        put = one.records.put(Record("job", "1", {}, "queued"))
        claimed = other.records.put(replace(put, state="running"))

        assert one.records.get("job", "1") == claimed
        with pytest.raises(Conflict):
            one.records.put(replace(put, state="cancelled"))


def test_records_are_changed_among_instances_and_change_no_version_of_the_index(path: Path) -> None:
    with closing(opened(path)) as index:
        index.add(instance())
        before = index.version()
        index.records.put(Record("peer", "a", {}))

        assert index.version() == before
        assert index.counts().instances == 1


def test_an_index_of_the_second_step_gets_records(path: Path) -> None:
    with pytest.MonkeyPatch.context() as earlier:
        earlier.setattr(opening, "HEAD", "0002")
        opening.migrate(path)
    with closing(opening.connect(path)) as connection:
        connection.execute("DELETE FROM counter WHERE name = 'records'")
        with pytest.raises(sqlite3.OperationalError, match="record"):
            connection.execute("SELECT * FROM record")

    with closing(opened(path)) as index:
        assert index.records.put(Record("peer", "a", {})).version == 1


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_closed_index_gives_no_records(path: Path, kind: str) -> None:
    index = MemoryIndex() if kind == "memory" else opened(path)
    index.close()

    for attempt in (
        lambda: index.records.get("peer", "a"),
        lambda: index.records.list("peer"),
        lambda: index.records.put(Record("peer", "a", {})),
        lambda: index.records.remove("peer", "a"),
    ):
        with pytest.raises(Broken, match="closed"):
            attempt()


def test_a_page_of_a_state_is_found_by_its_index(path: Path) -> None:
    with closing(opened(path)), closing(opening.connect(path)) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT value FROM record WHERE kind = ? AND key > ? AND state = ?"
            " AND due <= ? ORDER BY key LIMIT ?",
            ("job", "", "queued", 1.0, 10),
        ).fetchall()

    text = " ".join(str(row[-1]) for row in plan)
    assert "record_state" in text
    assert "TEMP B-TREE" not in text
