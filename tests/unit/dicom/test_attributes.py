"""The table of indexed attributes, and cutting them from a data set."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_VR, keyword_for_tag

from filmroom.dicom.attributes import (
    ATTRIBUTES,
    BY_KEYWORD,
    BY_TAG,
    Attribute,
    at_level,
    attribute,
    defaults,
    indexed,
)
from filmroom.dicom.levels import Level


@pytest.mark.parametrize("one", ATTRIBUTES, ids=lambda one: one.keyword)
def test_each_row_says_what_the_standard_says(one: Attribute) -> None:
    tags, keywords = one.path.split("."), one.keyword.split(".")

    assert [keyword_for_tag(int(tag, 16)) for tag in tags] == keywords
    assert one.vr in dictionary_VR(int(one.tag, 16))


def test_no_row_is_there_twice() -> None:
    assert len(BY_TAG) == len(BY_KEYWORD) == len(ATTRIBUTES)


@pytest.mark.requires("PS3.18 10.6.1.2")
def test_every_attribute_that_must_be_a_key_is_one() -> None:
    study = "00080020 00080030 00080050 00080061 00080090 00100010 00100020 0020000D 00200010"
    series = "00080060 0020000E 00200011 00400244 00400245 00400275.00400009 00400275.00401001"
    for level, paths in (
        (Level.STUDY, study),
        (Level.SERIES, series),
        (Level.IMAGE, "00080016 00080018 00200013"),
    ):
        for path in paths.split():
            assert BY_TAG[path].level == level
            assert BY_TAG[path].matchable


@pytest.mark.requires("PS3.18 10.6.3.3")
def test_what_must_be_returned_is_returned_by_default() -> None:
    study = (
        "00080020 00080030 00080050 00080056 00080061 00080090 00080201 00081190 00100010"
        " 00100020 00100030 00100040 0020000D 00200010 00201206 00201208"
    )
    assert set(study.split()) <= defaults(Level.STUDY)
    series = "00080060 0008103E 0020000E 00200011 00201209 00400244 00400245 00400275"
    assert set(series.split()) <= defaults(Level.SERIES)
    instance = "00080016 00080018 00200013 00280008 00280010 00280011 00280100"
    assert set(instance.split()) <= defaults(Level.IMAGE)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("PatientName", "00100010"),
        ("patientname", "00100010"),
        ("0020000d", "0020000D"),
        ("00400275.00400009", "00400275.00400009"),
        ("RequestAttributesSequence.ScheduledProcedureStepID", "00400275.00400009"),
        ("00400275.ScheduledProcedureStepID", "00400275.00400009"),
        ("RequestAttributesSequence.00321064.CodeValue", "00400275.00321064.00080100"),
        ("RequestAttributesSequence", "00400275"),
    ],
)
def test_an_attribute_is_known_by_any_of_its_names(name: str, path: str) -> None:
    found = attribute(name)

    assert found is not None
    assert found.path == path


@pytest.mark.parametrize("name", ["", ".", "PatientNam", "00091001", "00100010.00080100", "ö"])
def test_other_names_are_unknown(name: str) -> None:
    assert attribute(name) is None


def test_indexed_attributes_are_cut_from_a_data_set() -> None:
    name = {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}
    step = {"vr": "SH", "Value": ["S1"]}
    dataset = {
        "00100010": name,
        "00100020": {"vr": "LO"},
        "00100021": {"vr": "LO", "Value": [None]},
        "00091001": {"vr": "LO", "Value": ["private"]},
        "00400275": {
            "vr": "SQ",
            "Value": [{"00400009": step, "00400100": {"vr": "SQ"}}, {"00400100": {"vr": "SQ"}}],
        },
        "0040A043": {"vr": "SQ", "Value": [{}]},
        "00280010": {"vr": "US", "Value": [0]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "…"},
    }

    cut = indexed(dataset)

    assert cut == {
        "00100010": name,
        "00400275": {"vr": "SQ", "Value": [{"00400009": step}]},
        "00280010": {"vr": "US", "Value": [0]},
    }
    assert list(at_level(cut, Level.STUDY)) == ["00100010"]
    assert list(at_level(cut, Level.SERIES)) == ["00400275"]
    assert list(at_level(cut, Level.IMAGE)) == ["00280010"]
