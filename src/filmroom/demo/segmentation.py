"""A segmentation of the axial CT: both lungs and the nodule (PS3.3 §A.51)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Items
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, SegmentationStorage

from filmroom.demo import ct
from filmroom.demo.chest import NODULE_LABEL
from filmroom.demo.identity import Series, code, codes, uid

SERIES = Series(ct.STUDY, "segmentation", 100, "SEG", "Lungs and nodule", SegmentationStorage)
DIMENSIONS = uid("ct", "segmentation", "dimensions")

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Segment:
    """One thing that is outlined."""

    label: str
    category: tuple[str, str, str]
    kind: tuple[str, str, str]
    colour: tuple[int, int, int]
    """CIELab as DICOM writes it (PS3.3 §C.10.7.1.1)."""
    laterality: tuple[str, str, str] | None = None


ANATOMY = ("123037004", "SCT", "Anatomical Structure")
FINDING = ("49755003", "SCT", "Morphologically Altered Structure")
LUNG = ("39607008", "SCT", "Lung")
SEGMENTS = (
    Segment("Right lung", ANATOMY, LUNG, (43803, 26565, 22925), ("24028007", "SCT", "Right")),
    Segment("Left lung", ANATOMY, LUNG, (50039, 24121, 41231), ("7771000", "SCT", "Left")),
    Segment("Nodule", FINDING, ("27925004", "SCT", "Nodule"), (45000, 53000, 48000)),
)


def segmentation(labels: Items[NDArray[np.uint8]]) -> Dataset:
    """The one instance of the series, from the labels of the axial slices."""
    frames = [found for outline in _outlines() for found in _frames(*outline, labels)]
    dataset = SERIES.header()
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.ContentLabel = "CHEST"
    dataset.ContentDescription = "Lungs and nodule, outlined by the program that made them"
    dataset.ContentCreatorName = "Filmroom^Demo"
    dataset.FrameOfReferenceUID = ct.FRAME_OF_REFERENCE
    dataset.PositionReferenceIndicator = ""
    dataset.SegmentationType = "BINARY"
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"
    dataset.ReferencedSeriesSequence = Sequence([_referenced_series()])
    dataset.SegmentSequence = Sequence(
        [_segment(number, segment) for number, segment in enumerate(SEGMENTS, 1)]
    )
    _dimensions(dataset)
    dataset.SharedFunctionalGroupsSequence = Sequence([_shared()])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(
        [_frame(segment, slice_) for segment, slice_, _ in frames]
    )
    _pixels(dataset, [mask for _, _, mask in frames])
    return dataset


Outline = Callable[[NDArray[np.uint8]], Mask]


def _frames(
    segment: int, outline: Outline, labels: Items[NDArray[np.uint8]]
) -> Iterator[tuple[int, int, Mask]]:
    """Segment, axial slice and mask, for each slice that the segment meets."""
    for number, slice_ in enumerate(labels, 1):
        mask = outline(slice_)
        if mask.any():
            yield segment, number, mask


def _outlines() -> tuple[tuple[int, Outline], ...]:
    right = ct.columns()[None, :] < 0
    return (
        (1, lambda label: (label > 0) & right),
        (2, lambda label: (label > 0) & ~right),
        (3, lambda label: label == NODULE_LABEL),
    )


def _referenced_series() -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = ct.STUDY.series_uid(ct.AXIAL.key)
    item.ReferencedInstanceSequence = Sequence(
        [_reference(number) for number in range(1, ct.SLICES + 1)]
    )
    return item


def _reference(number: int) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = CTImageStorage
    item.ReferencedSOPInstanceUID = ct.STUDY.instance_uid(ct.AXIAL.key, number)
    return item


def _segment(number: int, segment: Segment) -> Dataset:
    item = Dataset()
    item.SegmentNumber = number
    item.SegmentLabel = segment.label
    item.SegmentAlgorithmType = "AUTOMATIC"
    item.SegmentAlgorithmName = "Filmroom demo"
    item.SegmentedPropertyCategoryCodeSequence = codes(*segment.category)
    kind = code(*segment.kind)
    if segment.laterality:
        kind.SegmentedPropertyTypeModifierCodeSequence = codes(*segment.laterality)
    item.SegmentedPropertyTypeCodeSequence = Sequence([kind])
    item.RecommendedDisplayCIELabValue = list(segment.colour)
    return item


def _dimensions(dataset: Dataset) -> None:
    organization = Dataset()
    organization.DimensionOrganizationUID = DIMENSIONS
    dataset.DimensionOrganizationSequence = Sequence([organization])
    dataset.DimensionOrganizationType = "3D"
    pointers = (("ReferencedSegmentNumber", "SegmentIdentificationSequence"),
                ("ImagePositionPatient", "PlanePositionSequence"))  # fmt: skip
    items = []
    for pointer, group in pointers:
        item = Dataset()
        item.DimensionOrganizationUID = DIMENSIONS
        item.DimensionIndexPointer = pointer
        item.FunctionalGroupPointer = group
        item.DimensionDescriptionLabel = pointer
        items.append(item)
    dataset.DimensionIndexSequence = Sequence(items)


def _shared() -> Dataset:
    orientation = Dataset()
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    measures = Dataset()
    measures.SliceThickness = ct.THICKNESS
    measures.SpacingBetweenSlices = ct.THICKNESS
    measures.PixelSpacing = [ct.SPACING, ct.SPACING]
    groups = Dataset()
    groups.PlaneOrientationSequence = Sequence([orientation])
    groups.PixelMeasuresSequence = Sequence([measures])
    return groups


def _frame(segment: int, slice_: int) -> Dataset:
    plane = ct.axial_plane(slice_)
    content = Dataset()
    content.DimensionIndexValues = [segment, slice_]
    position = Dataset()
    position.ImagePositionPatient = [
        round(value, 3) for value in (float(plane.columns[0]), float(plane.rows[0]), plane.depth)
    ]
    identified = Dataset()
    identified.ReferencedSegmentNumber = segment
    groups = Dataset()
    groups.DerivationImageSequence = Sequence([_derivation(slice_)])
    groups.FrameContentSequence = Sequence([content])
    groups.PlanePositionSequence = Sequence([position])
    groups.SegmentIdentificationSequence = Sequence([identified])
    return groups


def _derivation(slice_: int) -> Dataset:
    source = _reference(slice_)
    source.PurposeOfReferenceCodeSequence = codes(
        "121322", "DCM", "Source image for image processing operation"
    )
    item = Dataset()
    item.DerivationCodeSequence = codes("113076", "DCM", "Segmentation")
    item.SourceImageSequence = Sequence([source])
    return item


def _pixels(dataset: Dataset, masks: list[Mask]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = masks[0].shape
    dataset.NumberOfFrames = len(masks)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    dataset.PixelRepresentation = 0
    # One bit a pixel, the first in the lowest (PS3.5 §8.1.1); frames follow without a gap.
    bits = np.packbits(np.stack(masks).reshape(-1), bitorder="little").tobytes()
    dataset.add_new("PixelData", "OB", bits + b"\0" * (len(bits) % 2))
