"""Programs that work on videos: fed in pieces, bounded, ended when they take too long."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filmroom.dicom.video.remux import remux
from filmroom.errors import Broken, NotAcceptable, Undecodable
from filmroom.pixels.video import VideoPrograms

Program = Callable[[str], VideoPrograms]
STREAM = bytes.fromhex(  # sequence and picture parameter sets, and a slice of an IDR picture
    "00000001674d001eeca4b2 0000000168ce3880 0000000165888405 58"
)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """An ffmpeg that says it codes H.264, and does what a line of shell says."""

    def made(line: str, seconds: float = 20) -> VideoPrograms:
        path = tmp_path / "ffmpeg"
        path.write_text(f'#!/bin/sh\n[ "$2" = -encoders ] && echo V..D libx264 && exit\n{line}\n')
        path.chmod(0o755)
        return VideoPrograms(str(path), seconds, 1)

    return made


def test_pictures_are_found_in_another_process() -> None:
    pieces = [STREAM[:20], STREAM[20:]]

    found = VideoPrograms("", 20, 1).remux(pieces, is_hevc=False, rate=None)

    assert found.pack() == remux([STREAM], is_hevc=False).pack()


def test_why_there_are_none_is_told() -> None:
    with pytest.raises(Undecodable, match="no HEVC picture"):
        VideoPrograms("", 20, 1).remux([STREAM], is_hevc=True, rate=None)


def test_what_goes_wrong_with_the_stream_is_raised() -> None:
    def broken() -> Iterator[bytes]:
        yield STREAM
        raise Broken("the disk is gone")

    with pytest.raises(Broken, match="the disk is gone"):
        VideoPrograms("", 20, 1).remux(broken(), is_hevc=False, rate=None)


def test_a_stream_passes_through_a_program(program: Program) -> None:
    pieces = [os.urandom(100_000) for _ in range(50)]
    video = program("exec cat")

    assert video.can_code
    assert b"".join(video.code(pieces)) == b"".join(pieces)


def test_a_program_that_stops_listening_is_no_error_if_it_ends_well(program: Program) -> None:
    assert b"".join(program("echo made").code([bytes(1 << 20)] * 8)) == b"made\n"


def test_a_program_that_fails_makes_the_video_undecodable(
    program: Program, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(Undecodable, match="damaged"):
        b"".join(program("cat >/dev/null; echo 'no such codec' >&2; exit 1").code([STREAM]))

    assert caplog.records[-1].told == "no such codec"


def test_a_program_that_takes_too_long_is_ended(program: Program) -> None:
    video = program("exec sleep 60", 0.3)
    began = time.monotonic()

    with pytest.raises(Undecodable, match=r"longer than 0.3 s \(setting video_seconds\)"):
        b"".join(video.code([STREAM]))

    assert time.monotonic() - began < 20


def test_a_program_goes_when_nobody_reads_any_more(program: Program, tmp_path: Path) -> None:
    video = program(f"echo $$ > {tmp_path}/pid; exec cat")
    fed: list[int] = []

    def pieces() -> Iterator[bytes]:
        try:
            while True:
                yield bytes(1 << 16)
        finally:
            fed.append(1)

    made = video.code(pieces())
    next(made)
    made.close()

    assert fed == [1]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_a_program_has_bounded_memory_and_low_priority(program: Program) -> None:
    told = b"".join(program("cat > /dev/null; ulimit -v; nice").code([b"x"])).split()

    assert told == [str((2 << 30) // 1024).encode(), b"10"]


@pytest.mark.parametrize("name", ["", "/nowhere/ffmpeg"])
def test_without_a_program_it_is_said_how_to_get_one(name: str) -> None:
    video = VideoPrograms(name, 20, 1)

    assert not video.can_code
    with pytest.raises(NotAcceptable, match=r"setting ffmpeg"):
        next(video.code([STREAM]))
