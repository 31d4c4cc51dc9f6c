"""OHIF's study list over the archive: what it lists, and how it is searched."""

from __future__ import annotations

from browser_pages import MARKS, StudyList, keep
from playwright.sync_api import expect

pytestmark = MARKS

NAME, ACCESSION = 0, 4  # columns


def test_the_demo_studies_are_listed_newest_first(studies: StudyList) -> None:
    studies.open()
    keep(studies.page, "study-list")

    assert [row for row in studies.rows() if row[0].startswith("Filmroom")] == [
        ["Filmroom, Demo Chest", "17-Jan-2024", "DOC\\DX", "Chest radiograph and report"],
        ["Filmroom, Demo US", "16-Jan-2024", "US", "Echocardiography"],
        ["Filmroom, Demo CT", "15-Jan-2024", "CT\\SEG\\SR", "CT chest with contrast"],
    ]


def test_a_part_of_a_name_finds_the_patient_whatever_its_case(studies: StudyList) -> None:
    studies.open()
    studies.filter(NAME).fill("demo us")

    studies.expect_only("Filmroom, Demo US")


def test_a_name_that_nobody_has_finds_nothing(studies: StudyList) -> None:
    studies.open()
    studies.filter(NAME).fill("nobody-has-this-name")

    expect(studies.page.get_by_text("No studies available")).to_be_visible()


def test_a_medical_record_number_finds_its_patient(studies: StudyList) -> None:
    studies.open("?mrn=DEMO-US")

    studies.expect_only("Filmroom, Demo US")


def test_an_accession_number_finds_its_study(studies: StudyList) -> None:
    studies.open()
    studies.filter(ACCESSION).fill("DEMO01")

    studies.expect_only("Filmroom, Demo CT")


def test_a_date_range_finds_the_studies_of_those_days(studies: StudyList) -> None:
    studies.open()
    studies.fill_dates("2024-01-16", "2024-01-16")

    studies.expect_only("Filmroom, Demo US")


def test_a_modality_finds_the_studies_that_have_it(studies: StudyList) -> None:
    studies.open()
    studies.choose_modality("US")

    studies.expect_only("Filmroom, Demo US")


def test_a_chosen_study_shows_its_series(studies: StudyList) -> None:
    studies.open()
    studies.page.get_by_text("Filmroom, Demo CT").first.click()

    for series in ("Topogram", "Chest 2.5 mm axial", "Chest 5 mm coronal, lung"):
        expect(studies.page.get_by_text(series).first).to_be_visible()


def test_the_logo_leads_to_the_archives_own_pages(studies: StudyList) -> None:
    studies.open()
    studies.page.locator("[data-cy=archive-link]").click()
    studies.page.wait_for_url("**/ui/")

    expect(studies.page).to_have_title("Filmroom")
    expect(studies.page.get_by_text("filmroom import").first).to_be_visible()
    keep(studies.page, "ui")
