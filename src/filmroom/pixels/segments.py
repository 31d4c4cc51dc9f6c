"""Segmentations in colour: each segment in the one that its maker recommends (PS3.3 §A.51)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.pixel_format import MONOCHROME2, PALETTE_COLOR, PixelFormat
from filmroom.model.instance import Attributes
from filmroom.pixels.cielab import Colour, colour_of
from filmroom.pixels.elements import functional_group, items, number, text
from filmroom.pixels.palette import DESCRIPTORS, TABLES

SEGMENTATION_TYPE = "00620001"
SEGMENTS = "00620002"
SEGMENT_NUMBER = "00620004"
IDENTIFICATION = "0062000A"
REFERENCED_SEGMENT = "0062000B"
RECOMMENDED_COLOUR = "0062000D"
MAXIMUM_FRACTIONAL_VALUE = "0062000E"

USUAL: tuple[Colour, ...] = (
    (230, 85, 75),
    (95, 190, 105),
    (85, 150, 230),
    (235, 190, 80),
    (175, 110, 215),
    (80, 200, 200),
    (240, 140, 180),
    (165, 190, 75),
)
"""Colours of segments without one of their own, by their number."""

DARKEST = 32
"""What the strongest channel of a colour must reach, so that it is seen on black."""

MOST = 1 << 12
"""Segments of a label map that have a colour; numbers beyond look like the last of them."""


def in_colour(
    attributes: Attributes, frame: int, format: PixelFormat
) -> tuple[Attributes, PixelFormat]:
    """The attributes of a segmentation's frame with a palette; those of other images as they are.

    Outside of all segments it is black.
    """
    kind = text(attributes, SEGMENTATION_TYPE)
    if format.photometric != MONOCHROME2 or format.floating or format.bits_stored > 16:
        return attributes, format
    if kind in ("BINARY", "FRACTIONAL"):
        most = 1 if kind == "BINARY" else number(attributes, MAXIMUM_FRACTIONAL_VALUE) or 255
        steps = np.linspace(0, 1, min(max(int(most), 1), MOST - 1) + 1)
        table = steps[:, None] * np.array(_colour(attributes, _segment(attributes, frame)))
    elif kind == "LABELMAP":
        table = _of_labels(attributes, format)
    else:
        return attributes, format
    return {**attributes, **_palette(table)}, replace(format, photometric=PALETTE_COLOR)


def _of_labels(attributes: Attributes, format: PixelFormat) -> NDArray[np.float64]:
    known = [_number_of(each) for each in items(attributes, SEGMENTS)]
    most = min(max(known, default=2**format.bits_stored - 1), MOST - 1)
    labels = range(1, most + 1)
    return np.array([(0, 0, 0), *_colours(attributes, labels)], np.float64)


def _segment(attributes: Attributes, frame: int) -> int:
    """The segment that a frame shows; 1 where nothing tells."""
    told = functional_group(attributes, IDENTIFICATION, frame) or {}
    return int(number(told, REFERENCED_SEGMENT) or 1)


def _colour(attributes: Attributes, segment: int) -> Colour:
    return _colours(attributes, [segment])[0]


def _colours(attributes: Attributes, segments: Iterable[int]) -> list[Colour]:
    described = {_number_of(each): each for each in items(attributes, SEGMENTS)}
    found = []
    for segment in segments:
        colour = colour_of(described.get(segment, {}), RECOMMENDED_COLOUR)
        if colour is None or max(colour) < DARKEST:
            colour = USUAL[(segment - 1) % len(USUAL)]
        found.append(colour)
    return found


def _number_of(segment: Attributes) -> int:
    return int(number(segment, SEGMENT_NUMBER) or 0)


def _palette(table: NDArray[np.float64]) -> Attributes:
    """Attributes of a palette of these colours, each from 0 to 255."""
    words = np.rint(table * 257).astype(int)
    palette: Attributes = {}
    for channel, (descriptor, data) in enumerate(zip(DESCRIPTORS, TABLES, strict=True)):
        palette[descriptor] = {"vr": "US", "Value": [len(table), 0, 16]}
        palette[data] = {"vr": "OW", "Value": words[:, channel].tolist()}
    return palette
