"""Values of a data set in the DICOM JSON Model, read as drawing needs them: forgivingly.

What is missing, empty or no number is None or an empty list here: an attribute that
cannot be read is treated like one that is not there, so that the image is still shown.
"""

from __future__ import annotations

import binascii
import math
from base64 import b64decode
from typing import Any

import numpy as np
from numpy.typing import NDArray

from filmroom.model.instance import Attributes

SHARED_FUNCTIONAL_GROUPS = "52009229"
PER_FRAME_FUNCTIONAL_GROUPS = "52009230"


def values(attributes: Attributes, tag: str) -> list[Any]:
    """The values of an element; none of an element that is absent or empty."""
    element = attributes.get(tag)
    found = element.get("Value") if isinstance(element, dict) else None
    return found if isinstance(found, list) else []


def numbers(attributes: Attributes, tag: str) -> list[float]:
    """All values as finite numbers; none if any of them is not one."""
    found = []
    for value in values(attributes, tag):
        number = _number(value)
        if number is None:
            return []
        found.append(number)
    return found


def number(attributes: Attributes, tag: str) -> float | None:
    """The first value as a finite number."""
    return next((_number(value) for value in values(attributes, tag)), None)


def _number(value: object) -> float | None:
    if not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def text(attributes: Attributes, tag: str) -> str:
    """The first value as text without padding; "" if there is none."""
    found = next(iter(values(attributes, tag)), None)
    return found.strip() if isinstance(found, str) else ""


def items(attributes: Attributes, tag: str) -> list[Attributes]:
    """The items of a sequence."""
    return [item for item in values(attributes, tag) if isinstance(item, dict)]


def item(attributes: Attributes, tag: str) -> Attributes:
    """The first item of a sequence; one without attributes if there is none."""
    return next(iter(items(attributes, tag)), {})


def binary(attributes: Attributes, tag: str) -> bytes:
    """A bulk value that is in place."""
    element = attributes.get(tag)
    encoded = element.get("InlineBinary") if isinstance(element, dict) else None
    if not isinstance(encoded, str):
        return b""
    try:
        return b64decode(encoded)
    except (binascii.Error, ValueError):
        return b""


def words(attributes: Attributes, tag: str) -> NDArray[np.uint16]:
    """A value of 16-bit words, written as a list of numbers or as little-endian bytes."""
    data = binary(attributes, tag)
    if data:
        return np.frombuffer(data[: len(data) // 2 * 2], "<u2")
    listed = numbers(attributes, tag)
    return np.array([int(value) & 0xFFFF for value in listed], np.uint16)


def floats(attributes: Attributes, tag: str) -> list[float]:
    """Values of VR FL, listed or as little-endian bytes; none if any of them is no number."""
    data = binary(attributes, tag)
    if not data:
        return numbers(attributes, tag)
    found = np.frombuffer(data[: len(data) // 4 * 4], "<f4")
    return found.tolist() if np.isfinite(found).all() else []


def functional_group(attributes: Attributes, sequence: str, frame: int) -> Attributes | None:
    """The macro that holds for a frame (from 1): its own, else the shared one (PS3.3 §C.7.6.16)."""
    of_frames = values(attributes, PER_FRAME_FUNCTIONAL_GROUPS)  # there can be 50,000
    own = [group for group in of_frames[frame - 1 : frame] if isinstance(group, dict)]
    for group in (*own, item(attributes, SHARED_FUNCTIONAL_GROUPS)):
        found = items(group, sequence)
        if found:
            return found[0]
    return None
