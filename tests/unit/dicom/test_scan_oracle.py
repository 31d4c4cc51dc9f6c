"""The scanner against pydicom: on every good file at hand both say the same."""

from __future__ import annotations

import base64
import csv
import json
import math
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from filmroom.dicom.bulk import little_endian
from filmroom.dicom.inflate import in_place
from filmroom.dicom.part10 import read_file_meta
from filmroom.dicom.scan import Scan, ScanLimits, scan
from filmroom.dicom.transfer_syntaxes import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    transfer_syntax,
)
from filmroom.errors import Refused
from filmroom.testing.objects import header, part10

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "data"
WHEEL = Path(pydicom.__file__).parent / "data"

# What is refused, and why: everything else at hand must be taken.
REFUSED_FOR = {
    "not a DICOM file": {
        *("no_meta.dcm", "ExplVR_BigEndNoMeta.dcm", "ExplVR_LitEndNoMeta.dcm", "rtstruct.dcm"),
        *("JLSL_RGB_ILV0.dcm", "JLSL_RGB_ILV1.dcm", "JLSL_RGB_ILV2.dcm", "JLSN_RGB_ILV0.dcm"),
        "OT-PAL-8-face.dcm",
    },
    "no transfer syntax": {"meta_missing_tsyntax.dcm"},
    "no Study Instance UID": {
        *("UN_sequence.dcm", "nested_priv_SQ.dcm", "priv_SQ.dcm", "empty_charset_LEI.dcm"),
        *("chrSQEncoding.dcm", "chrSQEncoding1.dcm", "no_meta_group_length.dcm"),
        *("HTJ2KLossless_08_RGB.dcm", "HTJ2K_08_RGB.dcm", "JLSL_08_07_0_1F.dcm"),
        *("JLSL_16_15_1_1F.dcm", "JPEGLSNearLossless_08.dcm", "JPEGLSNearLossless_16.dcm"),
        *("SC_rgb_jls_lossy_line.dcm", "SC_rgb_jls_lossy_sample.dcm"),
        *(f"generated_encapsulated_defined_bot_{kind}.dcm" for kind in ("1_to_1", "2_to_1")),
        "generated_encapsulated_defined_bot_2_to_2.dcm",
        *(f"generated_encapsulated_empty_bot_{kind}.dcm" for kind in ("1_to_1", "2_to_1")),
    },
    "is not a UID": {"bad_sequence.dcm"},
    "cut short": {
        *("MR_truncated.dcm", "rtplan_truncated.dcm"),
        "emri_small_jpeg_2k_lossless_too_short.dcm",
    },
}
REFUSED = {name: why for why, names in REFUSED_FOR.items() for name in names}


def files() -> Iterator[Path]:
    in_wheel = {path.name for path in WHEEL.glob("*_files/*.dcm")}
    for folder in (WHEEL / "test_files", WHEEL / "charset_files"):
        yield from sorted(folder.glob("*.dcm"))
        yield from sorted(p for p in folder.glob("dicomdirtests/**/*") if p.suffix == "")
    if SHARED.is_dir():
        with (SHARED / "MANIFEST.csv").open(encoding="utf-8") as manifest:
            listed = [SHARED / row["file"] for row in csv.DictReader(manifest)]
        yield from (path for path in listed if path.name not in in_wheel)


GOOD = [
    path
    for path in files()
    if path.is_file()
    and path.name not in REFUSED
    and not path.name.startswith(("DICOMDIR", "README"))
]
BAD = [path for path in files() if path.name in REFUSED]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def read(path: Path) -> Scan:
    return scan(memoryview(path.read_bytes()), ScanLimits(), "/dicom-web")


@pytest.fixture(autouse=True)
def quiet_pydicom() -> Iterator[None]:
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        wrong_length = config.convert_wrong_length_to_UN
        config.convert_wrong_length_to_UN = True
        yield
        config.convert_wrong_length_to_UN = wrong_length


