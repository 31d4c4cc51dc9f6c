"""Images to code, as data sets and files, and strangers to decode what we coded."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import openjpeg
import pydicom
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import UID

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.model.instance import Attributes
from filmroom.pixels.values import Values, dtype_of, range_of
from filmroom.testing.objects import header, part10

ROOT = "1.2.840.10008.1.2"
WHEEL = Path(pydicom.__file__).parent / "data" / "test_files"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
IMAGE_PIXEL = {
    "00280002": "SamplesPerPixel",
    "00280004": "PhotometricInterpretation",
    "00280006": "PlanarConfiguration",
    "00280010": "Rows",
    "00280011": "Columns",
    "00280100": "BitsAllocated",
    "00280101": "BitsStored",
    "00280102": "HighBit",
    "00280103": "PixelRepresentation",
}


def layout(
    bits: int, *, signed: bool = False, samples: int = 1, rows: int = 61, columns: int = 83
) -> PixelFormat:
    """A format of so many stored bits, in as few bytes as hold them."""
    allocated = 1 if bits == 1 else next(each for each in (8, 16, 32) if bits <= each)
    photometric = "MONOCHROME2" if samples == 1 else "RGB"
    return PixelFormat(
        rows, columns, samples, allocated, bits, bits - 1, signed, False, photometric
    )


def picture(format: PixelFormat) -> Values:
    """Waves with noise upon them that reach both ends of the range."""
    random = np.random.default_rng(format.bits_stored)
    y, x = np.mgrid[: format.rows, : format.columns]
    shades = [np.sin(x / (9 + 2 * n)) + np.cos(y / (13 - n)) for n in range(format.samples)]
    wave = np.stack(shades, -1) / 4 + 0.5 + random.normal(0, 0.005, (*x.shape, format.samples))
    low, high = range_of(format)
    spread = (wave - wave.min()) / (wave.max() - wave.min())
    values = np.rint(low + spread * (high - low)).astype(dtype_of(format))
    return values if format.samples > 1 else values[..., 0]


def changed(format: PixelFormat, changes: Attributes) -> PixelFormat:
    """The format as a data set says it after coding."""
    said = {tag: model["Value"][0] for tag, model in changes.items() if model}
    return replace(
        format,
        photometric=said["00280004"],
        bits_allocated=said.get("00280100", format.bits_allocated),
        bits_stored=said.get("00280101", format.bits_stored),
        high_bit=said.get("00280102", format.high_bit),
    )


def data_set(format: PixelFormat, frame: bytes) -> Dataset:
    """An image of one encapsulated frame."""
    dataset = header()
    dataset.SamplesPerPixel = format.samples
    dataset.PhotometricInterpretation = format.photometric
    if format.samples > 1:
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = format.rows, format.columns
    dataset.BitsAllocated, dataset.BitsStored = format.bits_allocated, format.bits_stored
    dataset.HighBit, dataset.PixelRepresentation = format.high_bit, int(format.signed)
    dataset.add_new("PixelData", "OB", encapsulate([frame]))
    dataset["PixelData"].is_undefined_length = True
    return dataset


def by_gdcm(format: PixelFormat, frame: bytes, uid: str) -> Values:
    """What GDCM decodes."""
    return _by_pydicom(format, frame, uid, "gdcm")


def by_pydicom(format: PixelFormat, frame: bytes, uid: str) -> Values:
    """What pydicom itself decodes."""
    return _by_pydicom(format, frame, uid, "pydicom")


def _by_pydicom(format: PixelFormat, frame: bytes, uid: str, plugin: str) -> Values:
    dataset = data_set(format, frame)
    dataset.file_meta = Dataset()  # type: ignore[assignment]
    dataset.file_meta.TransferSyntaxUID = UID(uid)
    decoder = get_decoder(UID(uid))
    found: Values = decoder.as_array(dataset, index=0, raw=True, decoding_plugin=plugin)[0]
    return found


def by_dcmtk(format: PixelFormat, frame: bytes, uid: str, folder: Path) -> Values:
    """What DCMTK's tool for the transfer syntax decodes; colour as it comes."""
    return run_dcmtk(part10(data_set(format, frame), uid), uid, folder)


def run_dcmtk(file: bytes, uid: str, folder: Path, *options: str) -> Values:
    """The first frame of a file that DCMTK decoded."""
    tool = {"5": "dcmdrle", "80": "dcmdjpls", "81": "dcmdjpls"}.get(uid.split(".")[-1], "dcmdjpeg")
    (folder / "coded.dcm").write_bytes(file)
    subprocess.run(
        [tool, *options, "coded.dcm", "plain.dcm"], cwd=folder, check=True, capture_output=True
    )
    plain = pydicom.dcmread(folder / "plain.dcm")
    decoder = get_decoder(plain.file_meta.TransferSyntaxUID)
    found: Values = decoder.as_array(plain, index=0, raw=True)[0]
    return found


def by_openjpeg(frame: bytes) -> Values:
    """What pylibjpeg-openjpeg decodes, which knows high throughput too."""
    found: Values = openjpeg.decode(frame)
    return found


def by_djxl(frame: bytes, folder: Path) -> Values:
    """What libjxl's own tool decodes, an older release than ours."""
    (folder / "coded.jxl").write_bytes(frame)
    subprocess.run(["djxl", "coded.jxl", "plain.ppm"], cwd=folder, check=True, capture_output=True)
    return _read_netpbm((folder / "plain.ppm").read_bytes())


def _read_netpbm(file: bytes) -> Values:
    """Samples of a PGM or PPM, which Pillow would scale."""
    kind, columns, rows, most = file.split(None, 4)[:4]
    shape = (int(rows), int(columns)) + ((3,) if kind == b"P6" else ())
    dtype = np.dtype(">u2" if int(most) > 255 else "u1")
    length = int(np.prod(shape)) * dtype.itemsize
    return np.frombuffer(file[-length:], dtype).reshape(shape)


def progressive(values: Values) -> bytes:
    """A progressive JPEG, as nothing of ours codes it."""
    out = BytesIO()
    Image.fromarray(values).save(out, "jpeg", quality=90, progressive=True)
    return out.getvalue()


def attributes_of(dataset: Dataset) -> dict[str, Any]:
    """What a format is read from, as DICOM JSON."""
    found: dict[str, Any] = {
        tag: {"vr": dataset[keyword].VR, "Value": [dataset[keyword].value]}
        for tag, keyword in IMAGE_PIXEL.items()
        if keyword in dataset
    }
    for keyword, tag in (("FloatPixelData", "7FE00008"), ("DoubleFloatPixelData", "7FE00009")):
        if keyword in dataset:
            found[tag] = {"vr": dataset[keyword].VR}
    return found


def first_frame(dataset: Dataset) -> bytes:
    """The first frame of encapsulated pixel data."""
    count = int(dataset.get("NumberOfFrames") or 1)
    return next(generate_frames(dataset.PixelData, number_of_frames=count))
