"""Find: answer one search, or only count what it would find."""

from __future__ import annotations

from dataclasses import replace

from filmroom.core.archive import Archive
from filmroom.model.query import Found, Query


def find(archive: Archive, query: Query) -> Found:
    """One page of what matches, in the order that was asked for."""
    return archive.index.find(query)


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
