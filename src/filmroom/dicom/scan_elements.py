"""The walk through a data set: every byte accounted for, nothing trusted (PS3.5 §7).

It does not recurse: levels of nesting are a linked list. Plain elements are read in a
tight loop from a window, a small copy of the file; all else, and what does not fit the
window, takes the careful way, `_special`. Bulk values are stepped over unread.
"""

from __future__ import annotations

import re
from struct import Struct

from filmroom.dicom.bulk import BulkValue
from filmroom.dicom.charsets import Charset
from filmroom.dicom.scan_dictionary import LONG_VRS, NAMES, VRS, name_of, turned
from filmroom.dicom.scan_level import UNDEFINED, Dataset, Level
from filmroom.dicom.scan_limits import DEEPEST, ScanLimits
from filmroom.dicom.scan_values import Decode, decoders
from filmroom.dicom.spans import Span, Spans
from filmroom.errors import Refused

WINDOW = 1 << 16  # bytes: most headers fit, and pixel data behind them is hardly touched
PADDING = 1 << 20  # bytes: zeros after the data set that are passed over

ITEM, ITEM_END, SEQUENCE_END = turned(0xFFFEE000), turned(0xFFFEE00D), turned(0xFFFEE0DD)
CHARSET = turned(0x00080005)
PIXEL_DATA = "7FE00010"
PIXELS = frozenset({PIXEL_DATA, "7FE00008", "7FE00009"})
ALWAYS_BULK = PIXELS | {"00420011", "56000020"}
LUT_DESCRIPTORS = frozenset({"00281101", "00281102", "00281103", "00283002"})
TRAILING_PADDING = turned(0xFFFCFFFC)

_DECODERS: dict[str, dict[str, Decode]] = {order: decoders(order) for order in "<>"}
_EXPLICIT = {vr.encode(): vr for vr in [*_DECODERS["<"], "SQ"]}
_CAREFUL = frozenset([CHARSET, *(turned(int(key, 16)) for key in ALWAYS_BULK | LUT_DESCRIPTORS)])
_SHORT = {raw: _DECODERS["<"][vr] for raw, vr in _EXPLICIT.items() if vr not in LONG_VRS}
_PLAIN = {
    tag: (NAMES[tag], vr, _DECODERS["<"][vr])
    for tag, vr in VRS.items()
    if vr in _DECODERS["<"] and vr not in ("OB", "OW", "UN")
    and tag not in _CAREFUL and tag >> 16 and 8 <= tag & 0xFFFF != 0x7FE0
}  # fmt: skip
_EMPTY_ITEMS = re.compile(rb"(?:\xfe\xff\x00\xe0\x00\x00\x00\x00)+")

_explicit_header = Struct("<I2sH").unpack_from
_implicit_header = Struct("<II").unpack_from
_HALVES = {order: Struct(order + "HH").unpack_from for order in "<>"}
_SHORTS = {order: Struct(order + "H").unpack_from for order in "<>"}
_WORDS = {order: Struct(order + "I").unpack_from for order in "<>"}


