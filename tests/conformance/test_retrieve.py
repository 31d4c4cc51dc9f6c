"""Retrieve transaction: studies, series and instances as stored (PS3.18 §10.4)."""

from __future__ import annotations

import zipfile
from hashlib import sha256
from io import BytesIO

import pytest
from retrieved import ROOT, frames_of, instance_url, parts_of, series_url, study_url
from starlette.testclient import TestClient

from filmroom.testing.objects import ct_slice, encapsulated, image, part10, uid

DICOM = "application/dicom"
MULTIPART = f'multipart/related; type="{DICOM}"'
JPEG = "1.2.840.10008.1.2.4.50"
EXPLICIT = "1.2.840.10008.1.2.1"
FIRST = part10(ct_slice(1, 1, 1), preamble=b"II*\0" + bytes(124))
SECOND = part10(ct_slice(1, 1, 2), "1.2.840.10008.1.2")
OTHER_SERIES = encapsulated([b"\xff\xd8first\xff\xd9"], JPEG, 1, 2, 1)
OTHER_STUDY = part10(image(2))


@pytest.fixture(autouse=True)
def _stored(store) -> None:
    store(SECOND, FIRST, OTHER_SERIES, OTHER_STUDY)


def test_an_instance_comes_back_byte_for_byte_with_its_syntax_named(web: TestClient) -> None:
    (piece,) = parts_of(web.get(instance_url(1, 1, 2), headers={"Accept": MULTIPART}))

    assert piece.body == SECOND
    assert piece.headers["Content-Type"] == f"{DICOM}; transfer-syntax=1.2.840.10008.1.2"
    assert piece.headers["Content-Location"] == instance_url(1, 1, 2)


def test_a_series_comes_in_the_order_of_its_instances(web: TestClient) -> None:
    assert frames_of(web.get(series_url(1, 1), headers={"Accept": MULTIPART})) == [FIRST, SECOND]


def test_a_study_comes_in_the_order_of_its_series(web: TestClient) -> None:
    got = web.get(study_url(1), headers={"Accept": MULTIPART + "; transfer-syntax=*"})

    assert frames_of(got) == [FIRST, SECOND, OTHER_SERIES]
    assert [piece.headers["Content-Type"].split("=")[1] for piece in parts_of(got)] == [
        EXPLICIT, "1.2.840.10008.1.2", JPEG,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "*/*",
        "multipart/related",
        "multipart/related; type=application/dicom",
        'multipart/related; type="application/dicom"; transfer-syntax=*',
        'multipart/related; type="application/dicom"; transfer-syntax="*"',
        f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}',
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    ],
)
def test_these_accept_headers_get_multipart(web: TestClient, accept: str | None) -> None:
    web.headers.pop("accept")

    got = web.get(instance_url(), headers={"Accept": accept} if accept else {})

    assert frames_of(got) == [FIRST]


@pytest.mark.parametrize(
    "accept",
    [DICOM, f"{DICOM}; transfer-syntax=*", f'{DICOM};transfer-syntax="{EXPLICIT}"',
     f"{MULTIPART};q=0.5, {DICOM}"],
)  # fmt: skip
def test_one_instance_comes_alone_when_that_is_asked(web: TestClient, accept: str) -> None:
    got = web.get(instance_url(), headers={"Accept": accept})

    assert got.status_code == 200
    assert got.content == FIRST
    assert got.headers["content-type"] == f"{DICOM}; transfer-syntax={EXPLICIT}"
    assert int(got.headers["content-length"]) == len(FIRST)
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "private, no-cache"


def test_the_accept_parameter_wins(web: TestClient) -> None:
    got = web.get(f"{instance_url()}?accept=application%2Fdicom", headers={"Accept": MULTIPART})

    assert got.content == FIRST


def test_several_instances_are_never_given_alone(web: TestClient) -> None:
    got = web.get(study_url(1), headers={"Accept": DICOM})

    assert got.status_code == 406
    assert "multipart/related" in got.json()["detail"]


