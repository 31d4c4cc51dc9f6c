"""Retrieve rendered: studies, series, instances and frames as pictures (PS3.18 §10.4.1.1.3)."""

from __future__ import annotations

import time

import pytest
from rendered_pictures import about, halves, named, opened, presentation, seen, shades
from retrieved import ROOT, instance_url, parts_of, series_url, study_url
from starlette.testclient import TestClient

from filmroom.model.instance import InstanceRef
from filmroom.settings import Settings
from filmroom.testing.objects import encapsulated, image, pdf, report, uid, video

RENDERED = f"{instance_url()}/rendered"
LEFT, RIGHT = (10, 16), (50, 16)
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
PNG = {"Accept": "image/png"}
IMG = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}
NAVIGATION = {
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"
}
# -360 HU is below the window of 40 and 400, and black; 40 HU is its centre:
# ((40 - 39.5) / 399 + 0.5) * 255 = 127.8 (PS3.3 §C.11.2.1.2.1).
SHADES = [0, 128]


def parts(media_type: str) -> dict[str, str]:
    return {"Accept": f'multipart/related; type="{media_type}"'}


@pytest.mark.parametrize("root", [ROOT, "/dcm4chee-arc/aets/DCM4CHEE/rs"])
@pytest.mark.parametrize("accept", ["image/jpeg", "*/*", "image/*", "text/html, */*;q=0.1"])
def test_an_instance_is_a_jpeg_by_default(web: TestClient, store, root: str, accept: str) -> None:
    store(halves())

    got = web.get(RENDERED.replace(ROOT, root), headers={"Accept": accept})

    assert got.headers["cache-control"] == "private, no-cache"
    assert got.headers["x-content-type-options"] == "nosniff"
    picture = seen(got)
    assert (picture.format, picture.size) == ("JPEG", (64, 32))
    assert shades(picture, LEFT, RIGHT) == about(SHADES)


def test_a_png_has_exactly_the_shades_of_the_standard(web: TestClient, store) -> None:
    store(halves())

    picture = seen(web.get(RENDERED, headers=PNG), "image/png")

    assert (picture.format, picture.mode, picture.size) == ("PNG", "L", (64, 32))
    assert picture.getcolors() == [(1024, 0), (1024, 128)]


@pytest.mark.parametrize(
    ("media_type", "begin"),
    [
        ("image/jpeg", b"\xff\xd8\xff"),
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("image/gif", b"GIF8"),
        ("image/webp", b"RIFF"),
        ("image/jxl", b"\xff\x0a"),
    ],
)
def test_each_media_type_is_given_when_asked_for(
    web: TestClient, store, media_type: str, begin: bytes
) -> None:
    store(halves())

    by_header = web.get(RENDERED, headers={"Accept": media_type})
    by_query = web.get(f"{RENDERED}?accept={media_type}", headers={"Accept": "image/x-other"})

    assert by_header.status_code == 200
    assert by_header.headers["content-type"] == media_type
    assert by_header.content.startswith(begin)
    assert by_query.content == by_header.content


@pytest.mark.parametrize("accept", ["image/tiff", "application/dicom", "image/jpeg;q=0"])
def test_another_media_type_is_not_acceptable(web: TestClient, store, accept: str) -> None:
    store(halves())

    got = web.get(RENDERED, headers={"Accept": accept})

    assert got.status_code == 406
    assert "image/jpeg" in got.json()["detail"]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("-360,400,linear", [128, 255]),  # ((-360 + 360.5) / 399 + 0.5) * 255
        ("-360,800,linear-exact", [128, 255]),  # ((-360 + 360) / 800 + 0.5) * 255
        ("-160,800,linear-exact", [64, 191]),  # a quarter, and three quarters
        ("40%2C400%2Csigmoid", [5, 128]),  # 255 / (1 + exp(4)), 255 / (1 + exp(0))
        ("1000,100", [0, 0]),
    ],
)
def test_a_window_decides_what_is_seen(
    web: TestClient, store, window: str, expected: list[int]
) -> None:
    store(halves())

    picture = seen(web.get(f"{RENDERED}?window={window}", headers=PNG), "image/png")

    assert shades(picture, LEFT, RIGHT) == about(expected, within=1)


