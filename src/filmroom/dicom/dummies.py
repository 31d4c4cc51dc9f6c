"""Values that mean nothing, in place of those that told something (PS3.15 Table E.1-1a, D)."""

from __future__ import annotations

from filmroom.dicom.encoding import (
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    element,
    element_header,
    item_header,
)

ANONYMIZED = "Anonymized"
_TEXTS = {
    "AE": "ANON", "AS": "000D", "CS": "ANON", "DA": "19000101", "DS": "0",
    "DT": "19000101000000", "IS": "0", "TM": "000000", "UR": "urn:anonymized",
}  # fmt: skip
_BY_TAG = {
    0x00080102: "99ANON",  # Coding Scheme Designator: those of private schemes begin so
    0x04000565: "COERCE",  # Reason for the Attribute Modification, of few words
}
_BINARY = frozenset(
    ["AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "UN", "US", "UV"]
)

CDA, OBJECTS = "text/xml", frozenset({"model/obj", "model/mtl"})
_PAGE = b"BT /F 18 Tf 40 45 Td (Anonymized) Tj ET"
_PDF = b"""%%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 200 100] /Resources <</Font <</F 4 0 R>>>>
/Contents 5 0 R>> endobj
4 0 obj <</Type /Font /Subtype /Type1 /BaseFont /Helvetica>> endobj
5 0 obj <</Length %d>> stream
%s
endstream endobj
""" % (len(_PAGE), _PAGE)


def dummy(tag: int, vr: str, length: int) -> bytes:
    """A value of this VR; of numbers and bytes as long as the one that it stands for."""
    if vr in _BINARY:
        return bytes(length + length % 2)
    text = _BY_TAG.get(tag) or _TEXTS.get(vr, ANONYMIZED)
    return text.encode() + b" " * (len(text) % 2)


def document(media_type: str) -> bytes | None:
    """A document of this type that says nothing; None where there is no such."""
    kind = media_type.strip(" \0").lower()
    if kind == "application/pdf":
        return _pdf()
    if kind == CDA:
        return b'<?xml version="1.0"?><ClinicalDocument xmlns="urn:hl7-org:v3"/>'
    if kind in OBJECTS:
        return b"# Anonymized\n"
    if kind in ("model/stl", "application/sla"):
        return bytes(84)  # no name, no triangles
    return None


def _pdf() -> bytes:
    """A page that says that it was anonymized, with the table of where its objects lie."""
    places = [_PDF.index(b"%d 0 obj" % number) for number in range(1, 6)]
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 6\n0000000000 65535 f \n"
    tail = b"trailer <</Size 6 /Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(_PDF)
    return _PDF + head + table + tail


def code(value: str, meaning: str, *, implicit: bool, designator: str = "DCM") -> bytes:
    """An item of a code sequence (PS3.3 §8.8)."""
    parts = (
        (0x00080100, "SH", value),
        (0x00080102, "SH", designator),
        (0x00080104, "LO", meaning),
    )
    return item(*(text(tag, vr, each, implicit=implicit) for tag, vr, each in parts))


def text(tag: int, vr: str, *values: str, implicit: bool) -> bytes:
    """An element of ASCII text."""
    return element(tag, {"vr": vr, "Value": list(values)}, implicit=implicit)


def item(*elements: bytes) -> bytes:
    """An item of a sequence."""
    return b"".join((item_header(UNDEFINED), *elements, ITEM_END))


def sequence(tag: int, *items: bytes, implicit: bool) -> bytes:
    """A sequence."""
    header = element_header(tag, "SQ", UNDEFINED, implicit=implicit)
    return b"".join((header, *items, SEQUENCE_END))


def content(*, implicit: bool) -> bytes:
    """A Content Sequence whose only item is a text that says nothing (PS3.3 §C.17.3)."""
    comment = code("121106", "Comment", implicit=implicit)
    only = item(
        text(0x0040A010, "CS", "CONTAINS", implicit=implicit),
        text(0x0040A040, "CS", "TEXT", implicit=implicit),
        sequence(0x0040A043, comment, implicit=implicit),
        text(0x0040A160, "UT", ANONYMIZED, implicit=implicit),
    )
    return sequence(0x0040A730, only, implicit=implicit)