class Walk:
    """One walk through one data set; `run` it once, then read what it found."""

    def __init__(self, data: memoryview, start: int, limits: ScanLimits) -> None:
        self.data = data
        self.limits = limits
        self.warnings: dict[str, None] = {}
        self.bulk: list[tuple[Dataset, BulkValue]] = []
        self.spans: dict[str, Span] = {}
        """Where top-level pixel data and offset tables lie, by tag."""
        self.fragments: Spans | None = None
        """Of top-level pixel data, the offset table left out; None if it is native."""
        self.disordered = False
        self.root: Dataset = {}
        self._pending: list[tuple[Dataset, str, bytes, str]] = []
        self._charsets: dict[bytes, Charset] = {}
        self._count = 0
        self._depth = 0
        self._pos = start
        self._base, self._window = start, b""
        self._quick = limits.bulk_threshold >= WINDOW

    def run(self, *, implicit: bool, order: str) -> Dataset:
        """Read the whole data set as the DICOM JSON Model; raises Refused."""
        level = Level(None, "", Charset((), self.warnings), order)
        level.out, level.end, level.implicit = self.root, len(self.data), implicit
        level.implicit = self._found_implicit(level, self._pos)
        if level.implicit != implicit:
            found = "implicit" if level.implicit else "explicit"
            self._warn(f"the data set has {found} VRs, against its transfer syntax")
        self._level = level
        going = True
        while going:
            level = self._level
            if level.out is None:
                self._between_items(level)
                continue
            if self._quick and level.order == "<":
                if self._pos >= self._base + len(self._window):
                    self._base = self._pos
                    self._window = bytes(self.data[self._pos : self._pos + WINDOW])
                (self._implicit_run if level.implicit else self._explicit_run)(level, level.out)
                if self._count > self.limits.elements:
                    raise self._over("elements", self.limits.elements)
            going = self._special(level, level.out)
        self._settle()
        return self.root

    def _explicit_run(self, level: Level, out: Dataset) -> None:
        """Read plain elements until one is not; explicit VR little endian (PS3.5 §7.1.2)."""
        window, base, charset = self._window, self._base, level.charset
        at = self._pos - base
        stop = min(level.end - base, len(window))
        last, previous, count = stop - 8, level.previous, 0
        while at <= last:
            tag, vr, length = _explicit_header(window, at)
            decode = _SHORT.get(vr)
            start = at + 8
            after = start + length
            if decode is None or after > stop or tag < 0x10000 or tag in _CAREFUL:
                break
            key = NAMES.get(tag) or name_of(tag)
            if key <= previous:
                self.disordered = True
            previous = key
            out[key] = decode(window[start:after], charset) if length else {"vr": vr.decode()}
            count += 1
            at = after
        level.previous = previous
        self._count += count
        self._pos = base + at

    def _implicit_run(self, level: Level, out: Dataset) -> None:
        """Read plain elements until one is not; implicit VR little endian (PS3.5 §7.1.3)."""
        window, base, charset = self._window, self._base, level.charset
        at = self._pos - base
        stop = min(level.end - base, len(window))
        last, previous, count = stop - 8, level.previous, 0
        while at <= last:
            tag, length = _implicit_header(window, at)
            plain = _PLAIN.get(tag)
            start = at + 8
            after = start + length
            if plain is None or after > stop:
                break
            key, vr, decode = plain
            if key <= previous:
                self.disordered = True
            previous = key
            out[key] = decode(window[start:after], charset) if length else {"vr": vr}
            count += 1
            at = after
        level.previous = previous
        self._count += count
        self._pos = base + at

    def _special(self, level: Level, out: Dataset) -> bool:
        """Read whatever is at the position; False at the end of the data set."""
        pos = self._pos
        if pos == level.end:
            return self._end(level)
        if level.end - pos < 8:
            return self._tail(level)
        group, element = _HALVES[level.order](self.data, pos)
        tag = element << 16 | group
        if group == 0xFFFE:
            self._delimiter(level, tag)
            return True
        if tag == 0 and level.outer is None and self._only_zeros(pos):
            return False
        vr, length, start = self._header(level, tag)
        self._count += 1
        if length == UNDEFINED:
            self._undefined(level, out, tag, vr, start)
        elif start + length > level.end:
            raise self._cut(f"the value of {name_of(tag)}")
        elif vr == "SQ" and length:
            self._open(level, out, name_of(tag), start, length)
        else:
            self._pos = start + length
            self._value(level, out, tag, vr, start, length)
        return True

    def _header(self, level: Level, tag: int) -> tuple[str, int, int]:
        """VR, length and start of the value of the element at the position."""
        data, pos, order = self.data, self._pos, level.order
        if level.implicit:
            return level.known_vr(tag), _WORDS[order](data, pos + 4)[0], pos + 8
        raw = bytes(data[pos + 4 : pos + 6])
        vr = _EXPLICIT.get(raw)
        if vr is None:
            if b"AA" <= raw <= b"ZZ":
                self._warn("an element has a VR that does not exist")
                return "UN", _SHORTS[order](data, pos + 6)[0], pos + 8
            self._warn("some elements have no VR though the transfer syntax asks for it")
            return level.known_vr(tag), _WORDS[order](data, pos + 4)[0], pos + 8
        if vr not in LONG_VRS:
            return vr, _SHORTS[order](data, pos + 6)[0], pos + 8
        if pos + 12 > level.end:
            raise self._cut("an element's header")
        length = _WORDS[order](data, pos + 8)[0]
        if vr == "UN" and (length < 0xFFFF or length == UNDEFINED):
            # A relay that does not know a VR writes UN (PS3.5 §6.2.2); we may know it.
            known = level.known_vr(tag)
            vr = known if known != "UN" or length != UNDEFINED else "SQ"
        return vr, length, pos + 12

    def _value(
        self, level: Level, out: Dataset, tag: int, vr: str, start: int, length: int
    ) -> None:
        """Take in a value of known length that lies within its level."""
        if tag < 0x10000 or tag == TRAILING_PADDING:  # group lengths mean nothing any more
            return
        key = NAMES.get(tag) or name_of(tag)
        self._in_order(level, key)
        if level.outer is None and key.startswith("7FE0"):
            self.spans[key] = Span(start, length)
        if " or " in vr:
            vr = self._settled_vr(level, key, vr)
        if tag == CHARSET:
            self._charset(level, out, bytes(self.data[start : start + min(length, WINDOW)]))
        elif not length:
            out[key] = {"vr": "US" if vr == "US or SS" else vr}
        elif length > self.limits.bulk_threshold or key in ALWAYS_BULK:
            vr = "OW" if vr == "US or SS" else vr
            self._bulk(level, out, key, vr, Spans([start], [length]))
        elif length > self.limits.value:
            raise self._over(f"bytes in the value of {key}", self.limits.value)
        else:
            raw = bytes(self.data[start : start + length])
            if vr == "US or SS":
                self._pending.append((out, key, raw, level.order))
                vr = "US"
            out[key] = _DECODERS[level.order][vr](raw, level.charset)
            if key in LUT_DESCRIPTORS:
                _unsigned_count(out[key])

    def _settled_vr(self, level: Level, key: str, vr: str) -> str:
        """The VR of an element for which the dictionary leaves a choice (PS3.5 §A.1)."""
        if vr == "US or SS":
            sign = level.inherited("00280103")
            return vr if sign is None else ("SS" if sign == 1 else "US")
        if key == "00283006" and level.first_value("00283002") == 1:
            return "US"
        return "OW"

    def _charset(self, level: Level, out: Dataset, raw: bytes) -> None:
        """Specific Character Set: holds for what follows, and is UTF-8 in JSON (PS3.18 §F.2)."""
        if raw not in self._charsets:
            terms = raw.decode("latin-1").split("\\")
            self._charsets[raw] = Charset(terms, self.warnings)
        level.charset = self._charsets[raw]
        out["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}

    def _bulk(self, level: Level, out: Dataset, key: str, vr: str, spans: Spans) -> None:
        out[key] = element = {"vr": vr, "BulkDataURI": ""}
        self.bulk.append((element, BulkValue(level.path(key), vr, spans)))

    def _undefined(self, level: Level, out: Dataset, tag: int, vr: str, start: int) -> None:
        """A value that ends with a delimiter: a sequence, or fragments (PS3.5 §7.5, §A.4)."""
        key = name_of(tag)
        if vr == "SQ" or (vr == "UN" and self._begins_items(level.order, start)):
            self._open(level, out, key, start, UNDEFINED)
            return
        if vr not in ("OB", "OW", "OB or OW"):
            raise Refused(f"{key} has VR {vr} and no length")
        self._in_order(level, key)
        spans = self._fragments(level, start)
        if key == PIXEL_DATA:
            table = spans[:1]
            spans = spans[1:]
            if level.outer is None:
                self.fragments = spans
                self.spans["table"] = table[0] if table else Span(start, 0)
        if spans:
            self._bulk(level, out, key, "OB", spans)
        else:
            out[key] = {"vr": "OB"}

    def _fragments(self, level: Level, pos: int) -> Spans:
        """The items of encapsulated data from `pos` on; the position comes behind them."""
        data, end, spans = self.data, level.end, Spans()
        halves, words, limit = _HALVES[level.order], _WORDS[level.order], self.limits.items
        while pos + 8 <= end:
            group, element = halves(data, pos)
            length = words(data, pos + 4)[0]
            pos += 8
            if group != 0xFFFE or element not in (0xE000, 0xE0DD):
                raise Refused("something that is no fragment lies among the fragments")
            if element == 0xE0DD:
                self._pos = pos
                return spans
            if length == UNDEFINED or pos + length > end:
                raise self._cut("a fragment")
            if len(spans) > limit:
                raise self._over("fragments", limit)
            spans.starts.append(pos)
            spans.lengths.append(length)
            pos += length
        raise self._cut("encapsulated data")

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
        group, element = _HALVES[level.order](self.data, pos)
        length = _WORDS[level.order](self.data, pos + 4)[0]
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
        run = _EMPTY_ITEMS.match(self.data, self._pos, level.sequence_end)
        count = (run.end() - self._pos) // 8 if run else 1
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
        if len(rest) > PADDING or any(rest):
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
        return _HALVES[order](self.data, pos) in ((0xFFFE, 0xE000), (0xFFFE, 0xE0DD))

    def _in_order(self, level: Level, key: str) -> None:
        if key <= level.previous:
            self.disordered = True
        level.previous = key

    def _settle(self) -> None:
        """Read signed what Pixel Representation, coming late, says is signed."""
        sign = (self.root.get("00280103") or {}).get("Value")
        if sign == [1]:
            for out, key, raw, order in self._pending:
                out[key] = _DECODERS[order]["SS"](raw, Charset((), self.warnings))
                if key in LUT_DESCRIPTORS:
                    _unsigned_count(out[key])

    def _warn(self, message: str) -> None:
        self.warnings[message] = None

    def _over(self, what: str, limit: int) -> Refused:
        return Refused(f"more than {limit} {what}")

    def _cut(self, what: str) -> Refused:
        return Refused(f"{what} is cut short or longer than what holds it")


def _unsigned_count(element: Dataset) -> None:
    """The first value of a LUT Descriptor is never negative (PS3.3 §C.7.6.3.1.5)."""
    values = element.get("Value")
    if values and len(values) > 1 and isinstance(values[0], int) and values[0] < 0:
        values[0] += 65536
