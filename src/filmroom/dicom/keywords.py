"""Keywords: names of attributes in the dictionary (PS3.6 §6), and data sets written with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR, tag_for_keyword

from filmroom.errors import Malformed

_TAG = re.compile(r"\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?")
_NUMBERS = frozenset(["DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"])
_DEEPEST = 8  # sequences within sequences
Json = dict[str, Any]


def tag_of(name: str) -> tuple[str, str]:
    """The tag, as `00100010`, and the VR of a keyword or tag; Malformed if it is neither."""
    spelled = _TAG.fullmatch(name)
    tag = int(spelled[1] + spelled[2], 16) if spelled else tag_for_keyword(name or "-")
    if tag is None or not dictionary_has_tag(tag):
        raise Malformed(f"{name!r} is neither the keyword nor the tag of an attribute")
    return f"{tag:08X}", dictionary_VR(tag).partition(" ")[0]


def keyword_of(tag: str) -> str:
    """The keyword of a tag, or the tag itself if the dictionary lacks it."""
    number = int(tag, 16)
    return (dictionary_keyword(number) if dictionary_has_tag(number) else "") or tag


def identifier_of(keys: Mapping[str, str | Sequence[str]]) -> Json:
    """The identifier (PS3.4 §C.2.2.1) of keywords or tags with their values.

    Without a value an attribute is only to be returned. Several values are a list, or stand
    in one text with backslashes between them. What stands in a sequence is named with it:
    `ScheduledProcedureStepSequence.Modality`.
    """
    found: Json = {}
    for name, value in keys.items():
        _put(found, name.split("."), value, name)
    return dict(sorted(found.items()))


def _put(found: Json, names: Sequence[str], value: str | Sequence[str], whole: str) -> None:
    if len(names) > _DEEPEST:
        raise Malformed(f"{whole!r} is too deep")
    tag, vr = tag_of(names[0])
    if vr == "SQ":
        items = found.setdefault(tag, {"vr": vr}).setdefault("Value", [{}])
        if len(names) > 1:
            _put(items[0], names[1:], value, whole)
        return
    if len(names) > 1:
        raise Malformed(f"{names[0]!r} in {whole!r} is no sequence")
    values = value.split("\\") if isinstance(value, str) else list(value)
    found[tag] = {"vr": vr}
    if any(values):
        found[tag]["Value"] = [_typed(one, vr, whole) for one in values]


def _typed(value: str, vr: str, name: str) -> Any:  # noqa: ANN401 - a JSON value
    if vr == "PN":
        kinds = ("Alphabetic", "Ideographic", "Phonetic")
        return {kind: part for kind, part in zip(kinds, value.split("="), strict=False) if part}
    if vr in _NUMBERS:
        try:
            return float(value) if vr in ("DS", "FD", "FL") else int(value)
        except ValueError:
            raise Malformed(f"{name}: not a number") from None
    return value
