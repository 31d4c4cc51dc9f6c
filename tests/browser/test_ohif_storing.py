"""What OHIF sends: files through its dialog, measurements as SR, drawings as SEG."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
from browser_pages import MARKS, Demo, StudyList, Viewer, keep
from playwright.sync_api import expect

from filmroom.testing.objects import image, part10, uid

pytestmark = MARKS

NAME = 0  # column
LABELMAP_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.7"


def search(url: str, path: str, **keys: str) -> list[dict]:
    answer = httpx.get(f"{url}/dicom-web/{path}", params=keys, timeout=30)
    answer.raise_for_status()
    return answer.json()


def soon(url: str, path: str, **keys: str) -> list[dict]:
    """What is found, once there is something: the viewer shows what it has not yet stored."""
    until = time.monotonic() + 20
    while not (found := search(url, path, **keys)) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_a_file_goes_in_through_the_upload_dialog(
    studies: StudyList, url: str, tmp_path: Path
) -> None:
    sent = part10(image(701, rows=32, columns=32, PatientName="Uploaded^Olga"))
    (tmp_path / "olga.dcm").write_bytes(sent)
    (tmp_path / "nothing.dcm").write_bytes(b"this is no DICOM file" * 20)
    studies.open()
    studies.page.get_by_role("button", name="Upload").click()
    studies.page.locator("input[type=file]").first.set_input_files(
        [tmp_path / "olga.dcm", tmp_path / "nothing.dcm"]
    )
    expect(studies.page.get_by_text("2 files completed")).to_be_visible()
    keep(studies.page, "upload")
    studies.page.get_by_role("button", name="Close").first.click()
    studies.filter(NAME).fill("olga")

    studies.expect_only("Uploaded, Olga")
    path = f"studies/{uid(701)}/series/{uid(701, 1)}/instances/{uid(701, 1, 1)}"
    kept = httpx.get(f"{url}/dicom-web/{path}", headers={"accept": "application/dicom"})
    assert kept.content == sent


def test_a_measurement_is_saved_as_a_report_and_found_again(
    ohif: Viewer, url: str, demo: dict[str, Demo]
) -> None:
    ct = demo["DEMO-CT"]
    ohif.open(ct.study, ct.series["Chest 2.5 mm axial"])
    ohif.scroll(30)
    ohif.drag("Length", by=(120, 40))
    ohif.page.locator("[data-cy=prompt-begin-tracking-yes-btn]").click()
    expect(ohif.measurements().first).to_be_visible()
    ohif.page.get_by_text("Create SR").click()
    ohif.save_as("Measured by a test")
    expect(ohif.without_image("Measured by a test")).to_be_visible()

    ohif.open(ct.study)
    ohif.load("Measured by a test")
    expect(ohif.measurements().first).to_be_visible()
    keep(ohif.page, "saved-report")
    (series,) = search(url, f"studies/{ct.study}/series", SeriesDescription="Measured by a test")
    assert series["00080060"]["Value"] == ["SR"]
    assert len(search(url, "studies", StudyInstanceUID=ct.study)) == 1


def test_a_drawing_is_saved_as_a_segmentation_and_found_again(
    ohif: Viewer, url: str, demo: dict[str, Demo]
) -> None:
    ct = demo["DEMO-CT"]
    ohif.open(ct.study, ct.series["Chest 2.5 mm axial"], mode="segmentation")
    ohif.page.locator("[data-cy=addSegmentation]").click()
    expect(ohif.page.locator("[data-cy=data-row]").first).to_be_visible()
    ohif.drag("Brush", by=(40, 10))
    ohif.page.wait_for_timeout(500)
    keep(ohif.page, "drawn-segmentation")
    ohif.page.locator("[data-cy=segmentation-collapsed-more-btn-Labelmap]").click()
    ohif.page.get_by_role("menuitem", name="Export").hover()
    ohif.page.get_by_role("menuitem", name="DICOM SEG").click()
    ohif.save_as("Drawn by a test")

    expect(ohif.without_image("Drawn by a test")).to_be_visible()
    (series,) = soon(url, f"studies/{ct.study}/series", SeriesDescription="Drawn by a test")
    uid_of_it = series["0020000E"]["Value"][0]
    (instance,) = search(url, f"studies/{ct.study}/series/{uid_of_it}/instances")
    assert instance["00080016"]["Value"] == [LABELMAP_SEGMENTATION]

    ohif.open(ct.study, ct.series["Chest 2.5 mm axial"], uid_of_it)
    expect(ohif.without_image("Drawn by a test")).to_be_visible()