def plain(value: Any) -> Any:
    """A value without what the scanner says otherwise on purpose: padding, empty parts."""
    if isinstance(value, str):
        return value.rstrip(" \0")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, int) and abs(value) >= 2**53:
        return str(value)
    if isinstance(value, dict):  # a person name
        groups = {key: plain(text) for key, text in value.items() if plain(text)}
        return {"Alphabetic": next(iter(groups.values()), "")} | groups
    return value


def oracle(dataset: Dataset, order: str) -> dict[str, Any]:
    """pydicom's DICOM JSON of a data set, every value inline."""
    said = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset converts it
        if tag.element == 0 or tag.group in (0, 2) or tag == 0xFFFCFFFC:
            continue
        element = dataset[tag]
        if element.VR == "SQ":
            items = [oracle(item, order) for item in element.value]
            said[f"{tag:08X}"] = {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
            continue
        try:
            model = element.to_json_dict(None, 0)
        except ValueError:  # numbers that are none
            values = element.value if element.VM > 1 else [element.value]
            model = {"vr": element.VR, "Value": [*values]}
        if "InlineBinary" in model:
            raw = base64.b64decode(model["InlineBinary"])
            vr = "OW" if " or " in model["vr"] else model["vr"]
            raw = little_endian(raw, vr) if order == ">" else raw
            model = {"vr": vr, "InlineBinary": base64.b64encode(raw).decode()}
        values = [plain(value) for value in model.pop("Value", [])]
        said[f"{tag:08X}"] = model | ({"Value": values} if values not in ([], [""]) else {})
    return said


def inlined(found: Scan, data: bytes, order: str) -> dict[str, Any]:
    """The scanner's data set with bulk data read from the spans and put inline."""
    by_path = {value.path: value for value in found.bulk.values}

    def walk(dataset: dict[str, Any]) -> dict[str, Any]:
        said = {}
        for key, element in dataset.items():
            model = dict(element)
            if "BulkDataURI" in model:
                path = model.pop("BulkDataURI").partition("/bulkdata/")[2]
                value = by_path[path]
                raw = b"".join(data[s.start : s.start + s.length] for s in value.spans)
                raw = little_endian(raw, model["vr"]) if order == ">" else raw
                model["InlineBinary"] = base64.b64encode(raw).decode()
            elif model["vr"] == "SQ" and "Value" in model:
                model["Value"] = [walk(item) for item in model["Value"]]
            elif "Value" in model:
                model["Value"] = [plain(value) for value in model["Value"]]
            said[key] = model
        return said

    return walk(found.dataset)


def differences(ours: dict[str, Any], theirs: dict[str, Any], at: str = "") -> Iterator[str]:
    for key in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(key), theirs.get(key)
        if key in ("00080005", "00083002") or (at == "" and key == "7FE00010"):
            continue
        if mine is None or other is None:
            yield f"{at}{key}: {mine} != {other}"
        elif mine["vr"] == other["vr"] == "SQ":
            here, there = mine.get("Value", []), other.get("Value", [])
            if len(here) != len(there):
                yield f"{at}{key}: {len(here)} items != {len(there)}"
            for i, (a, b) in enumerate(zip(here, there, strict=False), 1):
                yield from differences(a, b, f"{at}{key}/{i}/")
        elif mine != other:
            yield f"{at}{key}: {str(mine)[:120]} != {str(other)[:120]}"


@pytest.mark.parametrize("path", GOOD, ids=named)
def test_data_sets_and_frames_are_what_pydicom_reads(path: Path) -> None:
    data = path.read_bytes()
    found = read(path)
    syntax = transfer_syntax(found.transfer_syntax)
    if syntax.deflated:  # spans count in the file as if it were inflated in place
        with in_place(memoryview(data), read_file_meta(memoryview(data)).end) as whole:
            data = bytes(whole)
    order = ">" if syntax.big_endian else "<"
    dataset = pydicom.dcmread(path)

    assert list(differences(inlined(found, data, order), oracle(dataset, order))) == []
    assert json.loads(found.metadata) == found.dataset
    assert list(found.dataset) == sorted(found.dataset)
    frames = [
        b"".join(data[s.start : s.start + s.length] for s in spans) for spans in found.frames.frames
    ]
    assert_frames(found, frames, dataset)


def assert_frames(found: Scan, frames: list[bytes], dataset: Dataset) -> None:
    told = str(dataset.get("NumberOfFrames") or 1)
    count = int(told) if told.isdigit() else 1
    syntax = transfer_syntax(found.transfer_syntax)
    if "PixelData" not in dataset:
        floats = "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset
        assert len(frames) == (count if floats else 0)
    elif syntax.video:
        assert frames == list(generate_frames(dataset.PixelData, number_of_frames=1))
    elif syntax.encapsulated:
        assert frames == list(generate_frames(dataset.PixelData, number_of_frames=count))
    elif found.frames.byte_aligned:
        assert len(frames) == count
        assert dataset.PixelData.startswith(b"".join(frames))
    else:
        assert len(frames) == count


@pytest.mark.parametrize("path", BAD, ids=named)
def test_what_cannot_be_kept_is_refused_with_the_reason(path: Path) -> None:
    with pytest.raises(Refused, match=REFUSED[path.name]):
        read(path)


TEXT = st.text("ABC äé山^=.", max_size=12).map(str.strip)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "PatientComments": TEXT,
    "PatientName": TEXT.filter(lambda name: name.count("=") < 3),
    "OtherPatientIDs": st.lists(TEXT, max_size=4),
    "ImageType": st.lists(st.text("ABC_ 1", max_size=8).map(str.strip), max_size=4),
    "WindowCenter": st.lists(st.integers(-99999, 99999).map(str), max_size=4),
    "InstanceNumber": st.integers(-(2**31), 2**31 - 1).map(str),
    "Rows": st.integers(0, 65535),
    "FrameIncrementPointer": st.lists(st.integers(0, 2**32 - 1), max_size=3),
    "B1rms": st.floats(width=32),
    "ReferencePixelPhysicalValueX": st.floats(),
    "ReferencePixelX0": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3),
    "SelectorSVValue": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=3),
    "SelectorUVValue": st.lists(st.integers(0, 2**64 - 1), max_size=3),
    "ICCProfile": st.binary(max_size=40).map(lambda raw: raw + b"\0" * (len(raw) % 2)),
    "RetrieveURL": st.text("ab:/.", max_size=9),
}


