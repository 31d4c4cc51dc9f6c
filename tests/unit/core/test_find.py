"""Find, and count where the index would not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from filmroom.core.archive import Archive
from filmroom.core.find import count, find
from filmroom.dicom.levels import Level
from filmroom.model.ports import InstanceIndex, Storage
from filmroom.model.query import Found, Query
from filmroom.settings import Settings


@dataclass
class Reluctant:
    """An index of `size` studies that says how many there are, or would rather not."""

    size: int
    counts: bool
    asked: list[tuple[int, int]] = field(default_factory=list)

    def find(self, query: Query) -> Found:
        self.asked.append((query.offset, query.limit))
        page = range(self.size)[query.offset : query.offset + query.limit]
        more = query.offset + len(page) < self.size
        return Found([{} for _ in page], self.size if self.counts else None, more, "1")


def archive_over(index: Reluctant, tmp_path: Path) -> Archive:
    settings = Settings(data=tmp_path, max_search_limit=10)
    return Archive(cast("InstanceIndex", index), cast("Storage", None), settings)


def test_a_search_is_the_index_s(tmp_path: Path) -> None:
    index = Reluctant(3, counts=True)
    found = find(archive_over(index, tmp_path), Query(Level.STUDY, limit=2))
    assert (len(found.matches), found.total, found.more) == (2, 3, True)


@pytest.mark.parametrize("size", [0, 3, 10, 11, 25])
def test_a_count_is_asked_for_or_made_page_by_page(size: int, tmp_path: Path) -> None:
    asked = Query(Level.STUDY, limit=1, offset=7)
    counting, reluctant = Reluctant(size, counts=True), Reluctant(size, counts=False)
    assert count(archive_over(counting, tmp_path), asked) == size
    assert counting.asked == [(0, 0)]
    assert count(archive_over(reluctant, tmp_path), asked) == size
    assert all(limit <= 10 for _, limit in reluctant.asked)
