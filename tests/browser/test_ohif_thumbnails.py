"""OHIF's thumbnails, made by the archive: in the study list and in the panel of series."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from browser_pages import MARKS, Demo, Picture, StudyList, Viewer, keep
from playwright.sync_api import Locator, Page, Response, Route, expect

pytestmark = MARKS

SHADES = 40  # of grey: the least that a small picture of anatomy has
CONFIGURED = '"thumbnailRendering": "thumbnail"'


@pytest.fixture
def rendered_by(page: Page) -> Callable[[str, str], None]:
    """Have OHIF ask for thumbnails in another way than the server's own setting says."""

    def change(rendering: str, strategy: str = "fetch") -> None:
        def answer(route: Route) -> None:
            script = route.fetch().text()
            assert CONFIGURED in script
            assert '"thumbnailRequestStrategy": "fetch"' in script
            script = script.replace(CONFIGURED, f'"thumbnailRendering": "{rendering}"')
            script = script.replace(
                '"thumbnailRequestStrategy": "fetch"', f'"thumbnailRequestStrategy": "{strategy}"'
            )
            route.fulfill(body=script, content_type="text/javascript")

        page.route("**/app-config.js", answer)

    return change


@pytest.fixture
def asked(page: Page) -> list[str]:
    """The ends of the addresses that pictures came from, as they come."""
    found: list[str] = []

    def note(response: Response) -> None:
        address = urlsplit(response.url)
        if address.path.endswith(("/thumbnail", "/rendered")):
            assert response.status == 200
            assert response.headers["content-type"] == "image/jpeg"
            level = address.path.rsplit("/", 3)[1]
            found.append(f"{level} {address.path.rpartition('/')[2]}?{address.query}")

    page.on("response", note)
    return found


def loaded(pictures: Locator, count: int) -> list[Picture]:
    """Pictures of elements, once they are there and loaded."""
    expect(pictures).to_have_count(count)
    found = []
    for one in pictures.all():
        one.scroll_into_view_if_needed()
        expect(one).to_have_js_property("complete", True)
        assert one.evaluate("image => image.naturalWidth") > 0
        found.append(Picture.of(one))
    return found


IN_PREVIEW = "img[alt^=Chest], img[alt=Topogram]"
IN_PANEL = "[data-cy=study-browser-thumbnail] img"


def test_the_study_lists_preview_has_pictures(studies: StudyList, asked: list[str]) -> None:
    studies.open()
    studies.page.get_by_text("Filmroom, Demo CT").first.click()
    pictures = loaded(studies.page.locator(IN_PREVIEW), 3)
    keep(studies.page, "study-list-thumbnails")

    assert min(picture.grey_levels for picture in pictures) > SHADES
    assert asked == ["series thumbnail?viewport=256%2C256"] * 3
    expect(studies.page.get_by_text("Lungs and nodule")).to_be_visible()


def test_the_panel_of_series_has_pictures(
    ohif: Viewer, demo: dict[str, Demo], asked: list[str]
) -> None:
    ohif.open(demo["DEMO-CT"].study)
    pictures = loaded(ohif.page.locator(IN_PANEL), 3)
    keep(ohif.page, "panel-thumbnails")

    assert min(picture.grey_levels for picture in pictures) > SHADES
    assert asked == ["instances thumbnail?viewport=256%2C256"] * 3


@pytest.mark.parametrize(
    ("rendering", "strategy", "address"),
    [
        ("wadors", "fetch", None),
        ("thumbnailDirect", "fetch", "instances thumbnail?accept=image/jpeg"),
        ("thumbnail", "bulkDataRetrieve", "instances thumbnail?accept=image%2Fjpeg"),
        ("rendered", "bulkDataRetrieve", "instances rendered?accept=image%2Fjpeg"),
        ("rendered", "fetch", "instances rendered?viewport=256%2C256"),
    ],
)
def test_the_panel_has_pictures_however_they_are_asked_for(
    ohif: Viewer,
    demo: dict[str, Demo],
    asked: list[str],
    rendered_by: Callable[[str, str], None],
    rendering: str,
    strategy: str,
    address: str | None,
) -> None:
    rendered_by(rendering, strategy)
    ohif.open(demo["DEMO-CT"].study)
    pictures = loaded(ohif.page.locator(IN_PANEL), 3)

    assert min(picture.grey_levels for picture in pictures) > SHADES
    assert asked == ([address] * 3 if address else [])


def test_the_preview_has_rendered_pictures_too(
    studies: StudyList, asked: list[str], rendered_by: Callable[[str, str], None]
) -> None:
    rendered_by("rendered", "fetch")
    studies.open()
    studies.page.get_by_text("Filmroom, Demo CT").first.click()
    pictures = loaded(studies.page.locator(IN_PREVIEW), 3)

    assert min(picture.grey_levels for picture in pictures) > SHADES
    assert asked == ["series rendered?viewport=256%2C256"] * 3


def test_colour_and_large_images_have_pictures_too(
    studies: StudyList, demo: dict[str, Demo], asked: list[str]
) -> None:
    studies.open()
    for patient, count in (("Filmroom, Demo US", 2), ("Filmroom, Demo Chest", 1)):
        studies.page.get_by_text(patient).first.click()
        names = list(demo["DEMO-US" if count == 2 else "DEMO-DX"].series)
        of_series = ", ".join(f'img[alt="{name}"]' for name in names)
        for picture in loaded(studies.page.locator(of_series), count):
            assert picture.grey_levels > SHADES
    keep(studies.page, "study-list-thumbnails-dx")