@pytest.mark.parametrize(
    ("viewport", "size"),
    [
        ("32,32", (32, 16)),
        ("128%2C128", (128, 64)),
        ("16,", (16, 8)),
        (",64", (128, 64)),
        ("100,10", (20, 10)),
        ("32,32,0,0,32,32", (32, 32)),
        (",,16,0,32,8", (32, 8)),
        ("64,64,32", (64, 64)),
    ],
)
def test_a_picture_fits_its_viewport_in_shape(
    web: TestClient, store, viewport: str, size: tuple[int, int]
) -> None:
    store(halves())

    assert seen(web.get(f"{RENDERED}?viewport={viewport}")).size == size


def test_a_region_is_cut_out_of_the_image(web: TestClient, store) -> None:
    store(halves())

    left = seen(web.get(f"{RENDERED}?viewport=16,16,0,0,32,32", headers=PNG), "image/png")
    right = seen(web.get(f"{RENDERED}?viewport=16,16,32", headers=PNG), "image/png")

    assert left.getcolors() == [(256, 0)]
    assert right.getcolors() == [(256, 128)]


def test_negative_sides_turn_the_picture_over(web: TestClient, store) -> None:
    dataset = image(rows=2, columns=2, bits=8)
    dataset.PixelData = bytes([0, 85, 170, 255])
    store(dataset)

    def grey(viewport: str) -> list[int]:
        picture = seen(web.get(f"{RENDERED}?viewport={viewport}", headers=PNG), "image/png")
        return list(picture.convert("L").tobytes())

    assert grey("2,2") == [0, 85, 170, 255]
    assert grey("2,2,0,0,-2,2") == [85, 0, 255, 170]
    assert grey("2,2,0,0,2,-2") == [170, 255, 0, 85]
    assert grey("2,2,,,-2,-2") == [255, 170, 85, 0]


def test_a_region_outside_of_the_image_is_refused(web: TestClient, store) -> None:
    store(halves())

    got = web.get(f"{RENDERED}?viewport=16,16,64,0,8,8")

    assert got.status_code == 400
    assert "64 x 32" in got.json()["detail"]


def test_a_lower_quality_is_smaller_and_no_better(web: TestClient, store) -> None:
    store(image(rows=64, columns=64, bits=8))

    sizes = [len(web.get(f"{RENDERED}?quality={n}").content) for n in (100, 50, 5)]

    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == 3


@pytest.mark.parametrize(
    ("query", "named_in_detail"),
    [
        ("viewport=0,0", "viewport"),
        ("viewport=100000,100000", "rendered_pixels"),
        ("window=40,400,cubic", "window"),
        ("quality=0", "quality"),
        ("annotation=everything", "annotation"),
        ("iccprofile=cmyk", "iccprofile"),
        ("viewport=8,8&viewport=9,9", "viewport"),
        ("presentationUID=1.2.3", "presentationSeriesUID"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    web: TestClient, store, query: str, named_in_detail: str
) -> None:
    store(halves())

    for url in (RENDERED, f"{instance_url()}/frames/1/rendered", f"{study_url()}/rendered"):
        got = web.get(f"{url}?{query}")
        assert got.status_code == 400
        assert named_in_detail in got.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{instance_url(1, 1, 2)}/rendered", 404),
        (f"{series_url(1, 2)}/rendered", 404),
        (f"{study_url(2)}/rendered", 404),
        (f"{instance_url()}/frames/2/rendered", 404),
        (f"{instance_url()}/frames/0/rendered", 400),
        (f"{instance_url()}/frames/x/rendered", 400),
        (f"{series_url()}/instances/undefined/rendered", 404),
        (f"{series_url()}/instances/x/rendered", 400),
    ],
)
def test_what_is_not_there(web: TestClient, store, path: str, status: int) -> None:
    store(halves())

    got = web.get(path)

    assert got.status_code == status
    assert got.headers["content-type"] == "application/problem+json"


def test_an_annotation_is_burnt_in_and_only_when_asked_for(web: TestClient, store) -> None:
    store(halves(StudyDescription="Chest"))
    url = f"{RENDERED}?viewport=512,256"

    plain, patient, technique, both = (
        seen(web.get(url + query, headers=PNG), "image/png").convert("L")
        for query in ("", "&annotation=patient", "&annotation=technique",
                      "&annotation=patient%2Ctechnique")
    )  # fmt: skip

    pictures = [one.tobytes() for one in (plain, patient, technique, both)]
    assert len(set(pictures)) == 4
    assert {shades(one, (100, 128), (400, 128)) == [0, 128] for one in (plain, patient)} == {True}
    assert max(plain.tobytes()) < 200 < max(patient.tobytes())


