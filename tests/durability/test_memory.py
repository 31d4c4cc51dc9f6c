"""A large instance passes through the server without staying in its memory."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from filmroom.testing.objects import image, part10, uid

MB = 1 << 20
SIDE = 1024  # pixels: a frame is 2 MB
FRAMES = 1024
LARGE = SIDE * SIDE * 2 * FRAMES
GROWTH = 64 * MB


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A server in a process of its own, and its port."""
    command = [sys.executable, "-m", "filmroom", "serve", "--port", "0", "--no-dimse"]
    command += ["--data", str(tmp_path / "data")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready http=http://127.0.0.1:"), line
        yield process, int(line.split()[1].rpartition(":")[2])
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def large_instance() -> tuple[bytes, bytes]:
    """The start and the end of a multi-frame object of 2 GB, its pixel data left out between."""
    small = part10(image(rows=SIDE, columns=SIDE, frames=1, NumberOfFrames=str(FRAMES)))
    frame = SIDE * SIDE * 2
    start = small[: len(small) - frame]
    assert start[-8:-4] == b"OW\0\0"
    assert int.from_bytes(start[-4:], "little") == frame
    return start[:-4] + LARGE.to_bytes(4, "little"), b""


def request_body() -> Iterator[bytes]:
    start, end = large_instance()
    block = os.urandom(4 * MB)
    yield b"--x\r\nContent-Type: application/dicom\r\n\r\n" + start
    for _ in range(LARGE // len(block)):
        yield block
    yield end + b"\r\n--x--\r\n"


def resident(pid: int) -> dict[str, int]:
    """Bytes of a process's memory: its own, and all that is mapped."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return {name: int(fields[name].split()[0]) * 1024 for name in ("RssAnon", "VmRSS")}


class Watch:
    """The most memory that a process had while this was watching."""

    def __init__(self, pid: int) -> None:
        self.most = resident(pid)
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.01):
            now = resident(self._pid)
            self.most = {name: max(now[name], most) for name, most in self.most.items()}


def post(port: int, body: Iterator[bytes] | bytes) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
    connection.request("POST", "/dicom-web/studies", body, headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def warm_up(port: int) -> None:
    for n in range(1, 9):
        file = part10(image(2, 1, n, rows=512, columns=512))
        body = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--x--\r\n"
        assert post(port, body)[0] == 200


def test_two_gigabytes_leave_no_mark_on_the_memory(
    serving: tuple[subprocess.Popen[str], int],
) -> None:
    process, port = serving
    warm_up(port)
    before = resident(process.pid)
    began = time.monotonic()

    with Watch(process.pid) as watch:
        status, answer = post(port, request_body())

    took = time.monotonic() - began
    growth = {name: (watch.most[name] - before[name]) / MB for name in before}
    print(f"{LARGE / MB:.0f} MB in {took:.1f} s; memory grew by {growth}")
    assert status == 200, answer
    assert uid(1, 1, 1).encode() in answer
    assert growth["VmRSS"] <= GROWTH / MB
