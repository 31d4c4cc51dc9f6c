"""`import`, `find`, `export`, `delete`, `verify`, `sweep`, `reindex` on a real archive."""

from __future__ import annotations

import io
import json
import os
import time
import zipfile
from pathlib import Path

import imagecodecs
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian

from filmroom.cli.find import dates
from filmroom.testing.objects import MP4_HIGH, ct_slice, header, part10, report, uid, video

JLS = "1.2.840.10008.1.2.4.80"


@pytest.fixture
def stored(filmroom, files) -> Path:
    """Two studies: one of two series with 2 + 1 instances, one of a single instance."""
    folder = files(
        ct_slice(1, 1, 1),
        ct_slice(1, 1, 2),
        ct_slice(1, 2, 1),
        ct_slice(2, 1, 1, StudyDate="20230501", PatientName="Andere^Person"),
    )
    assert filmroom("import", folder).status == 0
    return folder


def lines(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


def test_import_says_what_became_of_everything(filmroom, files) -> None:
    folder = files(ct_slice(1, 1, 1), ct_slice(1, 1, 2))
    (folder / "notes.txt").write_text("no image")

    ended = filmroom("import", folder)

    assert ended.status == 0
    assert ended.out == ""
    assert ended.err.splitlines()[0].startswith("Stored 2 instances (")
    assert ended.err.splitlines()[1:] == ["Passed over 1 file: no DICOM file."]


def test_importing_again_changes_nothing(filmroom, stored: Path) -> None:
    ended = filmroom("import", stored)

    assert ended.status == 0
    assert "  4 there already" in ended.err.splitlines()
    assert len(lines(filmroom("find").out)) == 2


def test_import_names_what_is_refused_and_why_and_fails(filmroom, files) -> None:
    folder = files(ct_slice(1, 1, 1))
    (folder / "bad.dcm").write_bytes(part10(ct_slice(1, 1, 2))[:-40])

    ended = filmroom("import", folder)

    assert ended.status == 1
    refused = [line for line in ended.err.splitlines() if line.startswith("refused ")]
    assert len(refused) == 1
    assert refused[0].startswith(f"refused {folder}/bad.dcm: ")
    assert "Stored 1 instance (" in ended.err
    assert ended.err.splitlines()[-1] == "Refused 1 file."


def test_import_reads_zips(filmroom, tmp_path: Path) -> None:
    archive = tmp_path / "some.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("a/b.dcm", part10(ct_slice()))

    assert filmroom("import", archive).status == 0
    assert len(lines(filmroom("find", "--level", "instance").out)) == 1


def test_import_of_what_is_not_there_is_one_line(filmroom) -> None:
    ended = filmroom("import", "nowhere")

    assert (ended.status, ended.err) == (1, "filmroom: nowhere: no such file or folder\n")


def test_find_lists_studies_newest_first(filmroom, stored: Path) -> None:
    ended = filmroom("find")

    assert ended.status == 0
    assert lines(ended.out) == [
        ["Test^Patient1", "ID1", "20240115", "CT", "Study 1", "2", "3", uid(1)],
        ["Andere^Person", "ID2", "20230501", "CT", "Study 2", "1", "1", uid(2)],
    ]
    assert ended.err == ""


def test_find_takes_keys_as_the_web_does(filmroom, stored: Path) -> None:
    assert [row[7] for row in lines(filmroom("find", "PatientName=ander*").out)] == [uid(2)]
    assert [row[7] for row in lines(filmroom("find", "StudyDate=2024-").out)] == [uid(1)]
    assert [row[7] for row in lines(filmroom("find", "StudyDate=2023").out)] == [uid(2)]
    assert [row[7] for row in lines(filmroom("find", f"0020000D={uid(1)}").out)] == [uid(1)]
    by_name = filmroom("find", "PatientName=person andere", "--fuzzy")
    assert [row[7] for row in lines(by_name.out)] == [uid(2)]


def test_find_lists_series_and_instances(filmroom, stored: Path) -> None:
    series = filmroom("find", "--level", "series", f"StudyInstanceUID={uid(1)}")
    instances = filmroom("find", "--level", "instance", f"SeriesInstanceUID={uid(1, 1)}")

    assert lines(series.out) == [
        ["CT", "1", "Series 1", "2", uid(1), uid(1, 1)],
        ["CT", "2", "Series 2", "1", uid(1), uid(1, 2)],
    ]
    assert [row[4] for row in lines(instances.out)] == [uid(1, 1, 1), uid(1, 1, 2)]


def test_find_gives_dicom_json(filmroom, stored: Path) -> None:
    found = json.loads(filmroom("find", "--json", "PatientID=ID2").out)

    assert [match["0020000D"]["Value"] for match in found] == [[uid(2)]]


def test_find_says_when_there_is_more_and_when_there_is_nothing(filmroom, stored: Path) -> None:
    first = filmroom("find", "--limit", "1", "--order", "StudyDate")
    second = filmroom("find", "--limit", "1", "--offset", "1", "--order", "-StudyDate")

    assert [row[7] for row in lines(first.out)] == [uid(2)]
    assert first.err == "1 of 2; more with --limit or --offset.\n"
    assert [row[7] for row in lines(second.out)] == [uid(2)]
    assert filmroom("find", "PatientID=nobody").err == "No studies match.\n"


@pytest.mark.parametrize("wrong", ["PatientNme=x", "PatientName", "=x"])
def test_find_refuses_what_is_no_key(filmroom, wrong: str) -> None:
    ended = filmroom("find", wrong)

    assert ended.status == 1
    assert ended.err == (
        f"filmroom: {wrong!r} is not KEY=VALUE with the keyword or tag of an attribute\n"
    )


def test_find_does_not_hand_control_characters_to_the_terminal(filmroom, files) -> None:
    filmroom("import", files(ct_slice(StudyDescription="red \x1b[31m alert")))

    assert "red ?[31m alert" in filmroom("find").out


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024", "20240101-20241231"),
        ("2024-02", "20240201-20240229"),
        ("2023-02", "20230201-20230228"),
        ("2024-05-17", "20240517"),
        ("20240517", "20240517"),
        ("2024-", "20240101-"),
        ("-2024", "-20241231"),
        ("2024-2025", "20240101-20251231"),
        ("2024-05-2024-06", "20240501-20240630"),
        ("20240101-20241231", "20240101-20241231"),
        ("2024-99", "20249901-20249931"),
        ("-", "-"),
        ("", ""),
        ("soon", "soon"),
    ],
)
def test_dates_may_be_written_as_people_write_them(written: str, meant: str) -> None:
    assert dates(written) == meant