@pytest.mark.parametrize(
    "accept",
    [
        f"{MULTIPART}; transfer-syntax=1.2.840.10008.1.2.2",  # retired: nobody is sent this
        f"{DICOM}; transfer-syntax=1.2.840.10008.1.2.4.102",
        "image/jpeg",
        "application/dicom+json",
    ],
)
def test_what_nobody_can_make_is_not_acceptable(web: TestClient, accept: str) -> None:
    got = web.get(instance_url(), headers={"Accept": accept})

    assert got.status_code == 406
    assert got.headers["content-type"] == "application/problem+json"
    assert EXPLICIT in got.json()["detail"]


def test_each_instance_of_a_study_is_acceptable_as_it_is(web: TestClient) -> None:
    syntaxes = (EXPLICIT, "1.2.840.10008.1.2", JPEG)
    all_three = ", ".join(f"{MULTIPART}; transfer-syntax={each}" for each in syntaxes)

    assert len(frames_of(web.get(study_url(1), headers={"Accept": all_three}))) == 3


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "body"),
    [
        ("bytes=128-131", 206, "bytes 128-131/{size}", b"DICM"),
        ("bytes=0-", 206, "bytes 0-{last}/{size}", FIRST),
        ("bytes=-2", 206, "bytes {two}-{last}/{size}", FIRST[-2:]),
        ("bytes=0-999999999", 206, "bytes 0-{last}/{size}", FIRST),
        ("bytes=999999999-", 416, "bytes */{size}", None),
        ("bytes=-0", 416, "bytes */{size}", None),
        ("bytes=5-2", 200, None, FIRST),
        ("bytes=0-1,4-5", 200, None, FIRST),
        ("lines=0-1", 200, None, FIRST),
        ("bytes=-", 200, None, FIRST),
        ("bytes=" + "9" * 400 + "-", 200, None, FIRST),
    ],
)
def test_ranges(
    web: TestClient, asked: str, status: int, content_range: str | None, body: bytes | None
) -> None:
    got = web.get(instance_url(), headers={"Accept": DICOM, "Range": asked})

    size = len(FIRST)
    shown = content_range and content_range.format(size=size, last=size - 1, two=size - 2)
    assert got.status_code == status
    assert got.headers.get("content-range") == shown
    assert body is None or got.content == body


def test_a_range_of_another_version_is_answered_whole(web: TestClient) -> None:
    tag = web.get(instance_url(), headers={"Accept": DICOM}).headers["etag"]
    asked = {"Accept": DICOM, "Range": "bytes=0-9"}

    assert web.get(instance_url(), headers={**asked, "If-Range": tag}).status_code == 206
    assert web.get(instance_url(), headers={**asked, "If-Range": '"old"'}).status_code == 200


def test_what_the_client_has_is_not_sent_again(web: TestClient) -> None:
    tag = web.get(instance_url(), headers={"Accept": DICOM}).headers["etag"]

    got = web.get(instance_url(), headers={"Accept": DICOM, "If-None-Match": f'"x", {tag}'})

    assert got.status_code == 304
    assert got.content == b""
    assert got.headers["etag"] == tag


@pytest.mark.parametrize("accept", [DICOM, MULTIPART, "application/zip"])
def test_head_says_what_get_would(web: TestClient, accept: str) -> None:
    head = web.head(instance_url(), headers={"Accept": accept})
    got = web.get(instance_url(), headers={"Accept": accept})

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


def test_a_study_comes_as_a_zip(web: TestClient) -> None:
    got = web.get(f"{study_url(1)}?accept=application/zip")

    assert got.headers["content-type"] == "application/zip"
    assert got.headers["content-disposition"] == f'attachment; filename="{uid(1)}.zip"'
    assert int(got.headers["content-length"]) == len(got.content)
    with zipfile.ZipFile(BytesIO(got.content)) as archive:
        assert archive.testzip() is None
        assert [archive.read(name) for name in archive.namelist()] == [FIRST, SECOND, OTHER_SERIES]
        assert archive.namelist()[0] == f"{uid(1)}/{uid(1, 1)}/{uid(1, 1, 1)}.dcm"


