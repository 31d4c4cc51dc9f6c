from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from filmroom.errors import Full, Undecodable
from filmroom.storage import room
from filmroom.storage.derived import LocalDerived
from filmroom.testing.derived_suite import KEY, OTHER, SIZE, DerivedSuite, never


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "derived"


@pytest.fixture
def derived(root: Path) -> LocalDerived:
    return LocalDerived(root, SIZE)


class TestLocalDerived(DerivedSuite):
    @pytest.fixture
    def derived(self, root: Path) -> LocalDerived:
        return LocalDerived(root, SIZE)


def files(root: Path, place: str = "frames") -> list[Path]:
    """All files of a place."""
    return sorted(path for path in (root / place).rglob("*") if path.is_file())


def wait_until(true: Callable[[], object], seconds: float = 10) -> None:
    """Until something is so; fails when it never is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def cut(data: bytes) -> bytes:
    return data[:-1]


def emptied(data: bytes) -> bytes:
    return b""


def zeroed(data: bytes) -> bytes:
    return bytes(len(data))


def changed(data: bytes) -> bytes:
    return data[:5] + b"?" + data[6:]


def without_middle(data: bytes) -> bytes:
    return data[:5] + data[9:]


@pytest.mark.parametrize("harm", [cut, emptied, zeroed, changed, without_middle])
def test_what_a_power_cut_left_half_written_is_never_given(
    derived: LocalDerived, root: Path, harm: Callable[[bytes], bytes]
) -> None:
    derived.get_or_make(KEY, "a", lambda: b"0123456789")
    (file,) = files(root)
    file.write_bytes(harm(file.read_bytes()))

    assert derived.find(KEY, "a") is None
    assert derived.get_or_make(KEY, "a", lambda: b"again") == b"again"
    assert derived.find(KEY, "a") == b"again"


@pytest.mark.parametrize("harm", [cut, emptied, zeroed, without_middle])
def test_a_large_file_that_is_not_whole_is_made_again(
    derived: LocalDerived, root: Path, harm: Callable[[bytes], bytes]
) -> None:
    derived.file_or_make(KEY, "a", lambda file: file.write(b"0123456789"))
    (file,) = files(root)
    file.write_bytes(harm(file.read_bytes()))

    again = derived.file_or_make(KEY, "a", lambda out: out.write(b"again"))

    assert b"".join(again.chunks()) == b"again"


def test_what_another_process_made_is_found(derived: LocalDerived, root: Path) -> None:
    derived.get_or_make(KEY, "a", lambda: b"made")

    assert LocalDerived(root, SIZE).get_or_make(KEY, "a", never) == b"made"


MAKER = """
import sys, time
from pathlib import Path
from filmroom.storage.derived import LocalDerived
from filmroom.testing.derived_suite import KEY, SIZE
root, log = map(Path, sys.argv[1:])
def make():
    with log.open("a") as file: file.write("made\\n")
    time.sleep(0.5)
    return b"made"