def test_export_gives_files_back_as_they_came(filmroom, stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    ended = filmroom("export", uid(1), out)

    assert ended.status == 0
    assert ended.err.startswith("Wrote 3 instances (")
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert names == [
        f"{uid(1)}/{uid(1, 1)}/{uid(1, 1, 1)}.dcm",
        f"{uid(1)}/{uid(1, 1)}/{uid(1, 1, 2)}.dcm",
        f"{uid(1)}/{uid(1, 2)}/{uid(1, 2, 1)}.dcm",
    ]
    assert (out / names[0]).read_bytes() == (stored / "0.dcm").read_bytes()


def test_export_of_a_series_or_an_instance_gives_only_that(filmroom, stored, tmp_path) -> None:
    filmroom("export", f"{uid(1)}/{uid(1, 1)}", tmp_path / "series")
    filmroom("export", f"{uid(1)}/{uid(1, 1)}/{uid(1, 1, 2)}", tmp_path / "instance")

    assert len(list((tmp_path / "series").rglob("*.dcm"))) == 2
    assert [path.stem for path in (tmp_path / "instance").rglob("*.dcm")] == [uid(1, 1, 2)]


def test_export_into_a_zip_is_the_same_each_time(filmroom, stored: Path, tmp_path: Path) -> None:
    assert filmroom("export", uid(1), tmp_path / "one.zip").status == 0
    assert filmroom("export", uid(1), tmp_path / "two.ZIP").status == 0

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.ZIP").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as zipped:
        assert zipped.testzip() is None
        assert len(zipped.namelist()) == 3


def test_export_overwrites_only_when_told_to(filmroom, stored: Path, tmp_path: Path) -> None:
    target = tmp_path / "one.zip"
    target.write_bytes(b"precious")

    refused = filmroom("export", uid(1), target)

    assert refused.status == 1
    assert refused.err == f"filmroom: {target} is there already; --force overwrites it\n"
    assert target.read_bytes() == b"precious"
    assert filmroom("export", uid(1), target, "--force").status == 0
    assert zipfile.is_zipfile(target)


def test_export_of_what_is_not_there_makes_nothing(filmroom, stored: Path, tmp_path: Path) -> None:
    ended = filmroom("export", "1.2.3", tmp_path / "out")

    assert ended.status == 1
    assert ended.err.count("\n") == 1
    assert "1.2.3" in ended.err
    assert not (tmp_path / "out").exists()


def a_blob(data: Path) -> Path:
    return next(path for path in (data / "blobs").rglob("*") if path.is_file())


def damage(path: Path) -> None:
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_export_does_not_hand_out_what_is_damaged(filmroom, files, data: Path, tmp_path) -> None:
    filmroom("import", files(ct_slice()))
    damage(a_blob(data))

    ended = filmroom("export", uid(1), tmp_path / "out.zip")

    assert ended.status == 1
    assert ended.err == f"filmroom: instance {uid(1, 1, 1)} is damaged: its bytes have changed\n"
    assert list(tmp_path.glob("out.zip*")) == []


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_export_in_another_transfer_syntax(filmroom, files, tmp_path: Path, name: str) -> None:
    ct = ct_slice(1, 1, 1)
    folder = files(ct, report())
    (folder / "video.dcm").write_bytes(video())
    assert filmroom("import", folder).status == 0

    ended = filmroom("export", uid(1), tmp_path / name, "--transfer-syntax", "JPEG-LS")

    assert ended.status == 0
    assert ended.err.splitlines()[-1] == ("As stored, since they cannot be coded anew: 1 instance.")
    if name == "out":
        paths = sorted((tmp_path / "out").rglob("*.dcm"))
        read = [dcmread(path) for path in paths]
    else:
        with zipfile.ZipFile(tmp_path / name) as archive:
            read = [dcmread(io.BytesIO(archive.read(each))) for each in archive.namelist()]
    syntaxes = {each.Modality: each.file_meta.TransferSyntaxUID for each in read}
    assert syntaxes == {"CT": JLS, "SR": ExplicitVRLittleEndian, "OT": MP4_HIGH}
    (coded,) = (each for each in read if each.Modality == "CT")
    (frame,) = generate_frames(coded.PixelData, number_of_frames=1)
    assert imagecodecs.jpegls_decode(frame).tobytes() == ct.PixelData


def test_exporting_in_the_stored_syntax_copies(filmroom, stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    ended = filmroom("export", uid(2), out, "--transfer-syntax", ExplicitVRLittleEndian)

    (file,) = out.rglob("*.dcm")
    assert ended.status == 0
    assert file.read_bytes() in [path.read_bytes() for path in stored.iterdir()]


@pytest.mark.parametrize("wrong", ["jpeg3000", "1.2.3", "1.2.840.10008.1.2.4.102"])
def test_export_in_a_syntax_that_cannot_be_written(
    filmroom, stored: Path, tmp_path: Path, wrong: str
) -> None:
    ended = filmroom("export", uid(1), tmp_path / "out", "--transfer-syntax", wrong)

    assert ended.status == 2
    assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_delete_asks_first(filmroom, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    refused = filmroom("delete", uid(1))
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    agreed = filmroom("delete", uid(1))

    assert refused.status == 1
    assert refused.err.endswith("Nothing deleted.\n")
    assert f"Delete 3 instances of study {uid(1)}?" in refused.err
    assert agreed.status == 0
    assert agreed.err.endswith("Deleted 3 instances.\n")
    assert [row[7] for row in lines(filmroom("find").out)] == [uid(2)]


def test_delete_without_anybody_to_ask_deletes_nothing(filmroom, stored, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert filmroom("delete", uid(1)).status == 1
    assert len(lines(filmroom("find").out)) == 2


def test_delete_takes_a_series_or_an_instance(filmroom, stored: Path) -> None:
    assert filmroom("delete", "--yes", f"{uid(1)}/{uid(1, 2)}").err == "Deleted 1 instance.\n"
    instance = f"{uid(1)}/{uid(1, 1)}/{uid(1, 1, 1)}"
    assert filmroom("delete", "--yes", instance).err == "Deleted 1 instance.\n"

    assert [row[5:7] for row in lines(filmroom("find", "PatientID=ID1").out)] == [["1", "1"]]


def test_delete_of_what_is_not_there_is_one_line(filmroom, stored: Path) -> None:
    ended = filmroom("delete", "--yes", "1.2.3")

    assert ended.status == 1
    assert ended.err.count("\n") == 1


def test_verify_finds_everything_as_it_was_stored(filmroom, stored: Path) -> None:
    ended = filmroom("verify")

    assert ended.status == 0
    assert ended.out == ""
    assert ended.err.startswith("4 objects (")


def test_verify_names_what_is_damaged_or_missing_and_fails(filmroom, files, data: Path) -> None:
    filmroom("import", files(ct_slice(1, 1, 1), ct_slice(1, 1, 2)))
    one, other = (path for path in (data / "blobs").rglob("*") if path.is_file())
    damage(one)
    other.unlink()

    ended = filmroom("verify")

    assert ended.status == 1
    assert sorted(row[0] for row in lines(ended.out)) == ["damaged", "missing"]
    assert {row[1] for row in lines(ended.out)} == {
        f"{uid(1)}/{uid(1, 1)}/{uid(1, 1, number)}" for number in (1, 2)
    }
    assert ended.err.splitlines()[-1] == "2 objects missing or damaged."


def test_sweep_takes_orphans_away_but_not_on_a_dry_run(filmroom, stored: Path, data: Path) -> None:
    key = "ab" * 32
    orphan = data / "blobs" / "ab" / "ab" / key
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"litter")
    long_ago = time.time() - 7200
    os.utime(orphan, (long_ago, long_ago))

    dry = filmroom("sweep", "--dry-run")
    assert dry.out == f"{key}\n"
    assert dry.err == "Would remove 1 orphan (6 bytes) and 0 deleted objects.\n"
    assert orphan.exists()

    done = filmroom("sweep")
    assert (done.status, done.out) == (0, f"{key}\n")
    assert done.err == "Removed 1 orphan (6 bytes) and 0 deleted objects.\n"
    assert not orphan.exists()
    assert filmroom("verify").status == 0


def test_reindex_finds_the_same_again(filmroom, stored: Path, data: Path) -> None:
    before = filmroom("find").out
    for file in data.glob("index.sqlite3*"):
        file.unlink()
    assert filmroom("find").out == ""

    ended = filmroom("reindex")

    assert ended.status == 0
    assert ended.err == "The new index holds 4 objects; 0 could not be read.\n"
    assert filmroom("find").out == before


def test_commands_write_no_name_into_the_log(filmroom, files, caplog) -> None:
    filmroom("import", files(header(PatientName="Secret^Name"), ct_slice(2)))

    assert "Secret" not in caplog.text
