"""What of an image is shown: the frame that stands for all, and the region in its own pixels."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from filmroom.dicom.pixel_format import PixelFormat, pixel_format
from filmroom.errors import Malformed, Undecodable
from filmroom.model.instance import Attributes
from filmroom.model.rendering import Region, Viewport

REPRESENTATIVE_FRAME = "00286010"

Fractions = tuple[float, float, float, float]
"""Left, top, right and bottom of a region, each from 0 to 1 of the image's width or height."""


def frame_for(attributes: Attributes, count: int) -> int:
    """The frame, from 1, that stands for all: the one that the data set names, or the middle."""
    named = _first(attributes, REPRESENTATIVE_FRAME)
    if isinstance(named, int) and 1 <= named <= count:
        return named
    return count // 2 + 1


def shape_of(attributes: Attributes) -> PixelFormat:
    """The shape of the pixels; Undecodable, since no asker is to blame, if nothing tells it."""
    try:
        return pixel_format(attributes)
    except Malformed as error:
        raise Undecodable(str(error)) from error


def settled(viewport: Viewport, attributes: Attributes, fractions: Fractions | None) -> Viewport:
    """The viewport with its region in whole of the image; Malformed if that is empty."""
    if viewport.region is None and fractions is None:
        return viewport
    shape = shape_of(attributes)
    columns, rows = shape.columns, shape.rows
    if fractions is not None:
        left, top, right, bottom = fractions
        return replace(
            viewport,
            region=Region(
                left * columns, top * rows, (right - left) * columns, (bottom - top) * rows
            ),
        )
    return replace(viewport, region=_within(viewport.region, columns, rows))


def _within(region: Region | None, columns: int, rows: int) -> Region:
    """What of a region the image has; endless sides end where it ends."""
    if region is None:
        return Region(0, 0, columns, rows)
    width, height = min(region.width, columns - region.x), min(region.height, rows - region.y)
    if not (width > 0 and height > 0 and math.isfinite(region.x + region.y)):
        raise Malformed(f"viewport: the region lies outside of an image of {columns} x {rows}")
    return Region(region.x, region.y, width, height)


def _first(attributes: Attributes, tag: str) -> Any:  # noqa: ANN401 -- what JSON holds
    return next(iter(attributes.get(tag, {}).get("Value") or []), None)
