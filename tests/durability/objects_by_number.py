"""Instances made quickly, each from its number alone."""

from __future__ import annotations

from functools import cache

from filmroom.model.instance import InstanceRef
from filmroom.testing.objects import ct_slice, part10, uid

BASE = 10_000_000  # so that all numbers have as many digits
PER_SERIES = 50


def ref_of(number: int) -> InstanceRef:
    """The UIDs of an instance."""
    series = number // PER_SERIES
    return InstanceRef(uid(1), uid(1, BASE + series), uid(1, BASE, BASE + number))


def instance_bytes(number: int, size: int = 48) -> bytes:
    """An instance as a Part 10 file."""
    ref = ref_of(number)
    return (
        _template(size)
        .replace(uid(1, BASE, BASE).encode(), ref.instance.encode())
        .replace(uid(1, 2 * BASE).encode(), ref.series.encode())
    )


@cache
def _template(size: int) -> bytes:
    dataset = ct_slice(size=size)
    dataset.SOPInstanceUID, dataset.SeriesInstanceUID = uid(1, BASE, BASE), uid(1, 2 * BASE)
    return part10(dataset)
