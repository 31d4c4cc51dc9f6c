"""Tiles of whole-slide images: 50,000 frames, tiled fully and sparsely (PS3.3 §C.8.12)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from starlette.testclient import TestClient

from filmroom.core.archive import Archive
from filmroom.dicom.frames import FrameIndex, Span
from filmroom.dicom.scan import ScanLimits, scan
from filmroom.testing.objects import uid
from filmroom.testing.slides import Level, Table

TILES, ACROSS, SIDE = 50_000, 250, 8
SERIES = f"/dicom-web/studies/{uid(900)}/series/{uid(900, 1)}"
SLIDE = f"{SERIES}/instances/{uid(900, 1, 1)}"
AS_STORED = "application/octet-stream; transfer-syntax=*"
WSI_ACCEPT = ", ".join(
    f'multipart/related; type="{media}"; transfer-syntax={syntax}'
    for media, syntax in (
        ("image/jls", "1.2.840.10008.1.2.4.80"),
        ("image/jp2", "1.2.840.10008.1.2.4.90"),
        ("application/octet-stream", "*"),
        ("image/jpeg", "1.2.840.10008.1.2.4.50"),
    )
)
"""What dicom-microscopy-viewer asks for."""
MOST_MEMORY = 450 << 10  # KB of a process that takes in 50,000 functional groups

pytestmark = pytest.mark.requires("PS3.18 10.4.1.1.6")


def tile(number: int, table: Table) -> bytes:
    """What tile `number` holds, from 1; compressed ones differ in length."""
    if table is Table.NATIVE:
        return number.to_bytes(4, "little") * (SIDE * SIDE // 4)
    return b"\xff\xd8" + b"%d tile" % number * (1 + number % 7) + b"\xff\xd9"


def slide(table: Table, *, sparse: bool = False) -> Level:
    return Level([tile(n, table) for n in range(1, TILES + 1)], ACROSS, SIDE, table, sparse)


@pytest.fixture(params=Table, ids=lambda table: table.name.lower())
def table(request: pytest.FixtureRequest) -> Table:
    return request.param


class Noted:
    """A port that notes what is read through it."""

    def __init__(self, port: object, *names: str) -> None:
        self._port, self._names = port, names
        self.asked: list[object] = []

    def __getattr__(self, name: str) -> object:
        found = getattr(self._port, name)
        if name not in self._names:
            return found

        def noted(key: str, *more: object) -> object:
            self.asked.append(more[0] if more else key)
            return found(key, *more)

        return noted


def test_a_tile_costs_its_own_bytes_and_nothing_more(
    web: TestClient, archive: Archive, store, table: Table
) -> None:
    store(slide(table).part10())
    index = Noted(archive.index, "frames")
    storage = Noted(archive.storage, "read", "chunks", "at_hand", "view")
    object.__setattr__(archive, "index", index)
    object.__setattr__(archive, "storage", storage)

    for number in (1, 2, 25_000, 49_999, TILES):
        got = web.get(f"{SLIDE}/frames/{number}", headers={"Accept": AS_STORED})
        assert got.status_code == 200, got.text
        expected = tile(number, table)
        assert got.content[: len(expected)] == expected
        assert len(got.content) - len(expected) <= 1
    assert web.get(f"{SLIDE}/frames/{TILES + 1}").status_code == 404

    assert all(isinstance(span, Span) for span in storage.asked)
    assert 0 < sum(span.length for span in storage.asked) < 5 * 2 * 100
    assert len(index.asked) == 1  # where frames lie is read once


def test_where_frames_lie_is_packed_small(table: Table) -> None:
    frames = scan(memoryview(slide(table).part10()), ScanLimits(), "/dicom-web").frames

    packed = frames.pack()

    assert len(packed) < 10 * TILES
    assert FrameIndex.unpack(packed).spans(TILES) == frames.spans(TILES)


def test_a_viewer_gets_tiles_as_they_are_stored(web: TestClient, store) -> None:
    store(slide(Table.FRAGMENTS).part10())

    got = web.get(f"{SLIDE}/frames/31337", headers={"Accept": WSI_ACCEPT})

    assert got.status_code == 200
    assert "transfer-syntax=1.2.840.10008.1.2.4.50" in got.text
    assert tile(31_337, Table.FRAGMENTS) in got.content


def test_a_full_tiling_says_where_tiles_lie_without_a_word_for_each(web: TestClient, store) -> None:
    store(slide(Table.BASIC).part10())

    (told,) = web.get(f"{SERIES}/metadata").json()

    assert told["00209311"]["Value"] == ["TILED_FULL"]
    assert told["00280008"]["Value"] == [TILES]
    assert told["00480006"]["Value"] == [ACROSS * SIDE]
    assert "52009230" not in told
    assert len(json.dumps(told)) < 5000


def test_a_sparse_tiling_has_a_place_for_each_tile(web: TestClient, store) -> None:
    store(slide(Table.BASIC, sparse=True).part10())

    answer = web.get(f"{SERIES}/metadata", headers={"Accept-Encoding": "gzip"})
    (told,) = answer.json()

    groups = told["52009230"]["Value"]
    places = [group["0048021A"]["Value"][0] for group in groups]
    columns = [place["0048021E"]["Value"][0] for place in places]
    rows = [place["0048021F"]["Value"][0] for place in places]
    assert columns == [n % ACROSS * SIDE + 1 for n in range(TILES)]
    assert rows == [n // ACROSS * SIDE + 1 for n in range(TILES)]
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 2_000_000


def test_its_data_set_is_what_pydicom_reads(web: TestClient, store) -> None:
    level = Level([tile(n, Table.BASIC) for n in range(1, 13)], 4, SIDE, sparse=True)
    store(level.part10())

    (told,) = web.get(f"{SERIES}/metadata").json()
    read = dcmread(BytesIO(level.part10()))
    expected = read.to_json_dict(suppress_invalid_tags=True)

    assert told["52009230"] == expected["52009230"]
    assert told["52009229"] == expected["52009229"]


def test_taking_in_50_000_functional_groups_has_bounds(tmp_path: Path) -> None:
    file = tmp_path / "slide.dcm"
    file.write_bytes(slide(Table.BASIC, sparse=True).part10())
    code = (
        "import atexit, re, sys; from filmroom.cli.main import main\n"
        # Not what getrusage says: that also counts the process that started this one.
        "told = lambda: re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())\n"
        "atexit.register(lambda: print(told()[1])); main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "import", "--data", str(tmp_path / "data"), str(file)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("FILMROOM_")}

    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < MOST_MEMORY
