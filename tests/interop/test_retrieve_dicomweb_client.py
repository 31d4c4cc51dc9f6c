"""Retrieval as dicomweb-client does it, over a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import pytest
from dicomweb_client.api import DICOMwebClient
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from requests import HTTPError

from filmroom.testing.objects import ct_slice, encapsulated, image, pdf, uid

JLS, JP2 = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
SLICE = ct_slice(1, 1, 1)
FRAMES = image(1, 2, 1, frames=3)
STREAMS = [b"\xff\xd8\xff\xf7one!\xff\xd9", b"\xff\xd8\xff\xf7two!\xff\xd9"]
PDF = pdf()
MULTI = (uid(1), uid(1, 2), uid(1, 2, 1))
COMPRESSED = (uid(1), uid(1, 3), uid(1, 3, 1))


@pytest.fixture
def client(server: str, store: Callable[..., list]) -> DICOMwebClient:
    """A client of an archive with one study in four series."""
    store(SLICE, ct_slice(1, 1, 2), FRAMES, encapsulated(STREAMS, JLS, 1, 3, 1), PDF)
    return DICOMwebClient(url=f"{server}/dicom-web")


def test_an_instance(client: DICOMwebClient) -> None:
    got = client.retrieve_instance(uid(1), uid(1, 1), uid(1, 1, 1))

    assert got.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert got.PixelData == SLICE.PixelData


@pytest.mark.parametrize(
    "media_types",
    [("application/dicom",), (("application/dicom", "1.2.840.10008.1.2.1"),),
     (("application/dicom", "*"),)],
)  # fmt: skip
def test_a_series_in_the_media_types_that_it_may_ask_for(
    client: DICOMwebClient, media_types: tuple
) -> None:
    got = client.retrieve_series(uid(1), uid(1, 1), media_types=media_types)

    assert [dataset.SOPInstanceUID for dataset in got] == [uid(1, 1, 1), uid(1, 1, 2)]


def test_a_study_as_it_streams(client: DICOMwebClient) -> None:
    got = list(client.iter_study(uid(1)))

    assert len(got) == 5
    assert all(isinstance(dataset, Dataset) for dataset in got)


def test_an_instance_in_another_syntax(client: DICOMwebClient) -> None:
    got = client.retrieve_instance(*MULTI, media_types=(("application/dicom", JP2),))

    assert got.file_meta.TransferSyntaxUID == JP2
    frames = generate_frames(got.PixelData, number_of_frames=3)
    decoded = b"".join(imagecodecs.jpeg2k_decode(frame).tobytes() for frame in frames)
    assert decoded == FRAMES.PixelData


@pytest.mark.parametrize(
    ("media_type", "decode"),
    [
        (("image/jp2", JP2), imagecodecs.jpeg2k_decode),
        (("image/jls", JLS), imagecodecs.jpegls_decode),
    ],
)
def test_frames_in_another_syntax(
    client: DICOMwebClient, media_type: tuple[str, str], decode: Callable[[bytes], Any]
) -> None:
    size = len(FRAMES.PixelData) // 3

    got = client.retrieve_instance_frames(*MULTI, frame_numbers=[3, 1], media_types=(media_type,))

    assert [decode(frame).tobytes() for frame in got] == [
        FRAMES.PixelData[2 * size :], FRAMES.PixelData[:size]
    ]  # fmt: skip


@pytest.mark.parametrize("numbers", [[1], [2], [3, 1], [1, 2, 3]])
def test_native_frames(client: DICOMwebClient, numbers: list[int]) -> None:
    size = len(FRAMES.PixelData) // 3
    ramps = [FRAMES.PixelData[at * size : (at + 1) * size] for at in range(3)]

    assert client.retrieve_instance_frames(*MULTI, frame_numbers=numbers) == [
        ramps[number - 1] for number in numbers
    ]


@pytest.mark.parametrize(
    "media_types",
    [None, (("image/jls", JLS),), ("image/jls",), (("application/octet-stream", "*"),)],
)
def test_compressed_frames(client: DICOMwebClient, media_types: tuple | None) -> None:
    got = client.retrieve_instance_frames(
        *COMPRESSED, frame_numbers=[2, 1], media_types=media_types
    )

    assert got == [STREAMS[1], STREAMS[0]]


def test_frames_as_they_stream(client: DICOMwebClient) -> None:
    assert list(client.iter_instance_frames(*COMPRESSED, frame_numbers=[1, 2])) == STREAMS


def test_a_frame_that_is_not_there(client: DICOMwebClient) -> None:
    with pytest.raises(HTTPError, match="404"):
        client.retrieve_instance_frames(*MULTI, frame_numbers=[4])


def test_metadata_of_all_levels(client: DICOMwebClient) -> None:
    study = client.retrieve_study_metadata(uid(1))
    series = client.retrieve_series_metadata(uid(1), uid(1, 1))
    instance = client.retrieve_instance_metadata(*MULTI)

    assert (len(study), len(series)) == (5, 2)
    assert Dataset.from_json(instance, lambda *_: b"").NumberOfFrames == 3


@pytest.mark.parametrize("media_types", [None, ("application/octet-stream",)])
def test_bulk_data_where_the_metadata_says(
    client: DICOMwebClient, server: str, media_types: tuple | None
) -> None:
    found = client.retrieve_instance_metadata(uid(1), uid(1, 80), uid(1, 80, 1))
    url = server + found["00420011"]["BulkDataURI"]

    (document,) = client.retrieve_bulkdata(url, media_types=media_types)

    assert document == PDF.EncapsulatedDocument[: PDF.EncapsulatedDocumentLength]


def test_a_pdf_rendered(client: DICOMwebClient) -> None:
    got = client.retrieve_instance_rendered(
        uid(1), uid(1, 80), uid(1, 80, 1), media_types=("application/pdf",)
    )

    assert got.startswith(b"%PDF")


def test_an_image_rendered(client: DICOMwebClient) -> None:
    got = client.retrieve_instance_rendered(*MULTI, media_types=("image/jpeg",))

    assert imagecodecs.jpeg_decode(got).shape[:2] == (FRAMES.Rows, FRAMES.Columns)
