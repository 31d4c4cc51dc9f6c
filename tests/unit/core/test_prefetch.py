from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from filmroom.core.ahead import MOST, Ahead
from filmroom.core.archive import Archive
from filmroom.core.frames import frames
from filmroom.core.stored_frames import frame_index
from filmroom.errors import Undecodable
from filmroom.model.instance import InstanceRef
from filmroom.model.pixels import Coded, Image
from filmroom.model.wanted import MediaRange, Wanted
from filmroom.storage.derived_memory import MemoryDerived
from filmroom.testing.objects import image, part10, uid

JLS = "1.2.840.10008.1.2.4.80"
WANTED = Wanted((MediaRange("multipart/related", "image/jls", JLS),))


def wait_until(true: Callable[[], object]) -> None:
    """Until something is so; fails when it never is."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Recording:
    """Pixels that note what is coded: the first value of each frame."""

    def __init__(self) -> None:
        self.coded: list[int] = []

    def transcode(self, frame: bytes, image: Image, target: str, quality: int = 90) -> Coded:
        self.coded.append(int.from_bytes(frame[:2], "little"))
        return Coded(frame)


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def archive(make_archive: Callable[..., Archive], recording: Any) -> Archive:
    made = make_archive(prefetch_frames=4)
    return replace(made, pixels=recording, derived=MemoryDerived())


def ask(archive: Archive, number: int, instance: int = 1) -> None:
    """Ask for a frame as a door does; nothing reads it."""
    located = archive.index.locate(InstanceRef(uid(1), uid(1, 1), uid(1, 1, instance)))
    frames(archive, located, frame_index(archive, located.key), [number], WANTED)


@pytest.fixture
def full(archive: Archive, store: Any) -> Archive:
    """Three instances of three frames that begin with 10 to 12, 20 to 22 and 30 to 32."""
    for instance in (1, 2, 3):
        dataset = image(1, 1, instance, frames=3)
        first = [10 * instance + n for n in range(3)]
        dataset.PixelData = b"".join(n.to_bytes(2, "little") + bytes(126) for n in first)
        store(archive, part10(dataset))
    return archive


def test_the_next_frames_of_the_series_are_made(full: Archive, recording: Recording) -> None:
    ask(full, 2)

    wait_until(lambda: len(recording.coded) == 4)
    assert recording.coded == [12, 20, 21, 22]


def test_what_was_made_is_not_made_again(full: Archive, recording: Recording) -> None:
    ask(full, 2)
    wait_until(lambda: len(recording.coded) == 4)
    ask(full, 3)
    wait_until(lambda: len(recording.coded) == 5)

    assert recording.coded == [12, 20, 21, 22, 30]


def test_at_the_end_of_the_series_nothing_follows(full: Archive, recording: Recording) -> None:
    ask(full, 2, instance=3)

    wait_until(lambda: recording.coded == [32])


def test_without_the_setting_nothing_is_made(full: Archive, recording: Recording) -> None:
    settings = full.settings.model_copy(update={"prefetch_frames": 0})
    ask(replace(full, settings=settings), 1)

    time.sleep(0.05)
    assert recording.coded == []


def test_a_newer_request_takes_the_place_of_an_older() -> None:
    ahead, begun, go = Ahead(), threading.Event(), threading.Event()
    done: list[str] = []

    def steps(name: str) -> Iterator[None]:
        for number in range(3):
            begun.set()
            assert go.wait(5)
            done.append(f"{name}{number}")
            yield

    ahead.ask("series", steps("old"))
    assert begun.wait(5)
    ahead.ask("series", steps("new"))
    go.set()

    wait_until(lambda: "new2" in done)
    assert done == ["old0", "new0", "new1", "new2"]


def test_the_newest_name_goes_first_and_the_oldest_are_dropped() -> None:
    ahead, go, done = Ahead(), threading.Event(), []

    def steps(number: int) -> Iterator[None]:
        assert go.wait(5)
        done.append(number)
        yield

    for number in range(MOST + 3):
        ahead.ask(str(number), steps(number))
        time.sleep(0.01 if number == 0 else 0)  # the first has begun
    go.set()

    wait_until(lambda: len(done) == MOST + 1)
    assert done == [0, *range(MOST + 2, 2, -1)]


def test_what_fails_ahead_harms_nothing() -> None:
    ahead, done = Ahead(), []

    def failing() -> Iterator[None]:
        raise Undecodable("broken")
        yield

    ahead.ask("a", failing())
    ahead.ask("b", iter([done.append("b")]))

    wait_until(lambda: done == ["b"])
    wait_until(lambda: not ahead._running)
    ahead.ask("c", (done.append("c") for _ in range(1)))
    wait_until(lambda: done == ["b", "c"])
