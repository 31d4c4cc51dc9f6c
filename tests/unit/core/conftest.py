"""An archive with its index in memory and its blobs as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from filmroom.core.archive import Archive
from filmroom.core.store import receive
from filmroom.index.memory import MemoryIndex
from filmroom.model.stored import Stored
from filmroom.settings import Settings
from filmroom.storage.local import open_storage


@pytest.fixture
def make_archive(tmp_path: Path) -> Callable[..., Archive]:
    """Archives over one storage, each with an index of its own and the settings given."""

    def make(**settings: object) -> Archive:
        storage = open_storage(f"file://{tmp_path}/blobs")
        return Archive(MemoryIndex(), storage, Settings(data=tmp_path, **settings))

    return make


@pytest.fixture
def archive(make_archive: Callable[..., Archive]) -> Archive:
    return make_archive()


@pytest.fixture
def store() -> Callable[..., Stored]:
    """Store some bytes in an archive."""

    def store(archive: Archive, data: bytes, study: str | None = None) -> Stored:
        with receive(archive, "test", study) as incoming:
            incoming.write(data)
            return incoming.finish()

    return store
