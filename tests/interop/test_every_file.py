"""Every DICOM file at hand, in and out again: the same bytes, and pydicom's frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path

import httpx
import pydicom
import pytest
from pydicom.data import DATA_ROOT
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from starlette.testclient import TestClient

from filmroom.core.store import receive
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.errors import Refused
from filmroom.model.instance import InstanceRef
from filmroom.settings import Settings
from filmroom.web.app import build

BESIDE = Path(__file__).parents[3] / "shared" / "data"
DICOM = "application/dicom"
MOST_FRAMES = 12
"""Frames that are compared of each file, the last ones included."""


def _files() -> list[Path]:
    folders = [Path(DATA_ROOT) / "test_files", BESIDE]
    found = (file for folder in folders if folder.is_dir() for file in folder.rglob("*"))
    return sorted(file for file in found if file.is_file() and _is_part10(file))


def _is_part10(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(132)[128:] == b"DICM"


@dataclass
class Held:
    """An archive of all files, each UID's first one."""

    web: TestClient
    files: list[tuple[bytes, Dataset]]
    """What was stored, and what pydicom makes of it."""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Everything that is not refused; what is, and that it should be, the scanner's tests say."""
    settings = Settings(data=tmp_path_factory.mktemp("all"), disk_reserve=0)
    with import_module("filmroom.app").open_archive(settings) as archive:
        stored: dict[InstanceRef, bytes] = {}
        for file in _files():
            incoming = receive(archive, "test")
            data = file.read_bytes()
            incoming.write(data)
            with suppress(Refused):
                stored.setdefault(incoming.finish().ref, data)
        with TestClient(build(archive), base_url="http://127.0.0.1:8042") as web:
            yield Held(web, [(data, _read(data)) for data in stored.values()])


def _read(data: bytes) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(BytesIO(data), force=True)
        dataset.decode()
    return dataset


def _url(dataset: Dataset) -> str:
    return (
        f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
        f"/instances/{dataset.SOPInstanceUID}"
    )


def test_most_files_are_held(held: Held) -> None:
    assert len(held.files) >= 60


def test_every_file_comes_back_byte_for_byte(held: Held) -> None:
    different = [
        _url(dataset)
        for data, dataset in held.files
        if held.web.get(_url(dataset), headers={"Accept": DICOM}).content != data
    ]

    assert different == []


PADDING = 0xFFFCFFFC


def test_every_files_metadata_is_a_data_set_with_all_its_elements(held: Held) -> None:
    lacking = []
    for _, dataset in held.files:
        (found,) = held.web.get(f"{_url(dataset)}/metadata").json()
        tags = {element.tag for element in dataset if element.tag.element} - {PADDING}
        lacking += [(_url(dataset), tag) for tag in tags - {int(tag, 16) for tag in found}]

    assert lacking == []


def test_every_bulk_value_is_where_the_metadata_says(held: Held) -> None:
    uris = [
        uri
        for _, dataset in held.files
        for uri in _uris(held.web.get(f"{_url(dataset)}/metadata").json())
    ]
    asked = {"Accept": "application/octet-stream"}

    assert len(uris) >= 50
    assert [uri for uri in uris if held.web.head(uri, headers=asked).status_code != 200] == []


def _uris(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("BulkDataURI"), str):
            yield value["BulkDataURI"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _uris(inner)


def _expected(dataset: Dataset, number: int, count: int) -> bytes:
    """Frame `number`, from 1, as pydicom cuts it."""
    if transfer_syntax(dataset.file_meta.TransferSyntaxUID).encapsulated:
        return get_frame(dataset.PixelData, number - 1, number_of_frames=count)
    bits = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated
    if dataset.PhotometricInterpretation == "YBR_FULL_422":
        bits = bits * 2 // 3
    if bits % 8:
        value = int.from_bytes(dataset.PixelData, "little") >> ((number - 1) * bits)
        return (value & ((1 << bits) - 1)).to_bytes((bits + 7) // 8, "little")
    return dataset.PixelData[(number - 1) * bits // 8 : number * bits // 8]


def _count(dataset: Dataset) -> int:
    """How many frames there are to compare; none of videos and of what has no pixel data."""
    if "PixelData" not in dataset or transfer_syntax(dataset.file_meta.TransferSyntaxUID).video:
        return 0
    told = str(dataset.get("NumberOfFrames") or 1)
    return int(told) if told.isdecimal() else 1


def _body(response: httpx.Response) -> bytes:
    """The only part of a multipart answer."""
    boundary = response.headers["content-type"].split("boundary=")[1]
    part = response.content.split(b"\r\n\r\n", 1)[1]
    return part.removesuffix(f"\r\n--{boundary}--\r\n".encode())


def test_every_frame_is_pydicoms(held: Held) -> None:
    different, compared = [], 0
    for _, dataset in held.files:
        count = _count(dataset)
        for number in sorted({*range(1, min(count, MOST_FRAMES) + 1), count} - {0}):
            url = f"{_url(dataset)}/frames/{number}"
            got = held.web.get(url, headers={"Accept": "multipart/related; transfer-syntax=*"})
            compared += 1
            if got.status_code != 200 or _body(got) != _expected(dataset, number, count):
                different.append((url, got.status_code))

    assert different == []
    assert compared >= 50  # pydicom's own files have 74
