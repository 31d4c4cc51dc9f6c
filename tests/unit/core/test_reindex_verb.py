"""Building the index anew from blobs and ledger."""

from __future__ import annotations

import contextlib
import os
import pickle
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filmroom.core import ledger
from filmroom.core.archive import Archive
from filmroom.core.delete import delete, purge, reject, restore
from filmroom.core.ledger import Deed, Entry
from filmroom.core.maintain import sweep
from filmroom.core.reindex import Arrival, plan, reindex
from filmroom.core.store import receive
from filmroom.dicom.levels import Level
from filmroom.errors import NotFound, Refused
from filmroom.index.memory import MemoryIndex
from filmroom.model.ports import Blob, InstanceIndex
from filmroom.model.query import Query
from filmroom.model.records import Record
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict, Stored
from filmroom.settings import Settings
from filmroom.storage.local import open_storage
from filmroom.testing.objects import ct_slice, part10, uid

Store = Callable[..., Stored]

CODE = "113001^DCM"


def rebuilt(archive: Archive, **more: object) -> MemoryIndex:
    """A new index of the archive's storage."""
    fresh = MemoryIndex()
    problems = [
        done.problem
        for done in reindex(archive.storage, archive.settings, fresh, **more)
        if done.problem
    ]
    assert problems == []
    return fresh


def state(index: InstanceIndex) -> dict[str, object]:
    """All that can be asked of an index and does not depend on when it was built."""
    found = {
        level: index.find(Query(level=level, include_all=True)).matches
        for level in (Level.STUDY, Level.SERIES, Level.IMAGE)
    }
    try:
        shown = index.select(Selection())
    except NotFound:
        shown = []
    # Of each series: in which order they come is that of what was first heard of them, and of
    # what is rejected the blobs do not tell.
    series = {(located.ref.study, located.ref.series) for located in shown}
    metadata = {one: index.metadata(Selection(*one)).crc for one in series}
    return {
        "found": found,
        "shown": shown,
        "metadata": metadata,
        "counts": index.counts(),
        "rejected": sorted((r.ref, r.code) for r in index.rejections()),
        "aside": sorted((a.ref, a.key) for a in index.asides()),
        "tombstones": sorted(index.tombstones(float("inf"))),
    }


def slices(count: int) -> list[bytes]:
    return [part10(ct_slice(instance=n)) for n in range(1, count + 1)]


def test_an_empty_storage_gives_an_empty_index(archive: Archive):
    assert rebuilt(archive).counts().instances == 0


def test_what_was_stored_is_there_again(archive: Archive, store: Store):
    for study in (1, 2):
        for instance in (1, 2, 3):
            store(archive, part10(ct_slice(study=study, instance=instance)))

    assert state(rebuilt(archive)) == state(archive.index)


def test_what_was_first_stays_first(archive: Archive, store: Store):
    for version in ("one", "two", "three"):
        store(archive, part10(ct_slice(SeriesDescription=version)))

    assert state(rebuilt(archive)) == state(archive.index)
    assert len(archive.index.asides()) == 2


def test_the_order_within_a_moment_is_taken_from_the_index_where_there_is_one(
    archive: Archive, store: Store, tmp_path: Path
):
    for data in slices(6):
        store(archive, data)
    for n, path in enumerate(sorted((tmp_path / "blobs").rglob("?" * 64))):
        os.utime(path, (1000 + n, 1000 + n))
    fresh = rebuilt(archive, previous=archive.index)

    assert [row.key for row in fresh.located()] == [row.key for row in archive.index.located()]


def test_deeds_are_done_again(archive: Archive, store: Store):
    for data in slices(5):
        store(archive, data)
    series = (uid(1), uid(1, 1))
    reject(archive, Selection(*series, uid(1, 1, 1)), CODE, "me")
    reject(archive, Selection(*series, uid(1, 1, 2)), CODE, "me")
    restore(archive, Selection(*series, uid(1, 1, 2)), "me")
    delete(archive, Selection(*series, uid(1, 1, 3)), "me")
    delete(archive, Selection(*series, uid(1, 1, 4)), "me")
    store(archive, slices(4)[3])

    fresh = rebuilt(archive)
    assert state(fresh) == state(archive.index)
    assert fresh.counts().instances == 3
    assert fresh.counts().rejected == 1


def test_what_was_purged_and_came_again_is_there(archive: Archive, store: Store):
    (data,) = slices(1)
    store(archive, data)
    delete(archive, Selection(uid(1)), "me")
    purge(archive, float("inf"))
    store(archive, data)

    assert rebuilt(archive).counts().instances == 1


def test_a_blob_that_cannot_be_read_is_told_and_spared(archive: Archive, store: Store):
    for data in slices(2):
        store(archive, data)
    litter = archive.storage.stage()
    litter.write(b"no DICOM")
    key = litter.commit()
    fresh = MemoryIndex()
    done = list(reindex(archive.storage, archive.settings, fresh))

    assert [(one.key, one.ref) for one in done if one.problem] == [(key, None)]
    assert fresh.counts().instances == 2
    again = replace(archive, index=fresh)
    assert sweep(again, 1e12).orphans == ()
    assert archive.storage.exists(key)
    list(reindex(archive.storage, archive.settings, MemoryIndex()))
    assert [entry.deed for entry in ledger.read(archive.storage)] == [Deed.SPARED]


