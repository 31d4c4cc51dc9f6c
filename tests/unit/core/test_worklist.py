"""The worklist: items by the API and from files, found by identifiers, moved on by steps."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from filmroom.core import worklist
from filmroom.core.archive import Archive
from filmroom.dicom.by_keyword import from_keywords
from filmroom.dicom.datasets import write_dataset
from filmroom.errors import Conflict, Forbidden, Malformed, NotFound
from filmroom.index.memory import MemoryIndex
from filmroom.model.instance import Attributes
from filmroom.model.worklist import StepStatus, first_text, status_of, steps_of
from filmroom.settings import Settings
from filmroom.storage.memory import MemoryStorage

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
NAME, ID = "00100010", "00100020"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "worklist"
    path.mkdir()
    return path


@pytest.fixture
def archive(folder: Path) -> Archive:
    return Archive(MemoryIndex(), MemoryStorage(), Settings(worklist_folder=str(folder)))


def step(**more: Any) -> dict[str, Any]:
    return {
        "Modality": "CT",
        "ScheduledStationAETitle": "CT1",
        "ScheduledProcedureStepStartDate": "20240706",
        "ScheduledProcedureStepStartTime": "0730",
        "ScheduledProcedureStepID": "S1",
    } | more


def item(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "PatientName": "Doe^Jane",
        "PatientID": "17",
        "StudyInstanceUID": "1.2.3",
        "ScheduledProcedureStepSequence": list(steps) or [step()],
    } | more


def found(archive: Archive, called: str = "", **keys: Any) -> list[Attributes]:
    asked = from_keywords({"PatientID": "", "ScheduledProcedureStepSequence": [step_keys()]} | keys)
    return list(worklist.find(archive, asked, called))


def step_keys(**keys: Any) -> dict[str, Any]:
    return {
        "Modality": "",
        "ScheduledProcedureStepID": "",
        "ScheduledProcedureStepStatus": "",
    } | keys


def ids(matches: list[Attributes]) -> list[str]:
    return [first_text(match, ID) for match in matches]


def test_an_item_is_found_by_its_station_and_day(archive: Archive) -> None:
    worklist.add(archive, item())
    worklist.add(
        archive,
        item(step(ScheduledStationAETitle="MR1"), PatientID="18", StudyInstanceUID="1.2.4"),
    )

    asked = from_keywords({"PatientID": "", "ScheduledProcedureStepSequence": [{}]})
    asked["00400100"]["Value"] = [
        {
            "00400001": {"vr": "AE", "Value": ["MR1"]},
            "00400002": {"vr": "DA", "Value": ["20240701-20240731"]},
        }
    ]
    assert ids(list(worklist.find(archive, asked))) == ["18"]


def test_each_step_is_an_answer_of_its_own(archive: Archive) -> None:
    worklist.add(
        archive,
        item(step(), step(Modality="MR", ScheduledProcedureStepID="S2")),
    )

    told = [steps_of(match) for match in found(archive)]

    assert [len(steps) for steps in told] == [1, 1]
    assert {first_text(steps[0], "00080060") for steps in told} == {"CT", "MR"}


def test_what_is_not_told_is_made(archive: Archive) -> None:
    without = step()
    del without["ScheduledProcedureStepID"]
    told = item(without)
    del told["StudyInstanceUID"]

    added = worklist.get(archive, worklist.add(archive, told).key)

    assert first_text(added.attributes, "0020000D").startswith("2.25.")
    (made,) = steps_of(added.attributes)
    assert status_of(made) == "SCHEDULED"
    assert 0 < len(first_text(made, "00400009")) <= 16
    assert first_text(added.attributes, "00401001")


def test_what_is_missing_is_named(archive: Archive) -> None:
    with pytest.raises(Malformed, match=r"PatientName, .*Modality"):
        worklist.add(
            archive, {"PatientID": "1", "ScheduledProcedureStepSequence": [{"StationName": "x"}]}
        )


def test_the_same_step_is_not_scheduled_twice(archive: Archive) -> None:
    worklist.add(archive, item())

    with pytest.raises(Conflict):
        worklist.add(archive, item(PatientName="Other"))


def test_an_item_is_changed_and_taken_off(archive: Archive) -> None:
    key = worklist.add(archive, item()).key

    worklist.change(archive, key, item(PatientID="19"))
    assert ids(found(archive)) == ["19"]
    worklist.remove(archive, key)
    assert found(archive) == []
    with pytest.raises(NotFound):
        worklist.remove(archive, key)
    with pytest.raises(NotFound):
        worklist.change(archive, key, item())


def test_a_step_moves_its_item_on_until_it_has_ended(archive: Archive) -> None:
    worklist.add(archive, item())

    assert worklist.move(archive, "1.2.3", "S1", StepStatus.STARTED) == 1
    assert [status_of(steps_of(m)[0]) for m in found(archive)] == ["STARTED"]
    assert worklist.move(archive, "1.2.3", "S1", StepStatus.COMPLETED) == 1
    assert found(archive) == []
    asked = {
        "ScheduledProcedureStepSequence": [step_keys(ScheduledProcedureStepStatus="COMPLETED")]
    }
    assert ids(found(archive, **asked)) == ["17"]
    assert worklist.page(archive) == []
    assert len(worklist.page(archive, ended=True)) == 1


def test_of_several_steps_only_the_one_that_is_named_moves(archive: Archive) -> None:
    worklist.add(archive, item(step(), step(ScheduledProcedureStepID="S2")))

    assert worklist.move(archive, "1.2.3", "", StepStatus.STARTED) == 0
    worklist.move(archive, "1.2.3", "S2", StepStatus.COMPLETED)

    (left,) = found(archive)
    assert first_text(steps_of(left)[0], "00400009") == "S1"


def test_moves_at_once_are_all_made(archive: Archive) -> None:
    names = [f"S{i}" for i in range(8)]
    worklist.add(archive, item(*(step(ScheduledProcedureStepID=name) for name in names)))
    threads = [
        threading.Thread(target=worklist.move, args=(archive, "1.2.3", name, StepStatus.COMPLETED))
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert found(archive) == []


def write(path: Path, told: dict[str, Any], syntax: str = EXPLICIT) -> None:
    path.write_bytes(write_dataset(from_keywords(told), syntax))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_files_are_items_while_they_are_there(archive: Archive, folder: Path, syntax: str) -> None:
    write(folder / "1.wl", item(PatientName="Müller^Zoë"), syntax)
    write(folder / "other.txt", item(PatientID="99"), syntax)
    asked = {"PatientName": "MULLER*"}

    assert ids(found(archive, **asked)) == ["17"]
    write(folder / "1.wl", item(PatientName="Müller^Zoë", PatientID="170"), syntax)
    assert ids(found(archive, **asked)) == ["170"]
    (folder / "1.wl").unlink()
    assert found(archive, **asked) == []


def test_a_file_below_is_told_to_callers_of_its_folders_name(
    archive: Archive, folder: Path
) -> None:
    (folder / "RADIOLOGY").mkdir()
    write(folder / "RADIOLOGY" / "1.wl", item())

    assert found(archive, "FILMROOM") == []
    assert ids(found(archive, "RADIOLOGY")) == ["17"]


def test_what_a_step_set_stays_when_its_file_is_changed(archive: Archive, folder: Path) -> None:
    write(folder / "1.wl", item())
    worklist.move(archive, "1.2.3", "S1", StepStatus.STARTED)

    write(folder / "1.wl", item(PatientID="1700"))

    (match,) = found(archive)
    assert (first_text(match, ID), status_of(steps_of(match)[0])) == ("1700", "STARTED")


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\0" * 400, os.urandom(3000), b"\0" * 128 + b"DICM"]
)
def test_a_file_that_is_none_is_told_to_nobody_and_says_why(
    archive: Archive, folder: Path, content: bytes
) -> None:
    (folder / "1.wl").write_bytes(content)

    assert found(archive) == []
    (listed,) = worklist.page(archive)
    assert listed.key == "file:1.wl"
    assert listed.fault
    write(folder / "1.wl", item())
    assert ids(found(archive)) == ["17"]


def test_a_files_item_is_changed_in_its_file(archive: Archive, folder: Path) -> None:
    write(folder / "1.wl", item())
    (listed,) = worklist.page(archive)

    with pytest.raises(Forbidden):
        worklist.remove(archive, listed.key)
    with pytest.raises(Forbidden):
        worklist.change(archive, listed.key, item())


def test_a_name_in_no_encoding_is_a_file_too(archive: Archive, folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.wl")).write_bytes(
        write_dataset(from_keywords(item()), EXPLICIT)
    )

    assert ids(found(archive)) == ["17"]
    assert [one.key for one in worklist.page(archive)] == ["file:caf\\xe9.wl"]


def test_the_records_stay_while_the_folder_is_away(archive: Archive, folder: Path) -> None:
    write(folder / "1.wl", item())
    assert ids(found(archive)) == ["17"]

    folder.rename(folder.parent / "away")

    assert ids(found(archive)) == ["17"]


def test_thousands_of_items_stay_quick(archive: Archive) -> None:
    for i in range(3000):
        worklist.add(
            archive,
            item(step(ScheduledStationAETitle=f"CT{i % 30}"), StudyInstanceUID=f"1.2.{i}"),
        )
    asked = from_keywords({"PatientID": "", "PatientName": ""})
    asked["00400100"] = {
        "vr": "SQ",
        "Value": [{"00400001": {"vr": "AE", "Value": ["CT7"]}, "00400002": {"vr": "DA"}}],
    }
    begun = time.perf_counter()

    assert len(list(worklist.find(archive, asked))) == 100
    assert time.perf_counter() - begun < 3  # seconds: far more than it takes
