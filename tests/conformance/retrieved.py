"""What the tests of retrieval share: addresses, and answers taken apart byte by byte."""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx

from filmroom.testing.objects import uid

ROOT = "/dicom-web"


def study_url(study: int = 1) -> str:
    """The address of a study by its number."""
    return f"{ROOT}/studies/{uid(study)}"


def series_url(study: int = 1, series: int = 1) -> str:
    """The address of a series by its number."""
    return f"{study_url(study)}/series/{uid(study, series)}"


def instance_url(study: int = 1, series: int = 1, instance: int = 1) -> str:
    """The address of an instance by its number."""
    return f"{series_url(study, series)}/instances/{uid(study, series, instance)}"


@dataclass
class Piece:
    """One part of a multipart answer."""

    headers: dict[str, str]
    body: bytes


def parts_of(response: httpx.Response, *, sized: bool = True) -> list[Piece]:
    """Take a multipart/related answer apart, insisting on each byte of its framing (RFC 2046)."""
    assert response.status_code == 200, response.text
    content_type = response.headers["content-type"]
    found = re.fullmatch(r'multipart/related; type="([^"]+)"; boundary=(\S+)', content_type)
    assert found, content_type
    assert not sized or int(response.headers["content-length"]) == len(response.content)
    opening, closing = f"--{found[2]}\r\n".encode(), f"\r\n--{found[2]}--\r\n".encode()
    body = response.content
    assert body.startswith(opening)
    assert body.endswith(closing)
    pieces = body[len(opening) : -len(closing)].split(b"\r\n" + opening)
    return [_piece(piece, found[1]) for piece in pieces]


def _piece(raw: bytes, root: str) -> Piece:
    end = raw.index(b"\r\n\r\n")
    assert end < 900  # OHIF looks no further than 1,000 bytes
    lines = raw[:end].decode("ascii").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert lines[0].startswith(f"Content-Type: {root}")
    return Piece(headers, raw[end + 4 :])


def frames_of(response: httpx.Response) -> list[bytes]:
    """The bodies of a multipart answer's parts."""
    return [piece.body for piece in parts_of(response)]
