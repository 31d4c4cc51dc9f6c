"""The walk through a data set: every byte accounted for, nothing trusted (PS3.5 §7).

It does not recurse: levels of nesting are a linked list. Plain elements are read in a
tight loop from a window, a small copy of the file; all else, and what does not fit the
window, takes the careful way, `_special`. Bulk values are stepped over unread.
"""

from __future__ import annotations

from filmroom.dicom.bulk import BulkValue
from filmroom.dicom.charsets import Charset
from filmroom.dicom.scan_dictionary import LONG_VRS, NAMES, name_of
from filmroom.dicom.scan_level import UNDEFINED, Dataset, Level
from filmroom.dicom.scan_limits import ScanLimits
from filmroom.dicom.scan_nesting import Nesting
from filmroom.dicom.scan_tables import (
    ALWAYS_BULK,
    CAREFUL,
    CHARSET,
    DECODERS,
    EXPLICIT_VRS,
    HALVES,
    LUT_DESCRIPTORS,
    PIXEL_DATA,
    PLAIN,
    SHORT,
    SHORTS,
    TRAILING_PADDING,
    WINDOW,
    WORDS,
    explicit_header,
    implicit_header,
)
from filmroom.dicom.spans import Span, Spans
from filmroom.errors import Refused


class Walk(Nesting):
    """One walk through one data set; `run` it once, then read what it found."""

    def __init__(self, data: memoryview, start: int, limits: ScanLimits) -> None:
        super().__init__(data, start, limits)
        self.bulk: list[tuple[Dataset, BulkValue]] = []
        self.spans: dict[str, Span] = {}
        """Where top-level pixel data and offset tables lie, by tag."""
        self.fragments: Spans | None = None
        """Of top-level pixel data, the offset table left out; None if it is native."""
        self.declared: tuple[str, ...] = ()
        """Specific Character Set as the data set itself says it."""
        self._pending: list[tuple[Dataset, str, bytes, str]] = []
        self._charsets: dict[bytes, Charset] = {}
        self._base, self._window = start, b""
        self._quick = min(limits.bulk_threshold, limits.value) >= WINDOW

    def run(self, *, implicit: bool, order: str) -> Dataset:
        """Read the whole data set as the DICOM JSON Model; raises Refused."""
        level = self._level
        level.order = order
        level.out, level.end, level.implicit = self.root, len(self.data), implicit
        level.implicit = self._found_implicit(level, self._pos)
        if level.implicit != implicit:
            found = "implicit" if level.implicit else "explicit"
            self._warn(f"the data set has {found} VRs, against its transfer syntax")
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
            going = self._special(level, level.out)
            if self._count > self.limits.elements:
                raise self._over("elements", self.limits.elements)
        self._settle()
        return self.root

    def _explicit_run(self, level: Level, out: Dataset) -> None:
        """Read plain elements until one is not; explicit VR little endian (PS3.5 §7.1.2)."""
        window, base, charset = self._window, self._base, level.charset
        at = self._pos - base
        stop = min(level.end - base, len(window))
        last, previous, count = stop - 8, level.previous, 0
        while at <= last:
            tag, vr, length = explicit_header(window, at)
            decode = SHORT.get(vr)
            start = at + 8
            after = start + length
            if decode is None or after > stop or tag < 0x10000 or tag in CAREFUL:
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
            tag, length = implicit_header(window, at)
            plain = PLAIN.get(tag)
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
        group, element = HALVES[level.order](self.data, pos)
        tag = element << 16 | group
        if group == 0xFFFE:
            self._delimiter(level, tag)
            return True
        if tag == 0:  # not looked behind twice, or a run of zeros would cost its square
            return self._tail(level)
        vr, length, start = self._header(level, tag)
        self._count += 1
        if length == UNDEFINED:
            self._undefined(level, out, tag, vr, start)
        elif start + length > level.end:
            raise self._cut(f"the value of {name_of(tag)}")
        elif vr == "SQ" and length and self._is_sequence(level, tag, start):
            self._open(level, out, name_of(tag), start, length)
        else:
            self._pos = start + length
            vr = "UN" if vr == "SQ" and length else vr
            self._value(level, out, tag, vr, start, length)
        return True

    def _is_sequence(self, level: Level, tag: int, start: int) -> bool:
        """Whether to go into it; what only a private dictionary calls a sequence may be none."""
        return not tag & 1 or self._begins_items(level.order, start)

    def _header(self, level: Level, tag: int) -> tuple[str, int, int]:
        """VR, length and start of the value of the element at the position."""
        data, pos, order = self.data, self._pos, level.order
        if level.implicit:
            return level.known_vr(tag), WORDS[order](data, pos + 4)[0], pos + 8
        raw = bytes(data[pos + 4 : pos + 6])
        vr = EXPLICIT_VRS.get(raw)
        if vr is None:
            if b"AA" <= raw <= b"ZZ":
                self._warn("an element has a VR that does not exist")
                return "UN", SHORTS[order](data, pos + 6)[0], pos + 8
            self._warn("some elements have no VR though the transfer syntax asks for it")
            return level.known_vr(tag), WORDS[order](data, pos + 4)[0], pos + 8
        if vr not in LONG_VRS:
            return vr, SHORTS[order](data, pos + 6)[0], pos + 8
        if pos + 12 > level.end:
            raise self._cut("an element's header")
        length = WORDS[order](data, pos + 8)[0]
        if vr == "UN" and (length < 0xFFFF or length == UNDEFINED):
            # A relay that does not know a VR writes UN (PS3.5 §6.2.2); we may know it.
            vr = "SQ" if length == UNDEFINED else level.known_vr(tag)
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
            self.fragments = None if key == PIXEL_DATA else self.fragments
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
            out[key] = DECODERS[level.order][vr](raw, level.charset)
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
            terms = raw[:1024].decode("latin-1").split("\\")
            self._charsets[raw] = Charset(terms, self.warnings)
        level.charset = self._charsets[raw]
        if level.outer is None:
            self.declared = tuple(raw[:1024].decode("latin-1").strip(" \0").split("\\"))
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
        halves, words, limit = HALVES[level.order], WORDS[level.order], self.limits.items
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

    def _settle(self) -> None:
        """Read signed what Pixel Representation, coming late, says is signed."""
        sign = (self.root.get("00280103") or {}).get("Value")
        if sign == [1]:
            for out, key, raw, order in self._pending:
                out[key] = DECODERS[order]["SS"](raw, Charset((), self.warnings))
                if key in LUT_DESCRIPTORS:
                    _unsigned_count(out[key])


def _unsigned_count(element: Dataset) -> None:
    """The first value of a LUT Descriptor is never negative (PS3.3 §C.7.6.3.1.5)."""
    values = element.get("Value")
    if values and len(values) > 1 and isinstance(values[0], int) and values[0] < 0:
        values[0] += 65536