def test_a_dicomdir_is_refused_rather_than_left_out(web: TestClient) -> None:
    got = web.get(f"{study_url(1)}?accept=application/zip&dicomdir=true")

    assert got.status_code == 406
    assert "DICOMDIR" in got.json()["detail"]


@pytest.mark.parametrize(
    "path",
    [
        f"/studies/{uid(7)}",
        f"/studies/{uid(1)}/series/{uid(2, 1)}",
        f"/studies/{uid(2)}/series/{uid(1, 1)}/instances/{uid(1, 1, 1)}",
        f"/studies/{uid(1)}/series/{uid(1, 1)}/instances/{uid(1, 2, 1)}",
    ],
)
def test_what_is_not_there_is_not_found(web: TestClient, path: str) -> None:
    got = web.get(ROOT + path)

    assert got.status_code == 404
    assert got.json()["title"] == "Not Found"


@pytest.mark.parametrize(
    "junk", ["abc", "1..2", "1.2;drop", "1" * 65, "%00", "..%2f..", "１.２", "undefined"]
)
def test_what_is_no_uid_is_a_bad_request(web: TestClient, junk: str) -> None:
    for path in (f"/studies/{junk}", f"/studies/1.2/series/{junk}",
                 f"/studies/1.2/series/1.3/instances/{junk}"):  # fmt: skip
        assert web.get(ROOT + path).status_code in (400, 404)


def test_the_same_is_at_dcm4chees_address(web: TestClient) -> None:
    address = instance_url().replace(ROOT, "/dcm4chee-arc/aets/DCM4CHEE/rs")

    (piece,) = parts_of(web.get(address, headers={"Accept": MULTIPART}))

    assert piece.body == FIRST
    assert piece.headers["Content-Location"] == address


def test_a_header_cannot_be_smuggled_in_by_the_address(web: TestClient) -> None:
    address = instance_url().replace(ROOT, "/dcm4chee-arc/aets/A%0d%0aX-Evil:%20yes/rs")

    (piece,) = parts_of(web.get(address, headers={"Accept": MULTIPART}))

    assert set(piece.headers) == {"Content-Type", "Content-Location"}


def test_too_many_retrievals_at_once_are_told_to_come_again(web: TestClient) -> None:
    slots = _slots(web)
    taken = 0
    while slots.acquire(blocking=False):
        taken += 1

    busy = web.get(study_url(1))
    frame = web.get(f"{instance_url()}/frames/1")
    slots.release(taken)
    after = web.get(study_url(1))

    assert taken == 64
    assert busy.status_code == 503
    assert int(busy.headers["retry-after"]) > 0
    assert frame.status_code == 200
    assert after.status_code == 200


def _slots(web: TestClient):
    app = web.app
    while not hasattr(app, "state"):
        app = app.app
    return app.state.retrieves


def test_every_retrieval_gives_its_slot_back(web: TestClient) -> None:
    for _ in range(70):
        assert web.get(instance_url(), headers={"Accept": DICOM}).status_code == 200
        assert web.get(instance_url(), headers={"Accept": DICOM, "Range": "bytes=0-1"}).is_success
        assert web.get(f"{instance_url()}?accept=application/zip").status_code == 200


def test_a_blob_that_is_gone_is_an_error_and_not_an_empty_answer(web: TestClient, archive) -> None:
    archive.storage.delete(sha256(FIRST).hexdigest())

    for accept in (DICOM, MULTIPART, "application/zip"):
        assert web.get(instance_url(), headers={"Accept": accept}).status_code == 500
    assert web.get(f"{instance_url()}/frames/1").status_code == 500
    assert web.get(instance_url(1, 1, 2)).status_code == 200
