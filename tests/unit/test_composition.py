"""Composition: backends by URL, the locks of a data folder, a new index in place of the old."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from filmroom.app import open_archive, rebuild
from filmroom.core.archive import Archive
from filmroom.core.store import receive
from filmroom.errors import Broken, Busy, Malformed, Unsupported
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10

ALL = {"studies": 1, "series": 1, "instances": 2}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "a folder" / "of data", disk_reserve=0)


@contextmanager
def another_process(settings: Settings, call: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has the archive open until it is left."""
    program = f"""
        import sys
        from filmroom.app import open_archive
        from filmroom.settings import Settings
        with open_archive(Settings(data={str(settings.data)!r}), {call}):
            print("open", flush=True)
            sys.stdin.read()
    """
    command = [sys.executable, "-c", textwrap.dedent(program)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
        process.kill()


def store_two(archive: Archive) -> None:
    for number in (1, 2):
        incoming = receive(archive, "test")
        incoming.write(part10(ct_slice(instance=number)))
        incoming.finish()


def counted(archive: Archive) -> dict[str, int]:
    counts = archive.index.counts()
    return {name: getattr(counts, name) for name in ALL}


def test_the_data_folder_is_made_and_what_is_stored_lasts(settings: Settings) -> None:
    with open_archive(settings) as archive:
        store_two(archive)
    with open_archive(settings, exclusive=True) as archive:
        assert counted(archive) == ALL


def test_backends_are_found_by_the_scheme_of_their_url(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, index="memory:", storage="memory:", disk_reserve=0)

    with open_archive(settings) as archive:
        store_two(archive)
        assert counted(archive) == ALL


@pytest.mark.parametrize("name", ["index", "storage"])
@pytest.mark.parametrize("url", ["nowhere://x", "nonsense"])
def test_a_url_of_no_backend_is_refused_in_one_line(tmp_path: Path, name: str, url: str) -> None:
    settings = Settings(data=tmp_path, **{name: url})

    with (
        pytest.raises(Malformed, match=rf"^setting {name}: '{url}' begins with none of \w+:, "),
        open_archive(settings),
    ):
        pass


def test_a_data_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = Settings(data=tmp_path / "file" / "data")

    with pytest.raises(Broken, match=r"^data folder .*: Not a directory$"), open_archive(settings):
        pass


def test_one_process_serves_a_data_folder_at_a_time(settings: Settings) -> None:
    with another_process(settings, "exclusive=True") as other:
        said = rf"is served or rebuilt by another process \({other.pid}\)$"
        with pytest.raises(Busy, match=said), open_archive(settings, exclusive=True):
            pass


def test_other_commands_work_beside_a_server(settings: Settings) -> None:
    with another_process(settings, "exclusive=True"), open_archive(settings) as archive:
        store_two(archive)
        assert counted(archive) == ALL


def test_a_killed_server_leaves_no_lock_behind(settings: Settings) -> None:
    with another_process(settings, "exclusive=True") as other:
        other.kill()
        other.wait()
    with open_archive(settings, exclusive=True) as archive:
        assert counted(archive)["studies"] == 0


def test_what_a_crash_left_staged_is_discarded_at_the_next_start(settings: Settings) -> None:
    with open_archive(settings):
        litter = settings.data / "incoming" / "left-behind"
        litter.write_bytes(b"half an instance")

    with open_archive(settings):
        assert litter.exists()  # only who has the archive alone may know it for litter
    with open_archive(settings, exclusive=True):
        assert not litter.exists()


def test_a_server_that_starts_beside_an_import_leaves_its_files_alone(settings: Settings) -> None:
    with open_archive(settings) as importing:
        staged = importing.storage.stage()
        staged.write(b"half an instance" * (1 << 17))
        with open_archive(settings, exclusive=True):
            assert len(list((settings.data / "incoming").iterdir())) == 1
        staged.discard()


def test_the_index_is_rebuilt_after_it_was_lost(settings: Settings) -> None:
    with open_archive(settings) as archive:
        store_two(archive)
    for file in settings.data.glob("index.sqlite3*"):
        file.unlink()

    seen = list(rebuild(settings))

    assert [one.problem for one in seen] == ["", ""]
    with open_archive(settings) as archive:
        assert counted(archive) == ALL
    assert list(settings.data.glob("*.rebuilding*")) == []


def test_the_index_is_rebuilt_after_its_file_was_damaged(settings: Settings) -> None:
    with open_archive(settings) as archive:
        store_two(archive)
    (settings.data / "index.sqlite3").write_bytes(b"not a database, " * 1000)
    with pytest.raises(Broken, match="filmroom reindex"), open_archive(settings):
        pass

    assert len(list(rebuild(settings))) == 2
    with open_archive(settings) as archive:
        assert counted(archive) == ALL


def test_a_rebuilding_that_was_broken_off_leaves_the_old_index(settings: Settings) -> None:
    with open_archive(settings) as archive:
        store_two(archive)

    half = rebuild(settings)
    next(half)
    half.close()  # type: ignore[attr-defined]

    with open_archive(settings) as archive:
        assert counted(archive) == ALL
    assert len(list(rebuild(settings))) == 2


def test_nothing_is_rebuilt_while_somebody_has_the_archive_open(settings: Settings) -> None:
    with (
        open_archive(settings),
        pytest.raises(Busy, match=r"is open in another filmroom command"),
    ):
        list(rebuild(settings))


def test_only_an_sqlite_index_can_be_rebuilt(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"^an index of this kind cannot be rebuilt: memory:$"):
        list(rebuild(Settings(data=tmp_path, index="memory:")))
