"""Find: answer one search, whole or by the page, or only count what it would find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from filmroom.core.archive import Archive
from filmroom.model.instance import Attributes
from filmroom.model.query import Found, Query

PAGE = 250  # matches that are held at a time where all are told


def find(archive: Archive, query: Query) -> Found:
    """One page of what matches, in the order that was asked for."""
    return archive.index.find(query)


def pages(archive: Archive, query: Query) -> Iterator[list[Attributes]]:
    """All that matches, in the order that was asked for, whatever page the query asks for.

    Patients are found by `core.patients`.
    """
    return archive.index.pages(query, PAGE)


def count(archive: Archive, query: Query) -> int:
    """How many match in all, whatever page the query asks for."""
    page = archive.settings.max_search_limit
    found = archive.index.find(replace(query, limit=0, offset=0))
    counted = 0
    while found.total is None:
        # The index would not count: page by page it is, so that memory stays bounded.
        found = archive.index.find(replace(query, limit=page, offset=counted))
        counted += len(found.matches)
        if not found.more:
            return counted
    return found.total
