"""DELETE of studies, series and instances."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from filmroom.core.archive import Archive
from filmroom.testing.objects import ct_slice, uid

STUDY = f"/dicom-web/studies/{uid(1)}"
SERIES = f"{STUDY}/series/{uid(1, 1)}"
INSTANCE = f"{SERIES}/instances/{uid(1, 1, 1)}"


@pytest.fixture(autouse=True)
def _stored(store: Callable[..., object]) -> None:
    store(ct_slice(1, 1, 1), ct_slice(1, 1, 2), ct_slice(1, 2, 1), ct_slice(2, 1, 1))


@pytest.mark.parametrize(("path", "left"), [(STUDY, 1), (SERIES, 2), (INSTANCE, 3)])
def test_what_is_deleted_is_gone(web: TestClient, archive: Archive, path: str, left: int) -> None:
    answer = web.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert archive.index.counts().instances == left
    assert web.get(path + "/metadata").status_code == 404
    assert web.get(f"/dicom-web/studies/{uid(2)}/metadata").status_code == 200


@pytest.mark.parametrize("path", [STUDY, SERIES, INSTANCE])
def test_what_is_not_there_cannot_be_deleted(web: TestClient, path: str) -> None:
    assert web.delete(path).status_code == 204

    answer = web.delete(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_instance_under_another_study_is_not_there(web: TestClient) -> None:
    assert web.delete(INSTANCE.replace(uid(1) + "/", uid(2) + "/")).status_code == 404


@pytest.mark.parametrize("path", ["/dicom-web/studies", "/dicom-web/series", "/dicom-web/"])
def test_everything_at_once_cannot_be_deleted(web: TestClient, archive: Archive, path: str) -> None:
    assert web.delete(path).status_code == 405
    assert archive.index.counts().instances == 4


@pytest.mark.parametrize("study", ["%2E%2E", "*", "1.2%00", "a", "%27%20OR%201=1"])
def test_only_a_uid_names_a_study(web: TestClient, archive: Archive, study: str) -> None:
    assert web.delete(f"/dicom-web/studies/{study}").status_code == 400
    assert archive.index.counts().instances == 4


def test_a_deletion_is_in_the_feed(web: TestClient) -> None:
    web.delete(INSTANCE)

    last = web.get("/api/changes").json()["changes"][-1]
    assert (last["action"], last["instance"]) == ("deleted", uid(1, 1, 1))
    assert last["source"] == "web:testclient"


def test_what_was_deleted_can_be_stored_again(
    web: TestClient, store: Callable[..., object]
) -> None:
    web.delete(STUDY)
    store(ct_slice(1, 1, 1))

    assert web.get(STUDY + "/metadata").status_code == 200


def test_dcm4chees_address_deletes_too(web: TestClient) -> None:
    path = STUDY.replace("/dicom-web", "/dcm4chee-arc/aets/DCM4CHEE/rs")

    assert web.delete(path).status_code == 204
    assert web.get(STUDY + "/metadata").status_code == 404
