"""A chest radiograph: the same anatomy, seen by rays that go from back to front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation

from filmroom.demo.chest import chest
from filmroom.demo.ct import put_pixels
from filmroom.demo.identity import Series, Study, codes
from filmroom.demo.shapes import Array, Plane

STUDY = Study(
    key="dx",
    patient="Filmroom^Demo Chest",
    patient_id="DEMO-DX",
    birth_date="19540702",
    sex="M",
    age="069Y",
    date="20240117",
    time="080300",
    accession="DEMO03",
    description="Chest radiograph and report",
)
SERIES = Series(STUDY, "pa", 1, "DX", "Chest PA", DigitalXRayImageStorageForPresentation)

STEP = 0.3  # mm between pixels
RAYS = 5.0  # mm between the planes that are added up
LOW, HIGH, HALF = -150.0, 150.0, 180.0  # mm: what is in the picture
COARSE = 1.5  # mm between the points of a plane
BITS = 12
SEED = 3


def radiograph() -> Dataset:
    """The one image of the series."""
    lost = _magnified(_thickness())
    noise = np.random.default_rng(SEED).standard_normal(lost.shape, np.float32)
    bright = lost / np.quantile(lost, 0.995)
    film = np.clip(bright**1.1, 0, 1.1) * 3300 + noise * 22 + 120
    dataset = SERIES.header()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = "PA"
    dataset.PatientOrientation = ["L", "F"]
    dataset.ImageLaterality = "U"
    dataset.AnatomicRegionSequence = codes("51185008", "SCT", "Chest")
    dataset.KVP = 125
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = -1
    dataset.ImagerPixelSpacing = [STEP, STEP]
    dataset.PixelSpacing = [STEP, STEP]
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.WindowCenter, dataset.WindowWidth = 1750, 3300
    put_pixels(dataset, np.clip(film, 0, (1 << BITS) - 1).astype("<u2"), BITS)
    return dataset


def _thickness() -> Array:
    """What each ray passes through, as mm of water; the first row is the head's."""
    columns = np.arange(-HALF, HALF, COARSE).astype(np.float32)
    heights = np.arange(LOW, HIGH, COARSE).astype(np.float32)
    scene = chest(with_table=False)
    total = np.zeros((len(heights), len(columns)), np.float32)
    for y in np.arange(-124, 125, RAYS):
        plane = Plane(columns, heights, float(y), coronal=True)
        total += np.maximum(plane.paint(scene).densities + 1000, 0) * np.float32(RAYS / 1000)
    return total[::-1]


def _magnified(picture: Array) -> NDArray[np.float32]:
    """The picture with a point for each pixel, points between taken from their neighbours."""
    rows, columns = picture.shape
    across = np.arange(0, columns - 1, STEP / COARSE)
    down = np.arange(0, rows - 1, STEP / COARSE)
    wide = np.stack([np.interp(across, np.arange(columns), row) for row in picture])
    tall = np.stack([np.interp(down, np.arange(rows), column) for column in wide.T], axis=1)
    return tall.astype(np.float32)