def test_a_colour_profile_is_carried_when_asked_for(web: TestClient, store) -> None:
    store(image(bits=8, samples=3))

    assert "icc_profile" not in seen(web.get(RENDERED)).info
    assert "icc_profile" in seen(web.get(f"{RENDERED}?iccprofile=srgb")).info


@pytest.mark.parametrize("number", [1, 2, 5])
def test_a_frame_by_its_number(web: TestClient, store, number: int) -> None:
    store(halves(frames=5))

    url = f"{instance_url()}/frames/{number}/rendered"
    picture = seen(web.get(url, headers=PNG), "image/png")

    level = 40 + 10 * (number - 1)
    assert shades(picture, LEFT, RIGHT) == [0, round(((level - 39.5) / 399 + 0.5) * 255)]


def test_an_instance_of_many_frames_is_shown_by_the_one_in_the_middle(
    web: TestClient, store
) -> None:
    store(halves(frames=5))

    whole = web.get(RENDERED, headers=PNG)

    assert whole.content == web.get(f"{instance_url()}/frames/3/rendered", headers=PNG).content


def test_an_instance_that_names_its_representative_frame_is_shown_by_it(
    web: TestClient, store
) -> None:
    store(halves(frames=5, RepresentativeFrameNumber=2))

    whole = web.get(RENDERED, headers=PNG)

    assert whole.content == web.get(f"{instance_url()}/frames/2/rendered", headers=PNG).content


def test_a_gif_of_many_frames_moves(web: TestClient, store) -> None:
    store(halves(frames=5, FrameTime=40.0))

    whole = seen(web.get(RENDERED, headers={"Accept": "image/gif"}), "image/gif")
    some = web.get(f"{instance_url()}/frames/1,5/rendered", headers={"Accept": "image/gif"})
    one = web.get(f"{instance_url()}/frames/1/rendered", headers={"Accept": "image/gif"})

    assert (whole.n_frames, whole.info["duration"]) == (5, 40)
    assert seen(some, "image/gif").n_frames == 2
    assert seen(one, "image/gif").n_frames == 1


def test_several_frames_come_as_parts_in_the_order_asked_for(web: TestClient, store) -> None:
    store(halves(frames=5))

    url = f"{instance_url()}/frames/5,1/rendered"
    pieces = parts_of(web.get(url, headers=parts("image/png")), sized=False)

    assert [piece.headers["Content-Type"] for piece in pieces] == ["image/png", "image/png"]
    assert [shades(opened(piece.body), RIGHT) for piece in pieces] == [[153], [128]]
    assert pieces[0].headers["Content-Location"] == f"{instance_url()}/frames/5/rendered"
    assert len(parts_of(web.get(url, headers={"Accept": "*/*"}), sized=False)) == 2


def test_several_frames_are_no_single_jpeg(web: TestClient, store) -> None:
    store(halves(frames=5))

    got = web.get(f"{instance_url()}/frames/1,2/rendered", headers={"Accept": "image/jpeg"})

    assert got.status_code == 406
    assert "multipart/related" in got.json()["detail"]


def test_a_series_is_shown_by_the_instance_in_its_middle(web: TestClient, store) -> None:
    store(*(halves(1, 1, n, WindowCenter=40.0 + 10 * n) for n in (3, 1, 2)))

    of_series = web.get(f"{series_url()}/rendered")

    assert of_series.content == web.get(f"{instance_url(1, 1, 2)}/rendered").content


def test_all_of_a_series_comes_as_parts(web: TestClient, store) -> None:
    store(*(halves(1, 1, n) for n in (1, 2, 3)), report(1, 1, 4))

    pieces = parts_of(web.get(f"{series_url()}/rendered", headers=parts("image/jpeg")), sized=False)

    assert [piece.headers["Content-Location"] for piece in pieces] == [
        f"{instance_url(1, 1, n)}/rendered" for n in (1, 2, 3)
    ]
    assert {opened(piece.body).size for piece in pieces} == {(64, 32)}


def test_a_study_is_shown_by_its_largest_series_of_images(web: TestClient, store) -> None:
    store(
        halves(1, 1, 1, WindowCenter=0.0),
        *(halves(1, 2, n) for n in (1, 2, 3)),
        *(report(1, 90, n) for n in range(1, 6)),
    )

    of_study = web.get(f"{study_url()}/rendered")

    assert of_study.content == web.get(f"{instance_url(1, 2, 2)}/rendered").content


