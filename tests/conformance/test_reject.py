"""Reject and restore, as dcm4chee and OHIF speak of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from filmroom.core.archive import Archive
from filmroom.testing.objects import ct_slice, uid

ROOTS = ["/dicom-web", "/dcm4chee-arc/aets/DCM4CHEE/rs"]
STUDY = f"/studies/{uid(1)}"
SERIES = f"{STUDY}/series/{uid(1, 1)}"
INSTANCE = f"{SERIES}/instances/{uid(1, 1, 1)}"
QUALITY = "/reject/113001%5EDCM"


@pytest.fixture(autouse=True)
def _stored(store: Callable[..., object]) -> None:
    store(ct_slice(1, 1, 1), ct_slice(1, 1, 2), ct_slice(1, 2, 1), ct_slice(2, 1, 1))


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(("path", "rejected"), [(STUDY, 3), (SERIES, 2), (INSTANCE, 1)])
def test_what_is_rejected_hides(
    web: TestClient, archive: Archive, root: str, path: str, rejected: int
) -> None:
    answer = web.post(root + path + QUALITY)

    assert answer.status_code == 200
    assert answer.json() == {"status": "0000", "rejected": rejected, "failed": 0}
    assert web.get(root + path + "/metadata").status_code == 404
    assert web.get(root + path, headers={"Accept": "application/dicom"}).status_code == 404
    found = {one["00080018"]["Value"][0] for one in web.get(root + "/instances").json()}
    assert len(found) == 4 - rejected
    assert archive.index.counts().rejected == rejected


def test_the_caret_may_come_as_it_is(web: TestClient) -> None:
    assert web.post(f"/dicom-web{SERIES}/reject/113001^DCM").status_code == 200


def test_what_is_rejected_is_listed_with_its_reason(web: TestClient) -> None:
    web.post(f"/dicom-web{INSTANCE}/reject/113037^DCM")

    (one,) = web.get("/api/rejections").json()
    assert one["code"] == "113037^DCM"
    assert one["instance"] == uid(1, 1, 1)


@pytest.mark.parametrize(
    ("what", "restored"),
    [
        ({"study": uid(1)}, 3),
        ({"study": uid(1), "series": uid(1, 1)}, 2),
        ({"study": uid(1), "series": uid(1, 1), "instance": uid(1, 1, 2)}, 1),
    ],
)
def test_what_is_rejected_can_be_restored(
    web: TestClient, archive: Archive, what: dict[str, str], restored: int
) -> None:
    web.post(f"/dicom-web{STUDY}{QUALITY}")

    answer = web.post("/api/restore", json=what)

    assert (answer.status_code, answer.json()) == (200, {"restored": restored})
    assert archive.index.counts().instances == 1 + restored
    assert web.get(f"/dicom-web{STUDY}/metadata").status_code == 200


def test_what_is_not_rejected_cannot_be_restored(web: TestClient) -> None:
    assert web.post("/api/restore", json={"study": uid(1)}).status_code == 404


@pytest.mark.parametrize(
    "what",
    [
        {},
        {"study": "../../etc"},
        {"study": uid(1), "instance": uid(1, 1, 1)},
        {"study": None},
        [],
    ],
)
def test_a_restoration_names_what_it_is_of(web: TestClient, what: object) -> None:
    answer = web.post("/api/restore", json=what)

    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_cannot_be_rejected(web: TestClient) -> None:
    assert web.post(f"/dicom-web/studies/9.9{QUALITY}").status_code == 404


@pytest.mark.parametrize(
    "code", ["113001", "%5EDCM", "113001%5E", "1%5E2%5E3", "a" * 17 + "%5EDCM"]
)
def test_a_reason_is_a_code_and_its_scheme(web: TestClient, archive: Archive, code: str) -> None:
    answer = web.post(f"/dicom-web{SERIES}/reject/{code}")

    assert answer.status_code == 400
    assert archive.index.counts().rejected == 0


def test_what_was_rejected_for_a_reason_can_be_deleted_for_good(
    web: TestClient, archive: Archive
) -> None:
    web.post(f"/dicom-web{INSTANCE}/reject/113001^DCM")
    web.post(f"/dicom-web/studies/{uid(2)}/reject/113039^DCM")

    answer = web.delete(f"/dicom-web{QUALITY}")

    assert (answer.status_code, answer.json()) == (200, {"deleted": 1})
    assert archive.index.counts().rejected == 1
    assert [one["code"] for one in web.get("/api/rejections").json()] == ["113039^DCM"]


@pytest.mark.parametrize(
    ("day", "status", "left"), [("2000-01-01", 200, 1), ("2100-01-01", 200, 0), ("soon", 400, 1)]
)
def test_only_what_was_rejected_before_a_day_is_deleted(
    web: TestClient, archive: Archive, day: str, status: int, left: int
) -> None:
    web.post(f"/dicom-web{INSTANCE}{QUALITY}")

    answer = web.delete(f"/dicom-web{QUALITY}", params={"rejectedBefore": day})

    assert answer.status_code == status
    assert archive.index.counts().rejected == left


def test_a_rejected_instance_sent_again_is_there_again(
    web: TestClient, store: Callable[..., object]
) -> None:
    web.post(f"/dicom-web{STUDY}{QUALITY}")
    store(ct_slice(1, 1, 1))

    assert web.get(f"/dicom-web{INSTANCE}/metadata").status_code == 200
