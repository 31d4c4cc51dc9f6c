"""Instances are stored over associations (PS3.4 Annex B, PS3.7 §9.1.1)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from dimse_door import (
    CT,
    EXPLICIT,
    IMPLICIT,
    Address,
    answer,
    c_store,
    called,
    data_set,
    echo,
    opened,
    store_request,
)
from filmroom.app import open_archive
from filmroom.association.pdus import Abort, ReleaseRequest
from filmroom.association.statuses import Status
from filmroom.core.archive import Archive
from filmroom.dicom.part10 import IMPLEMENTATION_CLASS, read_file_meta
from filmroom.model.instance import InstanceRef
from filmroom.settings import Settings
from filmroom.settings.storing import OnConflict
from filmroom.testing.objects import ct_slice, header, image, part10, uid

BIG_ENDIAN = "1.2.840.10008.1.2.2"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
PRIVATE_CLASS, PRIVATE_SYNTAX = "1.3.46.670589.11.0.0.12.1", "1.2.826.0.1.3680043.2.1"


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


def staged(archive: Archive) -> list[Path]:
    """Files on their way in."""
    return list((archive.settings.data / "incoming").iterdir())


def stored(archive: Archive, instance: str = uid(1, 1, 1)) -> bytes:
    """The blob of an instance of the first series."""
    located = archive.index.locate(InstanceRef(uid(1), uid(1, 1), instance))
    return archive.storage.read(located.key)


def soon(condition: Callable[[], bool]) -> bool:
    """Whether something becomes true within ten seconds."""
    until = time.monotonic() + 10
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    return condition()


def test_the_data_set_is_kept_as_it_came_under_a_meta_group_of_ours(
    archive: Archive, door: Address
) -> None:
    file = part10(ct_slice(1, 1, 1, size=64), IMPLICIT)

    with called(door, (CT, [IMPLICIT])) as connection:
        told = c_store(connection, file)
        assert connection.release()

    assert told.status == Status.SUCCESS
    assert (told.sop_class, told.instance, told.comment) == (CT, uid(1, 1, 1), None)
    blob = stored(archive)
    assert data_set(blob) == data_set(file)
    meta = read_file_meta(memoryview(blob))
    assert (meta.transfer_syntax, meta.sop_class, meta.instance) == (IMPLICIT, CT, uid(1, 1, 1))
    read = dcmread(BytesIO(blob))
    assert read.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS
    assert read.file_meta.FileMetaInformationGroupLength > 0


def test_who_sent_it_is_remembered(archive: Archive, door: Address) -> None:
    with called(door, (CT, [EXPLICIT]), title="CT_SCANNER") as connection:
        c_store(connection, part10(ct_slice(1)))

    (change,) = archive.index.changes(0, 10)
    assert change.source == "dimse:CT_SCANNER@127.0.0.1"


@pytest.mark.parametrize(
    ("syntax", "sop_class"),
    [
        (IMPLICIT, CT),
        (EXPLICIT, CT),
        (BIG_ENDIAN, CT),
        ("1.2.840.10008.1.2.1.99", CT),
        (EXPLICIT, PRIVATE_CLASS),
        (EXPLICIT, "1.2.840.10008.5.1.4.1.1.999.7"),  # of an edition to come
        (PRIVATE_SYNTAX, CT),
    ],
)
def test_every_storage_class_is_taken_in_every_transfer_syntax(
    archive: Archive, door: Address, syntax: str, sop_class: str
) -> None:
    dataset = header(1, 1, 1, SOPClassUID=sop_class)
    written = EXPLICIT if syntax == PRIVATE_SYNTAX else syntax
    file = part10(dataset, written)

    with called(door, (sop_class, [syntax])) as connection:
        told = c_store(connection, file)

    assert told.status == Status.SUCCESS, told
    assert data_set(stored(archive)) == data_set(file)
    assert read_file_meta(memoryview(stored(archive))).transfer_syntax == syntax


def test_of_several_syntaxes_the_senders_first_is_taken(door: Address) -> None:
    with called(door, (CT, [JPEG_2000, EXPLICIT, IMPLICIT]), (CT, [IMPLICIT, EXPLICIT])) as one:
        agreed = one.association.contexts

    assert agreed[1].transfer_syntax == JPEG_2000
    assert agreed[3].transfer_syntax == IMPLICIT


def test_what_is_no_storage_is_not_agreed_on(door: Address) -> None:
    wanted = ["1.2.840.10008.1.3.10", "1.2.840.10008.5.1.1.9", "1.2.840.10008.5.1.4.1.1.200.4"]
    with called(door, *((each, [IMPLICIT]) for each in wanted)) as connection:
        assert connection.association.contexts == {}


def test_one_message_after_the_other_on_one_association(archive: Archive, door: Address) -> None:
    with called(door, (CT, [EXPLICIT]), ("1.2.840.10008.1.1", [IMPLICIT])) as connection:
        for number in range(1, 6):
            assert c_store(connection, part10(ct_slice(1, 1, number))).status == Status.SUCCESS
            assert echo(connection, 3) == Status.SUCCESS
    assert archive.index.counts().instances == 5


def test_the_same_again_is_a_success_and_changes_nothing(archive: Archive, door: Address) -> None:
    file = part10(ct_slice(1))

    with (
        called(door, (CT, [EXPLICIT])) as first,
        called(door, (CT, [EXPLICIT]), title="B") as other,
    ):
        assert c_store(first, file).status == Status.SUCCESS
        assert c_store(other, file).status == Status.SUCCESS

    assert archive.index.counts().instances == 1
    assert len(list(archive.storage.blobs())) == 1


def test_other_bytes_under_its_name_are_put_aside_with_a_warning(
    archive: Archive, door: Address
) -> None:
    first = part10(ct_slice(1))
    other = part10(ct_slice(1, PatientWeight="70"))

    with called(door, (CT, [EXPLICIT])) as connection:
        c_store(connection, first)
        told = c_store(connection, other)

    assert told.status == Status.COERCED
    assert told.comment == "the archive has this instance with other bytes: these were put a"
    assert data_set(stored(archive)) == data_set(first)


class TestRefusing:
    """With the setting `on_conflict = refuse`."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"on_conflict": OnConflict.REFUSE})

    def test_other_bytes_are_refused(self, archive: Archive, door: Address) -> None:
        with called(door, (CT, [EXPLICIT])) as connection:
            c_store(connection, part10(ct_slice(1)))
            told = c_store(connection, part10(ct_slice(1, PatientWeight="70")))

        assert told.status == Status.DUPLICATE_SOP_INSTANCE
        assert len(list(archive.storage.blobs())) == 1


