"""A full disk is told to the sender, reading goes on, and storing resumes when there is room."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from crashing import is_whole
from objects_by_number import instance_bytes, ref_of

from filmroom.app import open_archive
from filmroom.core.archive import Archive
from filmroom.core.delete import delete
from filmroom.core.maintain import sweep, verify
from filmroom.core.store import receive
from filmroom.errors import Full
from filmroom.model.selection import Selection
from filmroom.model.stored import Outcome
from filmroom.settings import Settings

pytestmark = pytest.mark.power

PIXELS = 256  # rows and columns of an instance: 128 KB


@pytest.fixture
def archive(small_disk: Path) -> Iterator[Archive]:
    settings = Settings(data=small_disk, disk_reserve=0, purge_grace=0.0, sweep_grace=0.0)
    with open_archive(settings, exclusive=True) as archive:
        yield archive


def store(archive: Archive, number: int, size: int = PIXELS) -> Outcome:
    with receive(archive, "test") as incoming:
        incoming.write(instance_bytes(number, size))
        return incoming.finish().outcome


def fill(archive: Archive, first: int, size: int = PIXELS) -> int:
    """Store until there is no room; the number that was refused."""
    for number in range(first, first + 10_000):
        try:
            store(archive, number, size)
        except Full:
            return number
    raise AssertionError("the disk never filled")


def test_a_full_disk_is_told_and_leaves_no_half_instance(archive: Archive, small_disk: Path):
    refused = fill(archive, 0)

    assert refused > 10
    for _ in range(5):
        with pytest.raises(Full):
            store(archive, refused)
    assert list((small_disk / "incoming").iterdir()) == []
    assert archive.index.counts().instances == refused
    digests = {sha256(instance_bytes(n, PIXELS)).hexdigest() for n in range(refused)}
    assert {blob.key for blob in archive.storage.blobs()} >= digests
    assert [one for one in verify(archive) if one.problem not in (None, "orphan")] == []
    located = archive.index.locate(ref_of(3))
    assert archive.storage.read(located.key) == instance_bytes(3, PIXELS)


def test_storing_resumes_when_there_is_room(archive: Archive, small_disk: Path):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(8 << 20))
    refused = fill(archive, 0)
    ballast.unlink()

    assert store(archive, refused) in (Outcome.NEW, Outcome.SAME)
    assert fill(archive, refused + 1) > refused + 10


def test_deleting_makes_room(archive: Archive):
    refused = fill(archive, 0)
    for number in range(8):
        ref = ref_of(number)
        delete(archive, Selection(ref.study, ref.series, ref.instance), "test")

    assert store(archive, refused) in (Outcome.NEW, Outcome.SAME)


def test_small_instances_until_the_index_finds_no_room(archive: Archive, small_disk: Path):
    """The index's own file is what fills up here, in the midst of its commits."""
    fill(archive, 0)
    refused = fill(archive, 10_000, size=8)
    held = archive.index.counts().instances

    assert all(is_whole_of(archive, n, 8) for n in range(10_000, refused))
    (small_disk / "incoming").rmdir()  # nothing is left in it
    (small_disk / "incoming").mkdir()
    sweep(archive)
    assert [one for one in verify(archive) if one.problem] == []
    assert archive.index.counts().instances == held


def is_whole_of(archive: Archive, number: int, size: int) -> bool:
    located = archive.index.locate(ref_of(number))
    return archive.storage.read(located.key) == instance_bytes(number, size)


def test_the_reserve_is_left_free(small_disk: Path):
    settings = Settings(data=small_disk, disk_reserve=4 << 20)
    with open_archive(settings) as archive:
        refused = fill(archive, 0)
        free = archive.storage.free()

        assert free is not None
        assert (3 << 20) < free < (4 << 20)
        assert is_whole(archive, 0) is False  # this one was made of more pixels
        assert is_whole_of(archive, refused - 1, PIXELS)
