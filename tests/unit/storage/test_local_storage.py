"""Blobs as files."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from filmroom.dicom.frames import Span
from filmroom.errors import Broken, Busy, Full, Malformed
from filmroom.storage import durable
from filmroom.storage import staged as staging
from filmroom.storage.local import LocalStorage, open_storage
from filmroom.testing.storage_suite import ABC_KEY, EMPTY_KEY, LARGE, StorageSuite, put

ABC_PATH = f"blobs/ba/78/{ABC_KEY}"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return open_storage(f"file://{tmp_path}/blobs")


class TestLocalStorage(StorageSuite):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> LocalStorage:
        return open_storage(f"file://{tmp_path}/blobs")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("url", ["blobs", "file://blobs", "s3://bucket/blobs", "file:blobs"])
def test_a_url_that_names_no_absolute_folder_is_refused(url: str):
    with pytest.raises(Malformed):
        open_storage(url)


def test_blobs_lie_two_folders_deep_and_staged_files_beside_them(
    tmp_path: Path, storage: LocalStorage
):
    staged = storage.stage()
    staged.write(b"abc")
    assert files(tmp_path) == set()
    staged.commit()
    assert files(tmp_path) == {ABC_PATH}

    large = storage.stage()
    large.write(bytes(LARGE))
    (name,) = files(tmp_path) - {ABC_PATH}
    assert name.startswith("incoming/")
    key = large.commit()
    assert files(tmp_path) == {ABC_PATH, f"blobs/{key[:2]}/{key[2:4]}/{key}"}


def test_a_root_of_another_name_keeps_everything_within(tmp_path: Path):
    storage = open_storage(f"file://{tmp_path}/store of 100%")
    put(storage, b"abc")
    storage.record(b"line")

    assert files(tmp_path) == {
        f"store of 100%/ba/78/{ABC_KEY}",
        "store of 100%/ledger.jsonl",
    }
    assert [blob.key for blob in storage.blobs()] == [ABC_KEY]


def test_what_is_not_a_blob_is_passed_over(tmp_path: Path, storage: LocalStorage):
    put(storage, b"abc")
    (tmp_path / "blobs/lost+found").mkdir()
    (tmp_path / "blobs/ba/78/README").write_text("not a blob")
    (tmp_path / "blobs/note").write_text("not a folder")

    assert [blob.key for blob in storage.blobs()] == [ABC_KEY]


def test_two_processes_share_a_folder(tmp_path: Path, storage: LocalStorage):
    other = open_storage(f"file://{tmp_path}/blobs")
    staged = storage.stage()
    staged.write(b"abc")
    put(other, b"abc")

    assert staged.commit() == ABC_KEY
    assert files(tmp_path) == {ABC_PATH}


def test_a_storage_that_cannot_be_made_says_so(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(Broken, match="storage at"):
        open_storage(f"file://{tmp_path}/file/blobs")


def test_a_dropped_reader_lets_go_of_its_file(storage: LocalStorage):
    put(storage, b"abc")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        storage.chunks(ABC_KEY)
        storage.stage()

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_damaged_blob_gives_way_to_the_right_bytes(tmp_path: Path, storage: LocalStorage):
    put(storage, b"abc")
    (tmp_path / ABC_PATH).write_bytes(b"a")
    put(storage, b"abc")

    assert storage.read(ABC_KEY) == b"abc"
    assert files(tmp_path) == {ABC_PATH}


class Calls:
    """The synchronisations that were made, by path, and whether one is to fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.synced: list[str] = []
        self.fail: dict[int, int] = {}
        real = os.fsync
        self.count = 0

        def fsync(fd: int) -> None:
            self.count += 1
            if self.count in self.fail:
                raise OSError(self.fail[self.count], os.strerror(self.fail[self.count]))
            self.synced.append(os.readlink(f"/proc/self/fd/{fd}"))
            real(fd)

        monkeypatch.setattr(os, "fsync", fsync)


@pytest.fixture
def calls(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


def test_the_file_and_every_new_directory_are_synchronised(
    tmp_path: Path, storage: LocalStorage, calls: Calls
):
    put(storage, b"abc")

    file, *directories = calls.synced
    assert file.startswith(f"{tmp_path}/incoming/")
    assert directories == [f"{tmp_path}/{name}" for name in ("blobs/ba/78", "blobs/ba", "blobs")]


def test_directories_that_are_known_to_last_are_not_synchronised_again(
    tmp_path: Path, storage: LocalStorage, calls: Calls
):
    put(storage, b"abc")
    calls.synced.clear()
    put(storage, b"abc")

    # the staged file, the blob that is there, and the directory that names it
    assert calls.synced[1:] == [f"{tmp_path}/{ABC_PATH}", f"{tmp_path}/blobs/ba/78"]


def test_directories_that_another_process_made_are_synchronised_once(
    tmp_path: Path, storage: LocalStorage, calls: Calls
):
    put(open_storage(f"file://{tmp_path}/blobs"), b"abc")
    calls.synced.clear()
    put(storage, b"abc")

    assert f"{tmp_path}/blobs" in calls.synced
    assert f"{tmp_path}/blobs/ba" in calls.synced


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.EIO, Broken), (errno.ENOSPC, Full), (errno.EDQUOT, Full), (errno.EMFILE, Busy)],
)
def test_a_file_that_cannot_be_synchronised_is_not_kept(
    tmp_path: Path, storage: LocalStorage, calls: Calls, number: int, error: type[Exception]
):
    calls.fail[1] = number
    with pytest.raises(error):
        put(storage, b"abc")

    assert files(tmp_path) == set()
    assert calls.count == 1  # never tried again


