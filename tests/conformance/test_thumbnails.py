"""Retrieve thumbnails: one small picture of whatever there is (PS3.18 §10.4.1.1.4)."""

from __future__ import annotations

import pytest
from rendered_pictures import about, halves, opened, presentation, seen, shades
from retrieved import ROOT, instance_url, series_url, study_url
from starlette.testclient import TestClient

from filmroom.testing.objects import encapsulated, header, image, pdf, report, video

THUMBNAIL = f"{instance_url()}/thumbnail"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
WSI = "1.2.840.10008.5.1.4.1.1.77.1.6"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
LEFT, RIGHT = (20, 32), (100, 32)


def large(study: int = 1, series: int = 1, instance: int = 1, **more):
    """An image of 400 columns and 200 rows: black at the left, white at the right."""
    dataset = image(study, series, instance, rows=200, columns=400, bits=8)
    dataset.PixelData = (bytes(200) + b"\xff" * 200) * 200
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize("root", [ROOT, "/dcm4chee-arc/aets/DCM4CHEE/rs"])
@pytest.mark.parametrize(
    "url", [study_url(), series_url(), instance_url(), f"{instance_url()}/frames/1"]
)
def test_every_level_has_one(web: TestClient, store, root: str, url: str) -> None:
    store(large())

    got = web.get(f"{url.replace(ROOT, root)}/thumbnail")

    picture = seen(got)
    assert (picture.format, picture.size) == ("JPEG", (128, 64))
    assert shades(picture, LEFT, RIGHT) == about([0, 255])
    assert got.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Accept": "image/jpeg"}, "?viewport=256%2C256"),  # OHIF, strategy fetch
        (
            {"Accept": 'multipart/related; type="application/octet-stream"'},
            "?viewport=256%2C256&accept=image%2Fjpeg",  # OHIF, strategy bulkDataRetrieve
        ),
        ({"Accept": "image/avif,image/webp,*/*;q=0.8"}, "?viewport=256,256&accept=image/jpeg"),
        ({"Accept": 'multipart/related; type="image/jpeg"'}, "?viewport=256,256"),
    ],
)
def test_it_comes_alone_however_a_viewer_asks(
    web: TestClient, store, headers: dict[str, str], query: str
) -> None:
    store(large())

    for url in (instance_url(), series_url(), study_url()):
        assert seen(web.get(f"{url}/thumbnail{query}", headers=headers)).size == (256, 128)


@pytest.mark.parametrize(
    ("media_type", "format"),
    [("image/png", "PNG"), ("image/webp", "WEBP"), ("image/gif", "GIF")],
)
def test_other_media_types(web: TestClient, store, media_type: str, format: str) -> None:
    store(halves(frames=3))

    picture = seen(web.get(THUMBNAIL, headers={"Accept": media_type}), media_type)

    assert (picture.format, getattr(picture, "n_frames", 1)) == (format, 1)


def test_another_media_type_is_not_acceptable(web: TestClient, store) -> None:
    store(large())

    assert web.get(THUMBNAIL, headers={"Accept": "image/tiff"}).status_code == 406


@pytest.mark.parametrize(
    ("query", "size"),
    [("", (64, 32)), ("?viewport=256,256", (64, 32)), ("?viewport=16,16", (16, 8))],
)
def test_nothing_is_enlarged(web: TestClient, store, query: str, size: tuple[int, int]) -> None:
    store(halves())

    assert seen(web.get(THUMBNAIL + query)).size == size


def test_nothing_but_its_size_can_be_asked_for(web: TestClient, store) -> None:
    store(large())

    plain = web.get(THUMBNAIL)
    more = web.get(f"{THUMBNAIL}?annotation=patient&window=1,2&quality=1&overlays=yes")

    assert more.content == plain.content
    assert web.get(f"{THUMBNAIL}?viewport=10,10,1,1,2,2").status_code == 400
    assert web.get(f"{THUMBNAIL}?viewport=100000,100000").status_code == 400


def test_of_several_frames_the_first_is_shown_and_of_all_the_middle(web: TestClient, store) -> None:
    store(halves(frames=5))
    png = {"Accept": "image/png"}

    def right(path: str) -> list[int]:
        got = web.get(f"{instance_url()}{path}/thumbnail", headers=png)
        return shades(seen(got, "image/png"), (50, 16))

    assert right("/frames/5,1") == [153]
    assert right("/frames/1") == [128]
    assert right("") == [141]
    assert web.get(f"{instance_url()}/frames/6/thumbnail").status_code == 404


def test_a_series_is_shown_by_the_image_in_its_middle(web: TestClient, store) -> None:
    store(report(1, 1, 1), *(halves(1, 1, n, WindowCenter=40.0 + 10 * n) for n in (5, 4, 3, 2, 6)))

    got = web.get(f"{series_url()}/thumbnail")

    assert got.content == web.get(f"{instance_url(1, 1, 4)}/thumbnail").content


def test_a_study_is_shown_by_images_and_not_by_what_was_derived_from_them(
    web: TestClient, store
) -> None:
    segments = image(1, 2, 1, rows=32, columns=64, frames=40, bits=8, SOPClassUID=SEGMENTATION)
    store(segments, halves(1, 3, 1), pdf(), *(report(1, 90, n) for n in (1, 2, 3)))

    got = web.get(f"{study_url()}/thumbnail")

    assert got.content == web.get(f"{instance_url(1, 3, 1)}/thumbnail").content


