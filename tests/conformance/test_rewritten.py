"""Retrieve instances in other transfer syntaxes than the stored one (PS3.18 §8.7.3, §10.4, §9)."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from typing import Any

import httpx
import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRBigEndian
from retrieved import instance_url, parts_of, series_url, study_url
from starlette.testclient import TestClient

from filmroom.core import rewrite
from filmroom.core.archive import Archive
from filmroom.model.pixels import Pixels
from filmroom.pixels.pipeline import open_pixels
from filmroom.settings import Settings
from filmroom.testing.objects import encapsulated, image, part10, report, uid, video

DICOM = "application/dicom"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
JPEG, JPEG_12, JPEG_70 = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 70))
JLS, JP2, JP2_ANY, RPCL = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 90, 91, 202))
LOSSLESS = [EXPLICIT, IMPLICIT, DEFLATED, RLE, JPEG_70, JLS, JP2, RPCL]

ROWS, COLUMNS = 18, 21
FRAMES = [
    (np.add.outer(np.arange(ROWS), np.arange(COLUMNS)) * 40 + 100 * n).astype(np.uint16)
    for n in range(3)
]
PIXELS = np.stack(FRAMES)
TRAILER = b"signed"


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pixels]:
    """Workers that are started once for all these tests."""
    with closing(open_pixels(Settings(data=tmp_path_factory.mktemp("data")))) as shared:
        yield shared


@pytest.fixture
def archive(archive: Archive, pixels: Pixels) -> Archive:
    return replace(archive, pixels=pixels)


def dataset(**attributes: Any) -> Dataset:
    """Three frames of 12 bits, with a sequence, a private element and one behind the pixels."""
    made = image(rows=ROWS, columns=COLUMNS, frames=3, BitsStored=12, HighBit=11)
    made.PixelData = PIXELS.tobytes()
    item = Dataset()
    item.ReferencedSOPInstanceUID = uid(7)
    made.ReferencedImageSequence = [item]
    made.add_new(0x00091001, "UN", b"\1\2\3\4")
    made.add_new(0xFFFCFFFC, "OB", TRAILER)
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def jls() -> bytes:
    """The same frames, stored with JPEG-LS in fragments."""
    streams = [imagecodecs.jpegls_encode(frame) for frame in FRAMES]
    return encapsulated(
        [stream + b"\0" * (len(stream) % 2) for stream in streams],
        JLS,
        fragments_per_frame=2,
        Rows=ROWS,
        Columns=COLUMNS,
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
    )


def big_endian() -> bytes:
    made = dataset()
    made.PixelData = PIXELS.astype(">u2").tobytes()
    return part10(made, ExplicitVRBigEndian)


SOURCES = {
    "explicit": lambda: part10(dataset()),
    "implicit": lambda: part10(dataset(), IMPLICIT),
    "deflated": lambda: part10(dataset(), DEFLATED),
    "big endian": big_endian,
    "JPEG-LS": jls,
}


def accept(syntax: str) -> dict[str, str]:
    """Headers that ask for a transfer syntax."""
    return {"Accept": f'multipart/related; type="{DICOM}"; transfer-syntax={syntax}'}


def one(got: httpx.Response, syntax: str) -> Dataset:
    """The one instance of a multipart answer."""
    (piece,) = parts_of(got)
    assert piece.headers["Content-Type"] == f"{DICOM}; transfer-syntax={syntax}"
    read = pydicom.dcmread(BytesIO(piece.body))
    assert read.file_meta.TransferSyntaxUID == syntax
    assert read.file_meta.MediaStorageSOPInstanceUID == read.SOPInstanceUID
    return read


def decoded(read: Dataset) -> list[np.ndarray[Any, Any]]:
    """The frames of a data set, by codecs that are not the archive's where there are such."""
    syntax = read.file_meta.TransferSyntaxUID
    if not syntax.is_compressed or syntax == DEFLATED:
        return list(np.frombuffer(read.PixelData, "<u2")[: PIXELS.size].reshape(PIXELS.shape))
    decode = {
        RLE: lambda data: np.frombuffer(imagecodecs.dicomrle_decode(data, "<u2"), "<u2"),
        JPEG_70: imagecodecs.ljpeg_decode,
        JLS: imagecodecs.jpegls_decode,
        JP2: imagecodecs.jpeg2k_decode,
        JP2_ANY: imagecodecs.jpeg2k_decode,
        RPCL: imagecodecs.jpeg2k_decode,
        JPEG_12: imagecodecs.jpeg_decode,
    }[syntax]
    frames = generate_frames(read.PixelData, number_of_frames=int(read.get("NumberOfFrames", 1)))
    return [np.asarray(decode(frame)).reshape(ROWS, COLUMNS) for frame in frames]


