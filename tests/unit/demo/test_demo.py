"""The demo studies: whole, readable, consistent, and always the same."""

from __future__ import annotations

from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from filmroom.core.archive import Archive
from filmroom.demo import ct, document, report, segmentation, studies, ultrasound
from filmroom.demo.chest import LUNG_LABEL, NODULE, NODULE_LABEL, chest
from filmroom.demo.identity import part10
from filmroom.dicom.scan import scan
from filmroom.dicom.scan_limits import ScanLimits
from filmroom.dicom.uids import is_uid
from filmroom.model.stored import Outcome


@pytest.fixture(scope="module")
def made() -> list[studies.Made]:
    return list(studies.objects())


@pytest.fixture(scope="module")
def datasets(made: list[studies.Made]) -> list[Dataset]:
    return [dcmread(BytesIO(one.data)) for one in made]


def of(datasets: list[Dataset], modality: str) -> list[Dataset]:
    return [dataset for dataset in datasets if dataset.Modality == modality]


def axial(datasets: list[Dataset]) -> list[Dataset]:
    return [one for one in datasets if one.SeriesInstanceUID == ct.STUDY.series_uid("axial")]


def test_there_are_three_studies_of_several_kinds(datasets: list[Dataset]) -> None:
    assert len({dataset.StudyInstanceUID for dataset in datasets}) == 3
    assert Counter(dataset.Modality for dataset in datasets) == {
        "CT": 112 + 32 + 1,
        "SEG": 1,
        "SR": 1,
        "US": 2,
        "DX": 1,
        "DOC": 1,
    }


def test_all_of_it_is_small(made: list[studies.Made]) -> None:
    assert sum(len(one.data) for one in made) < 100_000_000


def test_every_object_passes_our_own_scanner_without_a_warning(made: list[studies.Made]) -> None:
    for one in made:
        assert scan(memoryview(one.data), ScanLimits(), "/dicom-web").warnings == (), one.name


def test_uids_are_valid_and_each_instance_has_its_own(datasets: list[Dataset]) -> None:
    instances = [dataset.SOPInstanceUID for dataset in datasets]

    assert len(set(instances)) == len(instances)
    for dataset in datasets:
        for value in (dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.StudyInstanceUID):
            assert is_uid(value)


def test_the_uids_never_change() -> None:
    assert ct.STUDY.uid == "2.25.246000353570445303487416719605010727847"
    assert ultrasound.STUDY.uid == "2.25.33371381358538253336583205873108618047"


def test_they_are_the_same_byte_for_byte_each_time(made: list[studies.Made]) -> None:
    plane = ct.axial_plane(3)
    again = part10(ct.axial(3, plane, plane.paint(chest()).densities))

    assert again == made[2].data
    assert part10(ultrasound.still()) in {one.data for one in made}


def test_the_axial_slices_are_a_volume(datasets: list[Dataset]) -> None:
    slices = axial(datasets)
    heights = [float(one.ImagePositionPatient[2]) for one in slices]

    assert len(slices) == 112
    assert set(np.diff(heights)) == {2.5}
    assert {tuple(one.ImageOrientationPatient) for one in slices} == {(1, 0, 0, 0, 1, 0)}
    assert {tuple(one.PixelSpacing) for one in slices} == {(1.0, 1.0)}
    assert len({one.FrameOfReferenceUID for one in slices}) == 1


def test_densities_are_those_of_what_is_there(datasets: list[Dataset]) -> None:
    nodule = axial(datasets)[report.SLICE - 1]
    units = nodule.pixel_array.astype(int) * nodule.RescaleSlope + nodule.RescaleIntercept
    left, top, _ = nodule.ImagePositionPatient
    row, column = round(NODULE[1] - float(top)), round(NODULE[0] - float(left))

    assert 20 < units[row - 3 : row + 4, column - 3 : column + 4].mean() < 70
    assert -1010 < units[:20].mean() < -980  # air above the patient
    assert units.max() > 600  # bone


def test_the_segmentation_refers_to_the_slices_that_it_outlines(datasets: list[Dataset]) -> None:
    (seg,) = of(datasets, "SEG")
    by_uid = {one.SOPInstanceUID: one for one in axial(datasets)}

    assert [item.SegmentNumber for item in seg.SegmentSequence] == [1, 2, 3]
    assert len(seg.PerFrameFunctionalGroupsSequence) == seg.NumberOfFrames
    for groups in seg.PerFrameFunctionalGroupsSequence:
        source = groups.DerivationImageSequence[0].SourceImageSequence[0]
        slice_ = by_uid[source.ReferencedSOPInstanceUID]
        position = groups.PlanePositionSequence[0].ImagePositionPatient
        assert list(position) == list(slice_.ImagePositionPatient)
    referenced = seg.ReferencedSeriesSequence[0]
    assert referenced.SeriesInstanceUID == ct.STUDY.series_uid("axial")
    assert {i.ReferencedSOPInstanceUID for i in referenced.ReferencedInstanceSequence} == set(
        by_uid
    )