WRONG = [
    pytest.param({"instance": "1.2.3"}, Status.DATA_SET_MISMATCH, id="another instance"),
    pytest.param({"instance": "1.2.x"}, Status.CANNOT_UNDERSTAND, id="no UID"),
    pytest.param(
        {"sop_class": "1.2.840.10008.5.1.4.1.1.4"}, Status.SOP_CLASS_NOT_SUPPORTED, id="MR"
    ),
]


@pytest.mark.parametrize(("change", "status"), WRONG)
def test_a_command_that_lies_is_told_so(
    archive: Archive, door: Address, change: dict[str, str], status: Status
) -> None:
    file = part10(ct_slice(1))

    with called(door, (CT, [EXPLICIT])) as connection:
        connection.send_message(1, replace(store_request(file), **change), [data_set(file)])
        told = answer(connection)
        assert c_store(connection, file).status == Status.SUCCESS  # the next one is served

    assert told.status == status
    assert told.comment
    assert archive.index.counts().instances == 1
    assert staged(archive) == []


BAD = [
    pytest.param(b"", Status.CANNOT_UNDERSTAND, id="empty"),
    pytest.param(b"\x08\x00\x05\x00CS\xff\xff", Status.CANNOT_UNDERSTAND, id="cut short"),
    pytest.param(b"no data set at all, just text", Status.CANNOT_UNDERSTAND, id="text"),
]