@pytest.mark.parametrize("target", LOSSLESS)
@pytest.mark.parametrize("source", SOURCES)
def test_an_instance_comes_in_the_syntax_that_is_asked(
    web: TestClient, store, source: str, target: str
) -> None:
    file = SOURCES[source]()
    store(file)
    stored = pydicom.dcmread(BytesIO(file))
    if stored.file_meta.TransferSyntaxUID == target:
        return

    read = one(web.get(instance_url(), headers=accept(target)), target)

    assert np.array_equal(np.stack(decoded(read)), PIXELS)
    assert {element.tag for element in read} == {element.tag for element in stored}
    for element in stored:
        if element.tag not in (0x7FE00010, 0x00280006):
            assert read[element.tag].value == element.value
    if source != "JPEG-LS":
        assert read[0xFFFCFFFC].value == TRAILER


def test_what_is_lossy_says_so_and_how_much(web: TestClient, store) -> None:
    store(dataset(LossyImageCompressionRatio=[3.5], LossyImageCompressionMethod=["ISO_14495_1"]))

    read = one(web.get(instance_url(), headers=accept(JP2_ANY)), JP2_ANY)

    length = sum(len(each) for each in generate_frames(read.PixelData, number_of_frames=3))
    assert read.LossyImageCompression == "01"
    assert list(read.LossyImageCompressionMethod) == ["ISO_14495_1", "ISO_15444_1"]
    first, second = read.LossyImageCompressionRatio
    assert first == 3.5
    assert second == pytest.approx(PIXELS.nbytes / length, rel=0.05)
    assert np.abs(np.stack(decoded(read)).astype(int) - PIXELS).max() < 60
    assert read.SOPInstanceUID == uid(1, 1, 1)


def test_colour_says_what_its_samples_mean_then(web: TestClient, store) -> None:
    made = image(rows=16, columns=16, bits=8, samples=3, PlanarConfiguration=1)
    planes = np.arange(768, dtype=np.uint8).reshape(3, 16, 16)
    made.PixelData = planes.tobytes()
    store(made)

    read = one(web.get(instance_url(), headers=accept(JPEG_70)), JPEG_70)

    assert (read.PhotometricInterpretation, read.PlanarConfiguration) == ("RGB", 0)
    (frame,) = generate_frames(read.PixelData, number_of_frames=1)
    assert np.array_equal(imagecodecs.ljpeg_decode(frame), planes.transpose(1, 2, 0))


@pytest.mark.parametrize("target", [EXPLICIT, RLE, JP2])
def test_one_bit_frames_are_packed_as_the_form_wants_it(
    web: TestClient, store, target: str
) -> None:
    bits = np.random.default_rng(5).integers(0, 2, (3, 5, 7), np.uint8)
    made = image(rows=5, columns=7, frames=3, BitsAllocated=1, BitsStored=1, HighBit=0)
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    made.PixelData = packed + b"\0" * (len(packed) % 2)
    store(part10(made, IMPLICIT))
    got = web.get(instance_url(), headers=accept(target))
    compressed = parts_of(got)[0].body
    web.delete(study_url())
    if target != EXPLICIT:
        store(compressed)
        got = web.get(instance_url(), headers=accept(EXPLICIT))

    read = one(got, EXPLICIT)

    values = np.frombuffer(read.PixelData, np.uint8)
    if read.BitsAllocated == 1:
        values = np.unpackbits(values, bitorder="little")
    assert np.array_equal(values[: bits.size].reshape(bits.shape), bits)


