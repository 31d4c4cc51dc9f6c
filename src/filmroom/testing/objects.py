"""Small synthetic DICOM objects for tests, made with pydicom; no patient was ever here."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian

ROOT = "1.2.826.0.1.3680043.10.1700"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
COMPREHENSIVE_SR = "1.2.840.10008.5.1.4.1.1.88.33"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
MP4_HIGH = "1.2.840.10008.1.2.4.102"


def uid(*parts: int) -> str:
    """A UID of the tests' own root, always the same for the same numbers."""
    return ".".join([ROOT, *map(str, parts)])


def part10(
    dataset: Dataset, transfer_syntax: str = ExplicitVRLittleEndian, preamble: bytes = b"\0" * 128
) -> bytes:
    """The data set as a Part 10 file; `transfer_syntax` says how its bytes are written."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", SECONDARY_CAPTURE)
    meta.MediaStorageSOPInstanceUID = UID(dataset.get("SOPInstanceUID", uid(9)))
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(uid(0))
    dataset.file_meta = meta
    dataset.preamble = preamble
    out = BytesIO()
    if meta.TransferSyntaxUID.is_transfer_syntax:
        dcmwrite(out, dataset, enforce_file_format=True)
        return out.getvalue()
    # One that pydicom does not know is written as all new ones are (PS3.5 §A.4).
    meta.FileMetaInformationGroupLength, meta.FileMetaInformationVersion = 0, b"\0\1"
    dcmwrite(out, dataset, implicit_vr=False, little_endian=True, force_encoding=True)
    return out.getvalue()


def header(study: int = 1, series: int = 1, instance: int = 1, **attributes: Any) -> Dataset:
    """A data set of patient, study, series and instance attributes, without pixel data.

    Keywords of `attributes` replace or add; None takes one away.
    """
    values: dict[str, Any] = {
        "SpecificCharacterSet": "ISO_IR 192",
        "SOPClassUID": SECONDARY_CAPTURE,
        "SOPInstanceUID": uid(study, series, instance),
        "StudyInstanceUID": uid(study),
        "SeriesInstanceUID": uid(study, series),
        "PatientName": f"Test^Patient{study}",
        "PatientID": f"ID{study}",
        "PatientBirthDate": "19700131",
        "PatientSex": "O",
        "StudyDate": "20240115",
        "StudyTime": "101500",
        "StudyID": str(study),
        "StudyDescription": f"Study {study}",
        "AccessionNumber": f"A{study}",
        "ReferringPhysicianName": "Referring^Doctor",
        "Modality": "OT",
        "SeriesNumber": series,
        "SeriesDescription": f"Series {series}",
        "SeriesDate": "20240115",
        "SeriesTime": "101600",
        "InstanceNumber": instance,
    } | attributes
    dataset = Dataset()
    for keyword, value in values.items():
        if value is not None:
            setattr(dataset, keyword, value)
    return dataset


def image(
    study: int = 1,
    series: int = 1,
    instance: int = 1,
    *,
    rows: int = 8,
    columns: int = 8,
    frames: int = 1,
    bits: int = 16,
    samples: int = 1,
    **attributes: Any,
) -> Dataset:
    """An image with native pixel data: a ramp that starts anew, offset by one, in each frame."""
    dataset = header(study, series, instance)
    dataset.Rows, dataset.Columns = rows, columns
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    if samples > 1:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0
    if frames > 1:
        dataset.NumberOfFrames = frames
    kind = np.uint8 if bits == 8 else np.uint16
    ramp = np.arange(rows * columns * samples, dtype=np.int64)
    pixels = np.stack([(ramp + n) % 2**bits for n in range(frames)]).astype(kind)
    data = pixels.tobytes()
    dataset.add_new("PixelData", "OB" if bits == 8 else "OW", data + b"\0" * (len(data) % 2))
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def ct_slice(
    study: int = 1, series: int = 1, instance: int = 1, size: int = 8, **more: Any
) -> Dataset:
    """One axial CT slice of `size` x `size` pixels, 1 mm apart in all directions."""
    return image(
        study,
        series,
        instance,
        rows=size,
        columns=size,
        SOPClassUID=CT_IMAGE,
        Modality="CT",
        ImagePositionPatient=[0.0, 0.0, float(instance)],
        ImageOrientationPatient=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        FrameOfReferenceUID=uid(study, 0),
        PixelSpacing=[1.0, 1.0],
        SliceThickness=1.0,
        RescaleIntercept=-1024.0,
        RescaleSlope=1.0,
        WindowCenter=40.0,
        WindowWidth=400.0,
        **more,
    )


def encapsulated(
    codestreams: Sequence[bytes],
    transfer_syntax: str,
    study: int = 1,
    series: int = 1,
    instance: int = 1,
    *,
    offset_table: bool = True,
    fragments_per_frame: int = 1,
    **attributes: Any,
) -> bytes:
    """A Part 10 file whose frames are these codestreams, whatever they hold."""
    dataset = image(study, series, instance, frames=len(codestreams), bits=8, **attributes)
    dataset.PixelData = encapsulate(
        list(codestreams), fragments_per_frame=fragments_per_frame, has_bot=offset_table
    )
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return part10(dataset, transfer_syntax)


def report(study: int = 1, series: int = 90, instance: int = 1, **attributes: Any) -> Dataset:
    """A structured report without a patient module, as some viewers save them."""
    without = dict.fromkeys(
        ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDescription")
    )
    dataset = header(
        study,
        series,
        instance,
        SOPClassUID=COMPREHENSIVE_SR,
        Modality="SR",
        **without,
        **attributes,
    )
    title = Dataset()
    title.CodeValue, title.CodingSchemeDesignator = "126000", "DCM"
    title.CodeMeaning = "Imaging Measurement Report"
    text = Dataset()
    text.RelationshipType, text.ValueType, text.TextValue = "CONTAINS", "TEXT", "Nothing found"
    text.ConceptNameCodeSequence = [title]
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [title]
    dataset.ContentSequence = [text]
    return dataset


def pdf(study: int = 1, series: int = 80, instance: int = 1, document: bytes = b"") -> Dataset:
    """An encapsulated PDF; without `document` a blank page."""
    dataset = header(study, series, instance, SOPClassUID=ENCAPSULATED_PDF, Modality="DOC")
    blank = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\n"
        b"trailer<</Root 1 0 R>>\n%%EOF\n"
    )
    content = document or blank
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    dataset.EncapsulatedDocumentLength = len(content)
    dataset.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    return dataset


def video(
    study: int = 1,
    series: int = 70,
    instance: int = 1,
    frames: int = 25,
    *,
    stream: bytes = b"",
    transfer_syntax: str = MP4_HIGH,
    fragments: int = 1,
    **attributes: Any,
) -> bytes:
    """A Part 10 file with a video: by default an MP4 container's first boxes, not playable."""
    box = b"ftypisom\0\0\2\0isomiso2avc1mp41"
    container = struct.pack(">I", len(box) + 4) + box + struct.pack(">I", 8) + b"mdat"
    whole = stream or container
    length = -(-len(whole) // fragments)
    length += length % 2
    dataset = image(
        study,
        series,
        instance,
        frames=frames,
        bits=8,
        samples=3,
        **{"SOPClassUID": f"{SECONDARY_CAPTURE}.4", **attributes},
    )
    dataset.PhotometricInterpretation = "YBR_PARTIAL_420"
    pieces = [whole[at : at + length] for at in range(0, len(whole), length)]
    dataset.PixelData = encapsulate(pieces, has_bot=False)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return part10(dataset, transfer_syntax)