def test_all_of_a_study_comes_as_parts_of_one_kind(web: TestClient, store) -> None:
    store(halves(1, 1, 1), halves(1, 2, 1), pdf(), video())
    url = f"{study_url()}/rendered"

    pictures = parts_of(web.get(url, headers=parts("image/png")), sized=False)
    documents = parts_of(web.get(url, headers=parts("application/pdf")), sized=False)
    videos = parts_of(web.get(url, headers=parts("video/mp4")), sized=False)

    assert [opened(piece.body).format for piece in pictures] == ["PNG", "PNG"]
    assert [piece.body[:5] for piece in documents] == [b"%PDF-"]
    assert [piece.body[4:8] for piece in videos] == [b"ftyp"]


def test_what_has_no_pixels_is_shown_by_an_icon(web: TestClient, store) -> None:
    store(report())

    picture = seen(web.get(f"{instance_url(1, 90, 1)}/rendered?viewport=256%2C256"))

    assert picture.size == (256, 256)
    assert len(picture.convert("RGB").getcolors(1 << 24)) > 10


@pytest.mark.parametrize("headers", [{"Accept": "image/jpeg"}, IMG])
def test_a_document_or_video_is_an_icon_where_a_picture_is_wanted(
    web: TestClient, store, headers: dict[str, str]
) -> None:
    store(pdf(), video())

    for url in (instance_url(1, 80, 1), instance_url(1, 70, 1), series_url(1, 80)):
        got = web.get(f"{url}/rendered", headers=headers)
        assert got.status_code == 200
        assert got.headers["content-type"].startswith("image/")
        assert opened(got.content).width >= 64


@pytest.mark.parametrize("headers", [{"Accept": "*/*"}, NAVIGATION, {"Accept": "application/pdf"}])
def test_a_document_is_itself_where_it_is_wanted(
    web: TestClient, store, headers: dict[str, str]
) -> None:
    store(pdf(document=b"%PDF-1.4 ..."))

    for url in (instance_url(1, 80, 1), series_url(1, 80), study_url()):
        got = web.get(f"{url}/rendered", headers=headers)
        assert got.headers["content-type"] == "application/pdf"
        assert got.headers["content-disposition"] == "inline"
        assert got.content == b"%PDF-1.4 ..."


def test_a_frame_that_cannot_be_decoded_is_not_acceptable(web: TestClient, store) -> None:
    store(encapsulated([b"\xff\xd8 this is no JPEG"], JPEG_BASELINE), halves(1, 1, 2))

    got = web.get(RENDERED)

    assert got.status_code == 406
    assert got.headers["content-type"] == "application/problem+json"
    assert web.get(f"{instance_url(1, 1, 2)}/rendered").status_code == 200


def test_among_others_what_cannot_be_decoded_is_an_icon(web: TestClient, store) -> None:
    store(encapsulated([b"\xff\xd8 this is no JPEG"], JPEG_BASELINE), halves(1, 1, 2))

    pieces = parts_of(web.get(f"{series_url()}/rendered", headers=parts("image/jpeg")), sized=False)

    assert [opened(piece.body).size for piece in pieces] == [(256, 256), (64, 32)]


def test_among_others_what_has_no_such_region_is_an_icon(web: TestClient, store) -> None:
    store(image(1, 1, 1), halves(1, 1, 2))
    url = f"{series_url()}/rendered?viewport=16,16,32,0,8,8"

    pieces = parts_of(web.get(url, headers=parts("image/png")), sized=False)

    assert [len(opened(piece.body).getcolors(1 << 16)) > 1 for piece in pieces] == [True, False]


def test_an_image_that_says_no_size_is_an_icon(web: TestClient, store) -> None:
    dataset = halves()
    del dataset.Rows
    store(dataset)

    assert seen(web.get(RENDERED)).size == (256, 256)


def test_a_presentation_state_is_applied_when_named(web: TestClient, store) -> None:
    shown = halves()
    store(shown, presentation(shown))

    got = web.get(RENDERED, params=named(60), headers=PNG)

    # The state has no rescaling, so its window of 1000 and 100 is one of stored values, which
    # are 664 and 1064: its own transformations stand for all of the image's (PS3.3 §A.33.1).
    assert shades(seen(got, "image/png"), LEFT, RIGHT) == [0, 255]
    assert web.get(RENDERED, headers=PNG).content != got.content


