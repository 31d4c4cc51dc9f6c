"""Frames that crash, hang or bloat their decoder harm nobody else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from retrieved import frames_of, instance_url, series_url
from starlette.testclient import TestClient

from filmroom.core.archive import Archive
from filmroom.errors import Undecodable
from filmroom.pixels.pipeline import PixelPipeline
from filmroom.pixels.pool import Pool
from filmroom.pixels.video import VideoPrograms
from filmroom.testing.objects import encapsulated

JLS, EXPLICIT = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.1"
OCTETS = {"Accept": 'multipart/related; type="application/octet-stream"'}
MISDEEDS = [b"spin!!", b"stop!!", b"crash!", b"hoard!", b"fail!!"]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Workers that do as a frame says."""
    made = Pool(2, jobs="filmroom.testing.pixel_jobs", memory=256 << 20)
    with closing(made):
        yield made


@pytest.fixture
def archive(archive: Archive, pool: Pool) -> Archive:
    return replace(archive, pixels=PixelPipeline(pool, 1.0, VideoPrograms("", 1.0, 1)))


@pytest.fixture
def frames(web: TestClient, store) -> str:
    """The address of seven frames: one good, one for each misdeed, and another good one."""
    store(encapsulated([b"good 1", *MISDEEDS, b"good 7"], JLS))
    return f"{instance_url()}/frames"


@pytest.mark.parametrize("number", range(2, 7))
def test_each_is_a_clear_error_in_time_and_the_next_frame_is_given(
    web: TestClient, frames: str, number: int
) -> None:
    began = time.monotonic()
    got = web.get(f"{frames}/{number}", headers=OCTETS)

    assert got.status_code == 406
    assert got.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in got.text
    assert time.monotonic() - began < 10
    assert frames_of(web.get(f"{frames}/7", headers=OCTETS)) == [b"good 7"]


def test_good_frames_are_given_while_others_misbehave(web: TestClient, frames: str) -> None:
    def get(number: int) -> httpx.Response:
        return web.get(f"{frames}/{number}", headers=OCTETS)

    numbers = [2, 1, 4, 7, 5, 1, 3, 7, 6, 1, 2, 7, 4, 1]
    with ThreadPoolExecutor(len(numbers)) as threads:
        answers = list(threads.map(get, numbers))

    assert [answer.status_code for answer in answers] == [
        200 if number in (1, 7) else 406 for number in numbers
    ]


def test_searches_go_on_while_all_workers_hang(web: TestClient, frames: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        hanging = [
            threads.submit(web.get, f"{frames}/{number}", headers=OCTETS) for number in (2, 3)
        ]
        time.sleep(0.2)
        began = time.monotonic()
        assert web.get(f"{series_url()}/metadata").status_code == 200
        assert time.monotonic() - began < 0.7
        assert [each.result().status_code for each in hanging] == [406, 406]


def test_a_bad_frame_among_good_ones_ends_the_answer_early_but_first_of_all_says_why(
    web: TestClient, frames: str
) -> None:
    assert web.get(f"{frames}/4,1", headers=OCTETS).status_code == 406


def test_no_worker_is_left_behind(web: TestClient, frames: str, pool: Pool) -> None:
    for number in (2, 4, 1):
        web.get(f"{frames}/{number}", headers=OCTETS)

    assert len(pool.workers) <= 2
    assert all(Path(f"/proc/{pid}").exists() for pid in pool.workers)
    children = Path("/proc/self/task").glob("*/children")
    running = {int(pid) for each in children for pid in each.read_text().split()}
    for pid in running - set(pool.workers):
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"pixel_jobs" not in command


def test_what_hung_once_is_refused_at_once(
    web: TestClient, frames: str, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = web.get(f"{frames}/2", headers=OCTETS)
    asked: list[str] = []
    run = Pool.run

    def counted(pool: Pool, job: str, *arguments: object, seconds: float) -> object:
        asked.append(job)
        return run(pool, job, *arguments, seconds=seconds)

    monkeypatch.setattr(Pool, "run", counted)
    second = web.get(f"{frames}/2", headers=OCTETS)
    web.get(f"{frames}/1", headers=OCTETS)

    assert (first.status_code, second.status_code) == (406, 406)
    assert second.json()["detail"] == first.json()["detail"]
    assert asked == ["transcode"]  # of the good one
    assert len(archive.failures) == 1


def test_a_picture_that_cannot_be_drawn_is_tried_once(
    web: TestClient, frames: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def render(*_: object) -> bytes:
        tried.append(1)
        raise Undecodable("too long")

    monkeypatch.setattr(PixelPipeline, "render", render)
    pictures = {"Accept": "image/jpeg"}
    small, large = (
        web.get(f"{frames}/2/rendered", headers=pictures, params={"viewport": f"{side},{side}"})
        for side in (16, 32)
    )

    assert (small.status_code, large.status_code, len(tried)) == (406, 406, 1)
    assert web.get(f"{frames}/3/rendered", headers=pictures).status_code == 406
    assert len(tried) == 2
