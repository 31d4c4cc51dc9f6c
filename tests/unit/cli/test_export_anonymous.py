"""`export --anonymize`: files without identity, by other names; what may tell it is left out."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread

from filmroom.testing.objects import ct_slice, image, uid

IMPLICIT = "1.2.840.10008.1.2"


@pytest.fixture
def stored(filmroom, files) -> Path:
    """A study of three instances, one of which is a picture of a screen."""
    folder = files(ct_slice(1, 1, 1), ct_slice(1, 1, 2), image(1, 2, 1))
    assert filmroom("import", folder).status == 0
    return folder


@pytest.mark.parametrize("name", ["out", "out.zip"])
@pytest.mark.parametrize("options", [(), ("--transfer-syntax", "implicit")])
def test_files_tell_nothing(
    filmroom, stored: Path, tmp_path: Path, name: str, options: tuple[str, ...]
) -> None:
    ended = filmroom("export", uid(1), tmp_path / name, "--anonymize", *options)

    assert ended.status == 0
    assert "Wrote 2 instances (" in ended.err
    assert "Left out, since they may tell whose they are: 1 instance." in ended.err
    written = contents(tmp_path / name)
    assert len(written) == 2
    for path, data in written.items():
        assert uid(1) not in path
        assert b"Patient1" not in data
        assert uid(1).encode() not in data
        read = dcmread(io.BytesIO(data))
        assert read.PatientIdentityRemoved == "YES"
        assert path == f"{read.StudyInstanceUID}/{read.SeriesInstanceUID}/{read.SOPInstanceUID}.dcm"
        assert (read.file_meta.TransferSyntaxUID == IMPLICIT) == bool(options)


def contents(out: Path) -> dict[str, bytes]:
    """Files by their names, of a folder or a zip."""
    if out.is_dir():
        return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.dcm")}
    with zipfile.ZipFile(out) as file:
        return {name: file.read(name) for name in file.namelist()}
