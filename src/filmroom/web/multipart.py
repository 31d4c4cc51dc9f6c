"""multipart/related, fed by chunks, no sockets (RFC 2387, RFC 2046 §5.1).

Bytes go in at any split, events come out; nothing but a delimiter's length is held back.
Tolerated: a body that begins with CRLF or has a preamble, lines that end with LF alone, padding
behind the boundary, folded header lines, nothing after the closing delimiter, and an epilogue.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from enum import Enum, auto

from filmroom.errors import Malformed, TooLarge

MAX_BOUNDARY = 256  # bytes: RFC 2046 says 70, some clients take more
MAX_PADDING = 256  # bytes of blanks between a boundary and its line's end
MAX_AROUND = 1 << 16  # bytes of a preamble, and of an epilogue
LINE_END = re.compile(rb"[ \t]*\r?\n")
UNDECIDED = re.compile(rb"-?|[ \t]*\r?")
FOLD = re.compile(rb"\r?\n[ \t]+")
PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;\s"]*)')
ESCAPED = re.compile(r"\\(.)")
CR = 0x0D
PIECE = 1 << 18  # bytes that are taken in at once, so few that they stay in the processor's cache
HELD = 1 << 14  # bytes held back from before that have room in front of them
FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class PartLimits:
    """What a body may hold."""

    parts: int = 10_000
    header_lines: int = 20
    """Of one part."""
    header_bytes: int = 8192
    """Of one part."""


@dataclass(frozen=True, slots=True)
class PartBegins:
    """A part's headers are complete; names in lower case."""

    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PartEnds:
    """A part is complete: a delimiter followed it."""


Data = bytes | bytearray

Event = PartBegins | memoryview | PartEnds
"""A part begins, a run of its bytes, a part ends. A run is good until the next event."""


class Place(Enum):
    """Where in the body the reader stands."""

    PREAMBLE = auto()
    HEADERS = auto()
    DATA = auto()
    EPILOGUE = auto()


class Buffer:
    """Where the bytes of a body are put as they come, again and again the same place."""

    def __init__(self) -> None:
        self._bytes: bytearray | None = None

    @property
    def bytes(self) -> bytearray:
        """`HELD` bytes for what was held back, then `PIECE` for what comes."""
        if self._bytes is None:  # many a reader is fed otherwise
            self._bytes = bytearray(HELD + PIECE)
        return self._bytes

    @property
    def space(self) -> memoryview:
        """Where what comes is to be put."""
        return memoryview(self.bytes)[HELD:]

    def filled(self, count: int) -> memoryview:
        """What came."""
        return memoryview(self.bytes)[HELD : HELD + count]


