"""The contestants, each started on a free loopback port in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Server:
    """A contestant that accepts connections."""

    name: str
    host: str
    port: int
    pid: int
    dimse_port: int = 0

    @property
    def origin(self) -> str:
        """`http://host:port`."""
        return f"http://{self.host}:{self.port}"

    def memory(self) -> int:
        """Bytes resident, of the process and all its children."""
        return sum(_resident(pid) for pid in _tree(self.pid))

    def peak(self) -> int:
        """The most that was ever resident in one of them, in bytes."""
        return max(_resident(pid, "VmHWM:") for pid in _tree(self.pid))


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def filmroom(data: Path, *flags: str, dimse: bool = False) -> Iterator[Server]:
    """This archive, as `filmroom serve` starts it."""
    command = [sys.executable, "-m", "filmroom", "serve", "--data", str(data), "--port", "0"]
    door = ["--dimse-port", "0"] if dimse else ["--no-dimse"]
    process = subprocess.Popen(
        [*command, *door, "--log-level", "warning", *flags],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        for line in process.stdout:
            if line.startswith("ready "):
                ports = [int(word.rsplit(":", 1)[1]) for word in line.split()[1:]]
                break
        else:
            raise RuntimeError("filmroom did not start")
        yield Server("filmroom", "127.0.0.1", ports[0], process.pid, *ports[1:])
    finally:
        _end(process)


@contextmanager
def orthanc(folder: Path, *, dimse: bool = False, **settings: object) -> Iterator[Server]:
    """Orthanc with its DICOMweb plugin, as Debian packs them: storage synced to disk."""
    program = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
    port, dimse_port = free_port(), free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {
        "Name": "bench",
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "Plugins": ["/usr/share/orthanc/plugins"],
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": dimse,
        "DicomAet": "ORTHANC",
        "DicomPort": dimse_port,
        "SyncStorageArea": True,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        **settings,
    }
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "orthanc.log").open("w") as log:
        process = subprocess.Popen([program, str(folder / "orthanc.json")], stderr=log, stdout=log)
    try:
        _wait(f"http://127.0.0.1:{port}/system")
        yield Server("orthanc", "127.0.0.1", port, process.pid, dimse_port)
    finally:
        _end(process)


@contextmanager
def storescp(folder: Path) -> Iterator[Server]:
    """DCMTK's receiver: it writes files into `folder`, syncs nothing and knows nothing of them."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        ["storescp", "--fork", "-od", str(folder), "+xa", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        _wait_for_port(port)
        yield Server("storescp", "127.0.0.1", 0, process.pid, port)
    finally:
        _end(process)


@contextmanager
def nginx(folder: Path, root: Path, headers: str = "") -> Iterator[Server]:
    """nginx that serves the files below `root`; `headers` are lines for its location block."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    configuration = f"""
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes auto;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; root {root}; default_type application/octet-stream;
    location / {{ {headers} }} }}
}}
"""
    (folder / "nginx.conf").write_text(configuration)
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    user = ["-g", "user root;"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), *user])
    try:
        _wait(f"http://127.0.0.1:{port}/")
        yield Server("nginx", "127.0.0.1", port, process.pid)
    finally:
        _end(process)


def _wait(url: str, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing answers at {url}")


def _wait_for_port(port: int, seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"nothing answers at port {port}")


def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tree(pid: int) -> list[int]:
    below: list[int] = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            below += [int(child) for child in children.read_text().split()]
    return [pid] + [descendant for child in below for descendant in _tree(child)]


def _resident(pid: int, which: str = "VmRSS:") -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith(which):
            return int(line.split()[1]) * 1024
    return 0
