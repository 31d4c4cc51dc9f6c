"""Elements as bytes, little-endian: headers, and values from the DICOM JSON Model (PS3.5 §7.1)."""

from __future__ import annotations

from struct import Struct
from typing import Any

from filmroom.dicom.scan_dictionary import LONG_VRS

UNDEFINED = 0xFFFFFFFF  # a length that says: until the delimiter
ITEM = b"\xfe\xff\x00\xe0"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"

_TAG = Struct("<HH")
_SHORT = Struct("<2sH")
_LONG = Struct("<2sHI")
_LENGTH = Struct("<I")
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d"}


def element_header(tag: int, vr: str, length: int, *, implicit: bool = False) -> bytes:
    """What comes before a value; one too long for its VR becomes UN (PS3.5 §6.2.2)."""
    head = _TAG.pack(tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + _LENGTH.pack(length)
    if vr in LONG_VRS:
        return head + _LONG.pack(vr.encode(), 0, length)
    if length > 0xFFFF:
        return head + _LONG.pack(b"UN", 0, length)
    return head + _SHORT.pack(vr.encode(), length)


def item_header(length: int) -> bytes:
    """What comes before an item or a fragment."""
    return ITEM + _LENGTH.pack(length)


def element(tag: int, json: dict[str, Any], *, implicit: bool = False) -> bytes:
    """An element of numbers or of ASCII text."""
    vr, values = json["vr"], json.get("Value", [])
    if vr in _NUMBERS:
        value = Struct(f"<{len(values)}{_NUMBERS[vr]}").pack(*values)
    else:
        value = "\\".join(map(str, values)).encode("ascii")
        value += (b"\0" if vr == "UI" else b" ") * (len(value) % 2)
    return element_header(tag, vr, len(value), implicit=implicit) + value
