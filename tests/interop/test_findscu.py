"""DCMTK's findscu and pynetdicom ask; each information model, each script (PS3.4 §C.4.1)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE

from dimse_door import Address, opened
from filmroom.testing.objects import uid
from search_archive import GERMAN, GREEK, JAPANESE, KOREAN, SHOWN, filled

FINDSCU = shutil.which("findscu")
STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    folder = tmp_path_factory.mktemp("findscu")
    with filled("sqlite", folder) as archive, opened(archive) as where:
        yield where


def ask(address: Address, folder: Path, *arguments: str) -> list[Dataset]:
    """What findscu finds; it writes each answer into a file."""
    if FINDSCU is None:
        pytest.skip("needs DCMTK")
    host, port = address
    options = ["--extract", "--output-directory", str(folder), "-aec", "FILMROOM"]
    questions = [one for one in arguments if one.endswith(".dcm")]  # they come last
    others = [one for one in arguments if one not in questions]
    command = [FINDSCU, *options, *others, host, str(port), *questions]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [pydicom.dcmread(path, force=True) for path in sorted(folder.glob("rsp*.dcm"))]


def identified(folder: Path, charset: str, **keys: str) -> str:
    """A file with an identifier, for what a command line cannot say."""
    asked = Dataset()
    asked.SpecificCharacterSet = charset.split("\\")
    asked.QueryRetrieveLevel = "STUDY"
    asked.StudyInstanceUID = ""
    for keyword, value in keys.items():
        setattr(asked, keyword, value)
    path = folder / "asked.dcm"
    pydicom.dcmwrite(path, asked, implicit_vr=False, little_endian=True)
    return str(path)


def key(*keys: str) -> list[str]:
    return [word for one in keys for word in ("-k", one)]


def test_studies_are_found_in_the_study_root(address: Address, tmp_path: Path) -> None:
    asked = key("QueryRetrieveLevel=STUDY", "StudyInstanceUID", "NumberOfStudyRelatedInstances")
    found = ask(address, tmp_path, "-S", *asked)
    assert {one.StudyInstanceUID for one in found} == {uid(number) for number in SHOWN}
    (german,) = (one for one in found if one.StudyInstanceUID == uid(GERMAN))
    assert german.NumberOfStudyRelatedInstances == 5
    assert german.RetrieveAETitle == "FILMROOM"


@pytest.mark.parametrize("model", ["-P", "-O"])
def test_patients_and_their_studies_are_found(address: Address, tmp_path: Path, model: str) -> None:
    (patient,) = ask(
        address,
        tmp_path,
        model,
        *key("QueryRetrieveLevel=PATIENT", "PatientID=MRN-002", "NumberOfPatientRelatedStudies"),
    )
    assert patient.NumberOfPatientRelatedStudies == 1
    (study,) = ask(
        address,
        tmp_path,
        model,
        *key("QueryRetrieveLevel=STUDY", "PatientID=MRN-002", "StudyInstanceUID"),
    )
    assert study.StudyInstanceUID == uid(JAPANESE)


def test_series_and_instances_are_found(address: Address, tmp_path: Path) -> None:
    study = f"StudyInstanceUID={uid(GERMAN)}"
    series, images = tmp_path / "series", tmp_path / "images"
    series.mkdir()
    images.mkdir()
    asked = key("QueryRetrieveLevel=SERIES", study, "SeriesInstanceUID", "Modality=CT")
    assert {one.SeriesInstanceUID for one in ask(address, series, "-S", *asked)} == {
        uid(GERMAN, 1),
        uid(GERMAN, 2),
    }
    within = f"SeriesInstanceUID={uid(GERMAN, 1)}"
    asked = key("QueryRetrieveLevel=IMAGE", study, within, "SOPInstanceUID", "InstanceNumber=9")
    assert [one.SOPInstanceUID for one in ask(address, images, "-S", *asked)] == [uid(GERMAN, 1, 9)]


NAMES = [
    ("ISO_IR 100", "Müller^J*", GERMAN),
    ("ISO_IR 192", "*山田^太郎*", JAPANESE),
    ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎", JAPANESE),
    ("\\ISO 2022 IR 149", "Hong^Gildong=洪^吉洞=홍^길동", KOREAN),
    ("ISO_IR 192", "홍*", KOREAN),
    ("ISO_IR 126", "Διονυσιος", GREEK),
]


@pytest.mark.parametrize(("charset", "name", "study"), NAMES)
def test_names_are_found_in_their_scripts(
    address: Address, tmp_path: Path, charset: str, name: str, study: int
) -> None:
    found = ask(address, tmp_path, "-S", identified(tmp_path, charset, PatientName=name))
    assert [one.StudyInstanceUID for one in found] == [uid(study)]
    whole = "".join(name.split("*"))
    assert whole.split("^")[0].split("=")[0] in str(found[0].PatientName)


def test_pynetdicom_finds_what_it_asks_for(address: Address) -> None:
    node = AE()
    node.add_requested_context(STUDY_ROOT)
    association = node.associate(*address, ae_title="FILMROOM")
    asked = Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.StudyInstanceUID = ""
    asked.ModalitiesInStudy = "CT"
    try:
        assert association.is_established
        answers = association.send_c_find(asked, STUDY_ROOT)
        told = [(status.Status, found) for status, found in answers]
    finally:
        association.release()
    assert [status for status, _ in told] == [0xFF00, 0xFF00, 0]
    assert {found.StudyInstanceUID for _, found in told if found} == {uid(1), uid(5)}
