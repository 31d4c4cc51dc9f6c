"""Retrieve metadata: complete, ready, and sent again only when it changed (PS3.18 §10.4.1.1.2)."""

from __future__ import annotations

import gzip
import xml.etree.ElementTree as ET
import zlib

import httpx
import pytest
from retrieved import ROOT, instance_url, parts_of, series_url, study_url
from starlette.testclient import TestClient

from filmroom.core.delete import reject
from filmroom.model.selection import Selection
from filmroom.testing.objects import MP4_HIGH, ct_slice, image, part10, pdf, report, uid, video
from filmroom.web.metadata import takes_gzip

JSON = "application/dicom+json"
MANY = 40


@pytest.fixture(autouse=True)
def _stored(store) -> None:
    store(*(ct_slice(1, 1, number) for number in range(1, MANY + 1)))
    store(report(), pdf())


def _numbers(response: httpx.Response) -> list[int]:
    assert response.status_code == 200
    return [each["00200013"]["Value"][0] for each in response.json()]


@pytest.mark.parametrize(
    ("url", "numbers"),
    [
        (instance_url(1, 1, 7), [7]),
        (series_url(1, 1), list(range(1, MANY + 1))),
        (study_url(1), [*range(1, MANY + 1), 1, 1]),
    ],
)
def test_every_instance_is_there_once_and_in_order(
    web: TestClient, url: str, numbers: list[int]
) -> None:
    got = web.get(f"{url}/metadata", headers={"Accept": JSON})

    assert got.headers["content-type"] == JSON
    assert _numbers(got) == numbers


def test_the_data_set_is_complete(web: TestClient) -> None:
    (found,) = web.get(f"{instance_url(1, 90, 1)}/metadata").json()

    assert found["0040A730"]["Value"][0]["0040A160"] == {"vr": "UT", "Value": ["Nothing found"]}
    assert found["00083002"]["Value"] == ["1.2.840.10008.1.2.1"]


def test_a_document_is_named_by_where_it_can_be_had(web: TestClient) -> None:
    (found,) = web.get(f"{instance_url(1, 80, 1)}/metadata").json()

    assert found["00420011"]["BulkDataURI"] == f"{instance_url(1, 80, 1)}/bulkdata/00420011"


def test_a_video_names_its_transfer_syntax(web: TestClient, store) -> None:
    store(video())

    (found,) = web.get(f"{instance_url(1, 70, 1)}/metadata").json()

    assert found["00083002"]["Value"] == [MP4_HIGH]


def _raw(web: TestClient, url: str, encoding: str) -> tuple[httpx.Response, bytes]:
    with web.stream("GET", url, headers={"Accept-Encoding": encoding}) as response:
        return response, b"".join(response.iter_raw())


@pytest.mark.parametrize("url", [instance_url(), series_url(), study_url()])
def test_a_gzip_answer_is_one_member(web: TestClient, url: str) -> None:
    """Chromium reads no second one."""
    response, body = _raw(web, f"{url}/metadata", "gzip, deflate, br")
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    text = stream.decompress(body)

    assert response.headers["content-encoding"] == "gzip"
    assert int(response.headers["content-length"]) == len(body)
    assert stream.eof
    assert stream.unused_data == b""
    assert text == gzip.decompress(body)
    assert text == _raw(web, f"{url}/metadata", "identity")[1]


@pytest.mark.parametrize(
    ("header", "taken"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("x-gzip", True), ("GZIP", True),
     ("", False), ("br", False), ("gzip;q=0", False), ("*;q=0", False), ("identity", False),
     ("gzip;q=0.000", False), ("*;q=0, gzip", True), ("gzip;q=1.0", True), (",;=", False)],
)  # fmt: skip
def test_who_takes_gzip(header: str, taken: bool) -> None:
    assert takes_gzip(header) is taken


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (JSON, JSON),
        ("application/json", "application/json"),
        ("application/json, application/dicom+json;q=0.1", "application/json"),
        ("*/*", JSON),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", JSON),
        ("application/*", JSON),
    ],
)
def test_json_by_either_name(web: TestClient, accept: str, content_type: str) -> None:
    got = web.get(f"{instance_url()}/metadata", headers={"Accept": accept})

    assert got.headers["content-type"] == content_type
    assert _numbers(got) == [1]


