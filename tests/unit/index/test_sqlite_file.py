"""The file of an SQLite index: made, shared, damaged, full, replaced."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from filmroom.dicom.levels import Level
from filmroom.errors import Broken, Busy, Full
from filmroom.index import opening, schema
from filmroom.index.sqlite import SqliteIndex, open_index
from filmroom.model.instance import Original
from filmroom.model.query import Query
from filmroom.model.selection import Selection
from filmroom.testing.index_objects import instance
from filmroom.testing.index_suite_metadata import datasets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "index.sqlite3"


@pytest.fixture
def index(path: Path) -> Iterator[SqliteIndex]:
    index = open_index(f"sqlite:///{path}")
    yield index
    index.close()


def test_the_steps_make_the_schema(index: SqliteIndex, path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    options = {"include_object": lambda _o, name, kind, *_: not name.startswith("trigram")}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        different = compare_metadata(context, schema.metadata)
    engine.dispose()

    assert [one for one in different if "alembic_version" not in repr(one)] == []


def test_an_index_of_the_first_step_is_brought_up_to_date(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(opening, "HEAD", "0001")
        opening.migrate(path)
    with closing(opening.connect(path)) as connection:
        connection.execute("DELETE FROM counter WHERE name = 'saved'")
        with pytest.raises(sqlite3.OperationalError, match="recoded"):
            connection.execute("SELECT * FROM recoded")

    index = open_index(f"sqlite:///{path}")
    index.add(replace(instance(), original=Original("ab" * 32, 1800, "1.2")))

    assert index.counts().saved == 800
    index.close()


def test_the_file_is_in_wal_mode_and_commits_are_durable(index: SqliteIndex, path: Path) -> None:
    with closing(opening.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_what_was_added_is_there_when_it_is_opened_again(path: Path) -> None:
    index = open_index(f"sqlite:///{path}")
    index.add(instance(PatientName="Doe^Jane"))
    version = index.find(Query(Level.STUDY)).version
    index.close()

    again = open_index(f"sqlite:///{path}")
    found = again.find(Query(Level.STUDY))
    again.close()
    assert len(found.matches) == 1
    assert found.version == version


def _add_from_another(path: Path, worker: int, barrier: object) -> None:
    barrier.wait(20)  # type: ignore[attr-defined]
    index = open_index(f"sqlite:///{path}")
    for number in range(25):
        uid = f"1.1.{worker}.{number}"
        index.add(instance(uid, PatientID="7", InstanceNumber=number, Modality="CT"))
    index.close()


def test_processes_open_a_new_index_at_once_and_share_it(path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(3)
    workers = [
        spawn.Process(target=_add_from_another, args=(path, number, barrier)) for number in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    index = open_index(f"sqlite:///{path}")
    assert index.counts().instances == 75
    assert [change.sequence for change in index.changes()] == list(range(1, 76))
    found = datasets(index.metadata(Selection("1", "1.1")))
    assert len({dataset["00080018"]["Value"][0] for dataset in found}) == 75
    index.close()


def test_two_that_share_a_file_see_what_the_other_did(index: SqliteIndex, path: Path) -> None:
    other = open_index(f"sqlite:///{path}")
    for number in range(6):
        (index, other)[number % 2].add(instance(f"1.1.{number}", Modality="CT"))
    other.reject(Selection("1", "1.1", "1.1.0"), "113001^DCM", "api:")
    index.add(instance("1.1.6", Modality="MR"))
    other.close()

    assert index.counts().instances == 6
    found = datasets(index.metadata(Selection("1")))
    assert [one["00080018"]["Value"][0] for one in found] == [f"1.1.{n}" for n in range(1, 7)]


def test_a_locked_file_is_busy_for_writing_only(
    index: SqliteIndex, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(instance("a"))
    index.close()
    monkeypatch.setattr(opening, "BUSY_SECONDS", 0.2)
    impatient = open_index(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Busy):
            impatient.add(instance("b"))
        assert len(impatient.find(Query(Level.STUDY)).matches) == 1
        other.execute("ROLLBACK")

    impatient.add(instance("b"))
    assert impatient.counts().instances == 2
    impatient.close()


def test_a_full_disk_is_said_and_got_over(
    index: SqliteIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.add(instance("a"))

    def limit(pages: int) -> None:
        index._change(lambda unit: unit.run(f"PRAGMA max_page_count = {pages}").fetchall())

    limit(1)  # the least that SQLite agrees to: as many as there are
    with pytest.raises(Full):
        index.add(instance("b", PatientComments="x" * 500_000))
    assert index.counts().instances == 1

    limit(1 << 30)
    index.add(instance("b", PatientComments="x" * 500_000))
    assert index.counts().instances == 2
    assert len(datasets(index.metadata(Selection("1")))) == 2


def test_a_bad_one_does_not_fail_the_others(index: SqliteIndex) -> None:
    good, bad = instance("a"), instance("b", study="2", series="2.1")

    def both(unit: object) -> None:
        raise RuntimeError("not of this world")

    index.add(good)
    with pytest.raises(RuntimeError):
        index._change(both)
    index.add(bad)
    assert index.counts().instances == 2


@pytest.mark.parametrize(
    "damage", [b"not a database at all" * 100, b"SQLite format 3\0" + b"\1" * 900]
)
def test_a_damaged_file_is_said_so(path: Path, damage: bytes) -> None:
    path.write_bytes(damage)

    with pytest.raises(Broken, match=r"damaged.*reindex"):
        open_index(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Broken, match="cannot open the index"):
        open_index(f"sqlite:///{tmp_path}/file/index.sqlite3")
    with pytest.raises(Broken, match="not the URL"):
        open_index("sqlite://")


def test_a_newer_index_is_left_alone(index: SqliteIndex, path: Path) -> None:
    index.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    with pytest.raises(Broken, match="newer"):
        open_index(f"sqlite:///{path}")


def test_names_leave_the_file_with_the_last_who_had_them(index: SqliteIndex, path: Path) -> None:
    index.add(instance("a", PatientName="Unforgettable^Jane", StudyDescription="Secret thing"))
    index.remove(Selection("1"), "api:")
    index.close()

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM term").fetchall() == []
        assert connection.execute("SELECT * FROM head").fetchall() == []
        connection.execute("INSERT INTO trigram_name (trigram_name) VALUES ('integrity-check')")


def test_an_index_that_is_being_rebuilt_need_not_be_durable_until_the_end(path: Path) -> None:
    index = open_index(f"sqlite:///{path}?synchronous=off")
    index.add(instance())
    assert index._change(lambda unit: unit.run("PRAGMA synchronous").fetchone()) == (0,)
    index.close()

    # All of it is in the one file, which can be synchronised and renamed.
    assert [one.name for one in path.parent.iterdir()] == ["index.sqlite3"]
    again = open_index(f"sqlite:///{path}")
    assert again.counts().instances == 1
    assert again._change(lambda unit: unit.run("PRAGMA synchronous").fetchone()) == (2,)
    again.close()
