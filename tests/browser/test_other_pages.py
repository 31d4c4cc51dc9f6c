"""The archive's own pages in a browser: no errors, nobody else asked."""

from __future__ import annotations

from browser_pages import MARKS, keep
from playwright.sync_api import Page, expect

pytestmark = MARKS


def test_the_archives_page_counts_what_it_holds(page: Page, url: str) -> None:
    page.goto(f"{url}/ui/")

    expect(page).to_have_title("Filmroom")
    expect(page.get_by_text("filmroom import").first).to_be_visible()


def test_the_api_is_described(page: Page, url: str) -> None:
    page.goto(f"{url}/api/docs")

    expect(page.locator(".opblock").first).to_be_visible()
    keep(page, "api-docs")


def test_a_study_that_is_not_there_is_said_so(page: Page, url: str) -> None:
    page.goto(f"{url}/viewer?StudyInstanceUIDs=1.2.3.4")

    expect(page.get_by_text("are not available at this time")).to_be_visible()


def test_a_page_that_is_not_there_is_said_so(page: Page, url: str) -> None:
    page.goto(f"{url}/no-such-page")

    expect(page.get_by_text("404").or_(page.get_by_text("not found")).first).to_be_visible()
