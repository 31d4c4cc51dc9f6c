"""Worklist, steps and commitment with DCMTK's tools and pynetdicom."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    InstanceAvailabilityNotification,
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepRetrieve,
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
)

from dimse_door import Address, opened
from filmroom.app import open_archive
from filmroom.core import announcing, commitment, jobs, peers, steps
from filmroom.core.archive import Archive
from filmroom.core.runner import Runner
from filmroom.core.store import receive
from filmroom.dicom.by_keyword import from_keywords
from filmroom.dicom.datasets import write_dataset
from filmroom.dicom.part10 import new_file_meta
from filmroom.model.job import JobKind, JobState
from filmroom.settings import Settings
from filmroom.settings.peers import PeerSettings
from filmroom.testing.objects import CT_IMAGE, ct_slice, part10, uid

EXPLICIT = "1.2.840.10008.1.2.1"
WELL_KNOWN = "1.2.840.10008.1.20.1.1"
TITLE = "FILMROOM"
ITEMS = [
    ("1", "Müller^Zoë", "CT", "CT1", "20240706", "073000"),
    ("2", "Doe^Jane", "MR", "MR1", "20240706", "090000"),
    ("3", "Doe^John", "MR", "MR1", "20240707", "100000"),
]
QUERIES = [
    pytest.param([], 3, id="universal"),
    pytest.param(["0010,0010=Doe*"], 2, id="wildcard"),
    pytest.param(["0010,0020=2"], 1, id="single value"),
    pytest.param(["(0040,0100)[0].0008,0060=MR"], 2, id="in the sequence"),
    pytest.param(["(0040,0100)[0].0040,0002=20240707-20240731"], 1, id="range"),
    pytest.param(["(0040,0100)[0].0040,0001=XA1"], 0, id="nothing"),
]


def item(
    number: str, name: str, modality: str, station: str, day: str, clock: str
) -> dict[str, Any]:
    return from_keywords(
        {
            "AccessionNumber": f"A{number}",
            "PatientName": name,
            "PatientID": number,
            "PatientBirthDate": "19700101",
            "PatientSex": "O",
            "StudyInstanceUID": f"1.2.3.{number}",
            "RequestingPhysician": "Doctor",
            "RequestedProcedureDescription": "Head",
            "RequestedProcedureID": f"R{number}",
            "RequestedProcedurePriority": "LOW",
            "ScheduledProcedureStepSequence": [
                {
                    "Modality": modality,
                    "ScheduledStationAETitle": station,
                    "ScheduledProcedureStepStartDate": day,
                    "ScheduledProcedureStepStartTime": clock,
                    "ScheduledPerformingPhysicianName": "Doctor",
                    "ScheduledProcedureStepDescription": "Head",
                    "ScheduledProcedureStepID": f"S{number}",
                }
            ],
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of worklist files that `wlmscpfs` and we can serve."""
    path = tmp_path / "worklists" / TITLE
    path.mkdir(parents=True)
    (path / "lockfile").touch()
    for told in ITEMS:
        meta = new_file_meta(EXPLICIT, ModalityWorklistInformationFind, f"1.2.3.4.{told[0]}")
        data = write_dataset(item(*told), EXPLICIT, "ISO_IR 100")
        (path / f"{told[0]}.wl").write_bytes(meta + data)
    return path.parent


@pytest.fixture
def settings(tmp_path: Path, folder: Path) -> Settings:
    return Settings(
        data=tmp_path / "data",
        disk_reserve=0,
        worklist_folder=str(folder),
        commitment_wait=0.2,
        availability_peers=("friend",),
        availability_after=1,
    )


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    with open_archive(settings) as archive:
        yield archive


@pytest.fixture
def door(archive: Archive) -> Iterator[Address]:
    with opened(archive) as address:
        yield address


