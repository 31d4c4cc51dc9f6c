"""What OHIF 3.13 sends, line by line over a real socket, and what it insists on in return."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import imagecodecs
import pytest
from pydicom.dataset import Dataset
from wire import Sent, exchange, parts_by_ohif

from filmroom.testing.objects import (
    ct_slice,
    encapsulated,
    header,
    image,
    part10,
    pdf,
    report,
    uid,
    video,
)
from filmroom.web import viewer

ROOT = "/dicom-web"
STUDY = f"{ROOT}/studies/{uid(1)}"
SERIES = f"{STUDY}/series/{uid(1, 1)}"
CT = f"{SERIES}/instances/{uid(1, 1, 1)}"
TILE = f"{STUDY}/series/{uid(1, 2)}/instances/{uid(1, 2, 1)}"
RLE = f"{STUDY}/series/{uid(1, 3)}/instances/{uid(1, 3, 1)}"
PDF = f"{STUDY}/series/{uid(1, 80)}/instances/{uid(1, 80, 1)}"
VIDEO = f"{STUDY}/series/{uid(1, 70)}/instances/{uid(1, 70, 1)}"
EXPLICIT, JLS_SYNTAX = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80"
RLE_SYNTAX = "1.2.840.10008.1.2.5"
OCTETS = "application/octet-stream"
FIREFOX = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
JSON = "Accept: application/dicom+json"
BROWSER = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
SLICE = ct_slice(1, 1, 1, PatientName="Smith^Anna", PatientID="M-17", StudyDate="20240115")
STREAM = b"\xff\xd8\xff\xf7tile\xff\xd9"
DOCUMENT = b"%PDF-1.4\n%%EOF"
COLUMNS = "includefield=00081030%2C00080060%2C00080090%2C00100030"
LIST = f"{ROOT}/studies?limit=101&offset=0&fuzzymatching=false&{COLUMNS}"


@pytest.fixture
def ohif(server: str, store) -> str:
    """A server that holds a study with one series of each kind, and another study."""
    store(
        SLICE,
        ct_slice(1, 1, 2, PatientName="Smith^Anna", PatientID="M-17", StudyDate="20240115"),
        encapsulated([STREAM], JLS_SYNTAX, 1, 2, 1),
        encapsulated([b"\0" * 64 + b"rle!"], RLE_SYNTAX, 1, 3, 1),
        pdf(document=DOCUMENT),
        video(),
        header(2, Modality="US", PatientID="OTHER", StudyDate="20190101"),
    )
    return server


def _matches(sent: Sent, tag: str = "0020000D") -> list[str]:
    """The UIDs that a JSON answer names; OHIF parses strictly."""
    assert sent.status == 200
    assert sent.headers["content-type"] == "application/dicom+json"
    assert int(sent.headers["content-length"]) == len(sent.body)
    found = json.loads(sent.body, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert "null" not in sent.body.decode()
    assert all(match.get("00080061", {}).get("Value", ["-"]) for match in found)
    return [match[tag]["Value"][0] for match in found]


@pytest.mark.parametrize(
    ("filters", "studies"),
    [
        ("", [uid(1), uid(2)]),
        ("&PatientName=*smi*", [uid(1)]),
        ("&00100020=*1*", [uid(1)]),
        ("&00100020=M-17", [uid(1)]),
        ("&ModalitiesInStudy=CT%2CMR", [uid(1)]),
        ("&StudyDate=20200101-20261231", [uid(1)]),
        (f"&StudyInstanceUID={uid(2)}", [uid(2)]),
        (f"&StudyInstanceUID={uid(1)}%5C{uid(2)}", [uid(1), uid(2)]),
        ("&StudyInstanceUID=9.9.9", []),
    ],
)
def test_the_study_list(ohif: str, filters: str, studies: list[str]) -> None:
    assert _matches(exchange(ohif, LIST + filters, JSON)) == studies


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("includefield=0008103E%2C00080021", 5),
        ("includefield=00080021%2C00080031%2C0008103E%2C00200011", 5),
        (
            "includefield=00080021%2C00080031%2C0008103E%2C00200011&SeriesInstanceUID=" + uid(1, 2),
            1,
        ),
    ],
)
def test_the_series_of_a_study(ohif: str, query: str, count: int) -> None:
    assert len(_matches(exchange(ohif, f"{STUDY}/series?{query}", JSON), "0020000E")) == count


def test_one_instance_of_a_series_for_its_thumbnail(ohif: str) -> None:
    target = f"{SERIES}/instances?limit=1&includefield=00080018"

    assert _matches(exchange(ohif, target, JSON), "00080018") == [uid(1, 1, 1)]


@pytest.mark.parametrize(("target", "count"), [(SERIES, 2), (STUDY, 6)])
def test_metadata(ohif: str, target: str, count: int) -> None:
    assert len(_matches(exchange(ohif, f"{target}/metadata", JSON), "00080018")) == count


def test_metadata_compressed_as_a_browser_takes_it(ohif: str) -> None:
    sent = exchange(ohif, f"{SERIES}/metadata", JSON, "Accept-Encoding: gzip, deflate, br, zstd")

    assert sent.headers["content-encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(sent.body))) == 2


WSI = ", ".join(
    f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    for media_type, syntax in (
        ("image/jls", JLS_SYNTAX), ("image/jls", "1.2.840.10008.1.2.4.81"),
        ("image/jp2", "1.2.840.10008.1.2.4.90"), ("image/jp2", "1.2.840.10008.1.2.4.91"),
        ("image/jpx", "1.2.840.10008.1.2.4.92"), ("image/jpx", "1.2.840.10008.1.2.4.93"),
        (OCTETS, "*"),
    )
)  # fmt: skip
FRAMES = [
    'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
    'multipart/related; type="application/octet-stream"; transfer-syntax=*',
    "multipart/related; type=application/octet-stream; transfer-syntax=*",
    "type=application/octet-stream; transfer-syntax=*",
    WSI,
    "*/*",
]
NAMED = [
    f'multipart/related; type="image/jls"; transfer-syntax="{JLS_SYNTAX}"',
    f'multipart/related; type="image/dicom-rle"; transfer-syntax="{RLE_SYNTAX}"',
    'multipart/related; type="image/dicom+jpeg"; transfer-syntax="1.2.840.10008.1.2.4.51"',
]
"""What `requestTransferSyntaxUID` makes of it."""


@pytest.mark.parametrize("accept", FRAMES)
@pytest.mark.parametrize(
    ("instance", "syntax", "special", "frame"),
    [
        (CT, EXPLICIT, None, SLICE.PixelData),
        (TILE, JLS_SYNTAX, "image/jls", STREAM),
        (RLE, RLE_SYNTAX, "image/dicom-rle", b"\0" * 64 + b"rle!"),
    ],
)
def test_frames(
    ohif: str, accept: str, instance: str, syntax: str, special: str | None, frame: bytes
) -> None:
    sent = exchange(ohif, f"{instance}/frames/1", f"Accept: {accept}")

    assert sent.status == 200
    assert int(sent.headers["content-length"]) == len(sent.body)
    ((content_type, body),) = parts_by_ohif(sent)
    media_type = special if special and special in accept else OCTETS
    assert content_type == f"{media_type}; transfer-syntax={syntax}"
    assert body == frame


@pytest.mark.parametrize("accept", NAMED)
@pytest.mark.parametrize(
    ("instance", "syntax", "frame"),
    [(TILE, JLS_SYNTAX, STREAM), (RLE, RLE_SYNTAX, b"\0" * 64 + b"rle!")],
)
def test_frames_that_cannot_be_had_in_the_syntax_that_is_set_come_as_they_are(
    ohif: str, accept: str, instance: str, syntax: str, frame: bytes
) -> None:
    """As long as OHIF has a decoder for them, it may show what we cannot code."""
    sent = exchange(ohif, f"{instance}/frames/1", f"Accept: {accept}", FIREFOX)

    ((content_type, body),) = parts_by_ohif(sent)
    assert content_type.endswith(f"; transfer-syntax={syntax}")
    assert body == frame


@pytest.mark.parametrize(
    ("accept", "syntax"), list(zip(NAMED, [JLS_SYNTAX, RLE_SYNTAX, EXPLICIT], strict=True))
)
def test_frames_in_the_syntax_that_is_set_where_it_carries_them(
    ohif: str, accept: str, syntax: str
) -> None:
    sent = exchange(ohif, f"{CT}/frames/1", f"Accept: {accept}", FIREFOX)

    assert int(sent.headers["content-length"]) == len(sent.body)
    ((content_type, body),) = parts_by_ohif(sent)
    assert content_type.endswith(f"; transfer-syntax={syntax}")
    if syntax == JLS_SYNTAX:
        body = imagecodecs.jpegls_decode(body).tobytes()
    elif syntax == RLE_SYNTAX:
        body = bytes(imagecodecs.dicomrle_decode(body, "<u2"))
    assert body == SLICE.PixelData


def test_the_bytes_of_a_frame_answer(ohif: str) -> None:
    sent = exchange(ohif, f"{CT}/frames/1", f"Accept: {FRAMES[0]}")
    boundary = sent.headers["content-type"].rpartition("boundary=")[2]

    assert (
        sent.headers["content-type"] == f'multipart/related; type="{OCTETS}"; boundary={boundary}'
    )
    assert sent.body == b"".join(
        (
            f"--{boundary}\r\n".encode(),
            b"Content-Type: application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1\r\n",
            b"\r\n",
            SLICE.PixelData,
            f"\r\n--{boundary}--\r\n".encode(),
        )
    )


@pytest.mark.parametrize(
    "accept", ['multipart/related; type="application/dicom"', "*/*", "multipart/related; type=*/*"]
)
def test_an_instance_for_segmentations(ohif: str, accept: str) -> None:
    sent = exchange(ohif, CT, f"Accept: {accept}")

    assert sent.status == 200
    ((content_type, body),) = parts_by_ohif(sent)
    assert content_type == f"application/dicom; transfer-syntax={EXPLICIT}"
    assert body == part10(SLICE)


@pytest.mark.parametrize("form", ["thumbnail", "rendered"])
@pytest.mark.parametrize(
    ("target", "accept"),
    [
        (f"{CT}/{{}}?viewport=256%2C256", "image/jpeg"),
        (f"{SERIES}/{{}}?viewport=256%2C256", "image/jpeg"),
        (f"{CT}/{{}}?accept=image%2Fjpeg", f'multipart/related; type="{OCTETS}"'),
        (f"{SERIES}/instances/undefined/{{}}?accept=image/jpeg", "image/avif,*/*;q=0.8"),
    ],
)
def test_pictures_for_the_study_list_and_the_panel_of_series(
    ohif: str, target: str, accept: str, form: str
) -> None:
    sent = exchange(ohif, target.format(form), f"Accept: {accept}")

    if "undefined" in target:
        assert sent.status == 404
        assert sent.headers["content-type"] == "application/problem+json"
    else:
        assert sent.status == 200
        assert sent.headers["content-type"] == "image/jpeg"
        assert sent.body.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize(
    ("accept", "alone"),
    [
        (f'multipart/related; type="{OCTETS}"', False),
        (f'multipart/related; type="application/pdf", multipart/related; type="{OCTETS}"', False),
        (OCTETS, True),
        ("*/*", True),
    ],
)
def test_bulk_data(ohif: str, accept: str, alone: bool) -> None:
    (found,) = json.loads(exchange(ohif, f"{PDF}/metadata", JSON).body)

    sent = exchange(ohif, found["00420011"]["BulkDataURI"], f"Accept: {accept}")

    assert sent.status == 200
    assert (sent.body if alone else parts_by_ohif(sent)[0][1]) == DOCUMENT
    assert sent.headers["content-type"].startswith("multipart/related") is not alone


def test_a_video_as_its_element_asks_for_it(ohif: str) -> None:
    sent = exchange(ohif, f"{VIDEO}/rendered", "Range: bytes=0-", "Accept: */*")

    assert sent.status == 206
    assert sent.headers["content-type"] == "video/mp4"
    assert sent.headers["accept-ranges"] == "bytes"
    assert sent.headers["content-range"] == f"bytes 0-{len(sent.body) - 1}/{len(sent.body)}"
    assert sent.body[4:8] == b"ftyp"


def test_a_video_is_recognised_by_its_metadata(ohif: str) -> None:
    (found,) = json.loads(exchange(ohif, f"{VIDEO}/metadata", JSON).body)

    assert found["00083002"] == {"vr": "UI", "Value": ["1.2.840.10008.1.2.4.102"]}


def test_a_pdf_as_its_element_asks_for_it(ohif: str) -> None:
    sent = exchange(ohif, f"{PDF}/rendered", BROWSER)

    assert sent.status == 200
    assert sent.headers["content-type"] == "application/pdf"
    assert sent.headers.get("content-disposition", "inline").startswith("inline")
    assert "x-frame-options" not in sent.headers
    assert "object-src 'none'" not in sent.headers.get("content-security-policy", "")
    assert sent.body == DOCUMENT


def test_wado_uri(ohif: str) -> None:
    sent = exchange(
        ohif,
        f"/wado?requestType=WADO&studyUID={uid(1)}&seriesUID={uid(1, 1)}"
        f"&objectUID={uid(1, 1, 1)}&contentType=application%2Fdicom&transferSyntax=*",
        f"Accept: {FRAMES[0]}",
    )

    assert sent.status == 200
    assert sent.headers["content-type"].startswith("application/dicom")
    assert sent.body == part10(SLICE)


def _upload(server: str, file: bytes) -> Sent:
    body = b"\r\n--x\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--x--"
    return exchange(
        server,
        f"{ROOT}/studies",
        'Content-Type: multipart/related; type="application/dicom"; boundary="x"',
        method="POST",
        body=body,
    )


def test_uploads(server: str) -> None:
    new = part10(image(5))

    assert _upload(server, new).status == 200
    assert _upload(server, new).status in (200, 202)
    assert _upload(server, b"garbage" * 100).status in (400, 409)
    assert _matches(exchange(server, LIST, JSON)) == [uid(5)]


def _segmentation() -> bytes:
    """A label map as OHIF saves one, run-length coded."""
    return encapsulated(
        [b"\0" * 64], RLE_SYNTAX, 1, 3100, 1, SOPClassUID="1.2.840.10008.5.1.4.1.1.66.7",
        Modality="SEG",
    )  # fmt: skip


def _report() -> Dataset:
    return report(1, 3000, 1)


def test_what_ohif_saves_joins_its_study_and_is_seen_at_once(ohif: str) -> None:
    for number, file in ((3100, _segmentation()), (3000, part10(_report()))):
        assert _upload(ohif, file).status in (200, 202)
        target = f"{STUDY}/series/{uid(1, number)}/metadata"
        assert _matches(exchange(ohif, target, JSON), "00080018") == [uid(1, number, 1)]
        assert uid(1, number) in _matches(exchange(ohif, f"{STUDY}/series", JSON), "0020000E")

    (study,) = json.loads(exchange(ohif, f"{LIST}&StudyInstanceUID={uid(1)}", JSON).body)
    assert study["00100020"]["Value"] == ["M-17"]


@pytest.fixture
def _built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A viewer of three files in place of OHIF's hundreds; its own tests have the real one."""
    folder = tmp_path / "static" / "ohif"
    folder.mkdir(parents=True)
    files = {"index.html": b"<!doctype html>", "app.bundle.js": b"1", "codec.wasm": b"\0asm"}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    listed = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "encodings": []}
        for name, data in files.items()
    }
    manifest = {"inline_scripts": [], "eval_workers": [], "files": listed}
    (folder / "filmroom-manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(viewer, "STATIC", tmp_path / "static")


@pytest.mark.usefixtures("_built")
@pytest.mark.parametrize(
    ("target", "status", "content_type"),
    [
        (f"/viewer?StudyInstanceUIDs={uid(1)}", 200, "text/html"),
        ("/nope.js", 404, "application/problem+json"),
        ("/app-config.js", 200, "text/javascript"),
        ("/codec.wasm", 200, "application/wasm"),
    ],
)
def test_the_viewer_itself(
    request: pytest.FixtureRequest, target: str, status: int, content_type: str
) -> None:
    # Begun only now, since the server reads what was built as it starts.
    sent = exchange(request.getfixturevalue("server"), target, BROWSER)

    assert sent.status == status
    assert sent.headers["content-type"].split(";")[0] == content_type
    if target == "/app-config.js":
        assert "no-cache" in sent.headers["cache-control"]
