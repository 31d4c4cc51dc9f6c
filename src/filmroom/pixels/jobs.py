"""What pixel workers do, by name; imported only by them, since it loads every codec's wrapper."""

from __future__ import annotations

from filmroom.model.instance import Attributes
from filmroom.model.pixels import Image
from filmroom.model.rendering import Rendering
from filmroom.pixels import draw, icons
from filmroom.pixels import recode as recoding
from filmroom.pixels import transcode as transcoding


def transcode(frame: bytes, image: Image, target: str, quality: int) -> tuple[Attributes, bytes]:
    """One frame in another transfer syntax."""
    coded = transcoding.transcode(frame, image, target, quality)
    return coded.changes, coded.data


def recode(frame: bytes, image: Image, target: str) -> tuple[Attributes, bytes]:
    """One frame in a lossless transfer syntax, proven to hold the same pixels."""
    coded = recoding.recode(frame, image, target)
    return coded.changes, coded.data


def render(
    frames: list[bytes], numbers: list[int], image: Image, rendering: Rendering
) -> tuple[None, bytes]:
    """Frames as a picture."""
    return None, draw.draw(frames, numbers, image, rendering)


def icon(kind: str, rendering: Rendering) -> tuple[None, bytes]:
    """A picture for what has no pixels."""
    return None, icons.icon(kind, rendering)


JOBS = {"transcode": transcode, "recode": recode, "render": render, "icon": icon}
