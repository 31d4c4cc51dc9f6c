"""An echocardiogram: four chambers that beat, seen through a fan, and a colour still of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import cos, pi, radians, sin

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UltrasoundImageStorage, UltrasoundMultiFrameImageStorage

from filmroom.demo.identity import Series, Study

STUDY = Study(
    key="us",
    patient="Filmroom^Demo US",
    patient_id="DEMO-US",
    birth_date="19880923",
    sex="M",
    age="035Y",
    date="20240116",
    time="134200",
    accession="DEMO02",
    description="Echocardiography",
)
CINE = Series(STUDY, "cine", 1, "US", "Apical four chambers", UltrasoundMultiFrameImageStorage)
STILL = Series(STUDY, "still", 2, "US", "Colour Doppler", UltrasoundImageStorage)

ROWS, COLUMNS = 480, 640
FRAMES = 48
FRAME_TIME = 33.3  # ms
BEATS = 2  # in all frames
PIXEL = 0.034  # cm
APEX = (40, 320)  # row and column of the probe
DEPTH = 410.0  # pixels from the apex to the far end of the fan
NEAR = 26.0  # pixels from the apex to where the picture begins
HALF_ANGLE = radians(39)
SEED = 5
GRAINS = 8  # patterns of speckle, which come by turns

Picture = NDArray[np.float32]

# Row, column, half height and half width of each chamber in pixels, and by how much of its
# size it beats; the upper two contract when the lower two relax.
CHAMBERS = (
    (205, 366, 88, 40, 0.26),
    (200, 276, 72, 30, 0.24),
    (350, 362, 42, 42, -0.20),
    (346, 276, 42, 40, -0.20),
)
HEART = (262, 322, 165, 108)


def cine() -> Dataset:
    """The moving picture, one multi-frame instance."""
    frames = np.stack([_frame(2 * pi * BEATS * n / FRAMES, n) for n in range(FRAMES)])
    dataset = CINE.header()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "CARDIAC"]
    dataset.NumberOfFrames = FRAMES
    dataset.FrameTime = FRAME_TIME
    dataset.CineRate = dataset.RecommendedDisplayFrameRate = round(1000 / FRAME_TIME)
    dataset.HeartRate = round(60_000 * BEATS / (FRAMES * FRAME_TIME))
    dataset.FrameIncrementPointer = 0x00181063  # Frame Time
    dataset.StartTrim, dataset.StopTrim = 1, FRAMES
    _describe(dataset)
    _grey(dataset, frames)
    return dataset


def still() -> Dataset:
    """One frame in colour, flow drawn where blood moves to and from the probe."""
    grey = _frame(0.6, 0).astype(np.float32)
    rgb = np.stack([grey] * 3, axis=-1)
    for number, towards in ((0, True), (1, True), (2, False)):
        row, column, high, wide, _ = CHAMBERS[number]
        weight = np.clip(1.1 - _radius(row, column, high * 0.8, wide * 0.7), 0, 1)[..., None]
        colour = (230, 60, 20) if towards else (30, 80, 235)
        rgb = rgb * (1 - weight) + np.array(colour, np.float32) * weight
    dataset = STILL.header()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "CARDIAC"]
    _describe(dataset)
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.UltrasoundColorDataPresent = 1
    _put(dataset, np.clip(rgb, 0, 255).astype(np.uint8), ROWS, COLUMNS)
    return dataset


def images() -> Iterator[Dataset]:
    """Every image of the study."""
    yield cine()
    yield still()


def _frame(phase: float, seed: int) -> NDArray[np.uint8]:
    """One frame, 8 bits, at a phase of the heartbeat in radians."""
    tissue = _around().copy()
    for row, column, high, wide, beats in CHAMBERS:
        size = 1 - beats * (1 - cos(phase)) / 2
        _chamber(tissue, row, column, high * size, wide * size)
    _valves(tissue, phase)
    picture = tissue * _grain(seed % GRAINS)
    _pulse(picture, phase)
    _ruler(picture)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


@cache
def _around() -> Picture:
    """Heart muscle, the sac around it, and what lies beyond."""
    away = _radius(*HEART)
    beyond = 0.34 + 0.62 * np.exp(-((away - 1.0) ** 2) / 0.02)
    return np.where(away < 1.0, 0.62, beyond).astype(np.float32)


def _chamber(tissue: Picture, row: float, column: float, high: float, wide: float) -> None:
    top, left = int(row - high * 1.3), int(column - wide * 1.3)
    there = slice(max(top, 0), int(row + high * 1.3)), slice(left, int(column + wide * 1.3))
    rows, columns = np.ogrid[there]
    away = np.hypot((rows - row) / high, (columns - column) / wide)
    wall = 0.95 * np.exp(-((away - 1.06) ** 2) / 0.004)
    tissue[there] = np.where(away < 1, 0.05, np.maximum(tissue[there], wall))


@cache
def _grain(seed: int) -> Picture:
    """The speckle of the fan, fading with depth; 0 outside."""
    chance = np.random.default_rng((SEED, seed)).random((ROWS, COLUMNS), np.float32)
    grain = np.sqrt(-2 * np.log(1 - chance))
    speckle = (grain + np.roll(grain, 1, 1) + np.roll(grain, 2, 1) + np.roll(grain, 1, 0)) / 4
    rows, columns = np.ogrid[:ROWS, :COLUMNS]
    down, across = rows - APEX[0], columns - APEX[1]
    distance = np.hypot(down, across)
    angle = np.abs(np.arctan2(across, down))
    inside = (distance > NEAR) & (distance < DEPTH) & (angle < HALF_ANGLE)
    fading = np.clip(1.15 - distance / DEPTH * 0.55, 0, None)
    return np.where(inside, speckle * fading * 150, 0).astype(np.float32)


def _valves(tissue: Picture, phase: float) -> None:
    """The leaflets between upper and lower chambers, open while the upper ones fill."""
    opened = 26 * max(0.0, sin(phase + pi))
    for column, wide in ((364, 40), (276, 36)):
        for step in np.linspace(0, 1, 60):
            row = round(300 - opened * step)
            for side in (-1, 1):
                place = round(column + side * wide * (1 - step * (1 if not opened else 0.72)))
                tissue[row - 1 : row + 2, place - 1 : place + 2] = 0.9


def _radius(row: float, column: float, high: float, wide: float) -> Picture:
    rows, columns = np.ogrid[:ROWS, :COLUMNS]
    square = ((rows - row) / high) ** 2 + ((columns - column) / wide) ** 2
    return np.sqrt(square).astype(np.float32)


def _pulse(picture: Picture, phase: float) -> None:
    """The electrocardiogram below, drawn up to where the beat is now."""
    now = phase / (2 * pi * BEATS)
    for column in range(40, 40 + round(560 * now)):
        beat = ((column - 40) / 560 * BEATS) % 1
        wave = 26 * np.exp(-((beat - 0.1) ** 2) / 0.0004) - 8 * np.exp(
            -((beat - 0.13) ** 2) / 0.0004
        )
        wave += 6 * np.exp(-((beat - 0.38) ** 2) / 0.004)
        row = round(462 - float(wave))
        picture[row - 1 : row + 1, column] = 210


def _ruler(picture: Picture) -> None:
    """A tick for each centimetre of depth."""
    for centimetre in range(13):
        row = APEX[0] + round(centimetre / PIXEL)
        picture[row : row + 1, 612 : 628 if centimetre % 5 == 0 else 620] = 190


def _describe(dataset: Dataset) -> None:
    dataset.BodyPartExamined = "HEART"
    dataset.TransducerType = "SECTOR_PHASED"
    dataset.LossyImageCompression = "00"
    dataset.BurnedInAnnotation = "NO"
    region = Dataset()
    region.RegionSpatialFormat = 1  # 2D
    region.RegionDataType = 1  # tissue
    region.RegionFlags = 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = COLUMNS - 1, ROWS - 1
    region.ReferencePixelX0, region.ReferencePixelY0 = APEX[1], APEX[0]
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3  # cm
    region.PhysicalDeltaX = region.PhysicalDeltaY = PIXEL
    dataset.SequenceOfUltrasoundRegions = Sequence([region])


def _grey(dataset: Dataset, frames: NDArray[np.uint8]) -> None:
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    _put(dataset, frames, ROWS, COLUMNS)


def _put(dataset: Dataset, pixels: NDArray[np.uint8], rows: int, columns: int) -> None:
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.add_new("PixelData", "OB", pixels.tobytes())
