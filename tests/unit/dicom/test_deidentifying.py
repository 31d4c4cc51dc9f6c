"""Data sets without identity: what was planted in them is gone, what may stay is there."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from filmroom.dicom.deidentification import ROWS, Action, Dates, Options, row_of
from filmroom.dicom.deidentifying import Deidentifying, Subject, marks
from filmroom.dicom.dummies import document
from filmroom.dicom.encoding import UNDEFINED, element_header, item_header
from filmroom.dicom.pseudonyms import Pseudonyms
from filmroom.dicom.transfer_syntaxes import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    TransferSyntax,
    transfer_syntax,
)
from filmroom.errors import Undecodable

EXPLICIT, IMPLICIT, BIG = map(transfer_syntax, (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG))
NAMES = Pseudonyms(b"s" * 32, "patient")
BASIC = Options()
SUBJECT = Subject(NAMES, document=document("application/pdf") or b"")
TEXTS = frozenset(["AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"])
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value:UserWarning")
SR_DOCUMENT = "1.2.840.10008.5.1.4.1.1.88.33"
PLANTED = "MARKER"


def encoded(dataset: Dataset, syntax: TransferSyntax = EXPLICIT) -> bytes:
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = not syntax.big_endian, syntax.implicit
    write_dataset(file, dataset)
    return file.getvalue()


def deidentified(
    data: bytes,
    source: TransferSyntax = EXPLICIT,
    target: TransferSyntax = EXPLICIT,
    options: Options = BASIC,
    subject: Subject = SUBJECT,
) -> tuple[bytes, Dataset]:
    """The bytes of a data set without identity, and what pydicom reads of them."""
    walk = Deidentifying(memoryview(data), target, options, subject)
    made = walk.written(source, marks(options, implicit=target.implicit))
    read = dcmread(BytesIO(made), force=True) if not target.implicit else _implicit(made)
    for element in read.iterall():
        element.value  # noqa: B018 - pydicom reads it now
    return made, read


def _implicit(data: bytes) -> Dataset:
    file = BytesIO(data)
    return dcmread(file, force=True)


def value_of(number: int, vr: str) -> Any:
    """Something that is found again, by VR."""
    if vr in TEXTS:
        return f"{PLANTED}{number}"[:16]
    return {
        "DA": f"1987{1 + number % 12:02}{1 + number % 28:02}",
        "TM": f"1122{number % 60:02}.{number:06}",
        "DT": f"1987{1 + number % 12:02}{1 + number % 28:02}1122{number % 60:02}",
        "UI": f"1.2.98765.{number}",
        "AS": "043Y",
        "DS": "43.98765",
        "IS": "4398765",
        "US": 43987,
        "SQ": Sequence([item_of(number)]),
    }.get(vr, f"{PLANTED}{number:06}".encode())


def item_of(number: int) -> Dataset:
    inner = Dataset()
    inner.PatientName = f"{PLANTED}{number}^In"
    inner.StudyDate = "19870203"
    inner.ReferencedSOPInstanceUID = f"1.2.98765.{number}.1"
    inner.ReferencedSOPClassUID = SR_DOCUMENT
    return inner


def planted() -> Dataset:
    """Every attribute of the tables that does not stay, each with a value, and some in items."""
    dataset = Dataset()
    for number, tag in enumerate(sorted(ROWS)):
        if row_of(tag).basic is not Action.KEEP:
            vr = dictionary_VR(tag)
            dataset.add_new(tag, vr, value_of(number, vr))
    inner = Dataset()
    inner.update(dataset)
    dataset.ReferencedSeriesSequence = Sequence([inner])
    dataset.Modality, dataset.SOPClassUID = "CT", SR_DOCUMENT
    dataset.add_new(0x00090010, "LO", f"{PLANTED} private")
    dataset.add_new(0x00091001, "LO", f"{PLANTED} of nobody's")
    dataset.add_new(0x00091002, "SQ", Sequence([item_of(2)]))
    dataset.add_new(0x60003000, "OW", PLANTED.encode())
    dataset.add_new(0x50003000, "OW", PLANTED.encode())
    dataset.add_new(0x00142006, "PN", f"{PLANTED}^Evaluator")
    return dataset


@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])
@pytest.mark.parametrize("source", [EXPLICIT, IMPLICIT, BIG], ids=["explicit", "implicit", "big"])
def test_nothing_that_was_planted_is_left(source: TransferSyntax, target: TransferSyntax) -> None:
    made, read = deidentified(encoded(planted(), source), source, target)

    for marker in (PLANTED.encode(), b"1987", b"1.2.98765", b"98765", b"043Y", b"1122"):
        assert marker not in made
    assert read.Modality == "CT"
    assert read.SOPClassUID == SR_DOCUMENT
    (inner,) = read.ReferencedSeriesSequence
    assert inner.SOPInstanceUID == read.SOPInstanceUID != ""
    assert read.PatientID == read.PatientName == NAMES.patient
    assert all(not element.tag.is_private for element in read.iterall())
    assert all(element.tag.group & 0xFF00 not in (0x5000, 0x6000) for element in read.iterall())


def test_the_data_set_says_what_was_done() -> None:
    _, read = deidentified(encoded(planted()), options=Options(uids=True))

    assert read.PatientIdentityRemoved == "YES"
    assert read.DeidentificationMethod[1] == (
        "PS3.15 2024e Basic Application Confidentiality Profile"
    )
    codes = [(item.CodeValue, item.CodingSchemeDesignator) for item in read[0x00120064].value]
    assert codes == [("113100", "DCM"), ("113110", "DCM")]
    assert read.LongitudinalTemporalInformationModified == "REMOVED"


def test_each_action_does_what_it_says() -> None:
    _, read = deidentified(encoded(planted()))

    for tag in ROWS:
        action = row_of(tag).basic
        if action is Action.REMOVE:
            assert tag not in read, f"{tag:08X}"
        elif action in (Action.EMPTY, Action.REPLACE, Action.MAP):
            assert tag in read, f"{tag:08X}"
            held = read[tag].value
            filled = held != b"" if isinstance(held, bytes) else bool(held) or held == 0
            patient = tag == 0x00100010
            assert filled == (action is not Action.EMPTY or patient), f"{tag:08X}"


def test_what_is_empty_stays_so() -> None:
    dataset = Dataset()
    dataset.PatientID = dataset.PatientName = dataset.ContentDate = dataset.StudyInstanceUID = ""
    dataset.InstitutionCodeSequence = Sequence()

    _, read = deidentified(encoded(dataset))

    assert (read.PatientID, read.ContentDate, read.StudyInstanceUID) == ("", "", "")
    assert len(read.InstitutionCodeSequence) == 0


def test_a_report_has_one_text_without_meaning() -> None:
    _, read = deidentified(encoded(report()))

    (only,) = read.ContentSequence
    assert (only.ValueType, only.TextValue) == ("TEXT", "Anonymized")
    assert only.ConceptNameCodeSequence[0].CodeMeaning == "Comment"
    assert "ContentTemplateSequence" not in read


def test_a_report_whose_content_is_cleaned_keeps_codes_and_numbers() -> None:
    made, read = deidentified(encoded(report()), options=Options(content=True))

    text, number, person = read.ContentSequence
    assert text.TextValue == "Anonymized"
    assert number.MeasuredValueSequence[0].NumericValue == 12.5
    assert person.PersonName == "Anonymized"
    assert read.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert PLANTED.encode() not in made


def report() -> Dataset:
    template, text, number, person, measured = (Dataset() for _ in range(5))
    template.TemplateIdentifier = "1500"
    text.ValueType, text.TextValue = "TEXT", f"{PLANTED} is ill"
    measured.NumericValue = "12.5"
    number.ValueType, number.MeasuredValueSequence = "NUM", Sequence([measured])
    person.ValueType, person.PersonName = "PNAME", f"{PLANTED}^Doctor"
    dataset = Dataset()
    dataset.ContentTemplateSequence = Sequence([template])
    dataset.ContentSequence = Sequence([text, number, person])
    return dataset


def test_texts_on_an_image_are_replaced_and_its_shapes_only_without_the_option() -> None:
    text, shape, layer = Dataset(), Dataset(), Dataset()
    text.UnformattedTextValue = f"{PLANTED} here"
    text.BoundingBoxTopLeftHandCorner = [1.5, 2.5]
    shape.GraphicData, shape.GraphicDimensions = [1.0, 2.0, 3.0, 4.0], 2
    shape.GraphicType = "POLYLINE"
    layer.GraphicLayer = "LAYER"
    layer.TextObjectSequence, layer.GraphicObjectSequence = Sequence([text]), Sequence([shape])
    layer.ReferencedImageSequence = Sequence([item_of(1)])
    dataset = Dataset()
    dataset.GraphicAnnotationSequence = Sequence([layer])

    made, plain = deidentified(encoded(dataset))
    _, cleaned = deidentified(encoded(dataset), options=Options(graphics=True))

    assert PLANTED.encode() not in made
    for read, data in ((plain, [0.0] * 4), (cleaned, [1.0, 2.0, 3.0, 4.0])):
        (found,) = read.GraphicAnnotationSequence
        assert found.GraphicLayer == "LAYER"
        assert found.TextObjectSequence[0].UnformattedTextValue == "Anonymized"
        assert list(found.GraphicObjectSequence[0].GraphicData) == data
        assert found.GraphicObjectSequence[0].GraphicType == "POLYLINE"
        referenced = found.ReferencedImageSequence[0]
        assert referenced.ReferencedSOPInstanceUID == NAMES.uid("1.2.98765.1.1")
        assert referenced.ReferencedSOPClassUID == SR_DOCUMENT


def test_dates_are_kept_or_shifted_together() -> None:
    dataset = Dataset()
    dataset.StudyDate, dataset.StudyTime = "20240301", "101112"
    dataset.AcquisitionDateTime = "20240302101112.5"
    dataset.PatientBirthDate, dataset.SeriesDate = "19700101", "2024"
    dataset.DateOfLastCalibration = ["20240101", "20240201"]

    _, kept = deidentified(encoded(dataset), options=Options(dates=Dates.KEPT))
    _, shifted = deidentified(encoded(dataset), options=Options(dates=Dates.SHIFTED))

    assert (kept.StudyDate, kept.AcquisitionDateTime) == ("20240301", "20240302101112.5")
    assert kept.PatientBirthDate == shifted.PatientBirthDate == ""
    assert shifted.StudyDate == NAMES.moved("20240301")
    assert shifted.StudyTime == "101112"
    assert shifted.AcquisitionDateTime == NAMES.moved("20240302") + "101112.5"
    assert shifted.SeriesDate == "19000101"  # no date to the day
    assert list(shifted.DateOfLastCalibration) == [NAMES.moved("20240101"), NAMES.moved("20240201")]
    assert shifted.LongitudinalTemporalInformationModified == "MODIFIED"


def test_private_attributes_that_are_known_to_be_safe_stay_where_that_is_asked() -> None:
    dataset = Dataset()
    dataset.add_new(0x00190010, "LO", "GEMS_ACQU_01")
    dataset.add_new(0x00191023, "DS", "39.37")
    dataset.add_new(0x0019101E, "LO", PLANTED)
    dataset.add_new(0x00210010, "LO", "OURS")
    dataset.add_new(0x00211001, "LO", "harmless")
    subject = Subject(NAMES, safe=frozenset({("OURS", 0x0021)}))
    made, read = deidentified(encoded(dataset), options=Options(private=True), subject=subject)

    assert read[0x00191023].value == 39.37
    assert read[0x00211001].value == "harmless"
    assert 0x0019101E not in read
    assert PLANTED.encode() not in made
    _, without = deidentified(encoded(dataset), subject=subject)
    assert all(not element.tag.is_private for element in without)


def test_descriptions_keep_the_words_that_are_known() -> None:
    dataset = Dataset()
    dataset.StudyDescription = f"CT Thorax {PLANTED}"
    dataset.SeriesDescription = "for Miller"
    dataset.ProtocolName = "Miller"
    subject = Subject(NAMES)

    _, read = deidentified(encoded(dataset), options=Options(descriptors=True), subject=subject)

    assert read.StudyDescription == "CT Thorax"
    assert "SeriesDescription" not in read
    assert read.ProtocolName == "Anonymized"


def test_a_sequence_that_hides_behind_another_vr_is_walked_through() -> None:
    """As a relay writes it that does not know it (PS3.5 §6.2.2), and as nobody should."""
    implicit = encoded(item_of(7), IMPLICIT)
    items = item_header(len(implicit)) + implicit
    for vr in ("UN", "OB"):
        hidden = element_header(0x00081115, vr, len(items)) + items
        made, read = deidentified(hidden)
        assert PLANTED.encode() not in made
        assert read[0x00081115].VR == "SQ"
        assert read[0x00081115].value[0].PatientName == NAMES.patient
    undefined = element_header(0x00081115, "UN", UNDEFINED) + items + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert PLANTED.encode() not in deidentified(undefined)[0]


def test_what_pretends_to_be_a_sequence_goes() -> None:
    value = f"{PLANTED} without items".encode()
    made, _ = deidentified(element_header(0x00081115, "SQ", len(value)) + value)

    assert PLANTED.encode() not in made


@pytest.mark.parametrize("tag", [0x00089999, 0x00020016, 0x00000010, 0x00070010])
def test_what_no_dictionary_knows_goes(tag: int) -> None:
    value = f"{PLANTED}s".encode() + b" "
    data = element_header(tag, "LO", len(value)) + value
    known = Dataset()
    known.Modality = "CT"

    made, read = deidentified(data + encoded(known))

    assert PLANTED.encode() not in made
    assert read.Modality == "CT"


@pytest.mark.parametrize(
    "data",
    [
        element_header(0x00100010, "PN", 200) + b"short",
        element_header(0x00081115, "SQ", UNDEFINED) + item_header(UNDEFINED),
        element_header(0x00104000, "LT", 9000),
        element_header(0x00081030, "UT", UNDEFINED) + b"abc",
    ],
)
@pytest.mark.parametrize("options", [Options(), Options(descriptors=True, patient=True)])
def test_a_data_set_that_is_cut_short_is_no_data_set(data: bytes, options: Options) -> None:
    with pytest.raises(Undecodable):
        deidentified(data, options=options)


def test_documents_are_replaced_by_some_of_their_kind() -> None:
    made = document("application/pdf")
    assert made is not None
    table = int(made.rsplit(b"startxref\n", 1)[1].split()[0])
    assert made[table : table + 4] == b"xref"
    for number in range(1, 6):
        place = int(made[table:].split(b"\n")[2 + number].split()[0])
        assert made[place:].startswith(b"%d 0 obj" % number)
    assert len(document("model/stl") or b"") == 80 + struct.calcsize("<I")
    assert document("text/xml") is not None
    assert document("application/x-unknown") is None


WHOLE = {syntax.uid: encoded(planted(), syntax) for syntax in (EXPLICIT, IMPLICIT, BIG)}


@given(
    st.sampled_from([EXPLICIT, IMPLICIT, BIG]),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=6),
    st.integers(0, 1 << 20),
)
def test_any_damage_ends_in_a_data_set_or_a_clear_error(
    source: TransferSyntax, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(WHOLE[source.uid])
    for at, value in changes:
        data[at % len(data)] = value
    damaged = bytes(data[: len(data) - length % 64])
    walk = Deidentifying(memoryview(damaged), EXPLICIT, BASIC, SUBJECT)

    try:
        made = walk.written(source, marks(BASIC, implicit=False))
    except Undecodable:
        return
    again = Deidentifying(memoryview(made), EXPLICIT, BASIC, SUBJECT)
    assert again.written(EXPLICIT, {})[-8:] == made[-8:]  # it is one that can be walked through
