"""Data sets as people write them, by keyword or tag, to the DICOM JSON Model (PS3.6, PS3.18 §F).

`{"PatientID": "17"}` is `{"00100020": {"vr": "LO", "Value": ["17"]}}`: either will do, and
values are checked against their VR. For small data sets of text and numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from pydicom.datadict import tag_for_keyword

from filmroom.dicom import moments
from filmroom.dicom.names import GROUPS
from filmroom.dicom.scan_dictionary import public_vr, turned
from filmroom.dicom.uids import is_uid
from filmroom.errors import Malformed, TooLarge

DEEPEST = 8  # sequences within sequences
MOST = 10_000  # values and elements of a data set, all levels

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_LONGEST = {
    "AE": 16, "AS": 4, "CS": 16, "DS": 16, "IS": 12, "LO": 64, "LT": 10240, "PN": 64, "SH": 16,
    "ST": 1024, "UC": 1 << 16, "UR": 1 << 16, "UT": 1 << 16,
}  # fmt: skip  # characters (PS3.5 Table 6.2-1)
_ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})
_WHOLE = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_REAL = frozenset({"DS", "FD", "FL"})
_MOMENTS: dict[str, Callable[[str], object]] = {
    "DA": moments.date,
    "TM": moments.time,
    "DT": moments.date_time,
}
_Json = dict[str, Any]


def from_keywords(told: Mapping[str, Any]) -> _Json:
    """The attributes in the DICOM JSON Model, in order; raises Malformed, without any value."""
    return _Reading().level(told, 0)


class _Reading:
    """One data set, and how much of it was read."""

    def __init__(self) -> None:
        self._count = 0

    def level(self, told: Mapping[str, Any], depth: int) -> _Json:
        if depth > DEEPEST:
            raise TooLarge(f"sequences nested more than {DEEPEST} deep")
        elements = {}
        for name, value in told.items():
            tag = tag_of(name)
            if tag in elements:
                raise Malformed(f"{name} is there twice")
            elements[tag] = self._element(name, tag, value, depth)
        return dict(sorted(elements.items()))

    def _element(self, name: str, tag: str, told: object, depth: int) -> _Json:
        vr = public_vr(turned(int(tag, 16)))
        values: object = told
        if isinstance(told, dict) and "vr" in told:
            vr = _stated(name, vr, told["vr"])
            if told.keys() - {"vr", "Value"}:
                raise Malformed(f"{name}: only vr and Value are taken")
            values = told.get("Value")
        if vr == "UN" or " or " in vr:
            raise Malformed(f"{name}: say its vr")
        each = values if isinstance(values, list) else [] if values in (None, "") else [values]
        self._count += 1 + len(each)
        if self._count > MOST:
            raise TooLarge(f"more than {MOST} values")
        if len(each) > 1 and vr in _ONE_VALUE:
            raise Malformed(f"{name}: has one value (PS3.5 §6.4)")
        read = [self._value(name, vr, value, depth) for value in each]
        return {"vr": vr, "Value": read} if read else {"vr": vr}

    def _value(self, name: str, vr: str, value: object, depth: int) -> object:
        if vr == "SQ":
            if not isinstance(value, dict):
                raise Malformed(f"{name}: an item is an object")
            return self.level(value, depth + 1)
        try:
            return _name(value) if vr == "PN" else _plain(vr, value)
        except (Malformed, TypeError, ValueError, OverflowError):
            raise Malformed(f"{name}: not a value of VR {vr} (PS3.5 §6.2)") from None


def tag_of(name: str) -> str:
    """The tag of a keyword or a tag, as `"00100010"`; Malformed if it is neither."""
    tag = name.upper() if _TAG.fullmatch(name) else _tag_of_keyword(name[:128])
    if tag is None or tag < "0008" or tag >= "FFFE" or tag.endswith("0000"):
        raise Malformed("a key is neither a keyword nor a tag of a data set (PS3.6)")
    return tag


@lru_cache(maxsize=4096)
def _tag_of_keyword(keyword: str) -> str | None:
    tag = tag_for_keyword(keyword)
    return None if tag is None else f"{tag:08X}"


def _stated(name: str, known: str, stated: object) -> str:
    if not isinstance(stated, str) or len(stated) != 2:
        raise Malformed(f"{name}: its vr is none")
    if known == "UN" or stated in known.split(" or "):
        return stated
    raise Malformed(f"{name}: its vr is {known}")


def _name(value: object) -> _Json:
    if isinstance(value, str):
        if value.count("=") >= len(GROUPS):
            raise Malformed("a name has three component groups")
        value = dict(zip(GROUPS, value.split("="), strict=False))
    if not isinstance(value, dict) or not value.keys() <= set(GROUPS):
        raise Malformed("a name is text or its component groups")
    return {group: _text("PN", value[group]) for group in GROUPS if value.get(group)}


def _plain(vr: str, value: object) -> object:
    if vr in _WHOLE or vr in _REAL:
        return _number(vr, value)
    if vr == "AT":
        return tag_of(value) if isinstance(value, str) else _no()
    if vr == "UI":
        return value if isinstance(value, str) and is_uid(value, leading_zeros=True) else _no()
    if vr in _MOMENTS and isinstance(value, str):
        _MOMENTS[vr](value)
        return value
    if vr in _LONGEST:
        return _text(vr, value)
    return _no()  # bytes


def _number(vr: str, value: object) -> int | float:
    if isinstance(value, str) and len(value) <= 32 and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise Malformed("not a number")
    if vr in _WHOLE and value != int(value):
        raise Malformed("not a whole number")
    return int(value) if vr in _WHOLE else value


def _text(vr: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST[vr]:
        raise Malformed("no text, or too long")
    controls = "\t\n\f\r" if vr in ("LT", "ST", "UT") else ""
    if any(ord(c) < 0x20 and c not in controls for c in value) or "\x7f" in value:
        raise Malformed("control characters")
    if vr not in _ONE_VALUE and ("\\" in value or (vr == "PN" and "=" in value)):
        raise Malformed("separators within a value")
    value.encode()  # half a character of two is none
    return value


def _no() -> object:
    raise Malformed("not of this VR")
