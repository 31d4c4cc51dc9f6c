"""One level of nesting while a data set is walked, and what is looked up through levels."""

from __future__ import annotations

from typing import Any

from filmroom.dicom.charsets import Charset
from filmroom.dicom.scan_dictionary import private_vr, public_vr

Dataset = dict[str, Any]
UNDEFINED = 0xFFFFFFFF  # a length that says: until the delimiter (PS3.5 §7.1.1)


class Level:
    """The data set, or a sequence and the item of it that is being read."""

    __slots__ = (
        "charset",
        "end",
        "implicit",
        "items",
        "key",
        "open",
        "order",
        "out",
        "outer",
        "previous",
        "sequence_end",
        "sequence_open",
    )

    def __init__(self, outer: Level | None, key: str, charset: Charset, order: str) -> None:
        self.outer = outer
        self.key = key
        """The sequence's tag; "" for the data set itself."""
        self.charset = charset
        self.order = order
        self.implicit = False
        self.out: Dataset | None = None
        """What is read of the current item; None between items."""
        self.items: list[Dataset] = []
        self.end = 0
        """Where the item must end, or at the latest if it is `open`."""
        self.open = False
        """Whether the item ends with a delimiter."""
        self.sequence_end = 0
        self.sequence_open = False
        self.previous = ""
        """The tag of the item's last element."""

    def path(self, key: str) -> str:
        """The name of an element of this level below `…/bulkdata/`."""
        parts = [key]
        level: Level | None = self
        while level is not None and level.outer is not None:
            parts.append(f"{level.key}/{len(level.items)}")
            level = level.outer
        return "/".join(reversed(parts))

    def first_value(self, key: str) -> object:
        """The first value of an element of the current item; None if there is none."""
        element = (self.out or {}).get(key)
        values = element.get("Value") if element else None
        return values[0] if values else None

    def inherited(self, key: str) -> object:
        """The same of this item or the nearest around it that has it."""
        level: Level | None = self
        while level is not None:
            value = level.first_value(key)
            if value is not None:
                return value
            level = level.outer
        return None

    def known_vr(self, tag: int) -> str:
        """The VR that dictionaries have for a turned tag here: "UN" if none, maybe "US or SS"."""
        if not tag & 1:
            return public_vr(tag)
        element, group = tag >> 16, tag & 0xFFFF
        if element < 0x100:
            return "LO" if element >= 0x10 else "UN"
        creator = self.first_value(f"{group:04X}00{element >> 8:02X}")
        return private_vr(tag, creator) if isinstance(creator, str) else "UN"
