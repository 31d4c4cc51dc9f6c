"""Presentation states: how somebody wanted an image shown (PS3.3 §A.33, §C.10, §C.11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.errors import Malformed
from filmroom.model.instance import Attributes
from filmroom.model.rendering import Region, Viewport, Window
from filmroom.pixels.colour import Colours
from filmroom.pixels.elements import functional_group, items, number, numbers, text
from filmroom.pixels.grayscale import (
    MODALITY_LUT,
    PIXEL_VALUE_TRANSFORMATION,
    RESCALE_SLOPE,
    Grayscale,
    Rescale,
    modality_of,
    presentation_of,
    voi_of,
)
from filmroom.pixels.luts import Lut
from filmroom.pixels.palette import DESCRIPTORS, coloured
from filmroom.pixels.values import range_of
from filmroom.pixels.viewport import Picture, Placement, aspect_of, place, ratio, whole
from filmroom.pixels.windows import between

SOP_INSTANCE = "00080018"
REFERENCED_SERIES = "00081115"
REFERENCED_IMAGES = "00081140"
REFERENCED_INSTANCE = "00081155"
REFERENCED_FRAMES = "00081160"
SOFTCOPY_VOI_LUT = "00283110"
DISPLAYED_AREA = "0070005A"
GRAPHIC_ANNOTATIONS = "00700001"

TOP_LEFT = "00700052"
BOTTOM_RIGHT = "00700053"
SIZE_MODE = "00700100"
PRESENTATION_PIXEL_SPACING = "00700101"
PRESENTATION_PIXEL_ASPECT_RATIO = "00700102"
MAGNIFICATION = "00700103"
IMAGE_ROTATION = "00700042"
HORIZONTAL_FLIP = "00700041"

MOST_MAGNIFIED = 64.0


@dataclass(frozen=True, slots=True)
class Presentation:
    """What a presentation state says of one frame."""

    state: Attributes
    area: Attributes
    """The item of the Displayed Area Selection Sequence that holds for the frame."""
    voi: Attributes | None
    """The item of the Softcopy VOI LUT Sequence that does, if any."""
    graphics: list[Attributes]
    """The items of the Graphic Annotation Sequence that do."""


def presentation_of_frame(state: Attributes, image: Attributes, frame: int) -> Presentation:
    """What a presentation state says of a frame (from 1); Malformed if it is not of that."""
    instance = text(image, SOP_INSTANCE)
    referenced = [
        reference
        for series in items(state, REFERENCED_SERIES)
        for reference in items(series, REFERENCED_IMAGES)
    ]
    if not any(_names(reference, instance, frame) for reference in referenced):
        raise Malformed(f"the presentation state does not refer to frame {frame} of {instance}")
    return Presentation(
        state,
        next(iter(_of_frame(state, DISPLAYED_AREA, instance, frame)), {}),
        next(iter(_of_frame(state, SOFTCOPY_VOI_LUT, instance, frame)), None),
        _of_frame(state, GRAPHIC_ANNOTATIONS, instance, frame),
    )


def _of_frame(state: Attributes, tag: str, instance: str, frame: int) -> list[Attributes]:
    """The items of a sequence that hold for a frame: those of all images, and those of it."""
    return [
        found
        for found in items(state, tag)
        if not (references := items(found, REFERENCED_IMAGES))
        or any(_names(reference, instance, frame) for reference in references)
    ]


def _names(reference: Attributes, instance: str, frame: int) -> bool:
    frames = numbers(reference, REFERENCED_FRAMES)
    return text(reference, REFERENCED_INSTANCE) == instance and (not frames or frame in frames)


def presented(
    presentation: Presentation, attributes: Attributes, frame: int, format: PixelFormat
) -> Grayscale:
    """The grayscale transformations of a presentation state, which replace the image's own.

    So does its presentation LUT the image's photometric interpretation (PS3.4 §N.2.1.4).
    """
    state = presentation.state
    modality: Rescale | Lut = Rescale()
    if MODALITY_LUT in state or RESCALE_SLOPE in state:
        modality = modality_of(state, frame, format)
    elif functional_group(attributes, PIXEL_VALUE_TRANSFORMATION, frame):
        modality = modality_of(attributes, frame, format)  # of each frame: no state can hold it
    voi = voi_of(presentation.voi, modality, format) if presentation.voi else None
    table, inverse = presentation_of(state)
    return Grayscale(modality, voi or _all(modality, format), table, inverse)


def _all(modality: Rescale | Lut, format: PixelFormat) -> Window | None:
    """All values that can be, where no VOI LUT is to be applied; None if that is no range."""
    if isinstance(modality, Lut):
        return between(0, modality.most)
    if format.floating:
        return None
    low, high = (modality.slope * value + modality.intercept for value in range_of(format))
    return between(min(low, high), max(low, high))


def pseudo_coloured(picture: Picture, presentation: Presentation) -> Picture:
    """Shades in the colours of the state's palette, if it has one (PS3.4 §N.2.3)."""
    described = numbers(presentation.state, DESCRIPTORS[0])
    if picture.ndim != 2 or len(described) != 3:
        return picture
    last = (int(described[0]) & 0xFFFF or 1 << 16) - 1
    indices = np.rint(np.arange(256) * (last / 255)).astype(np.uint16) + int(described[1])
    table: Colours = coloured(indices.astype(np.uint16)[None], presentation.state)[0]
    return table.take(picture, axis=0)


def place_presented(
    presentation: Presentation,
    attributes: Attributes,
    frame: int,
    format: PixelFormat,
    viewport: Viewport,
    *,
    enlarge: bool,
) -> Placement:
    """Where the displayed area comes to lie (PS3.3 §C.10.4, §C.10.6).

    Whatever its size mode, it is fitted into the viewport. Without one, it is as large as
    MAGNIFY says, or shown pixel by pixel: nobody knows how large the display's pixels are.
    """
    area, state = presentation.area, presentation.state
    aspect = ratio(numbers(area, PRESENTATION_PIXEL_SPACING))
    aspect = aspect or ratio(numbers(area, PRESENTATION_PIXEL_ASPECT_RATIO))
    magnification = number(area, MAGNIFICATION) if text(area, SIZE_MODE) == "MAGNIFY" else None
    turned = int(number(state, IMAGE_ROTATION) or 0)
    return place(
        viewport.region or _displayed(area) or whole(format),
        aspect or aspect_of(attributes, frame),
        viewport,
        rotation=turned if turned in (90, 180, 270) else 0,
        flip_horizontal=text(state, HORIZONTAL_FLIP) == "Y",
        magnification=min(max(magnification or 1, 1 / MOST_MAGNIFIED), MOST_MAGNIFIED),
        enlarge=enlarge,
    )


def _displayed(area: Attributes) -> Region | None:
    """The displayed area; its corners are named as they are seen after rotation and flip."""
    corners = numbers(area, TOP_LEFT), numbers(area, BOTTOM_RIGHT)
    if any(len(corner) != 2 for corner in corners):
        return None
    (left, right), (top, bottom) = (sorted(side) for side in zip(*corners, strict=True))
    return Region(left - 1, top - 1, right - left + 1, bottom - top + 1)
