"""Values to the DICOM JSON Model, a function a VR (PS3.18 §F.2).

Each takes the bytes of a value and its character set, and gives the whole element.
`Value` never has null: OHIF's reader fails on it. An empty value among several is ""
instead, which keeps its neighbours in their places and which PS3.18 §F.2.3.1 lets
stand for a number too. For the same reason a number that JSON cannot say is a string:
"NaN", "Infinity", an IS or DS that is none, and integers beyond 2⁵³.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Callable
from math import isfinite
from struct import Struct, unpack
from typing import Any

from filmroom.dicom.bulk import little_endian
from filmroom.dicom.charsets import Charset

Element = dict[str, Any]
Decode = Callable[[bytes, Charset], Element]

PAD = " \0"
SAFE = 2**53  # the first integer that a browser's numbers cannot tell from its neighbour

_INTEGER = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def _ascii(vr: str) -> Decode:
    """Values of the default character set: AE, AS, CS, DA, DT, TM, UI."""

    def decode(raw: bytes, _: Charset) -> Element:
        text = raw.decode("latin-1").rstrip(PAD)
        if not text:
            return {"vr": vr}
        if "\\" in text:
            return {"vr": vr, "Value": [value.rstrip(PAD) for value in text.split("\\")]}
        return {"vr": vr, "Value": [text]}

    return decode


def _application(raw: bytes, _: Charset) -> Element:
    text = raw.decode("latin-1").strip(PAD)
    if not text:
        return {"vr": "AE"}
    return {"vr": "AE", "Value": [value.strip(PAD) for value in text.split("\\")]}


def _texts(vr: str) -> Decode:
    """One or several values in the data set's character set: LO, SH, UC."""

    def decode(raw: bytes, charset: Charset) -> Element:
        text = charset.decode(raw).rstrip(PAD)
        if not text:
            return {"vr": vr}
        if "\\" in text:
            return {"vr": vr, "Value": [value.rstrip(PAD) for value in text.split("\\")]}
        return {"vr": vr, "Value": [text]}

    return decode


def _text(vr: str) -> Decode:
    """One value, in which a backslash is a backslash: LT, ST, UT."""

    def decode(raw: bytes, charset: Charset) -> Element:
        text = charset.decode(raw).rstrip(PAD)
        return {"vr": vr, "Value": [text]} if text else {"vr": vr}

    return decode


def _uri(raw: bytes, _: Charset) -> Element:
    text = raw.decode("latin-1").rstrip(PAD)
    return {"vr": "UR", "Value": [text]} if text else {"vr": "UR"}


def _names(raw: bytes, charset: Charset) -> Element:
    text = charset.decode(raw).rstrip(PAD)
    if not text:
        return {"vr": "PN"}
    if "\\" not in text and "=" not in text:
        return {"vr": "PN", "Value": [{"Alphabetic": text}]}
    return {"vr": "PN", "Value": [_name(value) for value in text.split("\\")]}


def _name(text: str) -> dict[str, str]:
    """A person name's component groups; viewers show nothing but the alphabetic one."""
    groups = [group.rstrip(PAD) for group in text.split("=")[:3]]
    keys = ("Alphabetic", "Ideographic", "Phonetic")
    name = {key: group for key, group in zip(keys, groups, strict=False) if group}
    if not groups[0]:
        name = {"Alphabetic": next(iter(name.values()), ""), **name}
    return name


def _decimals(raw: bytes, charset: Charset) -> Element:
    try:
        values = [float(value) for value in raw.split(b"\\")]
        if isfinite(sum(values)) and b"_" not in raw:
            return {"vr": "DS", "Value": values}
    except ValueError:
        pass
    return _odd_numbers("DS", raw, charset)


def _integers(raw: bytes, charset: Charset) -> Element:
    try:
        if len(raw) < 16 and b"_" not in raw:  # so that none is beyond what JSON can say
            return {"vr": "IS", "Value": [int(value) for value in raw.split(b"\\")]}
    except ValueError:
        pass
    return _odd_numbers("IS", raw, charset)


def _odd_numbers(vr: str, raw: bytes, charset: Charset) -> Element:
    """Numbers as text, one by one: what is none stays a string."""
    texts = [text.strip(" \0\t\r\n") for text in raw.decode("latin-1").split("\\")]
    if texts == [""]:
        return {"vr": vr}
    values: list[int | float | str] = []
    for text in texts:
        value = _number(vr, text)
        if isinstance(value, str) and value:
            charset.warn(f"a value of VR {vr} is not a number")
        values.append(value)
    return {"vr": vr, "Value": values}


