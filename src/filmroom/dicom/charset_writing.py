"""Text to bytes of a Specific Character Set, with code extensions (PS3.5 §6.1.2.5).

What a character set cannot say is not written with replacements: who writes takes another set.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from filmroom.dicom.charsets import code_of, number_of
from filmroom.errors import Malformed

UTF_8 = "ISO_IR 192"
MOST_TERMS = 16  # values of Specific Character Set that are looked at

_WHOLE = frozenset({"utf-8", "gb18030"})
_BACK_TO_ASCII, _BACK_TO_ROMAJI = b"\x1b(B", b"\x1b(J"
# Each of these brings the first character set back (PS3.5 §6.1.2.5.3).
_DELIMITERS = re.compile(r"([\t\n\f\r\\^=])")
_JIS = "iso2022_jp_1"


class Unwritable(Malformed):
    """The text has characters that the character set lacks."""


@dataclass(frozen=True, slots=True)
class _Set:
    """One coded character set, and the escape that brings it in (PS3.3 Tables C.12-3, C.12-4)."""

    escape: bytes
    codec: str
    in_g0: bool = False
    """Whether it takes the bytes below 0x80, which ASCII must then be given back."""

    def bytes_of(self, character: str) -> bytes | None:
        """A character without escapes; None if the set lacks it."""
        try:
            raw = character.encode(self.codec)
        except UnicodeEncodeError:
            return None
        if self.codec == _JIS:  # of whose sets this is one
            return raw[len(self.escape) : -3] if raw.startswith(self.escape) else None
        if self.codec == "shift_jis" and len(raw) > 1:
            return None  # not of JIS X 0201
        return raw if raw[0] >= 0x80 else None


_SETS = {
    "13": _Set(b"\x1b)I", "shift_jis"),
    "14": _Set(b"\x1b)I", "shift_jis"),
    "87": _Set(b"\x1b$B", _JIS, in_g0=True),
    "159": _Set(b"\x1b$(D", _JIS, in_g0=True),
    "149": _Set(b"\x1b$)C", "euc_kr"),
    "58": _Set(b"\x1b$)A", "gb2312"),
    "100": _Set(b"\x1b-A", "latin-1"),
    "101": _Set(b"\x1b-B", "iso8859-2"),
    "109": _Set(b"\x1b-C", "iso8859-3"),
    "110": _Set(b"\x1b-D", "iso8859-4"),
    "126": _Set(b"\x1b-F", "iso8859-7"),
    "127": _Set(b"\x1b-G", "iso8859-6"),
    "138": _Set(b"\x1b-H", "iso8859-8"),
    "144": _Set(b"\x1b-L", "iso8859-5"),
    "148": _Set(b"\x1b-M", "iso8859-9"),
    "166": _Set(b"\x1b-T", "tis-620"),
    "203": _Set(b"\x1b-b", "iso8859-15"),
}
_MULTI_BYTE = frozenset({"87", "159", "149", "58"})


class Writing:
    """Writes text in one Specific Character Set."""

    def __init__(self, terms: Sequence[str]) -> None:
        first = code_of(terms[0]) if terms else "ascii"
        self._whole = first if first in _WHOLE else None
        numbers = [number_of(term) for term in terms[:MOST_TERMS]]
        one = numbers[0] if numbers else ""
        single = one not in _MULTI_BYTE and one in _SETS
        self._first = _SETS[one] if single else None
        self._sets = [_SETS[number] for number in numbers if number in _SETS]
        self._back = _BACK_TO_ROMAJI if one in ("13", "14") else _BACK_TO_ASCII
        self._extended = lru_cache(maxsize=4096)(self._write)

    def encode(self, text: str) -> bytes:
        """The bytes of a text, which may be several values; raises Unwritable."""
        if text.isascii():
            return text.encode("ascii")
        if self._whole is None:
            return self._extended(text)
        try:
            return text.encode(self._whole)
        except UnicodeEncodeError:
            raise Unwritable("some text is no text in Unicode") from None

    def _write(self, text: str) -> bytes:
        return b"".join(
            run.encode("ascii") if run.isascii() else self._run(run)
            for run in _DELIMITERS.split(text)
        )

    def _run(self, run: str) -> bytes:
        """Text between delimiters, which begins and ends with the first character set."""
        pieces: list[bytes] = []
        g0: _Set | None = None
        g1 = self._first
        for character in run:
            one, raw = self._found(character, g0 or g1)
            if g0 is not None and one is not g0:
                pieces.append(self._back)
                g0 = None
            if one is not None and one is not g0 and one is not g1:
                pieces.append(one.escape)
                g0, g1 = (one, g1) if one.in_g0 else (None, one)
            pieces.append(raw)
        if g0 is not None:
            pieces.append(self._back)
        return b"".join(pieces)

    def _found(self, character: str, current: _Set | None) -> tuple[_Set | None, bytes]:
        """The set that has a character, the current one if it does; None is ASCII."""
        if character.isascii():
            return None, character.encode("ascii")
        for one in (current, *self._sets) if current else self._sets:
            raw = one.bytes_of(character)
            if raw is not None:
                return one, raw
        raise Unwritable("some text cannot be said in the character set")


@lru_cache(maxsize=256)
def writing(charset: str) -> Writing:
    r"""What writes text in `charset`, values joined by `\`; "" is ASCII alone."""
    return Writing(charset.split("\\")[:MOST_TERMS])
