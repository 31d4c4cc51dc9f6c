"""A measurement report on the axial CT: the nodule's diameter (PS3.16 TID 1500)."""

from __future__ import annotations

from collections.abc import Sequence as Items

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ComprehensiveSRStorage, CTImageStorage

from filmroom.demo import ct
from filmroom.demo.chest import NODULE, NODULE_RADIUS
from filmroom.demo.identity import Series, codes, uid

SERIES = Series(ct.STUDY, "report", 200, "SR", "Measurements", ComprehensiveSRStorage)

# By this name OHIF knows which of its tools shows the measurement, and can go on with it.
LENGTH_TOOL = "Cornerstone3DTools@^0.1.0:Length"
SLICE = round((NODULE[2] - ct.FIRST_Z) / ct.THICKNESS) + 1

Concept = tuple[str, str, str]

REPORT = ("126000", "DCM", "Imaging Measurement Report")
LANGUAGE = ("121049", "DCM", "Language of Content Item and Descendants")
OBSERVER_TYPE = ("121005", "DCM", "Observer Type")
OBSERVER = ("121008", "DCM", "Person Observer Name")
PROCEDURE = ("121058", "DCM", "Procedure reported")
LIBRARY = ("111028", "DCM", "Image Library")
LIBRARY_GROUP = ("126200", "DCM", "Image Library Group")
MEASUREMENTS = ("126010", "DCM", "Imaging Measurements")
GROUP = ("125007", "DCM", "Measurement Group")
TRACKING = ("112039", "DCM", "Tracking Identifier")
TRACKING_UID = ("112040", "DCM", "Tracking Unique Identifier")
FINDING = ("121071", "DCM", "Finding")
SITE = ("363698007", "SCT", "Finding Site")
LENGTH = ("410668003", "SCT", "Length")


def report() -> Dataset:
    """The one instance of the series."""
    dataset = SERIES.header()
    dataset.ReferencedPerformedProcedureStepSequence = Sequence([])
    dataset.PerformedProcedureCodeSequence = Sequence([])
    dataset.CompletionFlag = "COMPLETE"
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.CurrentRequestedProcedureEvidenceSequence = Sequence([_evidence()])
    root = _container("", REPORT, _content())
    template = Dataset()
    template.MappingResource = "DCMR"
    template.TemplateIdentifier = "1500"
    root.ContentTemplateSequence = Sequence([template])
    dataset.update(root)
    return dataset


def _content() -> list[Dataset]:
    return [
        _code("HAS CONCEPT MOD", LANGUAGE, ("en", "RFC5646", "English")),
        _code("HAS OBS CONTEXT", OBSERVER_TYPE, ("121006", "DCM", "Person")),
        _person("HAS OBS CONTEXT", OBSERVER, "Demo^Reader"),
        _code("HAS CONCEPT MOD", PROCEDURE, ("169069000", "SCT", "CT of chest")),
        _container("CONTAINS", LIBRARY, [_container("CONTAINS", LIBRARY_GROUP, [_image()])]),
        _container("CONTAINS", MEASUREMENTS, [_container("CONTAINS", GROUP, _nodule())]),
    ]


def _nodule() -> list[Dataset]:
    return [
        _text("HAS OBS CONTEXT", TRACKING, LENGTH_TOOL),
        _uid_reference("HAS OBS CONTEXT", TRACKING_UID, uid("ct", "nodule")),
        _code("CONTAINS", FINDING, ("27925004", "SCT", "Nodule")),
        _code("CONTAINS", SITE, ("3341006", "SCT", "Right lung")),
        _length(),
    ]


def _length() -> Dataset:
    plane = ct.axial_plane(SLICE)
    x, y, _ = NODULE
    # The middle of the first pixel is 0.5\0.5 (PS3.3 §C.18.6.1.2).
    column = (x - float(plane.columns[0])) / ct.SPACING + 0.5
    row = (y - float(plane.rows[0])) / ct.SPACING + 0.5
    reach = NODULE_RADIUS / ct.SPACING
    line = Dataset()
    line.RelationshipType = "INFERRED FROM"
    line.ValueType = "SCOORD"
    line.GraphicType = "POLYLINE"
    line.GraphicData = [column - reach, row, column + reach, row]
    line.ContentSequence = Sequence([_image("SELECTED FROM")])
    value = Dataset()
    value.NumericValue = f"{2 * NODULE_RADIUS:.1f}"
    value.MeasurementUnitsCodeSequence = codes("mm", "UCUM", "millimeter")
    item = _item("CONTAINS", "NUM", LENGTH)
    item.MeasuredValueSequence = Sequence([value])
    item.ContentSequence = Sequence([line])
    return item


def _reference() -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = ct.STUDY.instance_uid(ct.AXIAL.key, SLICE)
    return item


def _evidence() -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = ct.STUDY.series_uid(ct.AXIAL.key)
    series.ReferencedSOPSequence = Sequence([_reference()])
    study = Dataset()
    study.StudyInstanceUID = ct.STUDY.uid
    study.ReferencedSeriesSequence = Sequence([series])
    return study


def _item(relation: str, kind: str, concept: Concept) -> Dataset:
    item = Dataset()
    if relation:
        item.RelationshipType = relation
    item.ValueType = kind
    item.ConceptNameCodeSequence = codes(*concept)
    return item


def _container(relation: str, concept: Concept, content: Items[Dataset]) -> Dataset:
    item = _item(relation, "CONTAINER", concept)
    item.ContinuityOfContent = "SEPARATE"
    item.ContentSequence = Sequence(content)
    return item


def _code(relation: str, concept: Concept, value: Concept) -> Dataset:
    item = _item(relation, "CODE", concept)
    item.ConceptCodeSequence = codes(*value)
    return item


def _text(relation: str, concept: Concept, value: str) -> Dataset:
    item = _item(relation, "TEXT", concept)
    item.TextValue = value
    return item


def _person(relation: str, concept: Concept, name: str) -> Dataset:
    item = _item(relation, "PNAME", concept)
    item.PersonName = name
    return item


def _uid_reference(relation: str, concept: Concept, value: str) -> Dataset:
    item = _item(relation, "UIDREF", concept)
    item.UID = value
    return item


def _image(relation: str = "CONTAINS") -> Dataset:
    item = Dataset()
    item.RelationshipType = relation
    item.ValueType = "IMAGE"
    item.ReferencedSOPSequence = Sequence([_reference()])
    return item
