"""Image: what decoding and drawing must know of an instance, from what the index keeps."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from filmroom.core.archive import Archive
from filmroom.core.bulkdata import bulk_value
from filmroom.core.metadata import inflated, metadata
from filmroom.core.stored_frames import frame_at_hand, frame_bytes, frame_pieces
from filmroom.model.instance import Attributes, Located
from filmroom.model.pixels import Image
from filmroom.model.selection import Selection

__all__ = ["frame_at_hand", "frame_bytes", "frame_pieces", "image_of"]

MOST = 32 << 20
"""Bytes of bulk values that are put into one data set; what is beyond is drawn without."""

PER_FRAME = "52009230"
PLACES = frozenset(["00089124", "00209111", "00209113", "00209116", "00480207", "0048021A"])
"""Macros that say where a frame comes from and lies: derivation, content, planes, optical path."""

_DRAWN = re.compile(
    r"0028(?:120[1-4]|122[1-4]"  # palettes, also segmented (PS3.3 §C.7.9)
    r"|2000|3006)"  # ICC profile, LUT data
    r"|60[0-9A-F]{2}3000"  # overlays
    r"|00700022"  # Graphic Data of presentation states (PS3.3 §C.10.5)
)


def image_of(archive: Archive, located: Located) -> Image:
    """The image of an instance, from memory if it was used lately; not to be changed."""
    return archive.images.get_or_read(located.key, lambda: _read(archive, located))


def _read(archive: Archive, located: Located) -> tuple[Image, int]:
    ref = located.ref
    kept = metadata(archive, Selection(ref.study, ref.series, ref.instance))
    attributes: Attributes = json.loads(inflated(kept))[0]
    added = 0
    for value in archive.index.bulk(located.key).values:
        drawn = _DRAWN.fullmatch(value.path.rpartition("/")[2])
        if drawn and added + value.length <= MOST:
            element = _at(attributes, value.path)
            if element is not None:
                added += value.length
                read = bulk_value(archive, located, value.path).content.read()
                del element["BulkDataURI"]
                element["InlineBinary"] = base64.b64encode(read).decode("ascii")
    _forget_places(attributes)
    return Image(located.transfer_syntax, attributes), kept.length + added


def _forget_places(attributes: Attributes) -> None:
    """Leave out of each frame's functional groups what drawing does not ask for.

    Of a whole-slide image's 50,000 frames these would take 200 MB.
    """
    for group in attributes.get(PER_FRAME, {}).get("Value", ()):
        for macro in PLACES.intersection(group):
            del group[macro]


def _at(attributes: Attributes, path: str) -> dict[str, Any] | None:
    """The element at a path of tags and item numbers, if its value was left out."""
    *above, tag = path.split("/")
    for sequence, item in zip(above[::2], above[1::2], strict=True):
        attributes = attributes[sequence]["Value"][int(item) - 1]
    element: dict[str, Any] | None = attributes.get(tag)
    return element if element and "BulkDataURI" in element else None
