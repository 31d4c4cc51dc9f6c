"""Retrieve bulk data, and what is rendered as it is: documents and videos (PS3.18 §10.4)."""

from __future__ import annotations

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian
from retrieved import ROOT, frames_of, instance_url, parts_of, series_url, study_url
from starlette.testclient import TestClient

from filmroom.settings import Settings
from filmroom.testing.objects import MP4_HIGH, encapsulated, header, image, part10, pdf, uid, video

OCTETS = "application/octet-stream"
MULTIPART = f'multipart/related; type="{OCTETS}"'
OHIF_PDF = f'multipart/related; type="application/pdf", {MULTIPART}'
DOCUMENT = b"%PDF-1.4 of odd length, so padded\n%%EOF"
PDF = instance_url(1, 80, 1)
VIDEO = instance_url(1, 70, 1)
JPEG = "1.2.840.10008.1.2.4.50"
MP4 = b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + b"\0\0\0\x08mdat"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Values of more than 64 bytes are bulk data."""
    return settings.model_copy(update={"bulk_threshold": 64})


def big(path: str) -> str:
    """The address of a bulk value of the first instance."""
    return f"{instance_url()}/bulkdata/{path}"


def _waveform(words: bytes) -> Dataset:
    item = Dataset()
    item.WaveformBitsAllocated = 16
    item.add_new("WaveformData", "OW", words)
    return item


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "application/pdf"),
        ("", "application/pdf"),
        (OCTETS, OCTETS),
        ("application/pdf", "application/pdf"),
        ("text/html,application/xml;q=0.9,*/*;q=0.8", "application/pdf"),
    ],
)
def test_a_document_comes_alone(web: TestClient, store, accept: str, content_type: str) -> None:
    store(pdf(document=DOCUMENT))

    got = web.get(f"{PDF}/bulkdata/00420011", headers={"Accept": accept})

    assert got.status_code == 200
    assert got.headers["content-type"] == content_type
    assert got.content == DOCUMENT
    assert int(got.headers["content-length"]) == len(DOCUMENT)
    assert got.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (MULTIPART, OCTETS),
        (OHIF_PDF, "application/pdf"),
        (f'type="application/pdf", {MULTIPART}', "application/pdf"),
        ("multipart/related", "application/pdf"),
        ('multipart/related; type="image/png"', OCTETS),
        (f"{MULTIPART}; transfer-syntax=*", OCTETS),
    ],
)
def test_a_document_comes_in_multipart(
    web: TestClient, store, accept: str, content_type: str
) -> None:
    store(pdf(document=DOCUMENT))

    (piece,) = parts_of(web.get(f"{PDF}/bulkdata/00420011", headers={"Accept": accept}))

    assert piece.body == DOCUMENT
    assert piece.headers == {
        "Content-Type": content_type,
        "Content-Location": f"{PDF}/bulkdata/00420011",
    }


def test_what_is_no_bulk_data_type_is_not_acceptable(web: TestClient, store) -> None:
    store(pdf())

    got = web.get(f"{PDF}/bulkdata/00420011", headers={"Accept": "image/jpeg"})

    assert got.status_code == 406
    assert "application/pdf" in got.json()["detail"]


def test_a_nested_value_is_named_by_its_path(web: TestClient, store) -> None:
    words = bytes(range(200))
    store(header(WaveformSequence=[_waveform(bytes(100)), _waveform(words)]))

    (found,) = web.get(f"{instance_url()}/metadata").json()
    named = found["54000100"]["Value"][1]["54001010"]["BulkDataURI"]
    got = web.get(named, headers={"Accept": OCTETS})

    assert named == big("54000100/2/54001010")
    assert got.headers["content-type"] == OCTETS
    assert got.headers["content-security-policy"].startswith("sandbox")
    assert got.content == words


def test_big_endian_values_are_turned_by_their_vr(web: TestClient, store) -> None:
    words = b"".join(number.to_bytes(2, "big") for number in range(100))
    floats = bytes(range(80))
    dataset = header(WaveformSequence=[_waveform(words)])
    dataset.add_new("VectorGridData", "OF", floats)
    store(part10(dataset, ExplicitVRBigEndian))

    turned = web.get(big("54000100/1/54001010"), headers={"Accept": OCTETS})
    wide = web.get(big("00640009"), headers={"Accept": OCTETS})

    assert turned.content == b"".join(number.to_bytes(2, "little") for number in range(100))
    assert wide.content == b"".join(floats[at : at + 4][::-1] for at in range(0, 80, 4))


def test_values_of_a_deflated_data_set_are_inflated(web: TestClient, store) -> None:
    words = bytes(range(200))
    store(part10(header(WaveformSequence=[_waveform(words)]), "1.2.840.10008.1.2.1.99"))

    got = web.get(big("54000100/1/54001010"), headers={"Accept": OCTETS, "Range": "bytes=10-19"})

    assert got.status_code == 206
    assert got.content == words[10:20]


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "first", "last"),
    [
        ("bytes=0-", 206, "bytes 0-38/39", 0, 39),
        ("bytes=5-9", 206, "bytes 5-9/39", 5, 10),
        ("bytes=-4", 206, "bytes 35-38/39", 35, 39),
        ("bytes=39-", 416, "bytes */39", 0, 0),
        ("nonsense", 200, None, 0, 39),
    ],
)
def test_ranges(
    web: TestClient,
    store,
    asked: str,
    status: int,
    content_range: str | None,
    first: int,
    last: int,
) -> None:
    store(pdf(document=DOCUMENT))

    for url in (f"{PDF}/bulkdata/00420011", f"{PDF}/rendered"):
        got = web.get(url, headers={"Range": asked})

        assert got.status_code == status
        assert got.headers.get("content-range") == content_range
        assert got.content == DOCUMENT[first:last]
        assert got.headers["accept-ranges"] == "bytes"


def test_what_the_client_has_is_not_sent_again(web: TestClient, store) -> None:
    store(pdf())
    for url in (f"{PDF}/bulkdata/00420011", f"{PDF}/rendered"):
        tag = web.get(url).headers["etag"]

        assert web.get(url, headers={"If-None-Match": tag}).status_code == 304
        assert web.get(url, headers={"If-None-Match": '"x"'}).status_code == 200


def test_native_pixel_data_is_bulk_data_too(web: TestClient, store) -> None:
    dataset = image(frames=2)
    store(dataset)

    alone = web.get(big("7FE00010"), headers={"Accept": OCTETS})
    (piece,) = parts_of(web.get(big("7fe00010"), headers={"Accept": MULTIPART}))

    assert alone.content == piece.body == dataset.PixelData
    assert alone.headers["content-type"] == f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.1"


def test_compressed_pixel_data_comes_as_one_part_a_frame(web: TestClient, store) -> None:
    streams = [b"\xff\xd8one!\xff\xd9", b"\xff\xd8second\xff\xd9"]
    store(encapsulated(streams, JPEG))

    pieces = parts_of(web.get(big("7FE00010"), headers={"Accept": MULTIPART}))
    alone = web.get(big("7FE00010"))
    images = parts_of(web.get(f"{big('7FE00010')}?accept=multipart/related;type=image/jpeg"))

    assert alone.headers["content-type"] == f"{OCTETS}; transfer-syntax={JPEG}"
    assert [piece.body for piece in images] == [piece.body for piece in pieces]
    assert [piece.body[:8] for piece in pieces] == [stream[:8] for stream in streams]
    assert {piece.headers["Content-Type"] for piece in pieces} == {
        f"{OCTETS}; transfer-syntax={JPEG}"
    }
    assert alone.content.startswith(streams[0])


def test_a_compressed_single_frame_is_an_image(web: TestClient, store) -> None:
    store(encapsulated([b"\xff\xd8one!\xff\xd9"], JPEG))

    got = web.get(big("7FE00010"))

    assert got.headers["content-type"] == f"image/jpeg; transfer-syntax={JPEG}"
    assert got.content == b"\xff\xd8one!\xff\xd9"


@pytest.mark.parametrize("url", [f"{VIDEO}/rendered", f"{VIDEO}/bulkdata/7FE00010"])
def test_a_video_plays_in_a_browser(web: TestClient, store, url: str) -> None:
    store(video())

    whole = web.get(url, headers={"Accept": "*/*"})
    some = web.get(url, headers={"Accept": "*/*", "Range": "bytes=0-"})
    box = web.get(url, headers={"Range": "bytes=4-7"})

    assert whole.status_code == 200
    assert whole.headers["content-type"].startswith("video/mp4")
    assert whole.headers["accept-ranges"] == "bytes"
    assert some.status_code == 206
    assert some.content == whole.content == MP4
    assert some.headers["content-range"] == f"bytes 0-{len(MP4) - 1}/{len(MP4)}"
    assert box.content == b"ftyp"


def test_a_video_in_many_fragments_is_one_stream(web: TestClient, store) -> None:
    dataset = image(1, 70, 1, frames=3, bits=8, samples=3)
    dataset.PixelData = encapsulate([MP4[:20], MP4[20:40]], has_bot=False)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    store(part10(dataset, MP4_HIGH))

    assert web.get(f"{VIDEO}/rendered").content == MP4[:40]
    assert web.get(f"{VIDEO}/rendered", headers={"Range": "bytes=18-21"}).content == MP4[18:22]
    assert frames_of(web.get(f"{VIDEO}/bulkdata/7FE00010", headers={"Accept": MULTIPART})) == [
        MP4[:40]
    ]


def test_a_video_that_cannot_be_made_mp4_is_not_acceptable(web: TestClient, store) -> None:
    store(encapsulated([b"\0\0\0\x01\x67h264 elementary stream"], MP4_HIGH, 1, 70, 1))

    shown = web.get(f"{VIDEO}/rendered")

    assert shown.status_code == 406
    assert "video" in shown.json()["detail"]
    assert web.get(f"{VIDEO}/bulkdata/7FE00010").headers["content-type"].startswith(OCTETS)


@pytest.mark.parametrize(
    "accept",
    ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", "*/*",
     "application/pdf", MULTIPART],
)  # fmt: skip
def test_a_pdf_is_shown_in_the_browsers_own_window(web: TestClient, store, accept: str) -> None:
    store(pdf(document=DOCUMENT))

    got = web.get(f"{PDF}/rendered", headers={"Accept": accept})

    assert got.status_code == 200
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-disposition"] == "inline"
    assert got.content == DOCUMENT
    assert "x-frame-options" not in got.headers
    assert "object-src 'none'" not in got.headers.get("content-security-policy", "")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{instance_url()}/rendered", 404),
        (f"{series_url()}/thumbnail", 404),
        (f"{study_url()}/rendered", 404),
        (f"{ROOT}/studies/1.2/series/1.3/instances/undefined/thumbnail", 404),
        (f"{ROOT}/studies/1.2/series/1.3/instances/undefined/rendered", 404),
        (f"{ROOT}/studies/undefined/rendered", 404),
        (f"{instance_url(2)}/frames/x/rendered", 400),
        (f"{instance_url(2)}/frames/2/thumbnail", 404),
        (f"{instance_url(2)}/bulkdata/00420011", 404),
        (f"{instance_url(2)}/bulkdata/../../../../etc/passwd", 404),
        (f"{instance_url(2)}/bulkdata/%2e%2e%2f%2e%2e", 404),
        (f"{instance_url(2)}/bulkdata/7FE00010/1/7FE00010", 404),
        (f"{instance_url()}/bulkdata/7FE00010", 404),
        (f"{instance_url()}/bulkdata", 404),
        (f"{ROOT}/studies/x/series/y/instances/z/bulkdata/7FE00010", 400),
    ],
)
def test_what_is_not_there(web: TestClient, store, path: str, status: int) -> None:
    store(image(2))

    got = web.get(path)

    assert got.status_code == status
    assert got.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("url", [instance_url(), series_url(), study_url()])
def test_all_bulk_data_comes_with_addresses(web: TestClient, store, url: str) -> None:
    dataset = image(WaveformSequence=[_waveform(bytes(100))])
    store(dataset)

    pieces = parts_of(web.get(f"{url}/bulkdata"))

    assert [(piece.headers["Content-Location"], piece.body) for piece in pieces] == [
        (big("54000100/1/54001010"), bytes(100)),
        (big("7FE00010"), dataset.PixelData),
    ]
    assert web.get(f"{url}/bulkdata", headers={"Accept": OCTETS}).status_code == 406


def test_an_instance_without_bulk_data_has_none(web: TestClient, store) -> None:
    store(header())

    got = web.get(f"{instance_url()}/bulkdata")

    assert got.status_code == 404
    assert uid(1, 1, 1) in got.json()["detail"]
