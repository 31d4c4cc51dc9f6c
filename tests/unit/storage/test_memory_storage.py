"""Blobs in memory."""

from __future__ import annotations

import pytest

from filmroom.errors import Malformed
from filmroom.storage.memory import MemoryStorage, open_storage
from filmroom.testing.storage_suite import StorageSuite


class TestMemoryStorage(StorageSuite):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return open_storage("memory:")


def test_another_scheme_is_refused():
    with pytest.raises(Malformed):
        open_storage("file:///tmp/blobs")
