"""FFmpeg: streams that it makes, and what it sees of the MP4 files that are made of them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from filmroom.testing.objects import uid, video

FRAMES = 60
RATE = 25
AVC, HEVC, MPEG_2 = (f"1.2.840.10008.1.2.4.{number}" for number in (102, 107, 100))
RENDERED = f"/dicom-web/studies/{uid(1)}/series/{uid(1, 70)}/instances/{uid(1, 70, 1)}/rendered"
PICTURE = "testsrc2=size=192x144:rate=25,format=yuv420p"

AVC_STREAMS = {
    "without B frames": "-bf 0 -f h264",
    "baseline": "-profile:v baseline -f h264",
    "B frames": "-x264-params bframes=3:b-adapt=0:keyint=20 -f h264",
    "pyramid, open groups, slices": (
        "-x264-params bframes=5:b-pyramid=normal:open-gop=1:keyint=15:slices=4:aud=1:weightp=2"
        " -f h264"
    ),
    "interlaced": "-x264-params interlaced=1:bframes=2 -f h264",
    "constant bit rate": (
        "-x264-params bframes=2:nal-hrd=cbr:bitrate=500:vbv-maxrate=500:vbv-bufsize=250 -f h264"
    ),
    "transport stream": "-x264-params bframes=2:keyint=20 -f mpegts",
    "transport stream of a disc": "-x264-params bframes=2 -mpegts_m2ts_mode 1 -f mpegts",
}
HEVC_STREAMS = {
    "HEVC": "-x265-params log-level=error:bframes=4:keyint=30 -f hevc",
    "HEVC, open groups": "-x265-params log-level=error:open-gop=1:keyint=15:aud=1:hrd=1"
    ":vbv-maxrate=500:vbv-bufsize=300:scaling-list=default -f hevc",
    "HEVC in 10 bits": "-x265-params log-level=error -pix_fmt yuv420p10le -f hevc",
    "HEVC in a transport stream": "-x265-params log-level=error:bframes=3 -f mpegts",
}
CODED_ANEW = {
    "MPEG-2": ("-c:v mpeg2video -f mpeg2video", MPEG_2),
    "MPEG-2, interlaced": ("-c:v mpeg2video -flags +ilme+ildct -f mpeg2video", MPEG_2),
    "MPEG-2 program stream": ("-c:v mpeg2video -f vob", MPEG_2),
    "H.264 in a program stream": ("-c:v libx264 -f vob", AVC),
}


@pytest.fixture(scope="module", autouse=True)
def _ffmpeg() -> None:
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        pytest.skip("ffmpeg is not there (Debian: apt install ffmpeg)")


def make(path: Path, options: str, *, sound: bool = False) -> bytes:
    """A stream of FRAMES frames of a test picture."""
    heard = ["-f", "lavfi", "-i", "sine", "-c:a", "aac", "-shortest"] if sound else []
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-f", "lavfi", "-i", PICTURE, *heard]
    subprocess.run(
        [*command, "-frames:v", str(FRAMES), *options.split(), "-y", str(path)], check=True
    )
    return path.read_bytes()


def decoded(path: Path) -> tuple[list[str], list[int]]:
    """The digest of each decoded frame, and when it is shown, in frames."""
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(path), "-map", "0:v"]
    told = subprocess.run(
        [*command, "-f", "framemd5", "-"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(",") for line in told.splitlines() if not line.startswith("#")]
    return [row[-1].strip() for row in rows], [int(row[2]) for row in rows]


def probed(path: Path) -> dict[str, str]:
    """What ffprobe tells of the video, having counted its frames."""
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-of", "json"]
    told = subprocess.run([*command, str(path)], capture_output=True, text=True, check=True).stdout
    (stream,) = json.loads(told)["streams"]
    return stream


def check(web: TestClient, made: Path, into: Path, expected: list[str]) -> None:
    answer = web.get(RENDERED, headers={"Accept": "*/*"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "video/mp4"
    into.write_bytes(answer.content)
    frames, times = decoded(into)
    told = probed(into)

    assert frames == expected
    assert times == list(range(FRAMES))
    assert int(told["nb_read_frames"]) == int(told["nb_frames"]) == FRAMES
    assert float(told["duration"]) == FRAMES / RATE
    assert float(told["start_time"]) == 0
    assert told["avg_frame_rate"] == f"{RATE}/1"
    assert (told["width"], told["height"]) == (192, 144)


@pytest.mark.parametrize("options", AVC_STREAMS.values(), ids=AVC_STREAMS.keys())
def test_h264_is_shown_frame_for_frame(
    web: TestClient, store, tmp_path: Path, options: str
) -> None:
    made = tmp_path / "made"
    sound = options.endswith("mpegts")
    store(video(stream=make(made, f"-c:v libx264 {options}", sound=sound), FrameTime="40"))

    check(web, made, tmp_path / "shown.mp4", decoded(made)[0])


@pytest.mark.parametrize("options", HEVC_STREAMS.values(), ids=HEVC_STREAMS.keys())
def test_hevc_is_shown_frame_for_frame(
    web: TestClient, store, tmp_path: Path, options: str
) -> None:
    made = tmp_path / "made"
    stream = make(made, f"-c:v libx265 {options}")
    store(video(stream=stream, transfer_syntax=HEVC, fragments=5, FrameTime="40"))

    check(web, made, tmp_path / "shown.mp4", decoded(made)[0])


@pytest.mark.parametrize(("options", "syntax"), CODED_ANEW.values(), ids=CODED_ANEW.keys())
def test_what_browsers_do_not_play_is_coded_anew(
    web: TestClient, store, tmp_path: Path, options: str, syntax: str
) -> None:
    made, shown = tmp_path / "made", tmp_path / "shown.mp4"
    store(video(stream=make(made, options), transfer_syntax=syntax, FrameTime="40"))

    answer = web.get(RENDERED, headers={"Range": "bytes=0-"})

    assert answer.status_code == 206
    shown.write_bytes(answer.content)
    told = probed(shown)
    assert told["codec_name"] == "h264"
    assert abs(int(told["nb_read_frames"]) - FRAMES) <= 1
    assert (told["width"], told["height"]) == (192, 144)
    assert likeness(made, shown) > 28


def likeness(one: Path, other: Path) -> float:
    """The peak signal-to-noise ratio of two videos, in dB."""
    by_number = "[0:v]setpts=N/25/TB[a];[1:v]setpts=N/25/TB[b];[a][b]psnr"
    command = ["ffmpeg", "-i", str(one), "-i", str(other), "-lavfi", by_number]
    told = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=True)
    return float(told.stderr.rpartition("average:")[2].split()[0])


def test_a_damaged_mpeg_2_video_is_not_acceptable(web: TestClient, store) -> None:
    store(video(stream=b"\0\0\1\xb3" + b"\x55" * 5000, transfer_syntax=MPEG_2))

    answer = web.get(RENDERED)

    assert answer.status_code == 406
    assert "damaged" in answer.json()["detail"]
