"""The index file is lost: from the blobs and the ledger alone comes one that answers the same."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from filmroom.app import open_archive, rebuild
from filmroom.core.archive import Archive
from filmroom.core.delete import delete, purge, reject, restore
from filmroom.core.store import receive
from filmroom.dicom.levels import Level
from filmroom.errors import NotFound
from filmroom.model.query import Query
from filmroom.model.selection import Selection
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10, pdf, report, uid

CODE = "113001^DCM"


def store(archive: Archive, data: bytes) -> None:
    with receive(archive, "test") as incoming:
        incoming.write(data)
        incoming.finish()


def history(archive: Archive) -> None:
    """Much of what can happen to an archive, some of it at once."""
    slices = [
        part10(
            ct_slice(
                study=study,
                series=series,
                instance=n,
                StudyDescription=f"described {n % 3} ways",
                PatientName=f"Name^{n % 2}",
            )
        )
        for study in (1, 2, 3)
        for series in (1, 2)
        for n in range(1, 9)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda data: store(archive, data), slices))
    store(archive, part10(report(study=1)))
    store(archive, part10(pdf(study=2)))
    store(archive, part10(ct_slice(study=1, instance=1, SeriesDescription="put aside")))
    reject(archive, Selection(uid(1), uid(1, 2)), CODE, "test")
    restore(archive, Selection(uid(1), uid(1, 2), uid(1, 2, 3)), "test")
    delete(archive, Selection(uid(2), uid(2, 1)), "test")
    store(archive, slices[16])  # of the series that was just deleted
    delete(archive, Selection(uid(3)), "test")
    purge(archive, 1e12)
    store(archive, slices[32])  # of the study that was just purged


def answers(archive: Archive) -> dict[str, object]:
    """All that the archive says of what it holds."""
    index = archive.index
    everything = {
        str(level): index.find(Query(level=level, include_all=True, limit=1000)).matches
        for level in (Level.STUDY, Level.SERIES, Level.IMAGE)
    }
    return everything | {
        "counts": index.counts(),
        "rejected": sorted((r.ref, r.code) for r in index.rejections()),
        "aside": [(a.ref, a.key, a.received) for a in index.asides()],
        "held": sorted(index.located(), key=lambda one: one.ref),
        "metadata": {study: texts(archive, study) for study in (1, 2, 3)},
    }


def texts(archive: Archive, study: int) -> list[dict]:
    """The metadata of a study, by instance."""
    try:
        kept = archive.index.metadata(Selection(uid(study)))
    except NotFound:
        return []
    text = zlib.decompress(b"".join(kept.pieces), wbits=-zlib.MAX_WBITS)
    assert (zlib.crc32(text), len(text)) == (kept.crc, kept.length)
    return sorted(orjson.loads(text), key=lambda one: one["00080018"]["Value"])


def lose(path: Path) -> None:
    for file in path.parent.glob(path.name + "*"):
        file.unlink()


def damage(path: Path) -> None:
    path.write_bytes(b"this was an index once" * 1000)


def leave(path: Path) -> None:
    assert path.exists()


@pytest.mark.parametrize("harm", [lose, damage, leave])
def test_the_rebuilt_index_answers_as_the_one_before(
    quick_path: Path, harm: Callable[[Path], None]
):
    settings = Settings(data=quick_path, disk_reserve=0)
    with open_archive(settings) as archive:
        history(archive)
        before = answers(archive)
    harm(quick_path / "index.sqlite3")
    problems = [done.problem for done in rebuild(settings) if done.problem]

    with open_archive(settings) as archive:
        assert answers(archive) == before
    assert problems == []
    assert before["counts"].instances == 21
    assert before["counts"].rejected == 7
    assert before["counts"].aside == 1
