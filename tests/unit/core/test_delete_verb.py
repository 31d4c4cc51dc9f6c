"""Deleting, rejecting, restoring and purging."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256

import pytest

from filmroom.core import ledger
from filmroom.core.archive import Archive
from filmroom.core.delete import delete, purge, reject, restore
from filmroom.core.maintain import sweep
from filmroom.errors import Malformed, NotFound
from filmroom.model.selection import Selection
from filmroom.model.stored import Stored
from filmroom.storage.derived_memory import MemoryDerived
from filmroom.testing.objects import ct_slice, part10, uid

Store = Callable[..., Stored]
Make = Callable[..., Archive]

SLICES = [part10(ct_slice(instance=n)) for n in (1, 2, 3)]
KEYS = [sha256(data).hexdigest() for data in SLICES]
STUDY = Selection(uid(1))
SECOND = Selection(uid(1), uid(1, 1), uid(1, 1, 2))
CODE = "113001^DCM"


@pytest.fixture
def full(archive: Archive, store: Store) -> Archive:
    """An archive of three slices."""
    for data in SLICES:
        store(archive, data)
    return archive


def there(archive: Archive) -> set[str]:
    return {blob.key for blob in archive.storage.blobs()}


def deeds(archive: Archive) -> list[tuple[str, set[str], str, str]]:
    entries = ledger.read(archive.storage)
    return [(str(e.deed), set(e.keys), e.source, e.code) for e in entries]


def test_a_deleted_study_is_gone_at_once_and_its_bytes_after_the_grace(full: Archive):
    assert delete(full, STUDY, "me") == 3
    assert full.index.counts().instances == 0
    assert deeds(full) == [("deleted", set(KEYS), "me", "")]
    (entry,) = ledger.read(full.storage)

    assert purge(full, entry.at + 23 * 3600) == 0
    assert there(full) == set(KEYS)
    assert purge(full, entry.at + 25 * 3600) == 3
    assert there(full) == set()
    assert deeds(full)[1:] == [("purged", set(KEYS), "purge", "")]
    assert purge(full, entry.at + 26 * 3600) == 0
    assert len(deeds(full)) == 2


def test_what_was_made_of_a_blob_goes_with_it(make_archive: Make, store: Store):
    archive = make_archive()
    archive = Archive(
        archive.index, archive.storage, archive.settings, derived=MemoryDerived(1 << 20)
    )
    for data in SLICES:
        store(archive, data)
    for key in KEYS:
        archive.derived.get_or_make(key, "thumbnail", lambda: b"small", kept=True)

    delete(archive, SECOND, "me")
    assert set(archive.derived.keys()) == set(KEYS)
    purge(archive, time.time() + 25 * 3600)

    assert set(archive.derived.keys()) == {KEYS[0], KEYS[2]}


def test_what_was_made_of_blobs_that_are_gone_is_swept(make_archive: Make, store: Store):
    archive = make_archive()
    archive = Archive(
        archive.index, archive.storage, archive.settings, derived=MemoryDerived(1 << 20)
    )
    store(archive, SLICES[0])
    for key in KEYS[:2]:
        archive.derived.get_or_make(key, "thumbnail", lambda: b"small", kept=True)

    sweep(archive)

    assert set(archive.derived.keys()) == {KEYS[0]}


def test_without_a_grace_the_bytes_go_at_once(make_archive: Make, store: Store):
    archive = make_archive(purge_grace=0.0)
    for data in SLICES:
        store(archive, data)

    assert delete(archive, SECOND, "me") == 1
    assert there(archive) == {KEYS[0], KEYS[2]}
    assert not archive.index.knows(KEYS[1])


def test_what_is_not_there_cannot_be_deleted(full: Archive):
    with pytest.raises(NotFound):
        delete(full, Selection("1.2.3"), "me")
    with pytest.raises(NotFound):
        reject(full, Selection("1.2.3"), CODE, "me")
    with pytest.raises(NotFound):
        restore(full, STUDY, "me")
    assert deeds(full) == []


def test_everything_at_once_is_never_meant(full: Archive):
    for verb in (delete, restore):
        with pytest.raises(Malformed):
            verb(full, Selection(), "me")
    with pytest.raises(Malformed):
        reject(full, Selection(), CODE, "me")
    assert full.index.counts().instances == 3


def test_what_is_rejected_hides_until_it_is_restored(full: Archive):
    assert reject(full, SECOND, CODE, "me") == 1
    assert full.index.counts().instances == 2
    assert there(full) == set(KEYS)

    assert restore(full, STUDY, "you") == 1
    assert full.index.counts().instances == 3
    assert deeds(full) == [
        ("rejected", {KEYS[1]}, "me", CODE),
        ("restored", {KEYS[1]}, "you", ""),
    ]


def test_what_was_rejected_is_kept_where_no_time_is_set(full: Archive):
    reject(full, STUDY, CODE, "me")

    assert purge(full, 1e12) == 0
    assert full.index.counts().rejected == 3


def test_what_was_rejected_long_ago_is_deleted_where_a_time_is_set(
    make_archive: Make, store: Store
):
    archive = make_archive(purge_rejected_after=30.0)
    for data in SLICES:
        store(archive, data)
    reject(archive, SECOND, CODE, "me")
    at = next(iter(ledger.read(archive.storage))).at

    assert purge(archive, at + 29 * 86400) == 0
    assert archive.index.counts().rejected == 1
    purge(archive, at + 31 * 86400)
    assert archive.index.counts().rejected == 0
    assert deeds(archive)[1] == ("deleted", {KEYS[1]}, "purge", "")
    assert there(archive) - {KEYS[1]} == {KEYS[0], KEYS[2]}


def test_many_blobs_are_purged_in_batches(
    make_archive: Make, store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("filmroom.core.delete.BATCH", 2)
    archive = make_archive(purge_grace=0.0)
    for data in SLICES:
        store(archive, data)
    delete(archive, STUDY, "me")

    assert there(archive) == set()
    purged = [keys for deed, keys, _, _ in deeds(archive) if deed == "purged"]
    assert [len(keys) for keys in purged] == [2, 1]
