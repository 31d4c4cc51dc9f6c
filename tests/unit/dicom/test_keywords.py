"""Keywords and tags of the dictionary, and identifiers written with them."""

from __future__ import annotations

import pytest

from filmroom.dicom.keywords import identifier_of, keyword_of, tag_of
from filmroom.errors import Malformed


@pytest.mark.parametrize("name", ["PatientName", "00100010", "0010,0010", "(0010,0010)"])
def test_an_attribute_is_named_by_keyword_or_tag(name: str) -> None:
    assert tag_of(name) == ("00100010", "PN")


@pytest.mark.parametrize("name", ["", "Patient Name", "00091001", "0010001", "FFFFFFFF"])
def test_what_the_dictionary_lacks_is_no_name(name: str) -> None:
    with pytest.raises(Malformed, match="neither the keyword nor the tag"):
        tag_of(name)


def test_a_tag_has_a_keyword() -> None:
    assert keyword_of("00100010") == "PatientName"
    assert keyword_of("00091001") == "00091001"


def test_values_are_of_their_kinds() -> None:
    assert identifier_of(
        {
            "StudyInstanceUID": "1.2\\1.3",
            "PatientName": "Yamada^Tarou=山田^太郎",
            "InstanceNumber": ["1", "2"],
            "PatientWeight": "70.5",
            "StudyDate": "",
            "Modality": "CT",
        }
    ) == {
        "00080020": {"vr": "DA"},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00100010": {
            "vr": "PN",
            "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}],
        },
        "00101030": {"vr": "DS", "Value": [70.5]},
        "0020000D": {"vr": "UI", "Value": ["1.2", "1.3"]},
        "00200013": {"vr": "IS", "Value": [1, 2]},
    }


def test_what_stands_in_a_sequence_is_named_with_it() -> None:
    step = "ScheduledProcedureStepSequence"

    assert identifier_of({f"{step}.Modality": "CT", f"{step}.00400002": "", step: ""}) == {
        "00400100": {
            "vr": "SQ",
            "Value": [{"00080060": {"vr": "CS", "Value": ["CT"]}, "00400002": {"vr": "DA"}}],
        }
    }


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"Modality.Modality": ""}, "is no sequence"),
        ({"InstanceNumber": "one"}, "InstanceNumber: not a number"),
        ({".".join(["ReferencedSeriesSequence"] * 9): ""}, "is too deep"),
    ],
)
def test_what_is_no_key_is_told(keys: dict[str, str], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        identifier_of(keys)
