"""The Native DICOM Model, read back by a small reader of the schema (PS3.19 §A.1.6)."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from filmroom.dicom.xml_model import native_model

SPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"
COMPONENTS = ["FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix"]
GROUPS = ["Alphabetic", "Ideographic", "Phonetic"]


def children(element: ElementTree.Element, *allowed: str) -> list[ElementTree.Element]:
    """The children, which may be of these names only."""
    names = [child.tag.removeprefix(SPACE) for child in element]
    assert set(names) <= set(allowed), names
    return list(element)


def numbered(elements: list[ElementTree.Element]) -> list[ElementTree.Element]:
    assert [e.get("number") for e in elements] == [str(n + 1) for n in range(len(elements))]
    return elements


def read(document: bytes) -> dict[str, Any]:
    """The document as DICOM JSON, all single values as text."""
    root = ElementTree.fromstring(document)  # noqa: S314  # our own text
    assert root.tag == SPACE + "NativeDicomModel"
    return read_data_set(root)


def read_data_set(parent: ElementTree.Element) -> dict[str, Any]:
    found = {}
    for attribute in children(parent, "DicomAttribute"):
        tag = attribute.attrib["tag"]
        assert re.fullmatch("[0-9A-F]{8}", tag)
        assert set(attribute.attrib) <= {"tag", "vr", "keyword", "privateCreator"}
        found[tag] = {"vr": attribute.attrib["vr"], **read_content(attribute)}
    return found


def read_content(attribute: ElementTree.Element) -> dict[str, Any]:
    inside = children(attribute, "BulkData", "Value", "Item", "PersonName", "InlineBinary")
    kinds = {child.tag.removeprefix(SPACE) for child in inside}
    assert len(kinds) <= 1
    match kinds.pop() if kinds else None:
        case None:
            return {}
        case "BulkData":
            return {"BulkDataURI": inside[0].attrib["uri"]}
        case "InlineBinary":
            return {"InlineBinary": inside[0].text}
        case "Item":
            return {"Value": [read_data_set(item) for item in numbered(inside)]}
        case "PersonName":
            return {"Value": [read_name(name) for name in numbered(inside)]}
        case _:
            return {"Value": [value.text or "" for value in numbered(inside)]}


def read_name(name: ElementTree.Element) -> dict[str, str]:
    groups = {}
    for group in children(name, *GROUPS):
        parts = {c.tag.removeprefix(SPACE): c.text or "" for c in children(group, *COMPONENTS)}
        whole = "^".join(parts.get(component, "") for component in COMPONENTS)
        groups[group.tag.removeprefix(SPACE)] = whole.rstrip("^")
    return groups


def test_every_kind_of_content_comes_back() -> None:
    data_set = {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080061": {"vr": "CS", "Value": ["CT", "SR"]},
        "00081030": {"vr": "LO"},
        "00100010": {
            "vr": "PN",
            "Value": [{"Alphabetic": "Yamada^Tarou^^Dr.", "Ideographic": "山田^太郎"}],
        },
        "00280030": {"vr": "DS", "Value": [0.5, 0.25]},
        "00400275": {
            "vr": "SQ",
            "Value": [{"00400009": {"vr": "SH", "Value": ["SPS1"]}}, {}],
        },
        "00420011": {"vr": "OB", "InlineBinary": "AAEC"},
        "7FE00010": {"vr": "OW", "BulkDataURI": "/dicom-web/a?b=1&c=2"},
    }
    text_values = {
        **data_set,
        "00280030": {"vr": "DS", "Value": ["0.5", "0.25"]},
    }
    assert read(native_model(data_set)) == text_values


def test_a_document_is_spelled_as_the_standard_spells_it() -> None:
    document = native_model({"00100020": {"vr": "LO", "Value": ["A & B"]}})
    assert document == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<NativeDicomModel xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM"'
        b' xml:space="preserve">'
        b'<DicomAttribute tag="00100020" vr="LO" keyword="PatientID">'
        b'<Value number="1">A &amp; B</Value></DicomAttribute></NativeDicomModel>'
    )


def test_attributes_come_in_the_order_of_their_tags() -> None:
    data_set = {"00100020": {"vr": "LO"}, "00080020": {"vr": "DA"}}
    assert list(read(native_model(data_set))) == ["00080020", "00100020"]


def test_a_private_attribute_names_its_creator() -> None:
    document = native_model(
        {
            "00090010": {"vr": "LO", "Value": ["ACME <1>"]},
            "00091001": {"vr": "UN", "InlineBinary": "AA=="},
            "00091101": {"vr": "LO", "Value": ["nobody reserved this block"]},
        }
    )
    attributes = ElementTree.fromstring(document)  # noqa: S314  # our own text
    assert [a.get("privateCreator") for a in attributes] == [None, "ACME <1>", None]
    assert [a.get("keyword") for a in attributes] == [None, None, None]


def test_an_empty_value_among_others_keeps_its_place() -> None:
    element = {"vr": "CS", "Value": ["MPG", None, "XR3"]}
    assert read(native_model({"00080008": element}))["00080008"]["Value"] == ["MPG", "", "XR3"]
    assert b'<PersonName number="1"></PersonName>' in native_model(
        {"00100010": {"vr": "PN", "Value": [None]}}
    )


def test_a_name_of_too_many_components_loses_nothing() -> None:
    name = {"vr": "PN", "Value": [{"Alphabetic": "a^b^c^d^e^f"}]}
    assert read(native_model({"00100010": name}))["00100010"] == name


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    element = {"vr": "LT", "Value": ["a\x1b\x00b\r\nc\ud800\uffff<]]>"]}
    assert read(native_model({"00104000": element}))["00104000"]["Value"] == [
        "a\ufffd\ufffdb\r\nc\ufffd\ufffd<]]>"
    ]


FIT = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
TEXT = st.text(FIT | st.sampled_from("\t\n\r"), max_size=30)
TAGS = st.from_regex(r"00[0-9A-F]{2}[0-9A-F]{4}", fullmatch=True)
ELEMENT = st.one_of(
    st.builds(lambda v: {"vr": "LO", "Value": v}, st.lists(TEXT, min_size=1, max_size=4)),
    st.builds(lambda v: {"vr": "UR", "BulkDataURI": v}, TEXT),
    st.just({"vr": "SH"}),
)
DATA_SET = st.recursive(
    st.dictionaries(TAGS, ELEMENT, max_size=4),
    lambda inner: st.dictionaries(
        TAGS,
        ELEMENT
        | st.builds(lambda v: {"vr": "SQ", "Value": v}, st.lists(inner, min_size=1, max_size=3)),
        max_size=4,
    ),
    max_leaves=8,
)


@given(DATA_SET)
def test_any_data_set_of_text_comes_back(data_set: dict[str, Any]) -> None:
    assert read(native_model(data_set)) == data_set
