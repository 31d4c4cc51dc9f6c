"""Down into sequences and items, and up again, within what each may hold (PS3.5 §7.5)."""

from __future__ import annotations

from filmroom.dicom.charsets import Charset
from filmroom.dicom.scan_level import UNDEFINED, Dataset, Level
from filmroom.dicom.scan_limits import DEEPEST, ScanLimits
from filmroom.dicom.scan_tables import (
    EMPTY_ITEMS,
    HALVES,
    ITEM,
    ITEM_END,
    PADDING,
    SEQUENCE_END,
    WORDS,
)
from filmroom.errors import Refused


class Nesting:
    """Where a walk is: its position, its level, what it has counted."""

    def __init__(self, data: memoryview, start: int, limits: ScanLimits) -> None:
        self.data = data
        self.limits = limits
        self.warnings: dict[str, None] = {}
        self.disordered = False
        self.root: Dataset = {}
        self._count = 0
        self._depth = 0
        self._pos = start
        self._level = Level(None, "", Charset((), self.warnings), "<")

    def _open(self, level: Level, out: Dataset, key: str, start: int, length: int) -> None:
        """Go down into a sequence."""
        self._in_order(level, key)
        self._depth += 1
        if self._depth > min(self.limits.depth, DEEPEST):
            raise self._over("levels of nesting", min(self.limits.depth, DEEPEST))
        inner = Level(level, key, level.charset, level.order)
        if level.order == ">" and self._begins_items("<", start):
            inner.order = "<"  # what came as UN is little endian (PS3.5 §6.2.2)
        inner.sequence_open = length == UNDEFINED
        inner.sequence_end = level.end if inner.sequence_open else start + length
        out[key] = {"vr": "SQ", "Value": inner.items}
        self._level, self._pos = inner, start

    def _between_items(self, level: Level) -> None:
        """Begin the next item, or end the sequence."""
        pos, end = self._pos, level.sequence_end
        if pos == end and not level.sequence_open:
            self._close(level)
            return
        if pos + 8 > end:
            raise self._cut(f"the sequence {level.key}")
        group, element = HALVES[level.order](self.data, pos)
        length = WORDS[level.order](self.data, pos + 4)[0]
        tag = element << 16 | group
        if tag == SEQUENCE_END and (level.sequence_open or pos + 8 == end):
            self._pos = pos + 8
            self._close(level)
        elif tag != ITEM:
            raise Refused(f"something that is no item lies in the sequence {level.key}")
        elif length == 0:
            self._empty_items(level)
        else:
            self._item(level, pos + 8, length)

    def _empty_items(self, level: Level) -> None:
        """Take in a run of empty items at once: a flood of them costs next to nothing."""
        data, pos, end = self.data, self._pos, level.sequence_end
        while pos + len(EMPTY_ITEMS) <= end and data[pos : pos + len(EMPTY_ITEMS)] == EMPTY_ITEMS:
            pos += len(EMPTY_ITEMS)
        while pos + 8 <= end and data[pos : pos + 8] == EMPTY_ITEMS[:8]:
            pos += 8
        count = (pos - self._pos) // 8 or 1
        self._item_count(level, count)
        level.items.extend([{}] * count)
        self._pos += 8 * count

    def _item(self, level: Level, start: int, length: int) -> None:
        self._item_count(level, 1)
        level.open = length == UNDEFINED
        level.end = level.sequence_end if level.open else start + length
        if level.end > level.sequence_end:
            raise self._cut(f"an item of the sequence {level.key}")
        level.out = {}
        level.items.append(level.out)
        level.previous = ""
        outer = level.outer
        level.implicit = outer is None or outer.implicit or self._found_implicit(level, start)
        level.charset = outer.charset if outer else level.charset
        self._pos = start

    def _item_count(self, level: Level, more: int) -> None:
        self._count += more
        if len(level.items) + more > self.limits.items:
            raise self._over(f"items in the sequence {level.key}", self.limits.items)
        if self._count > self.limits.elements:
            raise self._over("elements", self.limits.elements)

    def _close(self, level: Level) -> None:
        """Come up from a sequence."""
        outer = level.outer
        if outer is not None and outer.out is not None:
            if not level.items:
                outer.out[level.key] = {"vr": "SQ"}
            self._level = outer
        self._depth -= 1

    def _end(self, level: Level) -> bool:
        """The end of a data set or item of known length."""
        if level.outer is None:
            return False
        if level.open:
            raise self._cut(f"an item of the sequence {level.key}")
        level.out = None
        return True

    def _delimiter(self, level: Level, tag: int) -> None:
        """A delimiter where an element could be."""
        after = self._pos + 8
        if level.outer is None and tag in (ITEM_END, SEQUENCE_END):
            self._warn("a delimiter stands where nothing was to be ended")
        elif level.outer is not None and tag == ITEM_END and (level.open or after == level.end):
            level.out = None
        else:
            raise Refused("an item or a delimiter stands in the wrong place")
        self._pos = after

    def _tail(self, level: Level) -> bool:
        if level.outer is None and self._only_zeros(self._pos):
            return False
        raise self._cut("an element's header")

    def _only_zeros(self, pos: int) -> bool:
        """Whether nothing but a little padding follows."""
        rest = self.data[pos:]
        if len(rest) > PADDING or bytes(rest).strip(b"\0"):
            return False
        self._warn("zeros follow the data set")
        return True

    def _found_implicit(self, level: Level, pos: int) -> bool:
        """Whether the element at `pos` has no VR, whatever the transfer syntax says."""
        if pos + 6 > level.end:
            return level.implicit
        first, second = self.data[pos + 4], self.data[pos + 5]
        return not (0x41 <= first <= 0x5A and 0x41 <= second <= 0x5A)

    def _begins_items(self, order: str, pos: int) -> bool:
        if pos + 4 > len(self.data):
            return False
        return HALVES[order](self.data, pos) in ((0xFFFE, 0xE000), (0xFFFE, 0xE0DD))

    def _in_order(self, level: Level, key: str) -> None:
        if key <= level.previous:
            self.disordered = True
        level.previous = key

    def _warn(self, message: str) -> None:
        self.warnings[message] = None

    def _over(self, what: str, limit: int) -> Refused:
        return Refused(f"more than {limit} {what}")

    def _cut(self, what: str) -> Refused:
        return Refused(f"{what} is cut short or longer than what holds it")
