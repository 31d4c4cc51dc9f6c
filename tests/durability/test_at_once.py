"""Several at once: the same instance stored twice, stored and erased, deleted and read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from objects_by_number import instance_bytes, ref_of

from filmroom.app import open_archive
from filmroom.core.archive import Archive
from filmroom.core.delete import delete
from filmroom.core.maintain import sweep, verify
from filmroom.core.store import receive
from filmroom.errors import NotFound, Refused
from filmroom.model.selection import Selection
from filmroom.model.stored import OnConflict, Outcome
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10, uid


def opened(data: Path, **settings: object) -> ExitStack:
    """Two archives over one folder, as two processes have them."""
    stack = ExitStack()
    chosen = Settings(data=data, disk_reserve=0, sweep_grace=0.0, **settings)
    stack.archives = [stack.enter_context(open_archive(chosen)) for _ in range(2)]
    return stack


@pytest.fixture(params=list(OnConflict))
def two(request: pytest.FixtureRequest, quick_path: Path) -> Iterator[list[Archive]]:
    with opened(quick_path, on_conflict=request.param) as stack:
        yield stack.archives


def store(archive: Archive, data: bytes) -> Outcome | str:
    try:
        with receive(archive, "test") as incoming:
            incoming.write(data)
            return incoming.finish().outcome
    except Refused as error:
        return error.reason.name


def is_clean(archive: Archive) -> bool:
    """Whether every row has its blob and every blob a row, after a sweep."""
    sweep(archive)
    return [one for one in verify(archive) if one.problem] == []


def test_two_processes_store_the_same_bytes(two: list[Archive]):
    for number in range(20):
        start = threading.Barrier(8, timeout=20)

        def send(n: int, number: int = number, start: threading.Barrier = start) -> Outcome | str:
            start.wait()
            return store(two[n % 2], instance_bytes(number))

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(send, range(8)))
        assert sorted(outcomes) == [Outcome.NEW, *[Outcome.SAME] * 7]

    assert is_clean(two[0])
    assert two[0].index.counts().instances == 20


def test_two_processes_store_other_bytes_of_one_instance(two: list[Archive]):
    mode = two[0].settings.on_conflict
    versions = [part10(ct_slice(SeriesDescription=f"version {n}")) for n in range(8)]
    start = threading.Barrier(8, timeout=20)

    def send(n: int) -> Outcome | str:
        start.wait()
        return store(two[n % 2], versions[n])

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(send, range(8)))

    loser = {
        OnConflict.KEEP_FIRST: Outcome.KEPT_FIRST,
        OnConflict.REPLACE: Outcome.REPLACED,
        OnConflict.REFUSE: "DUPLICATE",
    }[mode]
    assert sorted(outcomes) == sorted([Outcome.NEW, *[loser] * 7])
    held = two[0].storage.read(two[0].index.select(Selection(uid(1)))[0].key)
    if mode is OnConflict.REPLACE:
        assert held in versions
    else:
        assert held == versions[outcomes.index(Outcome.NEW)]
    assert two[1].index.counts().instances == 1
    assert two[1].index.counts().aside == (7 if mode is OnConflict.KEEP_FIRST else 0)
    assert is_clean(two[1])


def test_one_process_stores_what_another_erases(quick_path: Path):
    with opened(quick_path, purge_grace=0.0) as stack:
        storing, erasing = stack.archives
        stop = threading.Event()

        def erase() -> None:
            ref = ref_of(1)
            while not stop.is_set():
                with suppress(NotFound):
                    delete(erasing, Selection(ref.study), "test")

        def send() -> list[Outcome | str]:
            return [store(storing, instance_bytes(1)) for _ in range(60)]

        with ThreadPoolExecutor(4) as pool:
            eraser = pool.submit(erase)
            outcomes = [
                one for sent in [pool.submit(send) for _ in range(3)] for one in sent.result()
            ]
            stop.set()
            eraser.result()
        assert set(outcomes) <= {Outcome.NEW, Outcome.SAME}
        assert outcomes.count(Outcome.NEW) > 1
        assert store(storing, instance_bytes(1)) in (Outcome.NEW, Outcome.SAME)
        located = erasing.index.locate(ref_of(1))
        assert erasing.storage.read(located.key) == instance_bytes(1)
        assert is_clean(storing)


def test_who_reads_an_instance_that_another_erases_reads_it_to_its_end(quick_path: Path):
    with opened(quick_path, purge_grace=0.0) as stack:
        reading, erasing = stack.archives
        data = instance_bytes(1, size=1024)
        store(reading, data)
        located = reading.index.locate(ref_of(1))
        chunks = reading.storage.chunks(located.key, size=1 << 16)
        with reading.storage.view(located.key) as view:
            first = next(chunks)
            delete(erasing, Selection(located.ref.study), "test")

            assert first + b"".join(chunks) == data
            assert bytes(view) == data
        with pytest.raises(NotFound):
            reading.index.locate(located.ref)
        with pytest.raises(NotFound):
            reading.storage.read(located.key)
