"""Orthanc's DICOMweb client sends to Filmroom, finds there, and fetches back."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from filmroom.core.archive import Archive
from filmroom.testing.objects import ct_slice, part10, report, uid

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")

Ask = Callable[..., Any]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def orthanc(tmp_path: Path, server: str) -> Iterator[Ask]:
    """A way to ask an Orthanc that knows the server as `filmroom`."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        pytest.skip("needs Debian's orthanc and orthanc-dicomweb")
    port = free_port()
    configuration = {
        "StorageDirectory": str(tmp_path / "orthanc"),
        "IndexDirectory": str(tmp_path / "orthanc"),
        "HttpPort": port,
        "DicomServerEnabled": False,
        "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False,
        "Plugins": [str(PLUGIN)],
        "DicomWeb": {"Enable": True, "Servers": {"filmroom": [f"{server}/dicom-web/"]}},
    }
    (tmp_path / "orthanc.json").write_text(json.dumps(configuration))
    process = subprocess.Popen(
        ["Orthanc", str(tmp_path / "orthanc.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(
        path: str, body: bytes | dict[str, Any] | None = None, method: str | None = None
    ) -> Any:
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = Request(f"http://127.0.0.1:{port}{path}", data, method=method)
        with urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                ask("/system")
                break
            except URLError:
                assert time.monotonic() < deadline, "Orthanc did not start"
                time.sleep(0.1)
        yield ask
    finally:
        process.terminate()
        process.wait(20)


def test_orthanc_stores_finds_and_fetches(orthanc: Ask, archive: Archive) -> None:
    sent = [part10(ct_slice(1, 1, 1, size=300)), part10(ct_slice(1, 1, 2)), part10(report())]
    resources = [orthanc("/instances", file)["ID"] for file in sent]

    orthanc("/dicom-web/servers/filmroom/stow", {"Resources": resources, "Synchronous": True})

    held = [archive.storage.read(one.key) for one in archive.index.located()]
    assert sorted(held) == sorted(sent)

    found = orthanc(
        "/dicom-web/servers/filmroom/qido",
        {"Uri": "/studies", "Arguments": {"PatientID": "ID1"}},
    )
    assert [study["0020000D"]["Value"] for study in found] == [uid(1)]

    for resource in resources:
        orthanc(f"/instances/{resource}", method="DELETE")
    assert orthanc("/instances") == []
    orthanc(
        "/dicom-web/servers/filmroom/retrieve",
        {"Resources": [{"Study": uid(1)}], "Synchronous": True},
    )
    assert sorted(orthanc("/instances")) == sorted(resources)
