"""Instances that a selection names, and where they can be had."""

from __future__ import annotations

from collections.abc import Iterable

from filmroom.core.archive import Archive
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.selection import Selection


def select(archive: Archive, selection: Selection) -> list[Located]:
    """The instances of a selection, in series and instance order; NotFound if none."""
    if selection.study and selection.series and selection.instance:
        ref = InstanceRef(selection.study, selection.series, selection.instance)
        return [archive.index.locate(ref)]
    return archive.index.select(selection)


def location_of(ref: InstanceRef) -> str:
    """Where an instance can be had, below the DICOMweb root."""
    return f"/studies/{ref.study}/series/{ref.series}/instances/{ref.instance}"


def version_of(found: Iterable[Located]) -> str:
    """What changes whenever the bytes of these instances do; their digests say it."""
    keys = [located.key for located in found]
    return keys[0] if len(keys) == 1 else ""
