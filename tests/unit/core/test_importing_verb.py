"""Importing files, folders and zips."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from filmroom.core.archive import Archive
from filmroom.core.importing import A_DIRECTORY, A_ZIP_WITHIN, NOT_DICOM, Imported, import_paths
from filmroom.errors import Full, Malformed, NotFound, Refused, TooLarge, Unsupported
from filmroom.model.stored import Outcome
from filmroom.testing.objects import ct_slice, part10

Make = Callable[..., Archive]

SLICES = [part10(ct_slice(instance=n)) for n in (1, 2, 3)]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def imported(archive: Archive, *paths: Path) -> dict[str, Imported]:
    """What became of each file, by the end of its name."""
    return {Path(one.name).name: one for one in import_paths(archive, paths)}


def zipped(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def staged(archive: Archive) -> list[Path]:
    return list((archive.settings.data / "incoming").iterdir())


def test_a_file_is_stored(archive: Archive, inbox: Path):
    file = inbox / "one.dcm"
    file.write_bytes(SLICES[0])
    (one,) = import_paths(archive, [file])

    assert one.name == str(file)
    assert one.size == len(SLICES[0])
    assert one.stored is not None
    assert one.stored.outcome is Outcome.NEW
    assert [change.source for change in archive.index.changes()] == ["import"]


def test_a_folder_is_gone_through_to_its_depth_in_order_of_names(archive: Archive, inbox: Path):
    for n, name in enumerate(["b/deep/2", "a/1", "c"]):
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_bytes(SLICES[n])

    assert [one.name for one in import_paths(archive, [inbox])] == [
        f"{inbox}/c",
        f"{inbox}/a/1",
        f"{inbox}/b/deep/2",
    ]
    assert archive.index.counts().instances == 3


def test_what_is_no_dicom_is_passed_over_and_what_is_bad_is_told(archive: Archive, inbox: Path):
    (inbox / "good").write_bytes(SLICES[0])
    (inbox / "empty").write_bytes(b"")
    (inbox / "notes.txt").write_text("hello")
    (inbox / "short").write_bytes(SLICES[1][:400])
    os.mkfifo(inbox / "pipe")
    (inbox / "gone").symlink_to(inbox / "nowhere")
    results = imported(archive, inbox)

    assert results["good"].stored is not None
    assert results["empty"].skipped == results["notes.txt"].skipped == NOT_DICOM
    assert isinstance(results["short"].error, Refused)
    assert results["pipe"].skipped == "no regular file"
    assert isinstance(results["gone"].error, NotFound)
    assert len(results) == 6
    assert staged(archive) == []


def test_a_path_that_is_not_there_is_told(archive: Archive, inbox: Path):
    (one,) = import_paths(archive, [inbox / "nowhere"])

    assert isinstance(one.error, NotFound)


def test_a_folder_that_holds_itself_by_a_link_ends(archive: Archive, inbox: Path):
    (inbox / "loop").symlink_to(inbox)
    (inbox / "one").write_bytes(SLICES[0])

    assert imported(archive, inbox)["one"].stored is not None


def test_a_dicomdir_is_passed_over(archive: Archive, inbox: Path):
    directory = (
        bytes(128)
        + b"DICM"
        + b"".join(
            struct.pack("<HH2sH", 2, element, b"UI", len(value)) + value
            for element, value in (
                (2, b"1.2.840.10008.1.3.10"),
                (3, b"1.2.3.4.5\0"),
                (16, b"1.2.840.10008.1.2.1\0"),
            )
        )
    )
    (inbox / "DICOMDIR").write_bytes(directory)

    assert imported(archive, inbox)["DICOMDIR"].skipped == A_DIRECTORY


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_is_opened(archive: Archive, inbox: Path, method: int):
    files = {"study/1.dcm": SLICES[0], "study/2.dcm": SLICES[1], "readme.txt": b"hello"}
    file = zipped(inbox / "study.zip", files, method)
    results = {one.name: one for one in import_paths(archive, [file])}

    assert list(results) == [f"{file}!/{name}" for name in files]
    assert archive.index.counts().instances == 2
    assert results[f"{file}!/readme.txt"].skipped == NOT_DICOM


def test_a_zip_is_known_by_its_bytes_and_a_dicom_file_by_its_own(archive: Archive, inbox: Path):
    zipped(inbox / "no ending", {"1": SLICES[0]})
    preamble = b"PK\x03\x04".ljust(128, b"\0")
    (inbox / "preamble.zip").write_bytes(preamble + SLICES[1][128:])
    results = imported(archive, inbox)

    assert results["1"].stored is not None
    assert results["preamble.zip"].stored is not None


def test_a_zip_within_a_zip_is_not_opened(archive: Archive, inbox: Path):
    inner = zipped(inbox / "inner.zip", {"1": SLICES[0]}).read_bytes()
    outer = zipped(inbox / "outer.zip", {"inner.zip": inner})

    assert imported(archive, outer)["inner.zip"].skipped == A_ZIP_WITHIN


@pytest.mark.parametrize("name", ["../1.dcm", "/1.dcm", "a/../../1.dcm", "..\\1.dcm", "C:\\1.dcm"])
def test_a_path_that_leads_out_of_a_zip_is_refused(archive: Archive, inbox: Path, name: str):
    (inbox / "before").mkdir()
    results = list(import_paths(archive, [zipped(inbox / "z", {name: SLICES[0], "2": SLICES[1]})]))

    assert isinstance(results[0].error, Malformed)
    assert results[1].stored is not None


def test_a_link_in_a_zip_is_refused(archive: Archive, inbox: Path):
    link = zipfile.ZipInfo("link.dcm")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(inbox / "z", "w") as file:
        file.writestr(link, "/etc/passwd")

    assert isinstance(imported(archive, inbox)["link.dcm"].error, Unsupported)


def test_an_encrypted_entry_is_refused(archive: Archive, inbox: Path):
    data = bytearray(zipped(inbox / "z", {"1": SLICES[0]}).read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (inbox / "z").write_bytes(data)

    assert isinstance(imported(archive, inbox)["1"].error, Unsupported)


def test_a_way_of_zipping_that_is_not_known_is_refused(archive: Archive, inbox: Path):
    data = bytearray(zipped(inbox / "z", {"1": SLICES[0]}).read_bytes())
    data[8] = 97
    data[data.index(b"PK\x01\x02") + 10] = 97
    (inbox / "z").write_bytes(data)

    assert isinstance(imported(archive, inbox)["1"].error, Unsupported)


def test_an_entry_that_inflates_too_much_is_refused_and_the_next_is_taken(
    archive: Archive, inbox: Path
):
    bomb = SLICES[0] + bytes(8 << 20)
    results = imported(archive, zipped(inbox / "z", {"bomb": bomb, "2": SLICES[1]}))

    assert isinstance(results["bomb"].error, TooLarge)
    assert "zip_ratio" in str(results["bomb"].error)
    assert results["2"].stored is not None
    assert staged(archive) == []


def test_a_zip_whose_files_together_are_too_large_is_refused_from_there(
    make_archive: Make, inbox: Path
):
    archive = make_archive(zip_size=len(SLICES[0]) + 10, store_writers=1)
    file = zipped(inbox / "z", {str(n): data for n, data in enumerate(SLICES)})
    results = list(import_paths(archive, [file]))

    assert results[0].stored is not None
    assert [type(one.error) for one in results[1:]] == [TooLarge, TooLarge]


def test_a_zip_of_too_many_files_is_refused_before_it_is_read(make_archive: Make, inbox: Path):
    archive = make_archive(zip_entries=2)
    file = zipped(inbox / "z", {str(n): data for n, data in enumerate(SLICES)})
    (one,) = import_paths(archive, [file])

    assert isinstance(one.error, TooLarge)
    assert "zip_entries" in str(one.error)


def test_a_zip_that_lies_about_how_many_files_it_has_is_refused(make_archive: Make, inbox: Path):
    archive = make_archive(zip_entries=2)
    data = bytearray(
        zipped(inbox / "z", {str(n): data for n, data in enumerate(SLICES)}).read_bytes()
    )
    end = data.rindex(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    (inbox / "z").write_bytes(data)
    (one,) = import_paths(archive, [inbox / "z"])

    assert isinstance(one.error, TooLarge)


def test_a_zip_that_claims_a_directory_of_gigabytes_is_refused(archive: Archive, inbox: Path):
    data = bytearray(zipped(inbox / "z", {"1": SLICES[0]}).read_bytes())
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = struct.pack("<L", 3 << 30)
    (inbox / "z").write_bytes(data)
    (one,) = import_paths(archive, [inbox / "z"])

    assert isinstance(one.error, TooLarge)


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_a_zip_cut_short_is_told(archive: Archive, inbox: Path, cut: float):
    data = zipped(inbox / "z", {"1": SLICES[0], "2": SLICES[1]}).read_bytes()
    (inbox / "z").write_bytes(data[: int(len(data) * cut)])
    (one,) = import_paths(archive, [inbox / "z"])

    assert isinstance(one.error, Malformed)
    assert staged(archive) == []


def test_a_damaged_entry_is_told_and_the_next_is_taken(archive: Archive, inbox: Path):
    file = zipped(inbox / "z", {"1": SLICES[0], "2": SLICES[1]}, zipfile.ZIP_STORED)
    data = bytearray(file.read_bytes())
    data[data.index(SLICES[0][-20:])] ^= 0xFF
    file.write_bytes(data)
    results = imported(archive, file)

    assert isinstance(results["1"].error, Malformed)
    assert results["2"].stored is not None


def test_a_zip_of_the_long_form_is_opened(archive: Archive, inbox: Path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file, file.open("1", "w", force_zip64=True) as entry:
        entry.write(SLICES[0])
    data = bytearray(buffer.getvalue())
    end = data.rindex(b"PK\x05\x06")
    count, size, start = 1, *struct.unpack_from("<LL", data, end + 12)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    (inbox / "z").write_bytes(data[:end] + record + locator + tail)

    assert imported(archive, inbox)["1"].stored is not None


def test_an_archive_without_room_says_so_of_each_file(make_archive: Make, inbox: Path):
    archive = make_archive(disk_reserve=1 << 60)
    for n, data in enumerate(SLICES):
        (inbox / str(n)).write_bytes(data)

    assert [type(one.error) for one in import_paths(archive, [inbox])] == [Full] * 3


def test_what_was_imported_before_the_asker_left_stays(archive: Archive, inbox: Path):
    for n in range(200):
        (inbox / f"{n:03}").write_bytes(part10(ct_slice(instance=n + 1)))
    results = import_paths(archive, [inbox])
    first = next(results)
    results.close()

    assert first.stored is not None
    assert 1 <= archive.index.counts().instances < 100
    assert staged(archive) == []