class MultipartReader:
    """Reads one body; the events of each `feed` or `take` must be used up before the next."""

    def __init__(self, boundary: bytes, limits: PartLimits | None = None) -> None:
        if not 0 < len(boundary) <= MAX_BOUNDARY:
            raise Malformed(f"the boundary has {len(boundary)} bytes, not 1 to {MAX_BOUNDARY}")
        self._limits = limits or PartLimits()
        self._delimiter = b"\n--" + boundary
        self._place = Place.PREAMBLE
        # A body may begin with its first delimiter, so the line end that opens one is put first.
        self._rest = b"\r\n"
        self._buffer = Buffer()
        # Bytes at the front of what is unread that open a delimiter but are no part's data.
        self._lead = 2
        self._passed_over = 0
        self._parts = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events of the next bytes; Malformed or TooLarge where they cannot be read."""
        data = self._rest + chunk if self._rest else chunk
        return self._read(data, 0, len(data))

    @property
    def space(self) -> memoryview:
        """Where the next bytes can be put, instead of feeding them."""
        return self._buffer.space

    def take(self, count: int) -> Iterator[Event]:
        """The same of the first bytes of `space`, which are not copied."""
        if len(self._rest) > HELD:
            return self.feed(bytes(self._buffer.filled(count)))
        data, at = self._buffer.bytes, HELD - len(self._rest)
        data[at:HELD] = self._rest
        return self._read(data, at, HELD + count)

    def _read(self, data: Data, begin: int, end: int) -> Iterator[Event]:
        self._rest = b""
        at: int | None = begin
        while at is not None:
            if self._place is Place.HEADERS:
                at = yield from self._read_headers(data, at, end)
            elif self._place is Place.EPILOGUE:
                self._pass_over(end - at)
                at = None
            else:
                at = yield from self._read_content(data, at, end)

    def close(self) -> None:
        """The body has ended; Malformed if the closing delimiter has not come."""
        if self._place is Place.EPILOGUE:
            return
        if self._place is Place.PREAMBLE:
            raise Malformed("no line of the body is its boundary")
        raise Malformed(f"the body ends within part {self._parts}: no closing boundary")

    def _read_content(self, data: Data, at: int, stop: int) -> Generator[Event, None, int | None]:
        """Give out bytes up to the next delimiter and return where its line ends.

        None: all is read up to `stop`, but for what may belong to a delimiter, which is kept.
        """
        begin, end = self._find(data, at, stop)
        start = at + self._lead
        if begin > start:
            if self._place is Place.DATA:
                yield memoryview(data)[start:begin]
            else:
                self._pass_over(begin - start)
        if end is None:
            self._lead = max(0, start - begin)
            self._rest = bytes(data[begin:stop])
            return None
        if self._place is Place.DATA:
            yield PartEnds()
        closing = data.startswith(b"--", end - 2, stop)
        self._place = Place.EPILOGUE if closing else Place.HEADERS
        self._passed_over = 0
        return end

    def _find(self, data: Data, at: int, stop: int) -> tuple[int, int | None]:
        """Where the next delimiter begins, its line end included, and where its line ends.

        No end: there may be one from there on, which only the bytes to come can tell.
        """
        i = data.find(self._delimiter, at, stop)
        while i >= 0:
            begin = i - 1 if i > at and data[i - 1] == CR else i
            after = i + len(self._delimiter)
            if data.startswith(b"--", after, stop):
                return begin, after + 2
            if line_end := LINE_END.match(data, after, stop):
                return begin, line_end.end()
            if stop - after < MAX_PADDING and UNDECIDED.fullmatch(data, after, stop):
                return begin, None
            i = data.find(self._delimiter, i + 1, stop)
        return max(at, stop - len(self._delimiter)), None

    def _read_headers(self, data: Data, at: int, stop: int) -> Generator[Event, None, int | None]:
        """Read a part's headers and return where the line end before its data is."""
        position, lines = at, 0
        while True:
            end = data.find(b"\n", position, stop)
            if (end if end >= 0 else stop) - at > self._limits.header_bytes:
                raise TooLarge(f"part headers of more than {self._limits.header_bytes} bytes")
            if end < 0:
                self._rest = bytes(data[at:stop])
                return None
            if data[position:end] in (b"", b"\r"):
                break
            lines += 1
            if lines > self._limits.header_lines:
                raise TooLarge(f"more than {self._limits.header_lines} header lines in a part")
            position = end + 1
        self._parts += 1
        if self._parts > self._limits.parts:
            raise TooLarge(f"more than {self._limits.parts} parts in a request")
        yield PartBegins(read_fields(bytes(data[at:position]), self._parts))
        self._place = Place.DATA
        self._lead = 1
        return end

    def _pass_over(self, length: int) -> None:
        self._passed_over += length
        if self._passed_over > MAX_AROUND:
            what = "before its first" if self._place is Place.PREAMBLE else "behind its last"
            raise Malformed(f"the body has more than {MAX_AROUND} bytes {what} boundary")


def read_fields(block: bytes, part: int) -> dict[str, str]:
    """The header fields of one part, names in lower case; of a name given twice the first."""
    fields: dict[str, str] = {}
    for line in FOLD.sub(b" ", block).decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if not colon or not FIELD_NAME.fullmatch(name.rstrip()):
            raise Malformed(f"part {part} has a line among its headers that is no header")
        fields.setdefault(name.rstrip().lower(), value.strip())
    return fields


def read_content_type(value: str) -> tuple[str, dict[str, str]]:
    """A Content-Type's media type, in lower case, and its parameters, quoted or not."""
    name, _, rest = value.partition(";")
    parameters: dict[str, str] = {}
    for match in PARAMETER.finditer(";" + rest):
        text = match[2]
        if text.startswith('"'):
            text = ESCAPED.sub(r"\1", text.strip('"'))
        parameters.setdefault(match[1].lower(), text)
    return name.strip().lower(), parameters