@pytest.mark.parametrize("large", [False, True])
def test_offset_tables_say_where_frames_lie(
    web: TestClient, store, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(rewrite, "LARGE", 1000)
    store(dataset())

    got = web.get(instance_url(), headers=accept(JLS))

    read = one(got, JLS)
    assert ("ExtendedOffsetTable" in read) == large
    web.delete(study_url())
    store(parts_of(got)[0].body)
    again = one(web.get(instance_url(), headers=accept(EXPLICIT)), EXPLICIT)
    assert again.PixelData == PIXELS.tobytes()
    assert "ExtendedOffsetTable" not in again


def test_a_study_comes_in_one_syntax_as_far_as_that_can_be(web: TestClient, store) -> None:
    store(dataset(), report(), video())

    got = web.get(study_url(), headers=accept(JLS))

    pieces = parts_of(got, sized=False)
    syntaxes = [piece.headers["Content-Type"].rpartition("=")[2] for piece in pieces]
    assert sorted(syntaxes) == sorted([JLS, EXPLICIT, "1.2.840.10008.1.2.4.102"])
    assert all(pydicom.dcmread(BytesIO(piece.body)).SOPInstanceUID for piece in pieces)


def test_a_video_is_not_made_into_anything_else(web: TestClient, store) -> None:
    store(video())
    url = instance_url(1, 70, 1)

    assert web.get(url, headers=accept(EXPLICIT)).status_code == 406
    assert web.get(url, headers=accept("*")).status_code == 200


def test_an_instance_comes_alone_and_in_ranges(web: TestClient, store) -> None:
    store(jls())
    headers = {"Accept": f"{DICOM}; transfer-syntax={EXPLICIT}"}

    whole = web.get(instance_url(), headers=headers)
    part = web.get(instance_url(), headers=headers | {"Range": "bytes=128-131"})
    same = web.get(instance_url(), headers=headers | {"If-None-Match": whole.headers["etag"]})

    assert whole.headers["content-type"] == f"{DICOM}; transfer-syntax={EXPLICIT}"
    assert pydicom.dcmread(BytesIO(whole.content)).PixelData == PIXELS.tobytes()
    assert (part.status_code, part.content) == (206, b"DICM")
    assert same.status_code == 304


def test_a_zip_in_another_syntax(web: TestClient, store) -> None:
    store(dataset(), jls().replace(uid(1, 1, 1).encode(), uid(1, 1, 2).encode()))

    got = web.get(series_url(), headers={"Accept": f"application/zip; transfer-syntax={IMPLICIT}"})

    assert int(got.headers["content-length"]) == len(got.content)
    with zipfile.ZipFile(BytesIO(got.content)) as archive:
        assert archive.testzip() is None
        read = [pydicom.dcmread(BytesIO(archive.read(name))) for name in archive.namelist()]
    assert [each.file_meta.TransferSyntaxUID for each in read] == [IMPLICIT] * 2


@pytest.mark.parametrize(
    ("syntax", "expected"), [(EXPLICIT, EXPLICIT), ("*", JLS), (f"1.2.3,{JP2}", JP2)]
)
def test_wado_uri_names_transfer_syntaxes(
    web: TestClient, store, syntax: str, expected: str
) -> None:
    store(jls())
    query = {
        "requestType": "WADO", "studyUID": uid(1), "seriesUID": uid(1, 1),
        "objectUID": uid(1, 1, 1), "contentType": DICOM, "transferSyntax": syntax,
    }  # fmt: skip

    got = web.get("/wado", params=query)

    assert got.headers["content-type"] == f"{DICOM}; transfer-syntax={expected}"
    assert pydicom.dcmread(BytesIO(got.content)).file_meta.TransferSyntaxUID == expected


def test_as_stored_costs_nothing(web: TestClient, store, archive: Archive) -> None:
    file = jls()
    store(file)

    for asked in ("*", JLS, ""):
        headers = accept(asked) if asked else {}
        assert parts_of(web.get(instance_url(), headers=headers))[0].body == file
    assert list(archive.derived.keys()) == []


def test_head_makes_it_too_since_it_says_its_length(web: TestClient, store) -> None:
    store(jls())

    head = web.head(instance_url(), headers=accept(EXPLICIT))
    got = web.get(instance_url(), headers=accept(EXPLICIT))

    assert head.headers["content-length"] == got.headers["content-length"]


def test_a_damaged_frame_is_not_acceptable(web: TestClient, store) -> None:
    file = bytearray(jls())
    stream = imagecodecs.jpegls_encode(FRAMES[1])
    at = file.index(stream[:40])
    file[at + 2 : at + 38] = bytes(36)
    store(bytes(file))

    got = web.get(instance_url(), headers=accept(EXPLICIT))

    assert got.status_code == 406
    assert got.headers["content-type"] == "application/problem+json"
    assert web.get(instance_url(), headers=accept("*")).status_code == 200


@pytest.mark.parametrize("form", [f'multipart/related; type="{DICOM}"', "application/zip"])
def test_of_a_study_a_damaged_instance_comes_as_it_is(web: TestClient, store, form: str) -> None:
    broken = encapsulated([b"\xff\xd8\xff\xf7 none "], JLS, instance=2)
    store(dataset(), broken)

    got = web.get(series_url(), headers={"Accept": f"{form}; transfer-syntax={EXPLICIT}"})

    if form == "application/zip":
        with zipfile.ZipFile(BytesIO(got.content)) as archive:
            files = {name[-5]: archive.read(name) for name in archive.namelist()}
    else:
        files = dict(zip("12", (each.body for each in parts_of(got, sized=False)), strict=True))
    assert files["2"] == broken
    assert pydicom.dcmread(BytesIO(files["1"])).PixelData == PIXELS.tobytes()


def test_too_many_pixels_for_an_uncompressed_file(
    web: TestClient, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filmroom.core.pixel_parts.MOST", 1000)
    store(jls())

    assert web.get(instance_url(), headers=accept(EXPLICIT)).status_code == 406
