"""Storing several instances together: one transaction, and an outcome for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from filmroom.core.archive import Archive
from filmroom.core.store import Incoming, finish_all, receive
from filmroom.errors import ArchiveError, Broken, FailureReason, Refused
from filmroom.model.ports import Staged
from filmroom.model.stored import OnConflict, Outcome, Stored
from filmroom.testing.objects import ct_slice, part10

Make = Callable[..., Archive]

ONE = part10(ct_slice())
OTHER = part10(ct_slice(SeriesDescription="other bytes"))
MORE = [part10(ct_slice(1, 1, number)) for number in (2, 3)]


def coming(archive: Archive, *contents: bytes) -> list[Incoming]:
    incomings = []
    for content in contents:
        incoming = receive(archive, "test")
        incoming.write(content)
        incomings.append(incoming)
    return incomings


def places(archive: Archive) -> int:
    """Free places among the writers; they are taken."""
    return sum(archive.writers.acquire(blocking=False) for _ in range(100))


def blobs(archive: Archive) -> set[str]:
    return {blob.key for blob in archive.storage.blobs()}


def keys(*contents: bytes) -> set[str]:
    return {sha256(content).hexdigest() for content in contents}


def test_each_has_its_own_outcome_in_their_order(make_archive: Make) -> None:
    archive = make_archive(on_conflict=OnConflict.REFUSE)
    incomings = coming(archive, MORE[0], ONE, b"no DICOM", ONE, OTHER, MORE[1])

    first, one, odd, again, other, last = finish_all(incomings)

    stored = [told for told in (first, one, again, last) if isinstance(told, Stored)]
    assert [told.outcome for told in stored] == [
        Outcome.NEW,
        Outcome.NEW,
        Outcome.SAME,
        Outcome.NEW,
    ]
    assert isinstance(odd, Refused)
    assert isinstance(other, Refused)
    assert other.reason is FailureReason.DUPLICATE
    assert blobs(archive) == keys(ONE, *MORE)
    assert archive.index.counts().instances == 3
    assert places(archive) == archive.settings.store_writers


def test_where_the_index_fails_none_is_acknowledged_and_no_place_is_lost(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def add_all(*_args: object) -> None:
        raise Broken("the index is closed")

    monkeypatch.setattr(archive.index, "add_all", add_all)

    told = finish_all(coming(archive, ONE, b"no DICOM", *MORE))

    assert [type(each) for each in told] == [Broken, Refused, Broken, Broken]
    assert blobs(archive) == keys(ONE, *MORE)  # litter, as after a crash
    assert not any(archive.index.knows(key) for key in blobs(archive))
    assert places(archive) == archive.settings.store_writers


def test_where_a_blob_cannot_be_kept_the_others_are(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    incomings = coming(archive, ONE, *MORE)

    commit_all = archive.storage.commit_all

    def commit(staged: Sequence[Staged]) -> list[str | ArchiveError]:
        first, last = commit_all([staged[0], staged[2]])
        return [first, Broken("EIO"), last]

    monkeypatch.setattr(type(archive.storage), "commit_all", lambda _, staged: commit(staged))

    told = finish_all(incomings)

    assert [type(each) for each in told] == [Stored, Broken, Stored]
    assert blobs(archive) == keys(ONE, MORE[1])
    assert places(archive) == archive.settings.store_writers