@pytest.mark.parametrize(("data", "status"), BAD)
def test_what_cannot_be_understood_is_refused(
    archive: Archive, door: Address, data: bytes, status: Status
) -> None:
    with called(door, (CT, [EXPLICIT])) as connection:
        told = c_store(connection, part10(ct_slice(1)), data=[data])

    assert told.status == status
    assert told.comment
    assert archive.index.counts().instances == 0
    assert list(archive.storage.blobs()) == []
    assert staged(archive) == []


def test_a_data_set_of_another_class_than_its_command_is_a_mismatch(
    archive: Archive, door: Address
) -> None:
    mr = "1.2.840.10008.5.1.4.1.1.4"
    file = part10(ct_slice(1))

    with called(door, (mr, [EXPLICIT])) as connection:
        connection.send_message(1, replace(store_request(file), sop_class=mr), [data_set(file)])
        assert answer(connection).status == Status.DATA_SET_MISMATCH
    assert archive.index.counts().instances == 0


def test_a_command_without_data_is_refused(door: Address) -> None:
    with called(door, (CT, [EXPLICIT])) as connection:
        connection.send_message(1, replace(store_request(part10(ct_slice(1))), has_data=False))
        assert answer(connection).status == Status.CANNOT_UNDERSTAND
        assert c_store(connection, part10(ct_slice(1))).status == Status.SUCCESS


@pytest.mark.parametrize("how", ["abort", "release", "close"])
def test_nothing_stays_of_what_ends_in_the_middle(
    archive: Archive, door: Address, how: str
) -> None:
    file = part10(image(1, 1, 1, rows=1024, columns=1024))

    with called(door, (CT, [EXPLICIT])) as connection:
        command = replace(store_request(file), sop_class=CT)
        frames = connection._runs(1, command, [data_set(file)[:1_500_000], b""])
        connection._write([piece for run in frames for piece in run][:-2])
        assert soon(lambda: len(staged(archive)) == 1)
        if how == "abort":
            connection.send(Abort())
        elif how == "release":
            connection.send(ReleaseRequest())
        else:
            connection.close()

        assert soon(lambda: staged(archive) == [])
    assert archive.index.counts().instances == 0
    with called(door) as connection:
        assert echo(connection) == Status.SUCCESS


class TestSmall:
    """With room for an instance of 10 KB."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_instance": 10_000})

    def test_too_large_an_instance_is_out_of_resources(
        self, archive: Archive, door: Address
    ) -> None:
        with called(door, (CT, [EXPLICIT])) as connection:
            told = c_store(connection, part10(ct_slice(1, size=512)))
            assert c_store(connection, part10(ct_slice(1, size=8))).status == Status.SUCCESS

        assert told.status == Status.OUT_OF_RESOURCES
        assert told.comment == "an instance is over 10000 bytes (setting max_instance)"
        assert staged(archive) == []


class TestFull:
    """With a disk that is down to its reserve."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"disk_reserve": 1 << 62})

    def test_a_full_disk_is_out_of_resources(self, archive: Archive, door: Address) -> None:
        with called(door, (CT, [EXPLICIT])) as connection:
            told = c_store(connection, part10(ct_slice(1)))
            assert c_store(connection, part10(ct_slice(1))).status == Status.OUT_OF_RESOURCES

        assert told.status == Status.OUT_OF_RESOURCES
        assert (told.comment or "").startswith("the disk is down to the room that is kept free")
        assert staged(archive) == []


class TestOnlySome:
    """With a setting that names the transfer syntaxes that are taken."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"dimse_syntaxes": (EXPLICIT, IMPLICIT)})

    def test_only_these_are_agreed_on(self, door: Address) -> None:
        with called(door, (CT, [JPEG_2000, IMPLICIT]), (CT, [JPEG_2000])) as connection:
            agreed = connection.association.contexts
        assert {number: one.transfer_syntax for number, one in agreed.items()} == {1: IMPLICIT}


def test_what_was_stored_is_there_after_the_archive_is_opened_again(settings: Settings) -> None:
    with (
        open_archive(settings) as archive,
        opened(archive) as door,
        called(door, (CT, [EXPLICIT])) as connection,
    ):
        assert c_store(connection, part10(ct_slice(1))).status == Status.SUCCESS
    with open_archive(settings) as archive:
        assert archive.index.counts().instances == 1
