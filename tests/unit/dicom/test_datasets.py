"""Data sets as messages carry them, with pydicom as the oracle (PS3.5 §7, PS3.18 Annex F)."""

from __future__ import annotations

import zlib
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset as pydicom_read
from pydicom.filewriter import write_dataset as pydicom_write
from test_charsets import NAMES

from filmroom.dicom.charset_writing import Unwritable, writing
from filmroom.dicom.charsets import Charset
from filmroom.dicom.datasets import form, read_dataset, read_told, write_dataset
from filmroom.errors import Malformed

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
SYNTAXES = [IMPLICIT, EXPLICIT, BIG, DEFLATED]

ATTRIBUTES: dict[str, Any] = {
    "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
    "00080020": {"vr": "DA", "Value": ["20240229"]},
    "00080052": {"vr": "CS", "Value": ["STUDY"]},
    "00080054": {"vr": "AE", "Value": ["FILMROOM"]},
    "00080061": {"vr": "CS", "Value": ["CT", "MR"]},
    "00081030": {"vr": "LO", "Value": ["Schädel"]},
    "00081110": {
        "vr": "SQ",
        "Value": [{"00081150": {"vr": "UI", "Value": ["1.2.840.10008.3.1.2.3.1"]}}, {}],
    },
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]},
    "00100020": {"vr": "LO"},
    "00101030": {"vr": "DS", "Value": [72.5]},
    "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
    "00200013": {"vr": "IS", "Value": [7]},
    "00280009": {"vr": "AT", "Value": ["00181063"]},
    "00280010": {"vr": "US", "Value": [512]},
    "00189219": {"vr": "SS", "Value": [-5]},
    "00186020": {"vr": "SL", "Value": [-70000, 3]},
    "00189087": {"vr": "FD", "Value": [0.5]},
    "0040A160": {"vr": "UT", "Value": ["a\\b"]},
    "00091001": {"vr": "UN", "InlineBinary": "AQID"},
    "00090010": {"vr": "LO", "Value": ["SOMEBODY"]},
    "00281201": {"vr": "OW", "InlineBinary": "AQIDBA=="},
}


def in_order(attributes: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(attributes.items()))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_is_written_is_read_again(syntax: str) -> None:
    again = read_dataset(write_dataset(ATTRIBUTES, syntax), syntax)
    padded = {"00091001": {"vr": "UN", "InlineBinary": "AQIDAA=="}}  # to an even length
    assert again == in_order(ATTRIBUTES | padded)
    assert list(again) == sorted(again)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_pydicom_reads_what_is_written(syntax: str) -> None:
    written = write_dataset(ATTRIBUTES, syntax)
    read = pydicom_read(BytesIO(written), syntax == IMPLICIT, syntax != BIG)

    assert str(read.PatientName) == "Yamada^Tarou=山田^太郎"
    assert read.StudyDescription == "Schädel"
    assert list(read.ModalitiesInStudy) == ["CT", "MR"]
    assert read.Rows == 512
    assert read.PatientWeight == 72.5
    assert len(read.ReferencedStudySequence) == 2
    assert read.FrameIncrementPointer == 0x00181063
    assert read[0x00281201].value == (b"\1\2\3\4" if syntax != BIG else b"\2\1\4\3")
    assert read[0x00186020].value == [-70000, 3]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_what_pydicom_writes_is_read(syntax: str) -> None:
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 100"
    asked.PatientName = "Müller^*"
    asked.StudyDate = "20240101-20241231"
    asked.QueryRetrieveLevel = "STUDY"
    asked.ModalitiesInStudy = ""
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = syntax == IMPLICIT, syntax != BIG
    pydicom_write(out, asked)

    told = read_told(out.getvalue(), syntax)

    assert told.charset == "ISO_IR 100"
    assert told.attributes == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080020": {"vr": "DA", "Value": ["20240101-20241231"]},
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
        "00080061": {"vr": "CS"},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller^*"}]},
    }


def test_a_character_set_is_kept_where_it_can_say_all() -> None:
    name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Müller"}]}}
    written = write_dataset(name, EXPLICIT, "ISO_IR 100")
    assert b"M\xfcller" in written
    assert read_told(written, EXPLICIT).charset == "ISO_IR 100"


def test_where_a_character_set_falls_short_utf_8_is_written_and_said() -> None:
    name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "山田"}]}}
    for charset in ("", "ISO_IR 100", "ISO_IR 13", "NONSENSE"):
        written = write_dataset(name, EXPLICIT, charset)
        assert "山田".encode() in written
        assert read_told(written, EXPLICIT).charset == "ISO_IR 192"


def test_ascii_without_a_character_set_says_none() -> None:
    told = read_told(write_dataset({"00100020": {"vr": "LO", "Value": ["A1"]}}, IMPLICIT, ""), "x")
    assert told.charset == ""
    assert "00080005" not in told.attributes


@pytest.mark.parametrize(("charset", "text"), [(charset, text) for charset, _, text in NAMES])
def test_names_of_the_standard_are_written_in_their_character_set(charset: str, text: str) -> None:
    raw = writing(charset).encode(text)
    warnings: dict[str, None] = {}
    assert Charset(charset.split("\\"), warnings).decode(raw) == text
    assert warnings == {}


def test_code_extensions_are_written_as_the_standard_shows() -> None:
    shown = {
        "\\ISO 2022 IR 149": b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
        b"=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "\\ISO 2022 IR 87": b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"
        b"=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
    }
    for charset, raw in shown.items():
        text = Charset(charset.split("\\"), {}).decode(raw)
        assert writing(charset).encode(text) == raw


