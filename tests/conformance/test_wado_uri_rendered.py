"""WADO-URI: one instance as a picture (PS3.18 §9.4, §9.5)."""

from __future__ import annotations

import pytest
from rendered_pictures import about, halves, named, opened, presentation, seen, shades
from retrieved import instance_url
from starlette.testclient import TestClient

from filmroom.testing.objects import image, pdf, report, uid, video

ASKED = {"requestType": "WADO", "studyUID": uid(1), "seriesUID": uid(1, 1)}
ASKED |= {"objectUID": uid(1, 1, 1)}
PNG = {"contentType": "image/png"}
LEFT, RIGHT = (10, 16), (50, 16)


def wado(web: TestClient, **more: str):
    return web.get("/wado", params=ASKED | more)


@pytest.mark.parametrize("path", ["/wado", "/dcm4chee-arc/aets/DCM4CHEE/wado"])
@pytest.mark.parametrize("content_type", [None, "image/jpeg", "*/*", "image/*", "image/jpg"])
def test_an_image_is_a_jpeg_by_default(
    web: TestClient, store, path: str, content_type: str | None
) -> None:
    store(halves())
    asked = ASKED | ({"contentType": content_type} if content_type else {})

    picture = seen(web.get(path, params=asked, headers={"Accept": "application/dicom"}))

    assert (picture.format, picture.size) == ("JPEG", (64, 32))
    assert shades(picture, LEFT, RIGHT) == about([0, 128])