def test_a_presentation_state_itself_is_shown_as_its_images(web: TestClient, store) -> None:
    first, second = halves(1, 1, 1), halves(1, 1, 2, WindowCenter=0.0)
    store(first, second, presentation(first, second))
    url = f"{instance_url(1, 60, 1)}/rendered"

    one = web.get(url, headers=PNG)
    both = parts_of(web.get(url, headers=parts("image/png")), sized=False)

    assert one.content == web.get(RENDERED, params=named(60), headers=PNG).content
    assert [piece.body for piece in both] == [one.content, one.content]
    assert web.get(f"{url}?window=40,400").status_code == 400
    assert web.get(f"{url}?viewport=8,8,1,1,2,2").status_code == 400


def test_a_presentation_state_without_its_images_shows_nothing(web: TestClient, store) -> None:
    store(presentation(halves()))

    assert web.get(f"{instance_url(1, 60, 1)}/rendered").status_code == 404


@pytest.mark.parametrize(
    ("series", "status"), [(61, 404), (1, 400), (62, 400)], ids=["none", "no state", "of another"]
)
def test_what_is_no_presentation_state_of_the_image_is_refused(
    web: TestClient, store, series: int, status: int
) -> None:
    shown, other = halves(), halves(1, 3, 1)
    store(shown, other, presentation(other, series=62))

    assert web.get(RENDERED, params=named(series)).status_code == status


def test_a_presentation_state_that_is_replaced_is_seen_at_once(web: TestClient, store) -> None:
    shown = halves()
    store(shown, presentation(shown), presentation(shown, instance=2, SoftcopyVOILUTSequence=[]))

    first = web.get(RENDERED, params=named(60), headers=PNG)
    second = web.get(RENDERED, params=named(60, 2), headers=PNG)

    assert first.headers["etag"] != second.headers["etag"]
    # Without a window all stored values are shown: 664 * 255 / 65535, and 1064 * 255 / 65535.
    assert shades(seen(second, "image/png"), LEFT, RIGHT) == [3, 4]


def test_what_the_client_has_is_not_drawn_again(web: TestClient, store, archive) -> None:
    store(halves())
    tag = web.get(RENDERED).headers["etag"]
    archive.pixels.close()

    same = web.get(RENDERED, headers={"If-None-Match": tag})

    assert same.status_code == 304
    assert same.content == b""
    assert same.headers["etag"] == tag


def test_each_way_to_show_something_has_its_own_tag(web: TestClient, store) -> None:
    store(halves(frames=2), halves(1, 1, 2))
    queries = ["", "?viewport=8,8", "?window=1,2", "?quality=9", "?annotation=patient",
               "?iccprofile=srgb", "?overlays=yes", "?accept=image/png",
               "?viewport=8,8,1,1,4,4", "?viewport=8,8,1,1,-4,4"]  # fmt: skip
    urls = [RENDERED + query for query in queries]
    urls += [f"{instance_url()}/frames/{n}/rendered" for n in (1, 2)]
    urls += [f"{instance_url(1, 1, 2)}/rendered"]

    tags = [web.get(url).headers["etag"] for url in urls]

    assert len(set(tags)) == len(urls)


def test_a_rejected_instance_is_not_shown_though_it_was(web: TestClient, store) -> None:
    store(halves())
    tag = web.get(RENDERED).headers["etag"]
    web.post(f"{series_url()}/reject/113001^DCM")

    assert web.get(RENDERED, headers={"If-None-Match": tag}).status_code == 404


def test_head_says_what_get_would(web: TestClient, store) -> None:
    store(halves())

    got, head = web.get(RENDERED), web.head(RENDERED)

    assert head.content == b""
    for name in ("content-type", "content-length", "etag", "cache-control"):
        assert head.headers[name] == got.headers[name]


def test_a_range_of_a_picture(web: TestClient, store) -> None:
    store(halves())

    got = web.get(RENDERED, headers={"Range": "bytes=0-1"})

    assert got.status_code == 206
    assert got.content == b"\xff\xd8"


