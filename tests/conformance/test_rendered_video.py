"""Rendered videos: whatever stream is stored, an MP4 file with ranges (PS3.18 §8.7.3.3, §8.7.4)."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from filmroom.settings import Settings
from filmroom.testing.objects import uid, video

VIDEO = f"/dicom-web/studies/{uid(1)}/series/{uid(1, 70)}/instances/{uid(1, 70, 1)}"
AVC, AVC_IN_FRAGMENTS = "1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.102.1"
HEVC, MPEG_2 = "1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.100"
STREAM = bytes.fromhex("00000001674d001eeca4b2 0000000168ce3880") + 30 * (
    bytes.fromhex("000000016588840558") + b"picture" * 500
)

pytestmark = pytest.mark.requires("PS3.18 8.7.3.3")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ffmpeg": ""})


@pytest.mark.parametrize(
    ("syntax", "fragments"), [(AVC, 1), (AVC_IN_FRAGMENTS, 40), ("1.2.840.10008.1.2.4.104", 3)]
)
def test_a_stream_plays_as_an_mp4_file(web: TestClient, store, syntax: str, fragments: int) -> None:
    store(video(stream=STREAM, transfer_syntax=syntax, fragments=fragments, FrameTime="40"))

    whole = web.get(f"{VIDEO}/rendered", headers={"Accept": "*/*"})
    first = web.get(f"{VIDEO}/rendered", headers={"Accept": "*/*", "Range": "bytes=0-"})
    some = web.get(f"{VIDEO}/rendered", headers={"Range": "bytes=40000-40999"})
    last = web.get(f"{VIDEO}/rendered", headers={"Range": "bytes=-10"})

    assert whole.status_code == 200
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.content[4:8] == b"ftyp"
    assert 0 < whole.content.index(b"moov") < whole.content.index(b"mdat")
    assert whole.content.count(b"picture" * 500) == 30
    assert first.status_code == some.status_code == last.status_code == 206
    assert first.content == whole.content
    assert some.content == whole.content[40000:41000]
    assert some.headers["content-range"] == f"bytes 40000-40999/{len(whole.content)}"
    assert last.content == whole.content[-10:]


def test_it_is_known_again_by_its_entity_tag(web: TestClient, store) -> None:
    store(video(stream=STREAM))
    tag = web.get(f"{VIDEO}/rendered").headers["etag"]

    assert web.get(f"{VIDEO}/rendered", headers={"If-None-Match": tag}).status_code == 304
    part = {"Range": "bytes=0-9", "If-Range": tag}
    assert web.get(f"{VIDEO}/rendered", headers=part).status_code == 206
    head = web.head(f"{VIDEO}/rendered")
    assert int(head.headers["content-length"]) == len(web.get(f"{VIDEO}/rendered").content)


@pytest.mark.parametrize(
    ("stream", "syntax"),
    [
        pytest.param(b"\0\0\1\xb3" + bytes(1000), MPEG_2, id="MPEG-2"),
        pytest.param(b"\0\0\1\xba" + bytes(1000), AVC, id="program stream"),
        pytest.param(STREAM, HEVC, id="another codec than it says"),
        pytest.param(STREAM[:20], AVC, id="cut off"),
        pytest.param(
            b"G" + bytes(187) + b"G" + bytes(187) + b"G" + bytes(187), AVC, id="no tables"
        ),
    ],
)
def test_what_browsers_cannot_play_is_not_acceptable_and_says_why(
    web: TestClient, store, stream: bytes, syntax: str
) -> None:
    store(video(stream=stream, transfer_syntax=syntax))

    shown = web.get(f"{VIDEO}/rendered")

    assert shown.status_code == 406
    assert "ffmpeg" in shown.json()["detail"]
    assert web.get(VIDEO, headers={"Accept": "application/dicom"}).status_code == 200


def test_the_stored_stream_is_still_there_as_bulk_data(web: TestClient, store) -> None:
    store(video(stream=STREAM))

    bulk = web.get(f"{VIDEO}/bulkdata/7FE00010", headers={"Accept": "application/octet-stream"})

    assert bulk.content[: len(STREAM)] == STREAM