@pytest.mark.parametrize(
    ("content_type", "got"),
    [
        ("image/png", "image/png"),
        ("image/gif", "image/gif"),
        ("image/webp", "image/webp"),
        ("image/tiff,image/png,image/jpeg", "image/png"),
        ("image/tiff, application/dicom", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"),
    ],
)
def test_the_first_content_type_that_can_be_had_is_given(
    web: TestClient, store, content_type: str, got: str
) -> None:
    store(halves())

    assert wado(web, contentType=content_type).headers["content-type"] == got


def test_an_image_of_many_frames_is_the_file_unless_one_is_named(web: TestClient, store) -> None:
    store(halves(frames=5))

    assert wado(web).headers["content-type"].startswith("application/dicom")
    assert seen(wado(web, frameNumber="5")).size == (64, 32)
    fifth = wado(web, frameNumber="5", **PNG)
    middle = wado(web, **PNG)
    moving = wado(web, contentType="image/gif")

    assert shades(seen(fifth, "image/png"), RIGHT) == [153]
    assert shades(seen(middle, "image/png"), RIGHT) == [141]
    assert seen(moving, "image/gif").n_frames == 5
    assert wado(web, frameNumber="6", **PNG).status_code == 404


@pytest.mark.parametrize(
    ("asked", "size"),
    [
        ({"rows": "16"}, (32, 16)),
        ({"columns": "16"}, (16, 8)),
        ({"rows": "64", "columns": "256"}, (128, 64)),
        ({"rows": "8", "columns": "8"}, (8, 4)),
        ({"region": "0,0,0.5,1"}, (32, 32)),
        ({"region": "0.5%2C0%2C1%2C0.5"}, (32, 16)),
        ({"region": "0,0,0.5,1", "rows": "64", "columns": "64"}, (64, 64)),
    ],
)
def test_rows_columns_and_region(
    web: TestClient, store, asked: dict[str, str], size: tuple[int, int]
) -> None:
    store(halves())
    query = "&".join(f"{name}={value}" for name, value in (ASKED | asked).items())

    assert seen(web.get(f"/wado?{query}")).size == size


def test_a_region_shows_that_part(web: TestClient, store) -> None:
    store(halves())

    left = seen(wado(web, region="0,0,0.5,1", **PNG), "image/png")
    right = seen(wado(web, region="0.5,0,1,1", **PNG), "image/png")

    assert left.getcolors() == [(1024, 0)]
    assert right.getcolors() == [(1024, 128)]


def test_a_window_decides_what_is_seen(web: TestClient, store) -> None:
    store(halves())

    got = wado(web, windowCenter="-360", windowWidth="400", **PNG)

    assert shades(seen(got, "image/png"), LEFT, RIGHT) == [128, 255]
    by_wado_rs = web.get(
        f"{instance_url()}/rendered?window=-360,400,linear", headers={"Accept": "image/png"}
    )
    assert by_wado_rs.content == got.content


def test_a_lower_quality_is_smaller(web: TestClient, store) -> None:
    store(image(rows=64, columns=64, bits=8))

    assert len(wado(web, imageQuality="5").content) < len(wado(web, imageQuality="95").content)


def test_a_presentation_state_is_applied(web: TestClient, store) -> None:
    shown = halves()
    store(shown, presentation(shown))

    got = wado(web, **named(60), **PNG)

    assert shades(seen(got, "image/png"), LEFT, RIGHT) == [0, 255]  # as by WADO-RS


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": "0"},
        {"columns": "x"},
        {"rows": "100000", "columns": "100000"},
        {"region": "0,0,2,1"},
        {"windowCenter": "40"},
        {"imageQuality": "0"},
        {"frameNumber": "0"},
        {"annotation": "everything"},
        {"presentationUID": "1.2.3"},
        {"anonymize": "perhaps"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_cannot_be_read_is_refused_by_name(
    web: TestClient, store, wrong: dict[str, str]
) -> None:
    store(halves())

    got = wado(web, **wrong)

    assert got.status_code == 400
    detail = got.json()["detail"]
    assert next(iter(wrong)) in detail or "rendered_pixels" in detail


def test_a_report_a_document_and_a_video(web: TestClient, store) -> None:
    store(report(), pdf(), video())

    def types(series: int, **more: str) -> str:
        got = wado(web, seriesUID=uid(1, series), objectUID=uid(1, series, 1), **more)
        return got.headers["content-type"].partition(";")[0]

    assert types(90) == "application/dicom"
    assert types(80) == "application/pdf"
    assert types(70) == "video/mp4"
    for series in (70, 80, 90):
        assert types(series, contentType="image/jpeg") == "image/jpeg"
        assert types(series, contentType="application/dicom") == "application/dicom"
        assert types(series, contentType="text/plain") == "application/problem+json"


def test_nothing_is_written_on_what_must_be_anonymized(web: TestClient, store) -> None:
    store(halves())
    size = {"rows": "256", "columns": "512"}

    plain = wado(web, **size, **PNG)
    anonymized = wado(web, **size, **PNG, annotation="patient,technique", anonymize="yes")

    assert opened(anonymized.content).tobytes() == opened(plain.content).tobytes()


@pytest.mark.parametrize(
    ("attributes", "status"),
    [
        ({}, 200),
        ({"BurnedInAnnotation": "NO"}, 200),
        ({"BurnedInAnnotation": "YES"}, 406),
        ({"Modality": "US"}, 406),
        ({"Modality": "US", "BurnedInAnnotation": "NO"}, 200),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, 406),
    ],
)
def test_what_may_show_a_name_in_its_pixels_is_not_shown_anonymized(
    web: TestClient, store, attributes: dict[str, str], status: int
) -> None:
    store(halves(**attributes))

    assert wado(web, contentType="image/jpeg", anonymize="yes").status_code == status
    assert wado(web, contentType="image/jpeg", anonymize="no").status_code == 200


def test_what_cannot_be_anonymized_is_refused(web: TestClient, store) -> None:
    shown = halves()
    store(shown, presentation(shown), pdf())

    assert wado(web, **named(60), contentType="image/png", anonymize="yes").status_code == 406
    document = {"seriesUID": uid(1, 80), "objectUID": uid(1, 80, 1)}
    assert wado(web, **document, anonymize="yes").status_code == 406
    state = {"seriesUID": uid(1, 60), "objectUID": uid(1, 60, 1), "contentType": "image/jpeg"}
    assert wado(web, **state, anonymize="yes").status_code == 406


def test_what_the_client_has_is_not_sent_again(web: TestClient, store) -> None:
    store(halves())
    tag = wado(web).headers["etag"]

    again = web.get("/wado", params=ASKED, headers={"If-None-Match": tag})

    assert again.status_code == 304
    assert wado(web, rows="8").headers["etag"] != tag
