from __future__ import annotations

import pytest

from filmroom.storage.derived_memory import MemoryDerived
from filmroom.testing.derived_suite import SIZE, DerivedSuite


class TestMemoryDerived(DerivedSuite):
    @pytest.fixture
    def derived(self) -> MemoryDerived:
        return MemoryDerived(SIZE)