print("ready", flush=True)
sys.stdin.readline()
assert LocalDerived(root, SIZE).get_or_make(KEY, "a", make) == b"made"
"""


def test_several_processes_make_it_once(root: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKER, str(root), str(tmp_path / "log")]
    makers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for maker in makers:
        assert maker.stdout is not None
        assert maker.stdout.readline() == "ready\n"
    for maker in makers:
        maker.communicate("go\n", timeout=30)

    assert [maker.returncode for maker in makers] == [0, 0, 0]
    assert (tmp_path / "log").read_text() == "made\n"


def test_who_dies_while_making_is_taken_over_from(derived: LocalDerived, root: Path) -> None:
    dying = (
        "import os, sys; from pathlib import Path; from filmroom.storage.derived import *;"
        "from filmroom.testing.derived_suite import *;"
        "d = LocalDerived(Path(sys.argv[1]), SIZE);"
        "d.file_or_make(KEY, 'a', lambda file: file.write(b'half' * 999999) and os._exit(9))"
    )
    died = subprocess.run([sys.executable, "-c", dying, str(root)])
    assert died.returncode == 9
    assert len(files(root, "making")) == 1

    file = derived.file_or_make(KEY, "a", lambda out: out.write(b"whole"))

    assert b"".join(file.chunks()) == b"whole"
    assert files(root, "making") == []


def test_litter_of_a_crash_goes_and_what_is_under_way_stays(
    derived: LocalDerived, root: Path
) -> None:
    (root / "making" / "0123").write_bytes(b"left")
    (root / "making" / "forgotten").mkdir()
    (root / "making" / "forgotten" / "one").write_bytes(b"left")

    def make() -> bytes:
        derived.trim()
        assert len(files(root, "making")) == 1
        return b"made"

    derived.get_or_make(KEY, "a", make)

    assert list((root / "making").iterdir()) == []
    assert derived.find(KEY, "a") == b"made"


def test_the_bound_holds_among_threads_that_never_wait_for_room(root: Path) -> None:
    keepers = [LocalDerived(root, SIZE), LocalDerived(root, SIZE)]
    random = Random(3)  # noqa: S311 - for tests
    sizes = [random.randrange(SIZE // 100) for _ in range(1000)]
    most = 0

    def make(number: int) -> None:
        nonlocal most
        data = keepers[number % 2].get_or_make(KEY, str(number), lambda: bytes(sizes[number]))
        assert len(data) == sizes[number]
        if not number % 10:
            most = max(most, taken(root))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(1000)))

    assert SIZE / 4 < most <= SIZE
    wait_until(lambda: not keepers[0]._room._evicting.locked())


def taken(root: Path) -> int:
    """Bytes of the files that are there just now."""
    size = 0
    for folder, _, names in os.walk(root / "frames"):
        for name in names:
            with suppress(FileNotFoundError):
                size += os.stat(f"{folder}/{name}").st_size
    return size


def test_what_was_used_last_stays(derived: LocalDerived, root: Path) -> None:
    data = bytes(SIZE // 16)
    places = {}
    for number in range(13):
        derived.get_or_make(KEY, str(number), lambda: data)
        (places[number],) = set(files(root)) - set(places.values())
        os.utime(places[number], (0, 1000 + number))
    assert derived.find(KEY, "2") == data  # its use is noted

    derived.get_or_make(KEY, "more", lambda: data)

    gone = [0, 1, 3]
    wait_until(lambda: not any(places[number].exists() for number in gone))
    assert all(places[number].exists() for number in places if number not in gone)


def test_a_wrong_count_is_put_right(derived: LocalDerived, root: Path) -> None:
    (root / "used").write_bytes((10 * SIZE).to_bytes(8, "little"))
    assert derived.get_or_make(KEY, "a", lambda: b"made") == b"made"
    wait_until(lambda: int.from_bytes((root / "used").read_bytes(), "little") < SIZE)

    derived.get_or_make(KEY, "b", lambda: b"made")

    assert derived.find(KEY, "b") == b"made"


def test_forgetting_gives_the_room_back(derived: LocalDerived, root: Path) -> None:
    derived.get_or_make(KEY, "a", lambda: bytes(100_000))
    derived.get_or_make(OTHER, "a", lambda: bytes(50_000))
    derived.forget(KEY)

    assert int.from_bytes((root / "used").read_bytes(), "little") == 53_248


def test_a_disk_without_room_to_spare_keeps_nothing_more(root: Path) -> None:
    derived = LocalDerived(root, SIZE, reserve=1 << 60)

    assert derived.get_or_make(KEY, "a", lambda: b"made") == b"made"
    assert derived.get_or_make(KEY, "b", lambda: b"made", kept=True) == b"made"
    assert files(root) == files(root, "kept") == []
    with pytest.raises(Full):
        derived.file_or_make(KEY, "a", lambda file: file.write(b"made"))


def test_frames_give_way_when_stores_need_the_disk(
    derived: LocalDerived, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        derived.get_or_make(KEY, str(number), lambda: bytes(10_000))
    monkeypatch.setattr(room.Room, "_missing", lambda self: 20_000)

    derived.trim()

    assert len(files(root)) == 6


def test_a_cache_of_no_size_keeps_thumbnails_only(root: Path) -> None:
    derived = LocalDerived(root, 0)
    derived.get_or_make(KEY, "a", lambda: b"made")
    derived.get_or_make(KEY, "b", lambda: b"made", kept=True)

    assert derived.find(KEY, "a") is None
    assert derived.find(KEY, "b") == b"made"


def test_a_folder_that_cannot_be_written_is_done_without(derived: LocalDerived, root: Path) -> None:
    (root / "making").rmdir()
    (root / "making").write_text("no folder")

    assert derived.get_or_make(KEY, "a", lambda: b"made") == b"made"
    assert derived.find(KEY, "a") is None
    with pytest.raises(Undecodable):
        derived.get_or_make(KEY, "b", _undecodable)
    with pytest.raises(Full):
        derived.file_or_make(KEY, "a", lambda file: None)


def _undecodable() -> bytes:
    raise Undecodable("broken")
