"""The SQLite index keeps what an index promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from filmroom.index.sqlite import SqliteIndex, open_index
from filmroom.testing.index_suite import IndexSuite


class TestSqliteIndex(IndexSuite):
    @pytest.fixture
    def index(self, tmp_path: Path) -> Iterator[SqliteIndex]:
        index = open_index(f"sqlite:///{tmp_path}/index.sqlite3")
        yield index
        index.close()
