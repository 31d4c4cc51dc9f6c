"""The demo studies: CT with SEG and SR, ultrasound, radiograph with PDF.

Made anew they are the same, byte for byte, so that storing them again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from filmroom.core.archive import Archive
from filmroom.core.store import receive
from filmroom.demo import ct, document, radiograph, report, segmentation, ultrasound
from filmroom.demo.identity import part10
from filmroom.model.stored import Stored

SOURCE = "demo"
WRITERS = 8  # instances that are stored at once, so that they share commits


@dataclass(frozen=True, slots=True)
class Made:
    """One demo object as a file."""

    name: str
    """A path as `export` would give it."""
    data: bytes


def objects() -> Iterator[Made]:
    """Every demo object, made as it is asked for."""
    for dataset in _datasets():
        series, instance = dataset.SeriesInstanceUID, dataset.SOPInstanceUID
        yield Made(f"{dataset.StudyInstanceUID}/{series}/{instance}.dcm", part10(dataset))


def _datasets() -> Iterator[Dataset]:
    labels: list[NDArray[np.uint8]] = []
    yield from ct.images(labels)
    yield segmentation.segmentation(labels)
    yield report.report()
    yield from ultrasound.images()
    yield radiograph.radiograph()
    yield document.document()


def store_all(archive: Archive) -> list[Stored]:
    """Store the demo studies; what is there already stays as it is."""

    def store(data: bytes) -> Stored:
        with receive(archive, SOURCE) as incoming:
            incoming.write(data)
            return incoming.finish()

    writers = min(WRITERS, archive.settings.store_writers)
    with ThreadPoolExecutor(writers, "demo") as pool:
        return list(pool.map(store, (made.data for made in objects())))


def write_all(folder: Path) -> int:
    """Write the demo studies as files; how many."""
    count = 0
    for made in objects():
        path = folder / made.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.data)
        count += 1
    return count
