"""Values of the DICOM JSON Model to bytes, a function a VR (PS3.5 §6.2, PS3.18 §F.2).

The way back of `scan_values`. Each takes a whole element and what encodes its text, and gives
a value that may have an odd length. What is no value of the VR raises TypeError, ValueError,
OverflowError or struct's error.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from struct import Struct, pack
from typing import Any

from filmroom.dicom.bulk import little_endian

Encode = Callable[[str], bytes]
Write = Callable[[dict[str, Any], Encode], bytes]

LONGEST_DECIMAL = 16  # bytes of a DS (PS3.5 Table 6.2-1)
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def _text(element: dict[str, Any], encode: Encode) -> bytes:
    values = element.get("Value")
    if not values:
        return b""
    return encode(values[0] if len(values) == 1 else "\\".join(values))


def _ascii(element: dict[str, Any], _: Encode) -> bytes:
    values = element.get("Value")
    if not values:
        return b""
    text: str = values[0] if len(values) == 1 else "\\".join(values)
    return text.encode("latin-1")  # what a reader takes for one byte a character


def _names(element: dict[str, Any], encode: Encode) -> bytes:
    return encode("\\".join([_name(value) for value in element.get("Value") or ()]))


def _name(value: dict[str, str] | str) -> str:
    if isinstance(value, str):
        return value
    return "=".join([value.get(group) or "" for group in _GROUPS]).rstrip("=")


def _spelled(element: dict[str, Any], _: Encode) -> bytes:
    """Numbers as text: DS and IS."""
    values = element.get("Value") or []
    return "\\".join([spelled(value) for value in values]).encode("ascii")


def spelled(value: float | str | None) -> str:
    """A number as a DS says it: as precisely as 16 characters can."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    text = repr(value)
    digits = LONGEST_DECIMAL
    while len(text) > LONGEST_DECIMAL:
        digits -= 1
        text = f"{value:.{digits}g}"
    return text


def _numbers(code: str, order: str, make: Callable[[Any], int | float]) -> Write:
    one = Struct(order + code)

    def write(element: dict[str, Any], _: Encode) -> bytes:
        values = element.get("Value") or []
        if len(values) == 1:
            raw: bytes = one.pack(make(values[0]))
            return raw
        return pack(f"{order}{len(values)}{code}", *map(make, values))

    return write


def _tags(order: str) -> Write:
    def write(element: dict[str, Any], _: Encode) -> bytes:
        tags = [int(value, 16) for value in element.get("Value") or ()]
        return b"".join([pack(order + "HH", tag >> 16, tag & 0xFFFF) for tag in tags])

    return write


def _binary(vr: str, order: str) -> Write:
    def write(element: dict[str, Any], _: Encode) -> bytes:
        raw = b64decode(element.get("InlineBinary") or "", validate=True)
        return little_endian(raw, vr) if order == ">" else raw

    return write


def writers(order: str) -> dict[str, Write]:
    """A function for each VR but SQ; `order` is "<" or ">" as `struct` has it."""
    table: dict[str, Write] = {"PN": _names, "AT": _tags(order), "DS": _spelled, "IS": _spelled}
    table |= dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"), _ascii)
    table |= dict.fromkeys(("LO", "LT", "SH", "ST", "UC", "UT"), _text)
    whole = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q"}
    table |= {vr: _numbers(code, order, int) for vr, code in whole.items()}
    table |= {vr: _numbers(code, order, float) for vr, code in {"FL": "f", "FD": "d"}.items()}
    table |= {vr: _binary(vr, order) for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN")}
    return table
