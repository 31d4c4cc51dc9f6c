"""The SQLite index keeps what an index promises."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmroom.index.sqlite import SqliteIndex, open_index
from filmroom.testing.index_suite import IndexSuite


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "index.sqlite3"
    open_index(f"sqlite:///{path}").close()
    return path


class TestSqliteIndex(IndexSuite):
    @pytest.fixture
    def index(self, empty: Path, tmp_path: Path) -> Iterator[SqliteIndex]:
        path = shutil.copy(empty, tmp_path / "index.sqlite3")
        index = open_index(f"sqlite:///{path}")
        yield index
        index.close()
