"""A full disk is told to the sender as out of resources, and the association goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from objects_by_number import instance_bytes, ref_of

from dimse_door import CT, EXPLICIT, VERIFICATION, c_store, called, data_set, echo, opened
from filmroom.app import open_archive
from filmroom.association.connection import Connection
from filmroom.association.statuses import Status
from filmroom.core.archive import Archive
from filmroom.settings import Settings

pytestmark = pytest.mark.power

PIXELS = 256  # rows and columns of an instance: 128 KB
MOST = 1000  # instances, more than the disk has room for


@pytest.fixture
def archive(small_disk: Path) -> Iterator[Archive]:
    settings = Settings(data=small_disk / "data", disk_reserve=0)
    with open_archive(settings, exclusive=True) as archive:
        yield archive


@pytest.fixture
def sender(archive: Archive) -> Iterator[Connection]:
    with (
        opened(archive) as door,
        called(door, (CT, [EXPLICIT]), (VERIFICATION, [EXPLICIT])) as connection,
    ):
        yield connection


def fill(sender: Connection, first: int) -> tuple[int, int | None]:
    """Store until that fails; the number that was refused, and its status."""
    for number in range(first, first + MOST):
        status = c_store(sender, instance_bytes(number, PIXELS)).status
        if status != Status.SUCCESS:
            return number, status
    raise AssertionError("the disk never filled")


def test_a_full_disk_is_out_of_resources_until_there_is_room(
    archive: Archive, sender: Connection, small_disk: Path
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(4 << 20))

    refused, status = fill(sender, 0)
    assert (refused > 10, status) == (True, Status.OUT_OF_RESOURCES)
    for _ in range(3):
        told = c_store(sender, instance_bytes(refused, PIXELS))
        assert (told.status, told.comment is not None) == (Status.OUT_OF_RESOURCES, True)
    assert echo(sender, 3) == Status.SUCCESS
    assert list((small_disk / "data" / "incoming").iterdir()) == []
    assert archive.index.counts().instances == refused
    for number in range(refused):
        stored = archive.storage.read(archive.index.locate(ref_of(number)).key)
        assert data_set(stored) == data_set(instance_bytes(number, PIXELS))

    ballast.unlink()
    assert c_store(sender, instance_bytes(refused, PIXELS)).status == Status.SUCCESS
    assert fill(sender, refused + 1)[1] == Status.OUT_OF_RESOURCES
    assert sender.release()
