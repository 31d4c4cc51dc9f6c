"""What the searches search: a few studies, put in by the front door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset

from filmroom.app import open_archive
from filmroom.core.archive import Archive
from filmroom.core.delete import reject
from filmroom.core.store import receive
from filmroom.model.selection import Selection
from filmroom.settings import Settings
from filmroom.testing.objects import CT_IMAGE, ct_slice, header, part10, report, uid

BACKENDS = ["memory", "sqlite"]
GERMAN, JAPANESE, KOREAN, GREEK, UNDATED = 1, 2, 3, 4, 5
REJECTED = 6
SHOWN = {GERMAN, JAPANESE, KOREAN, GREEK, UNDATED}


def request_attributes(step: str, procedure: str) -> list[Dataset]:
    """One item of the Request Attributes Sequence."""
    item = Dataset()
    item.ScheduledProcedureStepID, item.RequestedProcedureID = step, procedure
    return [item]


def german() -> Iterator[Dataset]:
    """A CT in two series, with a report that has no patient module."""
    study = {
        "PatientName": "Müller^Jürgen^^Dr.",
        "PatientID": "MRN-001",
        "PatientBirthDate": "19500229",
        "PatientSex": "M",
        "StudyDate": "20240115",
        "StudyTime": "101500",
        "StudyID": "S1",
        "StudyDescription": "KNEE, LEFT 100%",
        "AccessionNumber": "A1",
        "ReferringPhysicianName": "House^Gregory",
    }
    for number in (10, 9, 1):
        yield ct_slice(
            GERMAN,
            1,
            number,
            **study,
            SeriesDescription="Bone",
            BodyPartExamined="KNEE",
            PerformedProcedureStepStartDate="20240115",
            PerformedProcedureStepStartTime="101000",
            RequestAttributesSequence=request_attributes("SPS-1", "RP-1"),
        )
    yield ct_slice(GERMAN, 2, 1, **study, SeriesDescription="Soft tissue")
    yield report(GERMAN, 3, 1, StudyDate="20240115", StudyTime="101500", AccessionNumber="A1")


def others() -> Iterator[Dataset]:
    """Names in other scripts, and a study of which little is known."""
    yield header(
        JAPANESE,
        PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう",
        PatientID="MRN-002",
        StudyDate="20240220",
        StudyTime="093000.25",
        Modality="MR",
        AccessionNumber="A2",
    )
    yield header(
        KOREAN,
        PatientName="Hong^Gildong=洪^吉洞=홍^길동",
        PatientID="MRN-003",
        StudyDate="20240315",
        StudyTime="1015",
        Modality="US",
        AccessionNumber="A3",
        StudyDescription="a" * 64,
        RequestAttributesSequence=request_attributes("SPS-3", "RP-3"),
    )
    yield header(
        GREEK,
        PatientName="Διονυσιος",
        PatientID="mrn_004",
        StudyDate="20230101",
        StudyTime="235959",
        Modality="DX",
        AccessionNumber="ACME,Inc",
        StudyDescription="A_B",
    )
    yield header(
        UNDATED,
        PatientName="Muller-Meier^Anna",
        PatientID="MRN*005",
        StudyDate=None,
        StudyTime=None,
        AccessionNumber=None,
        StudyDescription=None,
        Modality="CT",
        SOPClassUID=CT_IMAGE,
    )
    yield header(REJECTED, PatientName="Müller^Hidden", PatientID="MRN-006", Modality="CT")


@contextmanager
def filled(backend: str, folder: Path) -> Iterator[Archive]:
    """An archive with all of it, one study rejected."""
    index = "memory:" if backend == "memory" else ""
    settings = Settings(data=folder, index=index, storage="memory:", disk_reserve=0)
    with open_archive(settings) as archive:
        for dataset in (*german(), *others()):
            incoming = receive(archive, "test")
            incoming.write(part10(dataset))
            incoming.finish()
        reject(archive, Selection(uid(REJECTED)), "113001^DCM", "test")
        yield archive