def tool(name: str) -> str:
    path = shutil.which(name)
    assert path, f"{name} of DCMTK is needed"
    return path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def soon(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + 15
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    return condition()


def accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def findscu(port: int, keys: list[str], out: Path) -> list[tuple[str, str, str, str]]:
    """What `findscu -W` finds: ID, name, station and day of each answer."""
    out.mkdir()
    asked = ["0010,0010", "0010,0020", "(0040,0100)[0].0040,0001", "(0040,0100)[0].0040,0002"]
    given = {key.partition("=")[0] for key in keys}
    every = [key for key in asked if key not in given] + keys
    arguments = [part for key in every for part in ("-k", key)]
    command = [tool("findscu"), "-W", "-X", "-od", str(out), "-aec", TITLE, *arguments]
    subprocess.run([*command, "127.0.0.1", str(port)], check=True, capture_output=True, timeout=30)
    found = []
    for path in out.iterdir():
        told = dcmread(path, force=True)
        (step,) = told.ScheduledProcedureStepSequence
        found.append(
            (
                str(told.PatientID),
                str(told.PatientName),
                str(step.ScheduledStationAETitle),
                str(step.ScheduledProcedureStepStartDate),
            )
        )
    return sorted(found)


@pytest.mark.parametrize(("keys", "count"), QUERIES)
def test_findscu_finds_with_us_what_it_finds_with_wlmscpfs(
    door: Address, folder: Path, tmp_path: Path, keys: list[str], count: int
) -> None:
    port = free_port()
    server = subprocess.Popen(
        [tool("wlmscpfs"), "-dfp", str(folder), "-dfr", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert soon(lambda: accepts(port))
        theirs = findscu(port, keys, tmp_path / "theirs")
    finally:
        server.kill()
        server.wait(10)

    ours = findscu(door[1], keys, tmp_path / "ours")

    assert ours == theirs
    assert len(ours) == count


def begun() -> Dataset:
    told = Dataset()
    scheduled = Dataset()
    scheduled.StudyInstanceUID, scheduled.ScheduledProcedureStepID = "1.2.3.1", "S1"
    told.ScheduledStepAttributesSequence = [scheduled]
    told.PatientName = "Doe^Jane"
    told.PerformedProcedureStepID = "P1"
    told.PerformedStationAETitle = "CT1"
    told.PerformedProcedureStepStartDate = "20240706"
    told.PerformedProcedureStepStartTime = "073100"
    told.PerformedProcedureStepStatus = "IN PROGRESS"
    told.Modality = "CT"
    return told


def test_pynetdicom_performs_a_step(archive: Archive, door: Address) -> None:
    caller = AE("CT1")
    caller.add_requested_context(ModalityPerformedProcedureStep)
    caller.add_requested_context(ModalityPerformedProcedureStepRetrieve)
    association = caller.associate(*door, ae_title=TITLE)
    assert association.is_established
    try:
        kind = ModalityPerformedProcedureStep
        status, _ = association.send_n_create(begun(), kind, "1.2.9")
        assert status.Status == 0
        series = Dataset()
        series.SeriesInstanceUID = "1.2.3.1.1"
        told = Dataset()
        told.PerformedProcedureStepStatus = "COMPLETED"
        told.PerformedProcedureStepEndDate = "20240706"
        told.PerformedProcedureStepEndTime = "074500"
        told.PerformedSeriesSequence = [series]
        status, _ = association.send_n_set(told, kind, "1.2.9")
        assert status.Status == 0
        status, held = association.send_n_get(
            [0x00400252], kind, "1.2.9", meta_uid=ModalityPerformedProcedureStepRetrieve
        )
        assert status.Status == 0
        assert held.PerformedProcedureStepStatus == "COMPLETED"
    finally:
        association.release()

    assert steps.get(archive, "1.2.9").status == "COMPLETED"


def keep(archive: Archive, number: int) -> None:
    incoming = receive(archive, "test")
    incoming.write(part10(ct_slice(1, 1, number)))
    incoming.finish()


class Friend:
    """pynetdicom as a modality that listens for reports and notifications."""

    def __init__(self) -> None:
        self.events: list[tuple[int, Dataset]] = []
        self.created: list[Dataset] = []
        entity = AE("TESTER")
        entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
        entity.add_supported_context(InstanceAvailabilityNotification)
        handlers = [(evt.EVT_N_EVENT_REPORT, self._report), (evt.EVT_N_CREATE, self._create)]
        self.entity = entity
        self.handlers = handlers
        self.server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port: int = self.server.server_address[1]

    def _report(self, event: Any) -> tuple[int, None]:
        self.events.append((event.event_type, event.event_information))
        return 0x0000, None

    def _create(self, event: Any) -> tuple[int, Dataset]:
        self.created.append(event.attribute_list)
        return 0x0000, event.attribute_list


@pytest.fixture
def friend(archive: Archive) -> Iterator[Friend]:
    made = Friend()
    peers.add(archive, PeerSettings(name="friend", aet="TESTER", host="127.0.0.1", port=made.port))
    yield made
    made.server.shutdown()


@pytest.mark.parametrize("stays", [True, False], ids=["who stays", "who leaves"])
def test_pynetdicom_is_told_what_is_kept(
    archive: Archive, door: Address, friend: Friend, stays: bool
) -> None:
    keep(archive, 1)
    told = Dataset()
    told.TransactionUID = "1.2.3.99"
    told.ReferencedSOPSequence = [Dataset(), Dataset()]
    for one, instance in zip(told.ReferencedSOPSequence, (uid(1, 1, 1), uid(9)), strict=True):
        one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = CT_IMAGE, instance
    caller = AE("TESTER")
    caller.add_requested_context(StorageCommitmentPushModel)
    with Runner(archive):
        association = caller.associate(*door, ae_title=TITLE, evt_handlers=[friend.handlers[0]])
        assert association.is_established
        status, _ = association.send_n_action(told, 1, StorageCommitmentPushModel, WELL_KNOWN)
        assert status.Status == 0
        if not stays:
            association.release()
        assert soon(lambda: bool(friend.events))
        association.release()

        assert soon(lambda: commitment.page(archive)[0][1].state == "reported")
    ((kind, report),) = friend.events
    assert kind == 2
    assert report.TransactionUID == "1.2.3.99"
    assert [one.ReferencedSOPInstanceUID for one in report.ReferencedSOPSequence] == [uid(1, 1, 1)]
    assert [one.FailureReason for one in report.FailedSOPSequence] == [0x0112]


def test_pynetdicom_is_told_of_a_complete_study(archive: Archive, friend: Friend) -> None:
    announcing.look(archive)
    keep(archive, 1)
    announcing.look(archive, time.time() + 60)
    with Runner(archive):
        assert soon(lambda: bool(jobs.newest(archive, JobState.DONE)))

    (job,) = jobs.newest(archive)
    assert job.kind is JobKind.ANNOUNCE
    (told,) = friend.created
    assert told.StudyInstanceUID == uid(1)
    (series,) = told.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    assert (instance.ReferencedSOPInstanceUID, instance.InstanceAvailability) == (
        uid(1, 1, 1),
        "ONLINE",
    )
