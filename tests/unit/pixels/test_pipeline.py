from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

from filmroom.errors import Undecodable, Unsupported
from filmroom.model.instance import Attributes
from filmroom.model.pixels import Image
from filmroom.model.rendering import Rendering, Viewport
from filmroom.pixels import pipeline as pipeline_module
from filmroom.pixels.pipeline import PixelPipeline, open_pixels
from filmroom.pixels.pool import Pool
from filmroom.pixels.video import VideoPrograms
from filmroom.settings import Settings

EXPLICIT, JLS, JPEG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.50"
VALUES = np.add.outer(np.arange(6), np.arange(8)).astype(np.uint16) * 9


def number(value: int) -> Attributes:
    return {"vr": "US", "Value": [value]}


FORMAT: Attributes = {
    "00280002": number(1), "00280004": {"vr": "CS", "Value": ["MONOCHROME2"]},
    "00280010": number(6), "00280011": number(8), "00280100": number(16),
    "00280101": number(12), "00280102": number(11), "00280103": number(0),
}  # fmt: skip


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PixelPipeline]:
    with closing(open_pixels(Settings(data=tmp_path_factory.mktemp("data")))) as opened:
        yield opened


def test_the_server_loads_no_codec() -> None:
    loads = (
        "import sys, filmroom.cli.serve, filmroom.web.app, filmroom.app;"
        "print(*{'imagecodecs', 'filmroom.pixels.jobs'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True)

    assert (ended.returncode, ended.stdout.strip()) == (0, "")


@pytest.mark.parametrize(
    ("cores", "workers", "asked", "size"), [(8, 1, 0, 8), (8, 4, 0, 2), (2, 4, 0, 1), (8, 2, 5, 5)]
)
def test_web_processes_share_the_cores(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cores: int, workers: int, asked: int, size: int
) -> None:
    monkeypatch.setattr(pipeline_module.os, "sched_getaffinity", lambda _: set(range(cores)))
    settings = Settings(data=tmp_path, workers=workers, pixel_workers=asked)

    assert open_pixels(settings)._pool.size == size


def test_frames_go_there_and_back(pixels: PixelPipeline) -> None:
    coded = pixels.transcode(VALUES.tobytes(), Image(EXPLICIT, FORMAT), JLS)
    native = pixels.transcode(coded.data, Image(JLS, FORMAT), EXPLICIT)

    assert np.array_equal(imagecodecs.jpegls_decode(coded.data), VALUES)
    assert native.data == VALUES.tobytes()
    assert all(FORMAT.get(tag) == value for tag, value in coded.changes.items() if value)


def test_a_frame_is_drawn(pixels: PixelPipeline) -> None:
    picture = pixels.render(
        [VALUES.tobytes()], [1], Image(EXPLICIT, FORMAT), Rendering(media_type="image/png")
    )

    assert imagecodecs.png_decode(picture).shape[:2] == (6, 8)


def test_a_plain_frame_is_drawn_without_a_worker(recorded: list[Any]) -> None:
    small = Rendering(viewport=Viewport(4, 3))
    with closing(unstarted()) as pixels:
        drawing = pixels.drawing(Image(EXPLICIT, FORMAT), 1, small, 96)

        assert drawing is not None
        assert imagecodecs.jpeg_decode(drawing.draw([VALUES.tobytes()])).shape == (3, 4)
        assert recorded == []
        assert pixels.drawing(Image(EXPLICIT, FORMAT), 1, Rendering(), 96) is None
        assert pixels.drawing(Image(JLS, FORMAT), 1, small, 96) is None


def test_what_has_no_pixels_has_an_icon(pixels: PixelPipeline) -> None:
    assert imagecodecs.jpeg_decode(pixels.icon("SR", Rendering())).ndim >= 2


def test_errors_are_the_archives(pixels: PixelPipeline) -> None:
    with pytest.raises(Unsupported):
        pixels.transcode(VALUES.tobytes(), Image(EXPLICIT, FORMAT), JPEG)
    with pytest.raises(Undecodable):
        pixels.transcode(b"no stream", Image(JLS, FORMAT), EXPLICIT)
    with pytest.raises(Undecodable):
        pixels.transcode(VALUES.tobytes()[:-2], Image(EXPLICIT, FORMAT), JLS)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Any, ...]]]:
    """What would go to a worker."""
    jobs: list[tuple[Any, ...]] = []

    def run(self: Pool, *arguments: Any, seconds: float) -> tuple[Attributes, bytes]:
        jobs.append((*arguments, seconds))
        return {}, b""

    monkeypatch.setattr(Pool, "run", run)
    return jobs


def unstarted() -> PixelPipeline:
    return PixelPipeline(Pool(1, memory=1000), 2.0, VideoPrograms("", 1.0, 1))


def test_what_is_larger_than_a_workers_memory_does_not_go_there(recorded: list[Any]) -> None:
    with pytest.raises(Undecodable, match="decode_memory"):
        unstarted().transcode(bytes(1001), Image(EXPLICIT, FORMAT), JLS)
    with pytest.raises(Undecodable, match="decode_memory"):
        unstarted().render([bytes(600)] * 2, [1, 2], Image(EXPLICIT, FORMAT), Rendering())
    assert recorded == []


def test_only_what_coding_needs_of_a_data_set_goes_with_each_frame(recorded: list[Any]) -> None:
    attributes = FORMAT | {
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Secret"}]},
        "00281201": {"vr": "OW", "InlineBinary": "AAAA"},
        "00283010": {"vr": "SQ", "Value": [{}]},
        "7FE00010": {"vr": "OW", "BulkDataURI": "/x"},
    }

    unstarted().transcode(b"x", Image(EXPLICIT, attributes), JLS, 80)

    ((_, _, image, target, quality, seconds),) = recorded
    assert image.attributes == FORMAT | {"7FE00010": attributes["7FE00010"]}
    assert (target, quality, seconds) == (JLS, 80, 2.0)


def test_only_the_drawn_frames_functional_groups_go_with_them(recorded: list[Any]) -> None:
    groups = [{"00289145": number(n)} for n in range(5000)]
    attributes = FORMAT | {"52009230": {"vr": "SQ", "Value": groups}}

    unstarted().render([b"x", b"y"], [3, 5000], Image(EXPLICIT, attributes), Rendering())

    ((_, _, numbers, image, _, seconds),) = recorded
    kept = image.attributes["52009230"]["Value"]
    assert (numbers, seconds, len(kept)) == ([3, 5000], 4.0, 5000)
    assert {n: each for n, each in enumerate(kept) if each} == {2: groups[2], 4999: groups[4999]}
    assert attributes["52009230"]["Value"] is groups
