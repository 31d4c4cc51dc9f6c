"""curl: what the pages tell a newcomer to type."""

from __future__ import annotations

import json
import re
import subprocess
from html import unescape
from pathlib import Path

from starlette.testclient import TestClient

from filmroom.core.archive import Archive
from filmroom.testing.objects import ct_slice, part10


def curl(*arguments: str) -> tuple[int, str]:
    """The status and body that curl got."""
    done = subprocess.run(
        ["curl", "-sS", "--max-time", "20", "-w", "\n%{http_code}", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def test_the_line_on_the_overview_stores_a_file(
    server: str, web: TestClient, archive: Archive, tmp_path: Path
) -> None:
    (tmp_path / "image.dcm").write_bytes(part10(ct_slice()))
    told = re.search(r"<code>(curl .*?)</code>", web.get("/ui/").text)
    assert told is not None
    line = unescape(told[1]).replace("http://127.0.0.1:8042", server)

    done = subprocess.run(
        ["sh", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True
    )

    assert "00081199" in json.loads(done.stdout)
    assert archive.index.counts().instances == 1


def test_a_multipart_body_from_a_file_is_stored(
    server: str, archive: Archive, tmp_path: Path
) -> None:
    body = tmp_path / "body"
    body.write_bytes(
        b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part10(ct_slice()) + b"\r\n--b--"
    )
    kind = 'Content-Type: multipart/related; type="application/dicom"; boundary=b'

    status, _ = curl("-H", kind, "--data-binary", f"@{body}", f"{server}/dicom-web/studies")

    assert status == 200
    assert archive.index.counts().instances == 1


def test_a_file_over_a_megabyte_waits_for_100_continue(
    server: str, archive: Archive, tmp_path: Path
) -> None:
    file = tmp_path / "large.dcm"
    file.write_bytes(part10(ct_slice(size=1200)))

    status, _ = curl(
        *("-H", "Content-Type: application/dicom", "-H", "Expect: 100-continue"),
        *("-T", str(file), "-X", "POST", f"{server}/dicom-web/studies"),
    )

    assert status == 200
    assert archive.index.counts().size == file.stat().st_size


def test_a_study_is_deleted(server: str, archive: Archive, tmp_path: Path) -> None:
    file = tmp_path / "image.dcm"
    file.write_bytes(part10(ct_slice()))
    kind = "Content-Type: application/dicom"
    _, answer = curl("-H", kind, "--data-binary", f"@{file}", f"{server}/dicom-web/studies")
    (study,) = json.loads(answer)["00081190"]["Value"]

    assert study.startswith(server)
    assert curl("-X", "DELETE", study)[0] == 204
    assert archive.index.counts().instances == 0