def _number(vr: str, text: str) -> int | float | str:
    if vr == "IS" and _INTEGER.fullmatch(text):
        return int(text)
    if len(text) > 64 or not _DECIMAL.fullmatch(text):
        return text
    value = float(text)
    if vr == "DS":
        return value if isfinite(value) else text
    return int(value) if value.is_integer() and abs(value) < SAFE else text


def _numbers(vr: str, code: str, order: str) -> Decode:
    """Binary integers that JSON can say: US, SS, UL, SL."""
    one = Struct(order + code)
    width, read = one.size, one.unpack

    def decode(raw: bytes, charset: Charset) -> Element:
        if len(raw) == width:
            return {"vr": vr, "Value": [*read(raw)]}
        if len(raw) % width:
            return _misfit(vr, raw, charset)
        return {"vr": vr, "Value": [*unpack(f"{order}{len(raw) // width}{code}", raw)]}

    return decode


def _large_numbers(vr: str, code: str, order: str) -> Decode:
    """64-bit integers, those beyond a browser's numbers as strings (CP-1889)."""
    plain = _numbers(vr, code, order)

    def decode(raw: bytes, charset: Charset) -> Element:
        element = plain(raw, charset)
        if "Value" in element and not all(-SAFE < value < SAFE for value in element["Value"]):
            element["Value"] = [v if -SAFE < v < SAFE else str(v) for v in element["Value"]]
        return element

    return decode


def _reals(vr: str, code: str, order: str) -> Decode:
    """Binary floating point: FL, FD."""
    plain = _numbers(vr, code, order)

    def decode(raw: bytes, charset: Charset) -> Element:
        element = plain(raw, charset)
        if "Value" in element and not isfinite(sum(element["Value"])):
            element["Value"] = [v if isfinite(v) else _not_finite(v) for v in element["Value"]]
        return element

    return decode


def _not_finite(value: float) -> str:
    if value != value:
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _tags(order: str) -> Decode:
    def decode(raw: bytes, charset: Charset) -> Element:
        if len(raw) % 4:
            return _misfit("AT", raw, charset)
        halves = unpack(f"{order}{len(raw) // 2}H", raw)
        pairs = zip(halves[::2], halves[1::2], strict=True)
        return {"vr": "AT", "Value": [f"{group:04X}{element:04X}" for group, element in pairs]}

    return decode


def _misfit(vr: str, raw: bytes, charset: Charset) -> Element:
    """A value whose length its VR does not allow: bytes of unknown meaning."""
    charset.warn(f"a value of VR {vr} has a length that does not fit")
    return {"vr": "UN", "InlineBinary": base64(raw)}


def base64(raw: bytes) -> str:
    """The bytes as `InlineBinary` wants them (PS3.18 §F.2.7)."""
    return b2a_base64(raw, newline=False).decode("ascii")


def _binary(vr: str, order: str) -> Decode:
    """OB, OW and their like, in little endian order whatever the data set's."""

    def decode(raw: bytes, _: Charset) -> Element:
        return {"vr": vr, "InlineBinary": base64(little_endian(raw, vr) if order == ">" else raw)}

    return decode


def decoders(order: str) -> dict[str, Decode]:
    """A function for each VR but SQ; `order` is "<" or ">" as `struct` has it."""
    table: dict[str, Decode] = {"AE": _application, "UR": _uri, "PN": _names, "AT": _tags(order)}
    table |= {"DS": _decimals, "IS": _integers}
    table |= {vr: _ascii(vr) for vr in ("AS", "CS", "DA", "DT", "TM", "UI")}
    table |= {vr: _texts(vr) for vr in ("LO", "SH", "UC")}
    table |= {vr: _text(vr) for vr in ("LT", "ST", "UT")}
    whole = {"US": "H", "SS": "h", "UL": "I", "SL": "i"}
    table |= {vr: _numbers(vr, code, order) for vr, code in whole.items()}
    table |= {vr: _large_numbers(vr, code, order) for vr, code in {"UV": "Q", "SV": "q"}.items()}
    table |= {vr: _reals(vr, code, order) for vr, code in {"FL": "f", "FD": "d"}.items()}
    table |= {vr: _binary(vr, order) for vr in ("OB", "OD", "OF", "OL", "OV", "OW", "UN")}
    return table
