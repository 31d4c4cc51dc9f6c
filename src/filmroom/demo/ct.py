"""The chest as CT: a topogram, axial slices and a coronal reformat, in one frame of reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from filmroom.demo.chest import chest
from filmroom.demo.identity import Series, Study, uid
from filmroom.demo.shapes import Array, Plane, Scene

STUDY = Study(
    key="ct",
    patient="Filmroom^Demo CT",
    patient_id="DEMO-CT",
    birth_date="19620417",
    sex="F",
    age="061Y",
    date="20240115",
    time="091500",
    accession="DEMO01",
    description="CT chest with contrast",
)
TOPOGRAM = Series(STUDY, "topogram", 3, "CT", "Topogram", CTImageStorage)
AXIAL = Series(STUDY, "axial", 1, "CT", "Chest 2.5 mm axial", CTImageStorage)
CORONAL = Series(STUDY, "coronal", 2, "CT", "Chest 5 mm coronal, lung", CTImageStorage)
FRAME_OF_REFERENCE = uid("ct", "frame of reference")

SIZE = 384  # rows and columns of an axial slice
SPACING = 1.0  # mm between pixels
SLICES = 112
THICKNESS = 2.5  # mm, and from one slice to the next
FIRST_Z = -140.0  # mm: the lowest slice
MIDDLE_Y = 20.0  # mm: the patient lies above the middle of the gantry
CORONAL_SLICES = 32
CORONAL_STEP = 5.0  # mm
CORONAL_FIRST_Y = -76.0

INTERCEPT = -1024  # Hounsfield units of a stored 0
BITS = 12
SEED = 1


@dataclass(frozen=True, slots=True)
class Look:
    """What differs between the series besides their geometry."""

    kind: tuple[str, ...]
    kernel: str
    noise: float
    """Standard deviation in Hounsfield units."""
    center: int
    width: int


SOFT = Look(("ORIGINAL", "PRIMARY", "AXIAL"), "B30f", 14.0, 40, 400)
SHARP = Look(("DERIVED", "SECONDARY", "MPR"), "B60f", 30.0, -500, 1500)
SCOUT = Look(("ORIGINAL", "PRIMARY", "LOCALIZER"), "T20f", 0.0, 0, 1200)


def columns() -> Array:
    """x of the pixel columns of every series but the topogram, mm."""
    return ((np.arange(SIZE) - (SIZE - 1) / 2) * SPACING).astype(np.float32)


def axial_plane(number: int) -> Plane:
    """The plane of axial slice `number`, counted from 1, from the feet up."""
    rows = columns() + np.float32(MIDDLE_Y)
    return Plane(columns(), rows, FIRST_Z + (number - 1) * THICKNESS)


def images(labels: list[NDArray[np.uint8]]) -> Iterator[Dataset]:
    """Every image of the study; the axial slices' labels are put into `labels`."""
    scene = chest()
    total = np.zeros((SLICES, SIZE), np.float32)
    for number in range(1, SLICES + 1):
        plane = axial_plane(number)
        picture = plane.paint(scene)
        labels.append(picture.labels)
        total[number - 1] = np.maximum(picture.densities + 1000, 0).sum(axis=0)
        yield axial(number, plane, picture.densities)
    yield topogram(total)
    yield from coronal(scene)


def axial(number: int, plane: Plane, picture: Array) -> Dataset:
    """One axial slice."""
    dataset = AXIAL.header(number)
    position = (float(plane.columns[0]), float(plane.rows[0]), plane.depth)
    _place(dataset, position, (1, 0, 0, 0, 1, 0), THICKNESS)
    dataset.SliceLocation = round(plane.depth, 2)
    dataset.TableHeight = 150
    _picture(dataset, picture, SOFT, number)
    return dataset


