"""Load on a server: requests by `wrk`, and single requests by hand."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from peers import Server

SCRIPT = """
local paths = {{ {paths} }}
local next = 0
local headers = {{ {headers} }}
request = function()
  next = next % #paths + 1
  return wrk.format("GET", paths[next], headers)
end
done = function(summary, latency, requests)
  local bad = summary.errors.status + summary.errors.read + summary.errors.timeout
  io.write(string.format("\\nresult %d %f %d %f\\n", summary.requests,
    summary.duration / 1e6, bad, latency:percentile(99) / 1e6))
end
"""


def seconds_a_request(
    server: Server,
    paths: Sequence[str],
    headers: Mapping[str, str] | None = None,
    clients: int = 8,
    seconds: int = 3,
) -> float:
    """Mean seconds between answers while `clients` connections ask for `paths` in turn."""
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("wrk is not installed")
    script = SCRIPT.format(
        paths=", ".join(json.dumps(path) for path in paths),
        headers=", ".join(f"[{json.dumps(k)}]={json.dumps(v)}" for k, v in (headers or {}).items()),
    )
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = [
            program,
            "-t1",
            "--timeout",
            "30s",
            f"-c{clients}",
            f"-d{seconds}s",
            "-s",
            file.name,
            server.origin,
        ]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"^result (\d+) ([\d.]+) (\d+) ([\d.]+)$", printed, re.M)
    if found is None:
        raise RuntimeError(f"wrk said nothing of use:\n{printed}")
    requests, took, bad = int(found[1]), float(found[2]), int(found[3])
    if bad or not requests:
        raise RuntimeError(f"{server.name}: {bad} of {requests} answers were errors")
    return took / requests


class Client:
    """One kept connection, on which answers are read whole."""

    def __init__(self, server: Server) -> None:
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=600)
        self.name = server.name

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> bytes:
        """The answer's body; anything but 200 is an error."""
        self.connection.request("GET", path, headers=dict(headers or {}))
        return self.body(200)

    def timed(self, path: str, headers: Mapping[str, str] | None = None, times: int = 1) -> float:
        """Mean seconds a request over `times` requests in a row."""
        begun = time.perf_counter()
        for _ in range(times):
            self.get(path, headers)
        return (time.perf_counter() - begun) / times

    def store(self, body: bytes, boundary: str = "bench-boundary") -> None:
        """Store by STOW-RS; anything but 200 is an error."""
        kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
        headers = {"Content-Type": kind, "Accept": "application/dicom+json"}
        self.connection.request("POST", "/dicom-web/studies", body, headers)
        self.body(200)

    def delete(self, path: str) -> None:
        """Delete something that is there."""
        self.connection.request("DELETE", path)
        self.body(200, 204)

    def body(self, *wanted: int) -> bytes:
        """The body of the answer that is due; a status not wanted is an error."""
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status not in wanted:
            raise RuntimeError(f"{self.name}: {answer.status} {body[:200]!r}")
        return body


def upload(server: Server, files: Sequence[Path]) -> None:
    """Store files by STOW-RS, fifty in a request."""
    from_here = Client(server)
    for start in range(0, len(files), 50):
        from_here.store(multipart_of(files[start : start + 50]))


def multipart_of(files: Sequence[Path], boundary: str = "bench-boundary") -> bytes:
    """The body of a store request of all these files."""
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    parts = b"".join(head + path.read_bytes() + b"\r\n" for path in files)
    return parts + f"--{boundary}--\r\n".encode()
