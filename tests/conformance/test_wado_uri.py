"""WADO-URI: one instance by query string, `contentType` deciding alone (PS3.18 §9)."""

from __future__ import annotations

import pytest
from retrieved import instance_url
from starlette.testclient import TestClient

from filmroom.testing.objects import ct_slice, image, part10, pdf, uid, video

FILE = part10(ct_slice(1, 1, 1))
EXPLICIT = "1.2.840.10008.1.2.1"
DICOM = "application/dicom"
OHIF_ACCEPT = 'multipart/related; type="application/octet-stream"; transfer-syntax="*"'
NAMED = {"studyUID": uid(1), "seriesUID": uid(1, 1), "objectUID": uid(1, 1, 1)}
ASKED = {"requestType": "WADO", **NAMED, "contentType": DICOM, "transferSyntax": "*"}


@pytest.fixture(autouse=True)
def _stored(store) -> None:
    store(FILE)


@pytest.mark.parametrize("path", ["/wado", "/dcm4chee-arc/aets/DCM4CHEE/wado"])
@pytest.mark.parametrize("accept", [OHIF_ACCEPT, "*/*", "image/jpeg"])
def test_the_file_comes_as_stored_whatever_is_accepted(
    web: TestClient, path: str, accept: str
) -> None:
    got = web.get(path, params=ASKED, headers={"Accept": accept})

    assert got.status_code == 200
    assert got.headers["content-type"] == f"{DICOM}; transfer-syntax={EXPLICIT}"
    assert int(got.headers["content-length"]) == len(FILE)
    assert got.content == FILE


def test_the_address_as_ohif_writes_it(web: TestClient) -> None:
    got = web.get(
        f"/wado?requestType=WADO&studyUID={uid(1)}&seriesUID={uid(1, 1)}"
        f"&objectUID={uid(1, 1, 1)}&contentType=application%2Fdicom&transferSyntax=*"
    )

    assert got.content == FILE


@pytest.mark.parametrize(
    "left_out",
    [["studyUID"], ["seriesUID"], ["studyUID", "seriesUID"], ["transferSyntax"]],
    ids=" and ".join,
)
def test_what_is_not_needed_may_be_left_out(web: TestClient, left_out: list[str]) -> None:
    asked = {name: value for name, value in ASKED.items() if name not in left_out}

    assert web.get("/wado", params=asked).content == FILE


def test_an_instance_of_two_studies_must_be_named_by_its_study(web: TestClient, store) -> None:
    store(part10(image(2, 1, 1, SOPInstanceUID=uid(1, 1, 1))))
    alone = {name: value for name, value in ASKED.items() if name not in ("studyUID", "seriesUID")}

    ambiguous = web.get("/wado", params=alone)
    told = web.get("/wado", params={**alone, "studyUID": uid(1)})

    assert ambiguous.status_code == 409
    assert "studyUID" in ambiguous.json()["detail"]
    assert told.content == FILE


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"requestType": None}, 400),
        ({"requestType": "QIDO"}, 400),
        ({"objectUID": None}, 400),
        ({"objectUID": ""}, 400),
        ({"objectUID": "junk"}, 400),
        ({"studyUID": "1.2'--"}, 400),
        ({"objectUID": [uid(1, 1, 1), uid(1, 1, 2)]}, 400),
        ({"objectUID": uid(9)}, 404),
        ({"objectUID": uid(9), "studyUID": None, "seriesUID": None}, 404),
        ({"studyUID": uid(9)}, 404),
        ({"studyUID": None, "seriesUID": uid(9)}, 404),
        ({"contentType": None}, 200),
        ({"contentType": "image/jpeg"}, 200),
        ({"contentType": "image/tiff"}, 406),
        ({"contentType": "application/pdf"}, 406),
        ({"transferSyntax": "1.2.840.10008.1.2.4.102"}, 406),
        ({"transferSyntax": EXPLICIT}, 200),
        ({"contentType": "image/jpeg, application/dicom"}, 200),
        ({"anonymize": "yes"}, 200),
        ({"frameNumber": "1"}, 200),
    ],
)
def test_what_is_missing_or_wrong(
    web: TestClient, changed: dict[str, str | None], status: int
) -> None:
    asked = {name: value for name, value in (ASKED | changed).items() if value is not None}

    got = web.get("/wado", params=asked)

    assert got.status_code == status
    assert status == 200 or got.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("content_type", ["application/pdf", "application/pdf,text/html", None])
def test_a_pdf_comes_as_one(web: TestClient, store, content_type: str | None) -> None:
    document = pdf(document=b"%PDF-1.4\n%%EOF")
    store(document)
    asked = {"requestType": "WADO", "objectUID": uid(1, 80, 1)}

    got = web.get("/wado", params=asked | ({"contentType": content_type} if content_type else {}))

    assert got.headers["content-type"] == "application/pdf"
    assert got.content == b"%PDF-1.4\n%%EOF"


def test_a_video_comes_as_one_with_ranges(web: TestClient, store) -> None:
    store(video())
    asked = {"requestType": "WADO", "objectUID": uid(1, 70, 1), "contentType": "video/mp4"}

    got = web.get("/wado", params=asked, headers={"Range": "bytes=4-7"})

    assert got.status_code == 206
    assert got.headers["content-type"] == "video/mp4"
    assert got.content == b"ftyp"


def test_what_the_client_has_is_not_sent_again(web: TestClient) -> None:
    tag = web.get("/wado", params=ASKED).headers["etag"]

    assert web.get("/wado", params=ASKED, headers={"If-None-Match": tag}).status_code == 304


def test_it_is_the_same_file_as_wado_rs_gives(web: TestClient) -> None:
    assert web.get(instance_url(), headers={"Accept": DICOM}).content == FILE
