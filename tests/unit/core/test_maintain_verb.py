"""Recovering, verifying and sweeping."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from filmroom.core import ledger
from filmroom.core.archive import Archive
from filmroom.core.delete import delete, reject
from filmroom.core.ledger import Deed, Entry
from filmroom.core.maintain import Checked, Problem, Recovered, recover, sweep, verify
from filmroom.core.store import receive
from filmroom.model.instance import InstanceRef
from filmroom.model.selection import Selection
from filmroom.model.stored import Stored
from filmroom.testing.objects import ct_slice, part10, uid

Store = Callable[..., Stored]
Make = Callable[..., Archive]

SLICES = [part10(ct_slice(instance=n)) for n in (1, 2, 3)]
KEYS = [sha256(data).hexdigest() for data in SLICES]
REFS = [InstanceRef(uid(1), uid(1, 1), uid(1, 1, n)) for n in (1, 2, 3)]
LITTER = sha256(b"litter").hexdigest()


@pytest.fixture
def full(archive: Archive, store: Store) -> Archive:
    """An archive of three slices."""
    for data in SLICES:
        store(archive, data)
    return archive


def path_of(archive: Archive, key: str) -> Path:
    return archive.settings.data / "blobs" / key[:2] / key[2:4] / key


def put_litter(archive: Archive, age: float = 0) -> None:
    """A blob without a row, some seconds old."""
    staged = archive.storage.stage()
    staged.write(b"litter")
    staged.commit()
    then = time.time() - age
    os.utime(path_of(archive, LITTER), (then, then))


def there(archive: Archive) -> set[str]:
    return {blob.key for blob in archive.storage.blobs()}


def wrong(archive: Archive, selection: Selection | None = None) -> list[Checked]:
    return [checked for checked in verify(archive, selection) if checked.problem]


def test_what_is_whole_is_found_whole(full: Archive):
    size = len(SLICES[0])

    assert sorted(verify(full), key=lambda checked: checked.ref) == [
        Checked(key, size, ref) for key, ref in zip(KEYS, REFS, strict=True)
    ]


def test_a_missing_blob_is_found(full: Archive):
    path_of(full, KEYS[1]).unlink()

    (checked,) = wrong(full)
    assert (checked.problem, checked.ref) == (Problem.MISSING, REFS[1])


def test_a_changed_byte_is_found_and_nothing_is_done_about_it(full: Archive):
    damaged = SLICES[1][:-1] + b"\xaa"
    path_of(full, KEYS[1]).write_bytes(damaged)

    (checked,) = wrong(full)
    assert (checked.problem, checked.ref) == (Problem.DAMAGED, REFS[1])
    assert path_of(full, KEYS[1]).read_bytes() == damaged


def test_a_blob_cut_short_is_found(full: Archive):
    path_of(full, KEYS[2]).write_bytes(SLICES[2][:100])

    (checked,) = wrong(full)
    assert checked.problem is Problem.DAMAGED
    assert checked.detail == f"100 bytes instead of {len(SLICES[2])}"


def test_a_blob_that_cannot_be_read_is_found(full: Archive):
    path_of(full, KEYS[0]).unlink()
    path_of(full, KEYS[0]).mkdir()

    (checked,) = wrong(full)
    assert checked.problem is Problem.DAMAGED
    assert "Is a directory" in checked.detail


def test_only_what_is_asked_for_is_verified(full: Archive):
    path_of(full, KEYS[0]).unlink()

    assert wrong(full, Selection(*(uid(1), uid(1, 1), uid(1, 1, 2)))) == []
    assert len(wrong(full, Selection(uid(1)))) == 1


def test_rejected_and_set_aside_instances_are_verified_too(full: Archive, store: Store):
    other = part10(ct_slice(instance=1, SeriesDescription="other"))
    store(full, other)
    reject(full, Selection(uid(1), uid(1, 1), uid(1, 1, 2)), "113001^DCM", "me")
    path_of(full, KEYS[1]).unlink()
    path_of(full, sha256(other).hexdigest()).unlink()

    assert [checked.ref for checked in wrong(full)] == [REFS[1], REFS[0]]


def test_a_blob_deleted_meanwhile_is_not_missing(full: Archive, make_archive: Make):
    full = make_archive_sharing(full, purge_grace=0.0)
    looked = verify(full)
    first = next(looked)
    delete(full, Selection(uid(1)), "me")

    assert first.problem is None
    assert [checked.problem for checked in looked if checked.problem] == []


def make_archive_sharing(archive: Archive, **settings: object) -> Archive:
    """The same index and storage under other settings."""
    return Archive(archive.index, archive.storage, archive.settings.model_copy(update=settings))


def test_an_old_blob_without_a_row_is_an_orphan_and_swept(full: Archive):
    put_litter(full, age=2 * 3600)

    (checked,) = wrong(full)
    assert checked == Checked(LITTER, 6, None, Problem.ORPHAN, "no row names it")
    assert sweep(full, dry_run=True).size == 6
    assert there(full) == {*KEYS, LITTER}
    assert [blob.key for blob in sweep(full).orphans] == [LITTER]
    assert there(full) == set(KEYS)
    assert wrong(full) == []


def test_a_young_blob_without_a_row_is_left_alone(full: Archive):
    put_litter(full, age=1800)

    assert sweep(full).orphans == ()
    assert wrong(full) == []
    assert there(full) == {*KEYS, LITTER}
    assert [blob.key for blob in sweep(full, time.time() + 3600).orphans] == [LITTER]


def test_no_known_blob_is_ever_swept(full: Archive, store: Store):
    store(full, part10(ct_slice(instance=1, SeriesDescription="put aside")))
    reject(full, Selection(uid(1), uid(1, 1), uid(1, 1, 2)), "113001^DCM", "me")
    delete(full, Selection(uid(1), uid(1, 1), uid(1, 1, 3)), "me")
    full = make_archive_sharing(full, purge_grace=1e6)
    before = there(full)

    assert len(before) == 4
    assert sweep(full, time.time() + 1e6).orphans == ()
    assert there(full) == before


def test_a_blob_that_a_store_claims_meanwhile_is_not_swept(
    full: Archive, monkeypatch: pytest.MonkeyPatch
):
    put_litter(full, age=7200)
    asked: list[str] = []

    def knows(key: str) -> bool:  # the row comes between the look and the removal
        asked.append(key)
        return key != LITTER or asked.count(LITTER) > 1

    monkeypatch.setattr(full.index, "knows", knows)

    assert sweep(full).orphans == ()
    assert LITTER in there(full)


def test_sweeping_finishes_what_is_due(full: Archive):
    delete(full, Selection(uid(1)), "me")
    due = time.time() + 25 * 3600

    assert sweep(full, due, dry_run=True).purged == 3
    assert sweep(full, due).purged == 3
    assert there(full) == set()


def test_what_reindex_could_not_read_is_spared_and_told(full: Archive):
    put_litter(full, age=7200)
    ledger.write(full.storage, Entry(Deed.SPARED, (LITTER,), time.time(), "reindex"))

    assert sweep(full).orphans == ()
    assert [checked.problem for checked in wrong(full)] == [Problem.UNREADABLE]


def test_start_up_discards_what_was_staged(full: Archive, tmp_path: Path):
    left = receive(full, "test")
    left.write(bytes(2 << 20))

    assert recover(full) == Recovered(staged=1, purged=0)
    assert list((tmp_path / "incoming").iterdir()) == []
    left.discard()


def test_start_up_finishes_what_is_due(full: Archive):
    full = make_archive_sharing(full, purge_grace=0.0)
    full.index.remove(Selection(uid(1)), "me")  # and then the power went

    assert recover(full) == Recovered(staged=0, purged=3)
    assert there(full) == set()


def test_start_up_writes_down_what_was_deleted_before_a_crash(full: Archive):
    full.index.remove(Selection(uid(1), uid(1, 1), uid(1, 1, 2)), "me")  # and no line
    recover(full)
    recover(full)

    (entry,) = ledger.read(full.storage)
    assert (entry.deed, entry.keys) == (Deed.DELETED, (KEYS[1],))