@given(
    st.sampled_from(
        [
            "ISO_IR 100",
            "ISO_IR 126",
            "ISO_IR 192",
            "GB18030",
            "ISO 2022 IR 100\\ISO 2022 IR 126\\ISO 2022 IR 144",
            "ISO 2022 IR 13\\ISO 2022 IR 87",
            "\\ISO 2022 IR 87\\ISO 2022 IR 159",
            "\\ISO 2022 IR 149",
            "\\ISO 2022 IR 58",
        ]
    ),
    st.text("Az^=\\ äéøΣяﾔ山田丂홍길동张小 ÿ", max_size=12),
)
def test_what_can_be_written_is_decoded_as_it_was(charset: str, text: str) -> None:
    try:
        raw = writing(charset).encode(text)
    except Unwritable:
        return
    warnings: dict[str, None] = {}
    assert Charset(charset.split("\\"), warnings).decode(raw) == text
    assert warnings == {}


ODD_ELEMENTS: list[tuple[str, str, dict[str, Any]]] = [
    ("00100010", "PN", {"vr": "PN", "Value": ["Doe"]}),
    ("00100010", "PN", {"vr": "PN", "Value": [{"Ideographic": "x"}]}),
    ("00100010", "PN", {"vr": "LO", "Value": ["Doe"]}),
    ("00100020", "LO", {"vr": "LO", "Value": ["A" * 254]}),
    ("00100020", "LO", {"vr": "LO", "Value": ["A" * 255]}),
    ("00100020", "LO", {"vr": "LO", "Value": ["A" * 256]}),
    ("00100020", "LO", {"vr": "LO", "Value": []}),
    ("00200013", "IS", {"vr": "IS", "Value": ["+07"]}),
    ("00280010", "US", {"vr": "UN", "InlineBinary": "AQI="}),
]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_a_writer_of_one_tag_writes_what_the_form_writes(syntax: str) -> None:
    written = form(syntax, "ISO_IR 192")
    usual = [(key, element["vr"], element) for key, element in ATTRIBUTES.items()]
    for key, vr, element in [*usual, *ODD_ELEMENTS]:
        assert written.writer(key, vr)(element) == written.element(key, element)


def test_a_value_too_long_for_its_vr_becomes_unknown() -> None:
    long = {"00081080": {"vr": "LO", "Value": ["x" * 70_000]}}
    assert write_dataset(long, EXPLICIT, "")[4:12] == b"UN\0\0" + (70_000).to_bytes(4, "little")
    assert read_dataset(write_dataset(long, IMPLICIT, ""), IMPLICIT) == long


def test_decimals_take_at_most_sixteen_bytes() -> None:
    number = -0.12345678901234567e-7
    written = write_dataset({"00101030": {"vr": "DS", "Value": [number]}}, IMPLICIT, "")
    assert len(written[8:].rstrip()) <= 16
    assert float(written[8:]) == pytest.approx(number)


def test_values_that_are_only_referred_to_are_written_empty() -> None:
    bulk = {"7FE00010": {"vr": "OW", "BulkDataURI": "somewhere"}}
    assert write_dataset(bulk, EXPLICIT, "") == b"\xe0\x7f\x10\0OW\0\0\0\0\0\0"


def test_pixel_data_comes_without_its_value() -> None:
    raw = b"\xe0\x7f\x10\0OW\0\0\4\0\0\0abcd"
    assert read_dataset(raw, EXPLICIT) == {"7FE00010": {"vr": "OW"}}


NOT_THE_MODEL: list[dict[str, Any]] = [
    {"PatientName": {"vr": "PN"}},
    {"00100010": {"vr": "XX", "Value": ["a"]}},
    {"00100010": {}},
    {"00100010": []},
    {"00100010": {"vr": "PN", "Value": [17]}},
    {"00100020": {"vr": "LO", "Value": [{"a": 1}]}},
    {"00100020": {"vr": ["LO"], "Value": ["a"]}},
    {"00100020": {"vr": "LO", "Value": ["\ud800"]}},
    {"00280010": {"vr": "US", "Value": [70_000]}},
    {"00280010": {"vr": "US", "Value": ["Doe"]}},
    {"00280009": {"vr": "AT", "Value": ["GGGG0000"]}},
    {"00280009": {"vr": "AT", "Value": ["123456789"]}},
    {"00080020": {"vr": "DA", "Value": ["二〇二四"]}},
    {"00091001": {"vr": "UN", "InlineBinary": "?"}},
    {"00081110": {"vr": "SQ", "Value": ["x"]}},
    {"00000010": {"vr": "LO"}},
    {"00080000": {"vr": "UL"}},
    {"FFFEE000": {"vr": "UN"}},
]


@pytest.mark.parametrize("attributes", NOT_THE_MODEL)
def test_what_is_not_the_model_is_malformed(attributes: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as raised:
        write_dataset(attributes, EXPLICIT)
    assert "Doe" not in str(raised.value)


def test_nesting_has_an_end() -> None:
    deep: dict[str, Any] = {}
    for _ in range(100):
        deep = {"00081110": {"vr": "SQ", "Value": [deep]}}
    with pytest.raises(Malformed, match="levels"):
        write_dataset(deep, EXPLICIT)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_data_set_that_is_cut_short_is_malformed(syntax: str) -> None:
    whole = write_dataset(ATTRIBUTES, syntax)
    with pytest.raises(Malformed):
        read_dataset(whole[: len(whole) // 2 + 1], syntax)


def test_what_inflates_without_end_is_malformed() -> None:
    machine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = machine.compress(bytes(65 << 20)) + machine.flush()
    with pytest.raises(Malformed):
        read_dataset(bomb, DEFLATED)


@given(st.binary(max_size=200), st.sampled_from(SYNTAXES))
def test_anything_else_is_read_or_malformed(raw: bytes, syntax: str) -> None:
    with suppress(Malformed):
        read_dataset(raw, syntax)
