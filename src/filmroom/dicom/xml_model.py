"""DICOM JSON to the Native DICOM Model, its form in XML (PS3.19 §A.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pydicom.datadict import keyword_for_tag

NAMESPACE = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
NAME_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")

_OPENING = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<NativeDicomModel xmlns="{NAMESPACE}"'
    ' xml:space="preserve">'
)
_CLOSING = "</NativeDicomModel>"
# What XML 1.0 cannot hold in any spelling (§2.2 Char), and so must be replaced.
_UNFIT = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A reader turns a bare CR into LF (XML 1.0 §2.11), so it is written by its number.
_BY_NUMBER = {"\r": "&#13;"}


def native_model(dataset: Mapping[str, Any]) -> bytes:
    """The data set as one XML document in UTF-8.

    Characters that XML cannot hold, such as a stray ESC, become U+FFFD.
    """
    return "".join((_OPENING, *_attributes(dataset), _CLOSING)).encode()


def _attributes(dataset: Mapping[str, Any]) -> Iterator[str]:
    for tag in sorted(dataset):
        yield from _attribute(tag, dataset[tag], _private_creator(tag, dataset))


def _attribute(tag: str, element: Mapping[str, Any], creator: str) -> Iterator[str]:
    opening = f'<DicomAttribute tag="{tag}" vr="{element["vr"]}"'
    if keyword := _keyword(tag):
        opening += f' keyword="{keyword}"'
    if creator:
        opening += f" privateCreator={quoteattr(_fit(creator))}"
    content = "".join(_content(element))
    yield f"{opening}>{content}</DicomAttribute>" if content else f"{opening}/>"


def _content(element: Mapping[str, Any]) -> Iterator[str]:
    if "BulkDataURI" in element:
        yield f"<BulkData uri={quoteattr(_fit(element['BulkDataURI']))}/>"
    elif "InlineBinary" in element:
        yield f"<InlineBinary>{_text(element['InlineBinary'])}</InlineBinary>"
    else:
        for number, value in enumerate(element.get("Value", ()), 1):
            yield from _value(element["vr"], number, value)


def _value(vr: str, number: int, value: Any) -> Iterator[str]:  # noqa: ANN401 -- whatever JSON holds
    if vr == "SQ":
        yield f'<Item number="{number}">'
        yield from _attributes(value or {})
        yield "</Item>"
    elif vr == "PN":
        yield f'<PersonName number="{number}">'
        yield from _name(value or {})
        yield "</PersonName>"
    else:
        yield f'<Value number="{number}">{"" if value is None else _text(value)}</Value>'


def _name(groups: Mapping[str, str]) -> Iterator[str]:
    for group in NAME_GROUPS:
        if group not in groups:
            continue
        yield f"<{group}>"
        # A fifth caret is against the rules (PS3.5 §6.2.1); what follows it stays in the suffix.
        parts = groups[group].split("^", len(NAME_COMPONENTS) - 1)
        for component, part in zip(NAME_COMPONENTS, parts, strict=False):
            if part:
                yield f"<{component}>{_text(part)}</{component}>"
        yield f"</{group}>"


def _text(value: object) -> str:
    return escape(_fit(str(value)), _BY_NUMBER)


def _fit(text: str) -> str:
    return _UNFIT.sub("\ufffd", text)


def _private_creator(tag: str, dataset: Mapping[str, Any]) -> str:
    """Who reserved the block of a private attribute (PS3.5 §7.8.1); "" where none is told."""
    if int(tag[3], 16) % 2 == 0 or tag[4:6] == "00":
        return ""
    reserved = dataset.get(f"{tag[:4]}00{tag[4:6]}", {}).get("Value")
    return str(reserved[0]) if reserved else ""


@lru_cache(maxsize=8192)
def _keyword(tag: str) -> str:
    return keyword_for_tag(int(tag, 16))
