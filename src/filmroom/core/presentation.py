"""Presentation states: which images they show (PS3.3 §C.11.11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from filmroom.core.archive import Archive
from filmroom.core.image import image_of
from filmroom.core.representative import is_picture
from filmroom.dicom.kinds import PRESENTATION_STATES
from filmroom.errors import Malformed, NotFound
from filmroom.model.instance import Attributes, InstanceRef, Located

REFERENCED_SERIES = "00081115"
REFERENCED_IMAGES = "00081140"
REFERENCED_INSTANCE = "00081155"
REFERENCED_FRAMES = "00081160"
SERIES_UID = "0020000E"


@dataclass(frozen=True, slots=True)
class Reference:
    """An image that a presentation state refers to."""

    ref: InstanceRef
    frames: tuple[int, ...]
    """From 1; none: all of them."""


def presentation_for(archive: Archive, ref: InstanceRef, located: Located) -> Located:
    """The presentation state of that name; Malformed if it is none, or not of this image."""
    state = archive.index.locate(ref)
    if state.sop_class not in PRESENTATION_STATES:
        raise Malformed(f"instance {ref.instance} is no presentation state that can be applied")
    if all(each.ref != located.ref for each in references(archive, state)):
        raise Malformed(
            f"presentation state {ref.instance} does not refer to {located.ref.instance}"
        )
    return state


def presented(archive: Archive, state: Located) -> list[tuple[Located, tuple[int, ...]]]:
    """The images that a presentation state refers to and their frames; NotFound if none is here."""
    found = []
    for each in references(archive, state):
        try:
            located = archive.index.locate(each.ref)
        except NotFound:
            continue
        if is_picture(located) and max(each.frames, default=0) <= located.number_of_frames:
            found.append((located, each.frames))
    if not found:
        raise NotFound(f"no image that presentation state {state.ref.instance} refers to is here")
    return found


def references(archive: Archive, state: Located) -> Iterator[Reference]:
    """What a presentation state refers to, in its own order; what makes no sense is left out."""
    for series in _items(image_of(archive, state).attributes, REFERENCED_SERIES):
        of_series = _texts(series, SERIES_UID)
        for image in _items(series, REFERENCED_IMAGES):
            instance = _texts(image, REFERENCED_INSTANCE)
            frames = [int(text) for text in _texts(image, REFERENCED_FRAMES) if text.isdecimal()]
            if of_series and instance:
                ref = InstanceRef(state.ref.study, of_series[0], instance[0])
                yield Reference(ref, tuple(number for number in frames if number))


def _items(attributes: Attributes, tag: str) -> list[Attributes]:
    return [item for item in attributes.get(tag, {}).get("Value") or [] if item]


def _texts(attributes: Attributes, tag: str) -> list[str]:
    return [str(value) for value in attributes.get(tag, {}).get("Value") or [] if value]