def test_a_slide_is_shown_whole_and_without_its_label(web: TestClient, store) -> None:
    def level(instance: int, flavor: str, frames: int):
        return image(
            1, 1, instance, rows=16, columns=16, bits=8, samples=3, frames=frames,
            SOPClassUID=WSI, Modality="SM", ImageType=["ORIGINAL", "PRIMARY", flavor, "NONE"],
        )  # fmt: skip

    store(level(1, "VOLUME", 30), level(2, "LABEL", 1), level(3, "OVERVIEW", 1))
    without = web.get(f"{series_url()}/thumbnail").headers["etag"]
    store(level(4, "THUMBNAIL", 1))
    whole = web.get(f"{series_url()}/thumbnail").headers["etag"]

    assert without == web.get(f"{instance_url(1, 1, 1)}/thumbnail").headers["etag"]
    assert whole == web.get(f"{instance_url(1, 1, 4)}/thumbnail").headers["etag"]


def kinds():
    """What has nothing that could be drawn, each with a series of its own."""
    yield report()
    yield pdf()
    yield header(1, 50, 1, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.59", Modality="KO")
    yield presentation(halves(), series=51)
    yield header(1, 52, 1, SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3", Modality="RTSTRUCT")
    yield header(1, 53, 1, SOPClassUID="1.2.840.10008.5.1.4.1.1.481.5", Modality="RTPLAN")
    yield header(1, 54, 1, SOPClassUID="1.2.840.10008.5.1.4.1.1.481.2", Modality="RTDOSE")
    yield header(1, 55, 1, SOPClassUID="1.2.840.10008.5.1.4.1.1.9.1.1", Modality="ECG")
    yield header(1, 56, 1, SOPClassUID="1.2.840.10008.5.1.4.1.1.104.3", Modality="M3D")
    yield header(1, 57, 1, SOPClassUID="1.2.3.4", Modality="ZZ")
    yield header(1, 58, 1, SOPClassUID="1.2.3.4", Modality=None)


def test_what_has_no_pixels_has_an_icon_of_its_kind(web: TestClient, store) -> None:
    objects = list(kinds())
    store(*objects, video())
    icons = {}
    for series in [one.SeriesInstanceUID.rpartition(".")[2] for one in objects] + ["70"]:
        for url in (series_url(1, int(series)), instance_url(1, int(series), 1)):
            got = web.get(f"{url}/thumbnail?viewport=256%2C256", headers={"Accept": "image/jpeg"})
            assert seen(got).size == (256, 256)
            icons[series] = got.content

    assert len(set(icons.values())) == len(objects) + 1


def test_a_frame_that_cannot_be_decoded_is_an_icon_that_may_be_asked_for_again(
    web: TestClient, store
) -> None:
    store(encapsulated([b"\xff\xd8 this is no JPEG"], JPEG_BASELINE))

    got = web.get(THUMBNAIL)

    assert seen(got).size == (128, 128)
    assert "etag" not in got.headers
    assert web.get(f"{instance_url()}/rendered").status_code == 406


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{series_url()}/instances/undefined", 404),
        (f"{ROOT}/studies/undefined/series/undefined", 404),
        (f"{series_url()}/instances/x", 400),
        (instance_url(1, 1, 2), 404),
        (series_url(1, 2), 404),
        (study_url(2), 404),
        (f"{instance_url()}/frames/0", 400),
    ],
)
def test_what_is_not_there(web: TestClient, store, path: str, status: int) -> None:
    store(large())

    got = web.get(f"{path}/thumbnail")

    assert got.status_code == status
    assert got.headers["content-type"] == "application/problem+json"


def test_it_is_drawn_once_and_kept(web: TestClient, store, archive) -> None:
    store(large())
    first = web.get(THUMBNAIL)
    archive.pixels.close()

    again = web.get(f"{series_url()}/thumbnail")
    same = web.get(THUMBNAIL, headers={"If-None-Match": first.headers["etag"]})

    assert again.content == first.content
    assert same.status_code == 304


def test_what_was_drawn_goes_with_the_instance(web: TestClient, store, archive) -> None:
    store(large())
    web.get(THUMBNAIL)
    web.post(f"{series_url()}/reject/113001^DCM")

    assert web.get(THUMBNAIL).status_code == 404
    assert web.get(f"{series_url()}/thumbnail").status_code == 404


def test_an_icon_is_a_picture_too(web: TestClient, store) -> None:
    store(report())

    got = web.get(f"{instance_url(1, 90, 1)}/thumbnail", headers={"Accept": "image/png"})

    assert opened(got.content).size == (128, 128)
    assert got.headers["etag"]


def test_it_is_given_again_until_the_archive_changes(web: TestClient, store) -> None:
    store(large())
    first = web.get(THUMBNAIL)
    again = web.get(THUMBNAIL)

    assert (again.content, again.headers) == (first.content, first.headers)
    same = {"If-None-Match": first.headers["etag"]}
    assert web.get(THUMBNAIL, headers=same).status_code == 304
    other = web.get(THUMBNAIL, headers={"Accept": "image/png"})
    assert seen(other, "image/png").format == "PNG"
    assert web.delete(instance_url()).is_success
    assert web.get(THUMBNAIL).status_code == 404
