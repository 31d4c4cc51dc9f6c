"""DCMTK's `echoscu`, `storescu` and `dcmsend` store into the archive, plain and over TLS."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import DATA_ROOT
from pydicom.dataset import Dataset

from dimse_door import Address, opened
from filmroom.core.archive import Archive
from filmroom.model.instance import InstanceRef
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10

TEST_FILES = Path(DATA_ROOT) / "test_files"
# One of pydicom's own files for each way to write pixel data that `storescu` has an option for.
FILES = {
    "-xi": "MR_small_implicit.dcm",
    "-xe": "MR_small.dcm",
    "-xb": "ExplVR_BigEnd.dcm",
    "-xy": "SC_rgb_jpeg_dcmtk.dcm",
    "-xs": "SC_rgb_jpeg_gdcm.dcm",
    "-xx": "JPEG-lossy.dcm",
    "-xv": "GDCMJ2K_TextGBR.dcm",
    "-xw": "JPEG2000.dcm",
    "-xt": "MR_small_jpeg_ls_lossless.dcm",
    "-xr": "SC_rgb_rle.dcm",
    "-xd": "image_dfl.dcm",
}
DEADLINE = 60.0  # seconds


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


def run(*command: str | Path, ok: bool = True) -> str:
    """What a tool says; it must succeed, or fail."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert (done.returncode == 0) is ok, done.stdout + done.stderr
    return done.stdout + done.stderr


def target(door: Address) -> list[str]:
    return ["-aec", "FILMROOM", door[0], str(door[1])]


def kept(archive: Archive, sent: Dataset) -> Dataset:
    """What the archive keeps of an instance."""
    ref = InstanceRef(sent.StudyInstanceUID, sent.SeriesInstanceUID, sent.SOPInstanceUID)
    return dcmread(BytesIO(archive.storage.read(archive.index.locate(ref).key)))


def test_echoscu_is_answered(door: Address) -> None:
    assert "Received Echo Response (Success)" in run("echoscu", "-v", *target(door))


@pytest.mark.parametrize(("option", "name"), FILES.items())
def test_pixels_of_every_coding_are_kept_as_storescu_sends_them(
    archive: Archive, door: Address, option: str, name: str
) -> None:
    path = TEST_FILES / name

    said = run("storescu", "-v", option, "-R", *target(door), path)

    assert "Received Store Response (Success)" in said
    sent = dcmread(path)
    found = kept(archive, sent)
    assert found.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
    assert found.PixelData == sent.PixelData


def test_dcmsend_sends_a_folder_as_it_is(archive: Archive, door: Address, tmp_path: Path) -> None:
    names = ("JPEG2000.dcm", "SC_rgb_rle.dcm", "MR_small.dcm", "image_dfl.dcm")
    for name in names:
        (tmp_path / name).write_bytes((TEST_FILES / name).read_bytes())
    for number in range(1, 41):
        (tmp_path / f"ct{number}.dcm").write_bytes(part10(ct_slice(7, 1, number)))

    report = tmp_path / "report.txt"
    run("dcmsend", *target(door), "+sd", tmp_path, "+crf", report, "--decompress-never")

    said = report.read_text()
    assert "with status SUCCESS" in said
    assert archive.index.counts().instances == 40 + len(names)
    for name in ("ct7.dcm", *names):
        sent = dcmread(tmp_path / name)
        assert kept(archive, sent).PixelData == sent.PixelData


def test_a_second_time_nothing_changes(archive: Archive, door: Address, tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    path.write_bytes(part10(ct_slice(1)))

    for _ in range(2):
        assert "Received Store Response (Success)" in run("storescu", "-v", *target(door), path)
    assert archive.index.counts().instances == 1


def test_storescu_is_told_what_is_wrong(door: Address, tmp_path: Path) -> None:
    path = tmp_path / "ct.dcm"
    path.write_bytes(part10(ct_slice(1, StudyInstanceUID="")))

    said = run("storescu", "-v", *target(door), path, ok=False)

    assert "there is no Study Instance UID" in run("storescu", "-d", *target(door), path, ok=False)
    assert "C000" in said or "CannotUnderstand" in said or "Cannot Understand" in said


@dataclass(frozen=True)
class Certificate:
    """A certificate that signs itself, and its key."""

    path: Path
    key: Path


def certificate(folder: Path, name: str) -> Certificate:
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    run(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-out", made.path, "-keyout", made.key),
    )
    return made


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("ours"), "archive")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("theirs"), "modality")


class TestTls:
    """With a certificate of the archive's own, and callers that must show theirs."""

    @pytest.fixture
    def settings(self, settings: Settings, ours: Certificate) -> Settings:
        update = {
            "dimse_tls": "required",
            "dimse_tls_certificate": str(ours.path),
            "dimse_tls_key": str(ours.key),
        }
        return settings.model_copy(update=update)

    def test_storescu_speaks_tls(
        self, archive: Archive, door: Address, ours: Certificate, tmp_path: Path
    ) -> None:
        path = tmp_path / "ct.dcm"
        path.write_bytes(part10(ct_slice(1, size=256)))

        said = run("storescu", "-v", "+tla", "+cf", ours.path, *target(door), path)

        assert "Received Store Response (Success)" in said
        sent = dcmread(path)
        assert kept(archive, sent).PixelData == sent.PixelData

    def test_who_speaks_no_tls_is_let_go(self, door: Address) -> None:
        run("echoscu", *target(door), ok=False)

    class TestAllowed:
        """Where callers may speak TLS."""

        @pytest.fixture
        def settings(self, settings: Settings) -> Settings:
            return settings.model_copy(update={"dimse_tls": "allowed"})

        def test_both_are_answered_on_one_port(self, door: Address, ours: Certificate) -> None:
            run("echoscu", "+tla", "+cf", ours.path, *target(door))
            run("echoscu", *target(door))

    class TestCallersCertificates:
        """Where callers must have a certificate of some authority's."""

        @pytest.fixture
        def settings(self, settings: Settings, theirs: Certificate) -> Settings:
            return settings.model_copy(update={"dimse_tls_callers": str(theirs.path)})

        def test_only_who_shows_one_comes_in(
            self, door: Address, ours: Certificate, theirs: Certificate
        ) -> None:
            known = ["+tls", theirs.key, theirs.path, "+cf", ours.path]
            run("echoscu", *known, *target(door))
            stranger = ["+tls", ours.key, ours.path, "+cf", ours.path]
            run("echoscu", *stranger, *target(door), ok=False)
            run("echoscu", "+tla", "+cf", ours.path, *target(door), ok=False)