@pytest.mark.parametrize("nth", [2, 3, 4])
def test_a_directory_that_cannot_be_synchronised_leaves_litter_only(
    tmp_path: Path, storage: LocalStorage, calls: Calls, nth: int
):
    calls.fail[nth] = errno.EIO
    with pytest.raises(Broken):
        put(storage, b"abc")
    calls.fail.clear()

    assert files(tmp_path) == {ABC_PATH}
    calls.synced.clear()
    put(storage, b"abc")
    assert f"{tmp_path}/blobs/ba/78" in calls.synced


@pytest.mark.parametrize(("number", "error"), [(errno.ENOSPC, Full), (errno.EIO, Broken)])
def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path,
    storage: LocalStorage,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[Exception],
):
    staged = storage.stage()
    staged.write(bytes(LARGE))

    def write(_fd: int, _data: bytes) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(error):
        staged.write(b"def")

    assert files(tmp_path) == set()


def test_few_bytes_that_cannot_be_written_leave_nothing(
    tmp_path: Path, storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    def write(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    several = [storage.stage(), storage.stage()]
    several[0].write(b"abc")
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        (told, empty) = storage.commit_all(several)

    assert isinstance(told, Full)
    assert empty == EMPTY_KEY
    assert files(tmp_path) == {f"blobs/e3/b0/{EMPTY_KEY}"}


def test_the_disk_works_on_all_that_are_committed_together(
    tmp_path: Path, storage: LocalStorage, calls: Calls
):
    several = [storage.stage(), storage.stage()]
    for staged, data in zip(several, (b"abc", b"xyz"), strict=True):
        staged.write(data)
    calls.fail[2] = errno.EIO

    first, second = storage.commit_all(several)

    assert first == ABC_KEY
    assert isinstance(second, Broken)
    assert files(tmp_path) == {ABC_PATH}
    assert [Path(path).parts[-2] for path in calls.synced] == [
        "incoming",
        "ba",
        "blobs",
        Path(tmp_path).name,
    ]


def test_a_write_cut_short_goes_on(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch):
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:1]))

    assert put(storage, b"abc") == ABC_KEY
    assert storage.read(ABC_KEY) == b"abc"


def test_the_disk_begins_to_write_while_bytes_still_come(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    begun: list[tuple[int, int]] = []
    monkeypatch.setattr(
        staging, "start_write_back", lambda _fd, offset, count: begun.append((offset, count))
    )
    staged = storage.stage()
    for _ in range(9):
        staged.write(bytes(1 << 20))
    with staged.view():
        pass
    staged.discard()

    assert begun == [(0, 4 << 20), (4 << 20, 4 << 20), (8 << 20, 1 << 20)]


def test_the_hint_to_write_is_taken_by_this_system(tmp_path: Path):
    with (tmp_path / "file").open("wb", buffering=0) as file:
        file.write(b"abc")
        durable.start_write_back(file.fileno(), 0, 3)

    assert (tmp_path / "file").read_bytes() == b"abc"


def test_a_read_that_gives_less_at_once_goes_on(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    put(storage, b"abc")
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda fd, length, at: real(fd, min(length, 1), at))

    assert storage.read(ABC_KEY) == b"abc"
    assert storage.read(ABC_KEY, Span(1, 2)) == b"bc"


def test_a_blob_that_the_disk_cannot_read_is_the_archives_fault(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    put(storage, b"abc")

    def pread(_fd: int, _length: int, _at: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(Broken, match="Input/output error"):
        storage.read(ABC_KEY)
    with pytest.raises(Broken, match="Input/output error"):
        list(storage.chunks(ABC_KEY))


def test_a_torn_last_line_of_the_ledger_is_left_out_and_repaired(
    tmp_path: Path, storage: LocalStorage
):
    storage.record(b"one")
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(b"tor")

    assert list(storage.records()) == [b"one"]
    storage.record(b"two")
    assert (tmp_path / "ledger.jsonl").read_bytes() == b"one\ntwo\n"


def test_a_ledger_of_nothing_but_a_torn_line_begins_anew(tmp_path: Path, storage: LocalStorage):
    (tmp_path / "ledger.jsonl").write_bytes(b"t" * 200_000)
    storage.record(b"one")

    assert (tmp_path / "ledger.jsonl").read_bytes() == b"one\n"


def test_a_line_longer_than_a_block_is_kept_whole(tmp_path: Path, storage: LocalStorage):
    storage.record(b"l" * 200_000)
    with (tmp_path / "ledger.jsonl").open("ab") as file:
        file.write(b"torn")
    storage.record(b"two")

    assert [len(line) for line in storage.records()] == [200_000, 3]


def test_a_ledger_line_is_synchronised_and_so_is_the_new_files_name(
    tmp_path: Path, storage: LocalStorage, calls: Calls
):
    storage.record(b"one")
    storage.record(b"two")

    assert calls.synced == [
        f"{tmp_path}/ledger.jsonl",
        str(tmp_path),
        f"{tmp_path}/ledger.jsonl",
    ]


def test_a_ledger_line_that_does_not_last_is_not_there(
    tmp_path: Path, storage: LocalStorage, calls: Calls
):
    storage.record(b"one")
    calls.fail[3] = errno.EIO
    with pytest.raises(Broken):
        storage.record(b"two")

    assert list(storage.records()) == [b"one"]


def test_a_ledger_line_for_which_there_is_no_room_is_not_there(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
):
    storage.record(b"one")
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:1]))
    with pytest.raises(Full):
        storage.record(b"two")

    assert list(storage.records()) == [b"one"]
