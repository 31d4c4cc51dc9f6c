"""Jobs outlive what runs them: `kill -9` in the middle of a send to DCMTK's `storescp`."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from filmroom.testing.objects import ct_slice, part10, uid

READY = re.compile(r"ready http=(http://\S+)")
PATIENCE = 60.0  # seconds: other tests may run beside
SLICES = 4


class Server:
    """`filmroom serve` in a process group of its own."""

    def __init__(self, data: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "filmroom", "serve", "--data", str(data), *flags]
        clean = {name: was for name, was in os.environ.items() if not name.startswith("FILMROOM_")}
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=clean,
            cwd=data.parent,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        watchdog = threading.Timer(PATIENCE, self.kill)
        watchdog.start()
        said = READY.match(self.process.stdout.readline())
        watchdog.cancel()
        assert said is not None
        self.url = said[1]

    def kill(self) -> None:
        """Kill every process of it at once."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def kill_node(self) -> None:
        """Kill the process that runs the jobs, and no other."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        threads = children.parent.parent.glob("*/children")
        pids = {int(pid) for each in threads for pid in each.read_text().split()}
        nodes = [pid for pid in pids if "spawn_main" in _command(pid)]
        assert len(nodes) == 1, nodes
        os.kill(nodes[0], signal.SIGKILL)

    def job(self, address: str) -> dict[str, Any]:
        """A job as it is now."""
        found: dict[str, Any] = httpx.get(self.url + address, timeout=30).json()
        return found

    def job_when(
        self, address: str, stands: Callable[[dict[str, Any]], bool], what: str
    ) -> dict[str, Any]:
        """A job as soon as it stands so."""
        deadline = time.monotonic() + PATIENCE
        while not stands(job := self.job(address)):
            assert time.monotonic() < deadline, (what, job)
            time.sleep(0.05)
        return job


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Start a server that knows `slow`, a `storescp` that takes a second for each instance."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    kept = tmp_path / "kept"
    kept.mkdir()
    log = (tmp_path / "storescp.log").open("w")
    slow = subprocess.Popen(
        ["storescp", "-v", "--sleep-after", "1", "-od", str(kept), "-fe", ".dcm", str(port)],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    flags = ["--port", "0", "--no-dimse", "--disk-reserve", "0", "--job-retry", "0.5"]
    peer = ["--peers", f"slow=SLOW@127.0.0.1:{port}"]
    servers: list[Server] = []

    def started() -> Server:
        servers.append(Server(tmp_path / "data", *flags, *peer))
        return servers[-1]

    yield started
    for server in servers:
        if server.process.poll() is None:
            server.kill()
    slow.kill()
    slow.wait(PATIENCE)
    log.close()


def sending(server: Server) -> str:
    """Store a study and send it; the job's address when some of it is there."""
    parts = [
        b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part10(ct_slice(1, 1, n)) + b"\r\n"
        for n in range(SLICES)
    ]
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    stored = httpx.post(
        f"{server.url}/dicom-web/studies",
        content=b"".join(parts) + b"--b--\r\n",
        headers={"Content-Type": kind, "Accept": "application/dicom+json"},
        timeout=30,
    )
    assert stored.status_code == 200
    what = {"selections": [{"study": uid(1)}]}
    address: str = httpx.post(f"{server.url}/api/peers/slow/send", json=what).headers["Location"]
    server.job_when(address, lambda job: 2 <= job["done"] < SLICES, "two that are sent")
    return address


def check(server: Server, address: str, tmp_path: Path) -> None:
    """All came, and what was acknowledged before the end came once."""
    done = server.job_when(address, lambda job: job["ended"] is not None, "the end")
    assert (done["state"], done["done"], done["of"]) == ("done", SLICES, SLICES)
    assert len(list((tmp_path / "kept").iterdir())) == SLICES
    received = (tmp_path / "storescp.log").read_text().count("Received Store Request")
    # Those under way and not kept yet when it was killed may come once more.
    assert SLICES <= received <= SLICES + 2


def test_a_send_goes_on_after_the_archive_was_killed(
    start: Callable[[], Server], tmp_path: Path
) -> None:
    server = start()
    address = sending(server)
    server.kill()

    again = start()
    job = again.job(address)
    assert job["state"] in ("running", "queued")
    assert job["done"] >= 2

    check(again, address, tmp_path)


def test_a_send_goes_on_when_only_its_process_was_killed(
    start: Callable[[], Server], tmp_path: Path
) -> None:
    server = start()
    address = sending(server)
    server.kill_node()

    assert server.job(address)["done"] >= 2
    check(server, address, tmp_path)