@pytest.mark.parametrize("accept", ["image/jpeg", "application/dicom", "text/plain"])
def test_other_forms_are_not_acceptable(web: TestClient, accept: str) -> None:
    got = web.get(f"{instance_url()}/metadata", headers={"Accept": accept})

    assert got.status_code == 406
    assert JSON in got.json()["detail"]


XML = 'multipart/related; type="application/dicom+xml"'
NAMES = {"": "http://dicom.nema.org/PS3.19/models/NativeDICOM"}


def test_xml_has_one_document_for_each_instance(web: TestClient) -> None:
    got = web.get(f"{series_url()}/metadata", headers={"Accept": XML})
    pieces = parts_of(got, sized=False)  # each is made when it is sent

    assert len(pieces) == MANY
    assert {piece.headers["Content-Type"] for piece in pieces} == {"application/dicom+xml"}
    number = "DicomAttribute[@keyword='InstanceNumber']/Value"
    assert [ET.fromstring(piece.body).find(number, NAMES).text for piece in pieces] == [  # noqa: S314
        str(each) for each in range(1, MANY + 1)
    ]


def test_xml_of_one_instance_may_come_alone(web: TestClient) -> None:
    alone = {"Accept": "application/dicom+xml"}
    one = web.get(f"{instance_url()}/metadata", headers=alone)

    assert one.headers["content-type"] == "application/dicom+xml"
    (piece,) = parts_of(web.get(f"{instance_url()}/metadata", headers={"Accept": XML}), sized=False)
    assert piece.body == one.content
    assert web.get(f"{series_url()}/metadata", headers=alone).status_code == 406


@pytest.mark.parametrize("accept", [JSON, XML])
def test_what_the_client_has_is_not_sent_again(web: TestClient, accept: str) -> None:
    first = web.get(f"{series_url()}/metadata", headers={"Accept": accept})
    asked = {"Accept": accept, "If-None-Match": first.headers["etag"]}

    again = web.get(f"{series_url()}/metadata", headers=asked)

    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept, Accept-Encoding"
    assert first.headers["etag"].startswith('W/"')
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]


def test_the_tag_changes_with_the_series(web: TestClient, store, archive) -> None:
    def tag() -> str:
        return web.get(f"{series_url()}/metadata").headers["etag"]

    first = tag()
    store(ct_slice(1, 1, MANY + 1))
    more = tag()
    reject(archive, Selection(uid(1), uid(1, 1), uid(1, 1, 1)), "113001^DCM", "test")
    fewer = tag()

    assert len({first, more, fewer}) == 3
    assert _numbers(web.get(f"{series_url()}/metadata")) == list(range(2, MANY + 2))


def test_json_and_xml_have_tags_of_their_own(web: TestClient) -> None:
    tags = {
        web.get(f"{series_url()}/metadata", headers={"Accept": accept}).headers["etag"]
        for accept in (JSON, XML)
    }

    assert len(tags) == 2


def test_head_says_what_get_would(web: TestClient) -> None:
    head, got = web.head(f"{study_url()}/metadata"), web.get(f"{study_url()}/metadata")

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


def test_what_is_stored_is_shown_at_once(web: TestClient, store) -> None:
    for number in range(1, 6):
        store(part10(image(3, 1, number)))

        assert _numbers(web.get(f"{series_url(3, 1)}/metadata")) == list(range(1, number + 1))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/studies/{uid(9)}/metadata", 404),
        (f"/studies/{uid(1)}/series/{uid(9)}/metadata", 404),
        (f"/studies/{uid(9)}/series/{uid(1, 1)}/instances/{uid(1, 1, 1)}/metadata", 404),
        ("/studies/junk/metadata", 400),
        ("/studies/1.2/series/undefined/metadata", 400),
    ],
)
def test_what_is_not_there(web: TestClient, path: str, status: int) -> None:
    got = web.get(ROOT + path)

    assert got.status_code == status
    assert got.headers["content-type"] == "application/problem+json"
