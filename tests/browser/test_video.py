"""Videos as browsers and OHIF play them, whatever stream is stored."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
from browser_pages import MARKS, Viewer
from playwright.sync_api import Page

from filmroom.testing.objects import uid, video

pytestmark = MARKS

FRAMES, RATE = 75, 25
VIDEO_ENDOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
VIDEO_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4.1"
"""The only videos that OHIF looks at if they are in MPEG-2."""
PICTURE = (
    "color=red:size=320x240:rate=25[red];color=blue:size=40x240:rate=25[bar];"
    "[red][bar]overlay=x=4*(n-1)"
)
STREAMS = {
    "byte stream": ("-c:v libx264 -x264-params bframes=3:keyint=25 -f h264", "102"),
    "transport stream": ("-c:v libx264 -x264-params bframes=2:keyint=25 -f mpegts", "104.1"),
    "MPEG-2": ("-c:v mpeg2video -q:v 2 -f mpeg2video", "100"),
}
PLAY = """async time => {
  const film = document.querySelector('video');
  const when = name => new Promise((done, fail) => {
    film.addEventListener(name, done, { once: true });
    film.addEventListener('error', () => fail(film.error.message), { once: true });
  });
  film.muted = true;
  film.pause();
  if (film.readyState < 2) await when('loadeddata');
  const seen = { duration: film.duration, width: film.videoWidth, height: film.videoHeight };
  film.currentTime = time;
  await when('seeked');
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const brush = canvas.getContext('2d');
  brush.drawImage(film, 0, 0);
  seen.row = Array.from(brush.getImageData(0, 120, 320, 1).data);
  film.currentTime = 0;
  await when('seeked');
  film.playbackRate = 4;
  await film.play();
  await when('ended');
  seen.played = film.getVideoPlaybackQuality().totalVideoFrames;
  return seen;
}"""


@pytest.fixture(scope="module", params=STREAMS)
def film(request: pytest.FixtureRequest, url: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The study of a video: a blue bar goes over red, four pixels a frame."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not there (Debian: apt install ffmpeg)")
    options, syntax = STREAMS[request.param]
    made: Path = tmp_path_factory.mktemp("film") / "stream"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", PICTURE, "-frames:v", str(FRAMES)]
    command += ["-pix_fmt", "yuv420p", *options.split(), str(made)]
    subprocess.run(command, check=True)
    stored = httpx.post(
        f"{url}/dicom-web/studies",
        content=video(
            study := 7000 + int(syntax[:3]),
            frames=FRAMES,
            stream=made.read_bytes(),
            transfer_syntax=f"1.2.840.10008.1.2.4.{syntax}",
            SOPClassUID=VIDEO_ENDOSCOPIC if syntax != "100" else VIDEO_PHOTOGRAPHIC,
            Modality="ES",
            Rows=240,
            Columns=320,
            FrameTime="40",
            CineRate=str(RATE),
            PatientName="Film^Fritz",
        ),
        headers={"content-type": "application/dicom"},
        timeout=60,
    )
    assert stored.status_code == 200, stored.text
    return uid(study)


def rendered(study: str) -> str:
    return f"/dicom-web/studies/{study}/series/{study}.70/instances/{study}.70.1/rendered"


def test_a_browser_plays_it_and_finds_each_frame(page: Page, url: str, film: str) -> None:
    page.goto(url + rendered(film))

    seen = page.evaluate(PLAY, 40.5 / RATE)

    assert (seen["width"], seen["height"]) == (320, 240)
    assert abs(seen["duration"] - FRAMES / RATE) < 0.001
    assert seen["played"] >= FRAMES // 2  # it may leave some out when it hurries
    # Frame 40 has the bar at 160.
    blue = [seen["row"][4 * x + 2] for x in range(320)]
    red = [seen["row"][4 * x] for x in range(320)]
    assert [x for x in range(320) if blue[x] > 128] == pytest.approx(list(range(160, 200)), abs=2)
    assert min(red[:150] + red[210:]) > 200


def test_ohif_shows_it(ohif: Viewer, film: str) -> None:
    path = rendered(film)
    with ohif.page.expect_response(lambda answer: answer.url == ohif.url + path) as asked:
        ohif.page.goto(f"{ohif.url}/viewer?StudyInstanceUIDs={film}")

    assert asked.value.status == 206
    assert asked.value.headers["content-type"] == "video/mp4"
    ohif.viewport.wait_for()
    ohif.wait_until_coloured(0.5, f"video-{film.rpartition('.')[2]}")
