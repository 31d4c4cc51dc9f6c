"""How long each frame is shown (PS3.3 §C.7.6.5)."""

from __future__ import annotations

from collections.abc import Sequence

from filmroom.model.instance import Attributes
from filmroom.pixels.elements import number, numbers

FRAME_TIME = "00181063"  # milliseconds
FRAME_TIME_VECTOR = "00181065"  # milliseconds before each frame
CINE_RATE = "00180040"  # frames a second
RECOMMENDED_DISPLAY_FRAME_RATE = "00082144"  # frames a second

USUAL = 100
"""Milliseconds, where nothing says how long: slices are leafed through."""
SHORTEST = 20
"""Milliseconds that browsers still follow in a GIF; what is shorter they show for 100."""
LONGEST = 10_000


def frame_times(attributes: Attributes, frames: Sequence[int]) -> list[int]:
    """Milliseconds that each of these frames (from 1) is shown."""
    vector = numbers(attributes, FRAME_TIME_VECTOR)
    usual = _usual(attributes)
    # The vector says how long after the one before a frame comes: how long that one is shown.
    times = [vector[frame] if frame < len(vector) else usual for frame in frames]
    return [round(min(max(time or usual, SHORTEST), LONGEST)) for time in times]


def _usual(attributes: Attributes) -> float:
    for tag in (RECOMMENDED_DISPLAY_FRAME_RATE, CINE_RATE):
        rate = number(attributes, tag)
        if rate and rate > 0:
            return 1000 / rate
    time = number(attributes, FRAME_TIME)
    return time if time and time > 0 else USUAL
