"""Scenes: frames that are to be drawn, each with all that says how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from filmroom.dicom.pixel_format import PixelFormat, pixel_format
from filmroom.errors import Malformed
from filmroom.model.instance import Attributes
from filmroom.model.pixels import Image
from filmroom.model.rendering import Rendering
from filmroom.pixels.presentation import Presentation, place_presented, presentation_of_frame
from filmroom.pixels.segments import in_colour
from filmroom.pixels.viewport import Placement, aspect_of, place, whole, within


@dataclass(frozen=True, slots=True)
class Scene:
    """A frame that is to be drawn, and how."""

    image: Image
    format: PixelFormat
    rendering: Rendering
    placement: Placement
    number: int
    """Of the frame, from 1."""
    presentation: Presentation | None

    @property
    def attributes(self) -> Attributes:
        """The image's data set."""
        return self.image.attributes


def scenes(numbers: Sequence[int], image: Image, rendering: Rendering) -> list[Scene]:
    """Frames of an image, all placed like the first of them.

    Malformed for a region or a presentation state that are not of this image.
    """
    format = pixel_format(image.attributes)
    states = [
        presentation_of_frame(rendering.presentation, image.attributes, number)
        if rendering.presentation
        else None
        for number in numbers
    ]
    placement = _placement(image.attributes, numbers[0], format, rendering, states[0])
    found = []
    for number, state in zip(numbers, states, strict=True):
        attributes, shown = image.attributes, format
        if state is None:
            attributes, shown = in_colour(attributes, number, format)
        seen = replace(image, attributes=attributes)
        found.append(Scene(seen, shown, rendering, placement, number, state))
    return found


def _placement(
    attributes: Attributes,
    frame: int,
    format: PixelFormat,
    rendering: Rendering,
    presentation: Presentation | None,
) -> Placement:
    asked = rendering.viewport.region
    region = within(asked, format.rows, format.columns) if asked else whole(format)
    if region is None:
        raise Malformed("the region lies outside of the image")
    viewport = replace(rendering.viewport, region=region if asked else None)
    if presentation:
        return place_presented(
            presentation, attributes, frame, format, viewport, enlarge=rendering.enlarge
        )
    return place(region, aspect_of(attributes, frame), viewport, enlarge=rendering.enlarge)
