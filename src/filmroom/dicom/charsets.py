"""Specific Character Set: bytes to text, whatever the bytes (PS3.3 §C.12.1.1.2, PS3.5 §6.1).

Text that contradicts its character set is read as well as may be and never refused:
a name that shows wrongly is better than an image that does not show at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

DEFAULT = ""
UNKNOWN = "a character set is not known; its text may show wrongly"
WRONG = "some text does not follow its character set; it may show wrongly"
UNDECLARED = "some text is not ASCII though no character set is declared; it may show wrongly"

_LATIN = "latin-1"
# By the number of the registration; the words before it vary, also wrongly.
_SINGLE = {
    "6": "ascii",
    "13": "shift_jis",
    "14": "shift_jis",
    "100": _LATIN,
    "101": "iso8859-2",
    "109": "iso8859-3",
    "110": "iso8859-4",
    "126": "iso8859-7",
    "127": "iso8859-6",
    "138": "iso8859-8",
    "144": "iso8859-5",
    "148": "iso8859-9",
    "166": "tis-620",
    "203": "iso8859-15",
}
_MULTI = {"87": "iso2022_jp_2", "159": "iso2022_jp_2", "149": "euc_kr", "58": "gb2312"}
_WHOLE = {
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "ISO 2022 GBK": "gb18030",
    "ISO 2022 58": "gb2312",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "ISO_IR_192": "utf-8",
    "LATIN1": _LATIN,
    "ISO-8859-1": _LATIN,
    "ISO8859-1": _LATIN,
}
_TERM = re.compile(r"ISO[ _-]?(?:2022)?[ _-]?IR[ _-]?(\d+)")

ESC = 0x1B
# Escape sequence → (code element, codec, kept): G0 has the bytes below 0x80, G1 those
# above; `kept` codecs want to see the escape (PS3.3 Tables C.12-3 and C.12-4).
_ESCAPES = {
    b"(B": (0, "ascii", False),
    b"(J": (0, "shift_jis", False),
    b"$@": (0, "iso2022_jp_2", True),
    b"$B": (0, "iso2022_jp_2", True),
    b"$(D": (0, "iso2022_jp_2", True),
    b")I": (1, "shift_jis", False),
    b"-A": (1, _LATIN, False),
    b"-B": (1, "iso8859-2", False),
    b"-C": (1, "iso8859-3", False),
    b"-D": (1, "iso8859-4", False),
    b"-F": (1, "iso8859-7", False),
    b"-G": (1, "iso8859-6", False),
    b"-H": (1, "iso8859-8", False),
    b"-L": (1, "iso8859-5", False),
    b"-M": (1, "iso8859-9", False),
    b"-T": (1, "tis-620", False),
    b"-b": (1, "iso8859-15", False),
    b"$)A": (1, "gb2312", False),
    b"$)C": (1, "euc_kr", False),
}
_ESCAPED = re.compile(rb"\x1b(\$[()][A-D]|\$[@B]|[()][A-Z]|-[A-Za-z])?([^\x1b]*)", re.DOTALL)
# Each of these brings the first character set back (PS3.5 §6.1.2.5.3).
_RESET = re.compile(rb"([\t\n\f\r\\^=])")


class Charset:
    """One Specific Character Set: decodes text, and says once what went wrong."""

    __slots__ = ("codec", "fallback", "warnings")

    def __init__(self, terms: Sequence[str], warnings: dict[str, None]) -> None:
        self.warnings = warnings
        codecs = [code_of(term[:40]) for term in terms]
        if None in codecs:
            self.warn(UNKNOWN)
        self.codec = (codecs[0] if codecs else None) or "ascii"
        # Writers that declare another set than ASCII often forget to switch to it.
        self.fallback = next((codec for codec in codecs if codec not in (None, "ascii")), None)

    def warn(self, message: str) -> None:
        """Remember a warning; the same one again changes nothing."""
        self.warnings[message] = None

    def decode(self, raw: bytes) -> str:
        """The text of `raw`."""
        if ESC in raw and self.codec not in ("utf-8", "gb18030"):
            return self._decode_escaped(raw)
        try:
            return raw.decode(self.codec)
        except UnicodeDecodeError as error:
            return self._decode_wrong(raw, error)

    def _decode_wrong(self, raw: bytes, error: UnicodeDecodeError) -> str:
        if self.codec == "utf-8" and error.reason != "unexpected end of data":
            self.warn(WRONG)
            return raw.decode(_LATIN)
        if self.codec != "ascii":
            self.warn(WRONG)
            return raw.decode(self.codec, "replace")
        self.warn(WRONG if self.fallback else UNDECLARED)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            return raw.decode(self.fallback or _LATIN, "replace")

    def _decode_escaped(self, raw: bytes) -> str:
        """Text with code extensions (PS3.5 §6.1.2.5)."""
        begin = raw.index(ESC)
        pieces = [self._chunk(raw[:begin], self.codec)]
        g0, g1 = "ascii", self.codec
        for escape, chunk in _ESCAPED.findall(raw, begin):
            element, codec, kept = _ESCAPES.get(escape, (-1, "", False))
            if element == 0:
                g0 = codec
            elif element == 1:
                g1 = codec
            else:
                self.warn(WRONG)
            if kept:  # pairs of bytes, among which no delimiter can be told
                pieces.append(self._chunk(b"\x1b" + escape + chunk, codec))
                continue
            active = g1 if g0 == "ascii" or not chunk.isascii() else g0
            text, *rest = _RESET.split(chunk, maxsplit=1)
            pieces.append(self._chunk(text, active))
            if rest:
                g0, g1 = "ascii", self.codec
                pieces.append(self._chunk(b"".join(rest), self.codec))
        return "".join(pieces)

    def _chunk(self, raw: bytes, codec: str) -> str:
        try:
            return raw.decode(codec)
        except UnicodeDecodeError:
            self.warn(WRONG)
            return raw.decode(codec if codec != "ascii" else _LATIN, "replace")


@lru_cache(maxsize=1024)
def code_of(term: str) -> str | None:
    """The codec of one value of Specific Character Set; None if it is not known."""
    word = term.strip(" \0").upper()
    if not word:
        return "ascii"
    if len(word) > 32:
        return None
    if word in _WHOLE:
        return _WHOLE[word]
    number = number_of(term)
    if number == "192":
        return "utf-8"
    return _SINGLE.get(number) or _MULTI.get(number)


def number_of(term: str) -> str:
    """The number of the registration that a value names; "" if it names none."""
    word = term.strip(" \0").upper()
    named = _TERM.fullmatch(word) if len(word) <= 32 else None
    return named.group(1) if named else ""
