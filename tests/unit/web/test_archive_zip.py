"""Zip archives: what unzips, and says its length beforehand, in every size class."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from threading import BoundedSemaphore

import pytest

from filmroom.core.content import MemoryContent
from filmroom.dicom.frames import Span
from filmroom.model.answer import Part
from filmroom.web import archive_zip
from filmroom.web.archive_zip import zipped

PART = "/studies/1.2/series/1.2.{}/instances/1.2.{}.{}"


def _parts(*bodies: bytes) -> list[Part]:
    return [
        Part("application/dicom", "", MemoryContent(body), PART.format(1, 1, number))
        for number, body in enumerate(bodies)
    ]


def _made(parts: list[Part]) -> tuple[bytes, int]:
    response = zipped(parts, "1.2", {}, BoundedSemaphore(1))
    return b"".join(response.pieces), int(response.headers["content-length"])


def test_a_zip_holds_each_instance_by_study_series_and_instance() -> None:
    made, length = _made(_parts(b"first", b"", b"third" * 1000))

    with zipfile.ZipFile(BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["1.2/1.2.1/1.2.1.0.dcm", "1.2/1.2.1/1.2.1.1.dcm",
                                      "1.2/1.2.1/1.2.1.2.dcm"]  # fmt: skip
        assert archive.read("1.2/1.2.1/1.2.1.2.dcm") == b"third" * 1000
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert len(made) == length


def test_an_entry_that_is_not_kept_in_memory_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_zip, "IN_MEMORY", 4)

    made, length = _made(_parts(b"longer than four"))

    with zipfile.ZipFile(BytesIO(made)) as archive:
        assert archive.read("1.2/1.2.1/1.2.1.0.dcm") == b"longer than four"
    assert len(made) == length


def test_many_entries_take_the_records_of_zip64() -> None:
    made, length = _made(_parts(*[b"x"] * 66_000))

    with zipfile.ZipFile(BytesIO(made)) as archive:
        assert len(archive.namelist()) == 66_000
        assert archive.read("1.2/1.2.1/1.2.1.65999.dcm") == b"x"
    assert len(made) == length


@pytest.mark.parametrize("limit", [64, 200, 1000])
def test_the_length_said_beforehand_holds_whichever_fields_are_wide(
    monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(archive_zip, "MOST_32", limit)
    parts = _parts(b"a" * 10, b"b" * 500, b"c" * 100)
    response = zipped(parts, "1.2", {}, BoundedSemaphore(1))

    assert len(b"".join(response.pieces)) == int(response.headers["content-length"])


@dataclass
class Zeros:
    """Content as large as wanted that costs no memory."""

    size: int
    block = bytes(1 << 24)

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        for _ in range(self.size // len(self.block)):
            yield self.block
        yield self.block[: self.size % len(self.block)]

    def read(self) -> bytes:
        raise NotImplementedError


class Discarding(BytesIO):
    """A file of which only what is not a long run of zeros is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0
        self.kept: list[tuple[int, bytes]] = []

    def add(self, piece: bytes) -> None:
        if piece is not Zeros.block:
            self.kept.append((self.at, piece))
        self.at += len(piece)


def test_an_instance_of_more_than_4_gb_has_wide_fields_in_both_headers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive_zip, "_crc", lambda _pieces: 7)
    large = (1 << 32) + 5
    parts = [Part("application/dicom", "", Zeros(large), PART.format(1, 1, 1)), *_parts(b"after")]
    response = zipped(parts, "1.2", {}, BoundedSemaphore(1))

    file = Discarding()
    for piece in response.pieces:
        file.add(piece)

    assert file.at == int(response.headers["content-length"])
    (_, local), *_, (_, directory), (_, ending) = file.kept
    assert local[18:26] == b"\xff" * 8
    assert local[-16:] == large.to_bytes(8, "little") * 2
    assert large.to_bytes(8, "little") * 2 in directory
    second = len(local) + large
    assert second.to_bytes(8, "little") in directory
    assert ending[:4] == b"PK\x06\x06"
    assert ending[-22:-18] == b"PK\x05\x06"
