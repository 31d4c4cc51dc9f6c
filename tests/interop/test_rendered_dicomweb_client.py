"""Rendered resources as dicomweb-client asks for them, over a socket."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from requests import HTTPError

from filmroom.testing.objects import ct_slice, image, pdf, uid

SERIES = (uid(1), uid(1, 1))
SLICE = (*SERIES, uid(1, 1, 1))
FRAMES = (uid(1), uid(1, 2), uid(1, 2, 1))
DOCUMENT = (uid(1), uid(1, 80), uid(1, 80, 1))


@pytest.fixture
def client(server: str, store: Callable[..., list]) -> DICOMwebClient:
    """A client of an archive with slices, a multi-frame image and a document."""
    store(ct_slice(1, 1, 1, size=16), ct_slice(1, 1, 2, size=16), image(1, 2, 1, frames=3), pdf())
    return DICOMwebClient(url=f"{server}/dicom-web")


def opened(data: bytes) -> Image.Image:
    return Image.open(BytesIO(data))


@pytest.mark.parametrize(
    ("media_type", "format"),
    [("image/jpeg", "JPEG"), ("image/png", "PNG"), ("image/gif", "GIF"), ("image/*", "JPEG")],
)
def test_an_instance(client: DICOMwebClient, media_type: str, format: str) -> None:
    got = opened(client.retrieve_instance_rendered(*SLICE, media_types=(media_type,)))

    assert (got.format, got.size) == (format, (16, 16))


def test_an_instance_as_it_asks_by_default(client: DICOMwebClient) -> None:
    assert opened(client.retrieve_instance_rendered(*SLICE)).format == "JPEG"


def test_an_instance_of_a_certain_size_and_window(client: DICOMwebClient) -> None:
    asked = {"viewport": "8,8", "window": "-1024,2,linear", "quality": 90}
    got = client.retrieve_instance_rendered(*SLICE, media_types=("image/png",), params=asked)

    assert opened(got).size == (8, 8)
    assert opened(got).convert("L").getextrema()[1] == 255


def test_a_series(client: DICOMwebClient) -> None:
    got = client.retrieve_series_rendered(*SERIES, media_types=("image/jpeg",))

    assert opened(got).size == (16, 16)


def test_a_frame(client: DICOMwebClient) -> None:
    got = client.retrieve_instance_frames_rendered(*FRAMES, [2], media_types=("image/png",))

    assert opened(got).size == (8, 8)


def test_several_frames_move(client: DICOMwebClient) -> None:
    got = client.retrieve_instance_frames_rendered(*FRAMES, [1, 3], media_types=("image/gif",))

    assert opened(got).n_frames == 2


def test_a_document(client: DICOMwebClient) -> None:
    got = client.retrieve_instance_rendered(*DOCUMENT, media_types=("application/pdf",))

    assert got.startswith(b"%PDF-")


def test_what_is_not_there(client: DICOMwebClient) -> None:
    with pytest.raises(HTTPError, match="404"):
        client.retrieve_instance_frames_rendered(*FRAMES, [4], media_types=("image/png",))
