"""The in-memory index keeps what an index promises."""

from __future__ import annotations

import pytest

from filmroom.index.memory import MemoryIndex
from filmroom.testing.index_suite import IndexSuite


class TestMemoryIndex(IndexSuite):
    @pytest.fixture
    def index(self) -> MemoryIndex:
        return MemoryIndex()
