"""What is measured on: CT slices as files, the same for every contestant."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from filmroom.testing.objects import ct_slice, part10, uid

STUDY, SERIES = uid(5000), uid(5000, 1)


def instance_uid(number: int) -> str:
    """The UID of slice `number`, counted from 1."""
    return uid(5000, 1, number)


def ct_series(folder: Path, slices: int = 500, size: int = 512) -> list[Path]:
    """A CT series of `slices` files, made once and kept."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(7)
    files = []
    for number in range(1, slices + 1):
        path = folder / f"{number:04}.dcm"
        if not path.exists():
            pixels = noise.integers(0, 2000, (size, size), dtype=np.uint16)
            dataset = ct_slice(5000, 1, number, size=2)
            dataset.Rows = dataset.Columns = size
            dataset.PixelData = pixels.tobytes()
            _add_header(dataset)
            path.write_bytes(part10(dataset))
        files.append(path)
    return files


def _add_header(dataset: object) -> None:
    """What a scanner writes besides, so that metadata has an everyday size."""
    everyday = {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "Manufacturer": "Filmroom Bench",
        "InstitutionName": "Loopback Hospital",
        "StationName": "CT1",
        "ManufacturerModelName": "Synthetic 500",
        "BodyPartExamined": "CHEST",
        "KVP": 120,
        "DataCollectionDiameter": 500,
        "DeviceSerialNumber": "0001",
        "SoftwareVersions": "1.0",
        "ProtocolName": "Chest routine",
        "ReconstructionDiameter": 360,
        "GantryDetectorTilt": 0,
        "TableHeight": 150,
        "RotationDirection": "CW",
        "ExposureTime": 500,
        "XRayTubeCurrent": 200,
        "Exposure": 100,
        "FilterType": "BODY",
        "ConvolutionKernel": "B30f",
        "PatientPosition": "HFS",
        "AcquisitionNumber": 1,
        "SliceLocation": 1.0,
        "ContentDate": "20240115",
        "ContentTime": "101700",
        "AcquisitionDate": "20240115",
        "AcquisitionTime": "101630",
    }
    for keyword, value in everyday.items():
        setattr(dataset, keyword, value)