class TestManyAtOnce:
    """More than may wait for a thread that draws."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"pixel_queue": 0})

    def test_one_too_many_is_told_to_come_again(self, web: TestClient, store) -> None:
        store(halves())
        turns = web.app.app.app.app.state.drawers._turns
        assert web.get(RENDERED).status_code == 200

        turns.total_tokens = 0
        got = web.get(f"{RENDERED}?viewport=9,9", headers=PNG)
        kept = web.get(RENDERED)
        plain = web.get(f"{RENDERED}?viewport=9,9")

        assert got.status_code == 503
        assert int(got.headers["retry-after"]) > 0
        assert kept.status_code == 200  # made before: nobody need draw it
        assert plain.status_code == 200  # drawn at once: nobody need wait


class TestDrawnAtOnce:
    """Small pictures of small native frames need no worker, no thread and no place on the disk."""

    SMALL = f"{RENDERED}?viewport=32,32"

    def test_nothing_is_started_and_nothing_kept(self, web: TestClient, store, archive) -> None:
        store(halves())

        pictures = [
            seen(web.get(path))
            for path in (self.SMALL, self.SMALL.replace("rendered", "thumbnail"))
        ]

        assert [picture.size for picture in pictures] == [(32, 16), (32, 16)]
        assert [shades(picture, (5, 8), (25, 8)) for picture in pictures] == [about(SHADES)] * 2
        assert archive.pixels._pool.workers == []
        assert list(archive.derived.keys()) == []

    def test_of_a_large_image_only_thumbnails_are_kept_after_they_were_given(
        self, web: TestClient, store, archive
    ) -> None:
        store(image(rows=1000, columns=1000, bits=16))
        at = f"{RENDERED}?viewport=128,128"
        seen(web.get(f"{at}&window=9,99,linear"))
        assert list(archive.derived.keys()) == []

        given = web.get(at.replace("rendered", "thumbnail"))
        for _ in range(500):
            if list(archive.derived.keys()):
                break
            time.sleep(0.01)
        kept = archive.index.locate(InstanceRef(uid(1), uid(1, 1), uid(1, 1, 1))).key

        assert seen(given).size == (128, 128)
        assert list(archive.derived.keys()) == [kept]
        assert archive.pixels._pool.workers == []

    def test_the_same_picture_comes_whether_all_is_in_memory_or_not(
        self, web: TestClient, store, archive, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store(halves())
        first, in_memory = web.get(self.SMALL), web.get(self.SMALL)
        monkeypatch.setattr(type(archive.storage), "at_hand", lambda *_: None)
        from_disk = web.get(self.SMALL)

        assert first.content == in_memory.content == from_disk.content
        assert first.headers == in_memory.headers == from_disk.headers

    def test_it_is_gone_with_the_instance(self, web: TestClient, store) -> None:
        store(halves())
        assert web.get(self.SMALL).status_code == 200
        assert web.delete(instance_url()).is_success

        assert web.get(self.SMALL).status_code == 404

    def test_what_the_client_has_is_not_drawn(self, web: TestClient, store, archive) -> None:
        store(halves())
        got = web.get(self.SMALL)
        archive.pixels.render = None

        again = web.get(self.SMALL, headers={"If-None-Match": got.headers["etag"]})

        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize("query", ["window=1", "viewport=0,9", "quality=101"])
    def test_what_cannot_be_read_is_told_as_ever(self, web: TestClient, store, query: str) -> None:
        store(halves())
        web.get(self.SMALL)

        assert web.get(f"{RENDERED}?{query}").status_code == 400

    def test_a_region_a_png_or_an_annotation_is_drawn_by_a_worker(
        self, web: TestClient, store, archive
    ) -> None:
        store(halves())
        web.get(self.SMALL)

        assert web.get(f"{RENDERED}?viewport=32,32,0,0,32,32").status_code == 200
        assert len(archive.pixels._pool.workers) == 1


def test_too_many_frames_for_one_animation_are_refused(web: TestClient, store) -> None:
    store(image(rows=1, columns=2, frames=1001, bits=8))

    got = web.get(RENDERED, headers={"Accept": "image/gif"})

    assert got.status_code == 406
    assert "1001 frames" in got.json()["detail"]
    assert seen(web.get(RENDERED)).size == (2, 1)


def test_a_picture_is_the_same_by_every_name_of_its_instance(web: TestClient, store) -> None:
    store(halves())
    by_instance = web.get(RENDERED).content

    for url in (series_url(), study_url(), f"{instance_url()}/frames/1"):
        assert web.get(f"{url}/rendered").content == by_instance