def test_large_blobs_are_mapped(archive: Archive, store: Store, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("filmroom.core.reindex.SMALL", 10)
    store(archive, slices(1)[0])

    assert state(rebuilt(archive)) == state(archive.index)


class Posted(ThreadPoolExecutor):
    """Hands work over as a pool of processes does."""

    def submit(self, work, /, *args):
        return super().submit(pickle.loads(pickle.dumps(work)), *args)  # noqa: S301


def test_other_processes_can_scan(archive: Archive, store: Store):
    for data in slices(4):
        store(archive, data)
    with Posted(2) as pool:
        fresh = rebuilt(archive, pool=pool)

    assert state(fresh) == state(archive.index)


def test_many_stores_at_once_are_found_the_same_way(archive: Archive, store: Store):
    versions = [
        part10(ct_slice(instance=n, PatientName=f"Name^{n % 3}", StudyDescription=f"{n}"))
        for n in range(1, 25)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: store(archive, data), versions))

    assert state(rebuilt(archive, previous=archive.index)) == state(archive.index)


def entry(deed: Deed, key: str, at: float, **more: object) -> Entry:
    return Entry(deed, (key,), at, "me", **more)


def planned(blobs: list[Blob], entries: list[Entry]) -> list[str]:
    """The plan, as words."""
    return [
        f"+{event.key}" if isinstance(event, Arrival) else f"{event.deed} {event.keys[0]}"
        for event in plan(blobs, entries)
    ]


K, L = "0" * 63 + "1", "0" * 63 + "2"


def test_a_clock_set_back_between_storing_and_rejecting_changes_nothing():
    assert planned([Blob(K, 1, 500.0)], [entry(Deed.REJECTED, K, 100.0)]) == [
        f"+{K}",
        f"rejected {K}",
    ]


def test_a_clock_set_back_between_deleting_and_storing_again_changes_nothing():
    lines = [
        entry(Deed.DELETED, K, 500.0),
        entry(Deed.PURGED, K, 501.0),
    ]

    assert planned([Blob(K, 1, 100.0)], lines)[-1] == f"+{K}"


def test_a_crash_while_purging_does_not_bring_back_what_was_deleted():
    assert planned([Blob(K, 1, 100.0)], [entry(Deed.DELETED, K, 500.0)]) == [
        f"+{K}",
        f"deleted {K}",
    ]


def test_what_came_again_after_a_purge_that_was_not_written_down_is_there():
    assert planned([Blob(K, 1, 600.0)], [entry(Deed.DELETED, K, 500.0)])[-1] == f"+{K}"


def test_what_lost_is_put_in_after_what_won_whatever_their_times_say():
    lines = [entry(Deed.KEPT_FIRST, L, 500.0, fresh=True)]

    assert planned([Blob(L, 1, 99.0), Blob(K, 1, 100.0)], lines) == [f"+{K}", f"+{L}"]


def test_lines_about_blobs_that_are_gone_do_no_harm():
    lines = [entry(Deed.STORED, L, 500.0), entry(Deed.DELETED, L, 600.0)]

    assert planned([Blob(K, 1, 100.0)], lines) == [f"+{K}", f"deleted {L}"]


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("store"), st.integers(1, 2), st.integers(1, 2), st.integers(1, 3)),
        st.tuples(st.sampled_from(["delete", "reject", "restore"]), st.integers(1, 2)),
        st.tuples(st.just("delete study")),
        st.tuples(st.just("purge")),
    ),
    max_size=14,
)


@contextlib.contextmanager
def fresh_archive(mode: OnConflict) -> Iterator[Archive]:
    with tempfile.TemporaryDirectory() as folder:
        storage = open_storage(f"file://{folder}/blobs")
        yield Archive(MemoryIndex(), storage, Settings(data=Path(folder), on_conflict=mode))


VERSIONS = {
    (series, instance, version): part10(
        ct_slice(series=series, instance=instance, StudyDescription=f"version {version}")
    )
    for series in (1, 2)
    for instance in (1, 2)
    for version in (1, 2, 3)
}


def perform(archive: Archive, deed: tuple) -> None:
    match deed:
        case ("store", *numbers):
            with receive(archive, "test") as incoming:
                incoming.write(VERSIONS[tuple(numbers)])
                incoming.finish()
        case ("delete", series):
            delete(archive, Selection(uid(1), uid(1, series)), "test")
        case ("reject", series):
            reject(archive, Selection(uid(1), uid(1, series)), CODE, "test")
        case ("restore", series):
            restore(archive, Selection(uid(1), uid(1, series)), "test")
        case ("delete study",):
            delete(archive, Selection(uid(1)), "test")
        case ("purge",):
            purge(archive, float("inf"))


@pytest.mark.parametrize("mode", list(OnConflict))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=DEEDS)
def test_whatever_was_done_the_new_index_answers_as_the_old(mode: OnConflict, deeds: list[tuple]):
    with fresh_archive(mode) as archive:
        for deed in deeds:
            with contextlib.suppress(NotFound, Refused):
                perform(archive, deed)

        assert state(rebuilt(archive)) == state(archive.index)


def test_records_are_kept(archive: Archive) -> None:
    archive.records.put(Record("peer", "a", {"port": 104}))
    for number in range(1001):
        archive.records.put(Record("job", f"{number:04}", {"number": number}, "done", number))

    fresh = rebuilt(archive, previous=archive.index)

    assert fresh.records.get("peer", "a").value == {"port": 104}
    assert fresh.records.get("job", "1000") == replace(
        archive.records.get("job", "1000"), version=fresh.records.get("job", "1000").version
    )
    assert len(fresh.records.list("job", limit=2000)) == 1001
