"""Storing one instance."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from filmroom.core import ledger
from filmroom.core.archive import Archive
from filmroom.core.delete import delete, purge, reject
from filmroom.core.ledger import Deed
from filmroom.core.store import receive
from filmroom.errors import Broken, Busy, FailureReason, Full, NotFound, Refused, TooLarge
from filmroom.model.instance import InstanceRef
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict, Outcome, Stored
from filmroom.testing.objects import CT_IMAGE, ct_slice, part10, uid

Store = Callable[..., Stored]
Make = Callable[..., Archive]

ONE = part10(ct_slice())
OTHER = part10(ct_slice(SeriesDescription="other bytes"))
REF = InstanceRef(uid(1), uid(1, 1), uid(1, 1, 1))
KEY, OTHER_KEY = sha256(ONE).hexdigest(), sha256(OTHER).hexdigest()


def deeds(archive: Archive) -> list[tuple[str, list[str], bool]]:
    """What the ledger says."""
    return [(str(e.deed), list(e.keys), e.fresh) for e in ledger.read(archive.storage)]


def files(tmp_path: Path) -> list[str]:
    """Names of all files of the storage."""
    return sorted(path.name for path in tmp_path.rglob("*") if path.is_file())


def test_an_instance_is_kept_bit_for_bit_and_known(archive: Archive, store: Store, tmp_path: Path):
    stored = store(archive, ONE)

    assert stored == Stored(REF, CT_IMAGE, Outcome.NEW, ())
    located = archive.index.locate(REF)
    assert (located.key, located.size) == (KEY, len(ONE))
    assert archive.storage.read(KEY) == ONE
    assert files(tmp_path) == [KEY]


def test_an_instance_may_come_in_any_pieces(archive: Archive):
    with receive(archive, "test") as incoming:
        for at in range(0, len(ONE), 7):
            incoming.write(memoryview(ONE)[at : at + 7])
        assert incoming.size == len(ONE)
        incoming.finish()

    assert archive.storage.read(KEY) == ONE


def test_the_row_says_when_the_blob_says_it_came(archive: Archive, store: Store):
    store(archive, ONE)

    (blob,) = archive.storage.blobs()
    assert archive.index.locate(REF).received == blob.modified


def test_the_same_bytes_again_change_nothing(archive: Archive, store: Store, tmp_path: Path):
    store(archive, ONE)
    before = list(archive.storage.blobs()), len(archive.index.changes())

    assert store(archive, ONE).outcome is Outcome.SAME
    assert (list(archive.storage.blobs()), len(archive.index.changes())) == before
    assert deeds(archive) == []
    assert files(tmp_path) == [KEY]


def test_the_same_bytes_again_heal_a_blob_that_is_gone(
    archive: Archive, store: Store, tmp_path: Path
):
    store(archive, ONE)
    archive.storage.delete(KEY)

    assert store(archive, ONE).outcome is Outcome.SAME
    assert archive.storage.read(KEY) == ONE


def test_the_first_of_two_is_kept_and_the_other_put_aside(archive: Archive, store: Store):
    store(archive, ONE)
    stored = store(archive, OTHER)

    assert stored.outcome is Outcome.KEPT_FIRST
    assert stored.warnings
    assert archive.index.locate(REF).key == KEY
    assert [aside.key for aside in archive.index.asides()] == [OTHER_KEY]
    assert archive.storage.exists(OTHER_KEY)
    assert deeds(archive) == [("kept-first", [OTHER_KEY], True)]


def test_the_later_of_two_takes_the_place_where_that_is_set(make_archive: Make, store: Store):
    archive = make_archive(on_conflict=OnConflict.REPLACE)
    store(archive, ONE)

    assert store(archive, OTHER).outcome is Outcome.REPLACED
    assert archive.index.locate(REF).key == OTHER_KEY
    assert archive.storage.exists(KEY)  # until it is purged
    assert deeds(archive) == [("replaced", [OTHER_KEY], True)]


def test_the_later_of_two_is_refused_where_that_is_set(
    make_archive: Make, store: Store, tmp_path: Path
):
    archive = make_archive(on_conflict=OnConflict.REFUSE)
    store(archive, ONE)

    with pytest.raises(Refused) as refused:
        store(archive, OTHER)
    assert refused.value.reason is FailureReason.DUPLICATE
    assert refused.value.instance == REF.instance
    assert refused.value.sop_class == CT_IMAGE
    assert files(tmp_path) == [KEY]


def test_what_is_no_instance_leaves_nothing(archive: Archive, store: Store, tmp_path: Path):
    for data in (b"", b"no DICOM", bytes(128) + b"DICM", ONE[:400]):
        with pytest.raises(Refused):
            store(archive, data)

    assert files(tmp_path) == []
    assert archive.index.counts().instances == 0


def test_an_instance_of_another_study_than_named_is_refused(
    archive: Archive, store: Store, tmp_path: Path
):
    with pytest.raises(Refused) as refused:
        store(archive, ONE, study="1.2.3")

    assert refused.value.reason is FailureReason.DATA_SET_MISMATCH
    assert refused.value.instance == REF.instance
    assert files(tmp_path) == []
    assert store(archive, ONE, study=REF.study).outcome is Outcome.NEW


def test_an_instance_over_the_limit_is_refused_while_it_comes(make_archive: Make, tmp_path: Path):
    archive = make_archive(max_instance=1000)
    incoming = receive(archive, "test")
    incoming.write(bytes(1000))
    with pytest.raises(TooLarge, match="max_instance"):
        incoming.write(b"1")

    assert files(tmp_path) == []
    with pytest.raises(TooLarge):
        incoming.write(b"1")
    with pytest.raises(TooLarge):
        incoming.finish()


def test_an_instance_that_is_discarded_leaves_nothing(archive: Archive, tmp_path: Path):
    incoming = receive(archive, "test")
    incoming.write(ONE)
    incoming.discard()
    incoming.discard()

    assert files(tmp_path) == []


def test_what_was_finished_can_be_discarded_without_harm(archive: Archive):
    incoming = receive(archive, "test")
    incoming.write(ONE)
    incoming.finish()
    incoming.discard()

    assert archive.storage.read(KEY) == ONE


def test_an_instance_that_was_dropped_gives_its_place_back(make_archive: Make, tmp_path: Path):
    archive = make_archive(store_writers=1)
    for _ in range(3):
        receive(archive, "test").write(ONE)

    assert files(tmp_path) == []


def test_one_more_than_there_are_slots_must_wait(make_archive: Make):
    archive = make_archive(store_writers=2)
    first, second = receive(archive, "test"), receive(archive, "test")

    with pytest.raises(Busy):
        receive(archive, "test", patience=0.01)
    first.discard()
    receive(archive, "test", patience=0.01).discard()
    second.discard()


@pytest.mark.parametrize("data", [ONE, b"no DICOM"])
def test_an_end_of_any_kind_gives_the_slot_back(make_archive: Make, store: Store, data: bytes):
    archive = make_archive(store_writers=1)
    for _ in range(3):
        incoming = receive(archive, "test", patience=0.01)
        incoming.write(data)
        with contextlib.suppress(Refused):
            incoming.finish()

    assert archive.writers.acquire(blocking=False)


def test_nothing_is_taken_in_below_the_reserve(make_archive: Make, monkeypatch):
    archive = make_archive(disk_reserve=1 << 60)

    with pytest.raises(Full, match="disk_reserve"):
        receive(archive, "test")
    assert archive.writers.acquire(blocking=False)


def test_room_is_looked_at_again_while_a_large_instance_comes(
    make_archive: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    archive = make_archive()
    monkeypatch.setattr("filmroom.core.store.ROOM_CHECK", 1000)
    incoming = receive(archive, "test")
    incoming.write(bytes(900))
    monkeypatch.setattr(
        "filmroom.storage.local.os.statvfs", lambda _path: os.statvfs_result((1,) * 11)
    )

    with pytest.raises(Full):
        incoming.write(bytes(900))
    assert files(tmp_path) == []


def test_where_the_index_fails_the_blob_is_litter_and_success_is_not_said(
    archive: Archive, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def add(*_args: object) -> None:
        raise Broken("the index is gone")

    monkeypatch.setattr(archive.index, "add_all", add)
    with pytest.raises(Broken):
        store(archive, ONE)

    assert files(tmp_path) == [KEY]
    assert not archive.index.knows(KEY)


def test_what_comes_again_after_its_deletion_is_new(archive: Archive, store: Store):
    store(archive, ONE)
    delete(archive, Selection(REF.study), "test")

    assert store(archive, ONE).outcome is Outcome.NEW
    assert archive.index.locate(REF).key == KEY
    assert deeds(archive) == [("deleted", [KEY], False), ("stored", [KEY], False)]
    assert purge(archive, now=float("inf")) == 0
    assert archive.storage.exists(KEY)


def test_what_comes_again_after_its_rejection_is_new(archive: Archive, store: Store):
    store(archive, ONE)
    reject(archive, Selection(REF.study), "113001^DCM", "test")
    with pytest.raises(NotFound):
        archive.index.locate(REF)

    assert store(archive, ONE).outcome is Outcome.NEW
    assert archive.index.locate(REF).key == KEY
    assert [deed for deed, _, _ in deeds(archive)] == ["rejected", "stored"]


def test_of_many_who_send_the_same_bytes_at_once_one_is_new(
    archive: Archive, store: Store, tmp_path: Path
):
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: store(archive, ONE).outcome, range(8)))

    assert sorted(outcomes) == [Outcome.NEW, *[Outcome.SAME] * 7]
    assert [name for name in files(tmp_path) if name != "ledger.jsonl"] == [KEY]


@pytest.mark.parametrize("mode", list(OnConflict))
def test_of_many_who_send_other_bytes_at_once_one_wins_and_all_get_a_true_answer(
    make_archive: Make, store: Store, mode: OnConflict
):
    archive = make_archive(on_conflict=mode, store_writers=8)
    versions = [part10(ct_slice(SeriesDescription=f"version {n}")) for n in range(8)]
    barrier = threading.Barrier(8, timeout=10)

    def send(data: bytes) -> Outcome | FailureReason:
        barrier.wait()
        try:
            return store(archive, data).outcome
        except Refused as error:
            return error.reason

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(send, versions))

    loser = {
        OnConflict.KEEP_FIRST: Outcome.KEPT_FIRST,
        OnConflict.REPLACE: Outcome.REPLACED,
        OnConflict.REFUSE: FailureReason.DUPLICATE,
    }[mode]
    assert outcomes.count(Outcome.NEW) == 1
    assert outcomes.count(loser) == 7
    key = archive.index.locate(REF).key
    if mode is not OnConflict.REPLACE:
        assert key == sha256(versions[outcomes.index(Outcome.NEW)]).hexdigest()
    there = {blob.key for blob in archive.storage.blobs()}
    assert there == (
        {key} if mode is OnConflict.REFUSE else {sha256(data).hexdigest() for data in versions}
    )


def test_storing_and_erasing_the_same_instance_at_once_never_leaves_a_row_without_its_blob(
    make_archive: Make, store: Store
):
    archive = make_archive(purge_grace=0.0)
    stop = threading.Event()

    def erase() -> None:
        while not stop.is_set():
            with contextlib.suppress(NotFound):
                delete(archive, Selection(REF.study), "test")

    def send() -> int:
        lies = 0
        for _ in range(40):
            store(archive, ONE)
            try:
                key = archive.index.locate(REF).key
            except NotFound:
                continue
            if not archive.storage.exists(key) and archive.index.knows(key):
                lies += 1
        return lies

    with ThreadPoolExecutor(4) as pool:
        eraser = pool.submit(erase)
        senders = [pool.submit(send) for _ in range(3)]
        found = [sender.result() for sender in senders]
        stop.set()
        eraser.result()

    assert found == [0, 0, 0]
    assert archive.storage.exists(KEY) == archive.index.knows(KEY)


def test_a_line_that_is_no_deed_is_passed_over(archive: Archive, caplog):
    archive.storage.record(b"{}")
    archive.storage.record(b"\xff\x00")
    archive.storage.record(b'{"deed":"deleted","keys":["k"],"at":1,"source":"s"}')

    assert list(ledger.read(archive.storage)) == [ledger.Entry(Deed.DELETED, ("k",), 1.0, "s")]
    assert [record.getMessage() for record in caplog.records] == [
        "line 1 of the ledger is damaged",
        "line 2 of the ledger is damaged",
    ]