def coronal(scene: Scene) -> Iterator[Dataset]:
    """The reformat, from the front to the back; its first row is the head's."""
    heights = np.arange(FIRST_Z, FIRST_Z + SLICES * THICKNESS, SPACING).astype(np.float32)
    for number in range(1, CORONAL_SLICES + 1):
        y = CORONAL_FIRST_Y + (number - 1) * CORONAL_STEP
        plane = Plane(columns(), heights, y, coronal=True)
        dataset = CORONAL.header(number)
        position = (float(plane.columns[0]), y, float(heights[-1]))
        _place(dataset, position, (1, 0, 0, 0, 0, -1), CORONAL_STEP)
        dataset.DerivationDescription = "Multiplanar reformat"
        _picture(dataset, plane.paint(scene).densities[::-1], SHARP, SLICES + number)
        yield dataset


def topogram(total: Array) -> Dataset:
    """The view from the front: what the rays lose on their way through all slices."""
    heights = np.arange(0, SLICES * THICKNESS, SPACING) / THICKNESS
    rows = [np.interp(heights, np.arange(SLICES), total[:, column]) for column in range(SIZE)]
    water = np.stack(rows, axis=1)[::-1] * SPACING / 1000  # mm
    dataset = TOPOGRAM.header()
    top = FIRST_Z + (len(heights) - 1) * SPACING
    position = (float(columns()[0]), 0.0, top)
    _place(dataset, position, (1, 0, 0, 0, 0, -1), 1.0)
    _picture(dataset, (water * 5.4 - 640).astype(np.float32), SCOUT, 0)
    return dataset


def _place(
    dataset: Dataset,
    position: tuple[float, float, float],
    orientation: tuple[int, ...],
    thickness: float,
) -> None:
    dataset.FrameOfReferenceUID = FRAME_OF_REFERENCE
    dataset.PositionReferenceIndicator = ""
    dataset.PatientPosition = "HFS"
    dataset.ImagePositionPatient = [round(value, 3) for value in position]
    dataset.ImageOrientationPatient = list(orientation)
    dataset.SliceThickness = thickness
    dataset.SpacingBetweenSlices = thickness
    dataset.PixelSpacing = [SPACING, SPACING]


def _picture(dataset: Dataset, densities: Array, look: Look, seed: int) -> None:
    dataset.ImageType = list(look.kind)
    dataset.BodyPartExamined = "CHEST"
    dataset.ProtocolName = "Chest with contrast"
    dataset.ContrastBolusAgent = "Demo contrast"
    dataset.AcquisitionNumber = 1
    dataset.AcquisitionDate, dataset.AcquisitionTime = STUDY.date, STUDY.time
    dataset.KVP = 120
    dataset.XRayTubeCurrent = 180
    dataset.ExposureTime = 500
    dataset.GantryDetectorTilt = 0
    dataset.ReconstructionDiameter = SIZE * SPACING
    dataset.ConvolutionKernel = look.kernel
    dataset.RescaleIntercept = INTERCEPT
    dataset.RescaleSlope = 1
    dataset.RescaleType = "HU"
    dataset.WindowCenter = look.center
    dataset.WindowWidth = look.width
    noisy = densities + _noise(densities.shape, look.noise, seed)
    stored = np.clip(np.rint(noisy) - INTERCEPT, 0, (1 << BITS) - 1).astype("<u2")
    put_pixels(dataset, stored, BITS)


def _noise(shape: tuple[int, ...], deviation: float, seed: int) -> Array:
    """Noise as a reconstruction leaves it: neighbours are alike."""
    if not deviation:
        return np.zeros(shape, np.float32)
    raw = np.random.default_rng((SEED, seed)).standard_normal(shape, np.float32)
    smooth = (raw + np.roll(raw, 1, 0) + np.roll(raw, 1, 1) + np.roll(raw, (1, 1), (0, 1))) / 2
    return smooth * np.float32(deviation)


def put_pixels(dataset: Dataset, stored: NDArray[np.uint16], bits: int) -> None:
    """Grey pixels of 16 bits, of which `bits` are used, into the image pixel module."""
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    dataset.add_new("PixelData", "OW", stored.tobytes())