@st.composite
def datasets(draw: st.DrawFn, depth: int = 3) -> Dataset:
    dataset = Dataset()
    for keyword in draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=6, unique=True)):
        setattr(dataset, keyword, draw(VALUES[keyword]))
    if depth and draw(st.booleans()):
        items = draw(st.lists(datasets(depth - 1), max_size=3))
        for item in items:
            item.is_undefined_length_sequence_item = draw(st.booleans())
        dataset.ReferencedImageSequence = items
        dataset["ReferencedImageSequence"].is_undefined_length = draw(st.booleans())
    return dataset


@given(datasets(), st.sampled_from([IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED]))
@settings(max_examples=60, deadline=None)
def test_any_data_set_is_read_as_pydicom_reads_it(dataset: Dataset, syntax: str) -> None:
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        whole = header()
        whole.update(dataset)
        data = part10(whole, syntax)
        found = scan(memoryview(data), ScanLimits(), "/dicom-web")
        order = ">" if syntax == EXPLICIT_BIG else "<"
        again = pydicom.dcmread(BytesIO(data))

        assert list(differences(inlined(found, data, order), oracle(again, order))) == []
        assert json.loads(found.metadata) == found.dataset


def test_this_machine_has_files_to_compare() -> None:
    assert len(GOOD) >= 60