def test_the_segments_cover_what_they_say(datasets: list[Dataset]) -> None:
    (seg,) = of(datasets, "SEG")
    masks = seg.pixel_array
    litres = Counter()
    for groups, mask in zip(seg.PerFrameFunctionalGroupsSequence, masks, strict=True):
        segment = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        litres[segment] += int(mask.sum()) * 2.5 / 1e6

    assert 1.5 < litres[1] < 4
    assert 1.5 < litres[2] < 4
    assert 0.002 < litres[3] < 0.0035  # a ball of 17 mm


def test_labels_tell_lungs_and_nodule_apart() -> None:
    labels = ct.axial_plane(report.SLICE).paint(chest()).labels

    assert set(np.unique(labels)) == {0, LUNG_LABEL, NODULE_LABEL}


def test_the_report_measures_the_nodule_on_a_slice_that_is_there(datasets: list[Dataset]) -> None:
    (sr,) = of(datasets, "SR")
    assert sr.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert sr.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    measurements = sr.ContentSequence[-1].ContentSequence[0]
    items = {
        item.ConceptNameCodeSequence[0].CodeValue: item for item in measurements.ContentSequence
    }
    line = items["410668003"].ContentSequence[0]
    image = line.ContentSequence[0].ReferencedSOPSequence[0]

    assert items["112039"].TextValue == "Cornerstone3DTools@^0.1.0:Length"
    assert is_uid(items["112040"].UID)
    assert items["410668003"].MeasuredValueSequence[0].NumericValue == 17
    assert line.GraphicData == [99.5, 190.0, 116.5, 190.0]
    assert image.ReferencedSOPInstanceUID == ct.STUDY.instance_uid("axial", report.SLICE)
    evidence = sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    assert evidence.ReferencedSOPSequence[0] == image


def test_the_cine_moves_and_is_calibrated(datasets: list[Dataset]) -> None:
    cine = of(datasets, "US")[0]
    frames = cine.pixel_array

    assert frames.shape == (48, 480, 640)
    assert cine.FrameTime == 33.3
    assert np.abs(frames[12].astype(int) - frames[0]).mean() > 2
    region = cine.SequenceOfUltrasoundRegions[0]
    assert (region.PhysicalUnitsXDirection, region.PhysicalDeltaX) == (3, 0.034)


def test_the_document_is_a_pdf_whose_table_is_right(datasets: list[Dataset]) -> None:
    (doc,) = of(datasets, "DOC")
    data = bytes(doc.EncapsulatedDocument)[: doc.EncapsulatedDocumentLength]

    assert data == document.pdf()
    assert data.startswith(b"%PDF-1.4\n")
    table = int(data.split(b"startxref\n")[1].split()[0])
    assert data[table:].startswith(b"xref\n0 6\n")
    places = [int(line[:10]) for line in data[table:].splitlines()[3:8]]
    starts = [data[place : place + 7] for place in places]
    assert starts == [b"%d 0 obj" % number for number in range(1, 6)]


def test_segmentation_frames_follow_without_a_gap(datasets: list[Dataset]) -> None:
    (seg,) = of(datasets, "SEG")
    bits = seg.NumberOfFrames * seg.Rows * seg.Columns

    assert len(seg.PixelData) == (bits + 7) // 8 + ((bits + 7) // 8) % 2
    assert seg.SOPClassUID == segmentation.SERIES.sop_class


def test_storing_them_twice_changes_nothing(
    made: list[studies.Made], archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "objects", lambda: iter(made))

    first, second = studies.store_all(archive), studies.store_all(archive)

    assert {one.outcome for one in first} == {Outcome.NEW}
    assert {one.outcome for one in second} == {Outcome.SAME}
    assert [one.warnings for one in first if one.warnings] == []
    assert archive.index.counts().studies == 3


def test_they_can_be_written_as_files(
    made: list[studies.Made], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies, "objects", lambda: iter(made[-4:]))

    assert studies.write_all(tmp_path) == 4
    assert (tmp_path / made[-1].name).read_bytes() == made[-1].data
