"""OHIF's pages as these tests see them: where things are, how they are used, how they look."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

MARKS = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
"""What each module is marked with: one worker runs them all, with one server and one browser."""
OUTPUT = Path(__file__).parent.parent / "output"


@dataclass(frozen=True)
class Demo:
    """A demo study, as the archive's own search gives it."""

    study: str
    patient: str
    mrn: str
    modalities: list[str]
    series: dict[str, str]
    """Series Instance UIDs by description."""


@dataclass(frozen=True)
class Picture:
    """What is seen of an element."""

    image: Image.Image

    @classmethod
    def of(cls, element: Locator, name: str = "") -> Picture:
        """Take it; with a `name` it is kept for people to look at."""
        taken = element.screenshot()
        if name:
            OUTPUT.mkdir(exist_ok=True)
            (OUTPUT / f"{name}.png").write_bytes(taken)
        return cls(Image.open(BytesIO(taken)).convert("RGB"))

    @property
    def grey_levels(self) -> int:
        """How many shades of grey at least 20 pixels each have."""
        colours = self.image.getcolors(1 << 24) or []
        return sum(n >= 20 for n, (r, g, b) in colours if max(r, g, b) - min(r, g, b) <= 2)

    @property
    def dark(self) -> float:
        """The part of the pixels that is black or nearly so."""
        histogram = self.image.convert("L").histogram()
        return sum(histogram[:8]) / sum(histogram)

    @property
    def coloured(self) -> float:
        """The part of the pixels that is clearly not grey."""
        colours = self.image.getcolors(1 << 24) or []
        vivid = sum(n for n, (r, g, b) in colours if max(r, g, b) - min(r, g, b) > 40)
        return vivid / (self.image.width * self.image.height)

    def differs(self, other: Picture) -> bool:
        """Whether anything looks otherwise in the other."""
        return self.image.tobytes() != other.image.tobytes()


def keep(page: Page, name: str) -> None:
    """Keep a picture of the whole page for people to look at."""
    OUTPUT.mkdir(exist_ok=True)
    page.screenshot(path=OUTPUT / f"{name}.png")


@dataclass(frozen=True)
class StudyList:
    """The study list: a row of filters, and a row for each study."""

    page: Page
    url: str

    def open(self, query: str = "") -> None:
        """Open it and wait for its first study."""
        self.page.goto(f"{self.url}/{query}")
        self.row(0).wait_for()

    def row(self, index: int) -> Locator:
        """The row of a study."""
        return self.page.locator("tbody tr").nth(index + 1)

    def rows(self) -> list[list[str]]:
        """Patient, day, modalities and description of each study."""
        cells = [
            row.locator("td").all_inner_texts() for row in self.page.locator("tbody tr").all()[1:]
        ]
        return [[c[0].strip(), c[1].split()[0], c[2].strip(), c[3].strip()] for c in cells]

    def expect_only(self, patient: str) -> None:
        """Wait until one study is left, and it is this patient's."""
        expect(self.page.locator("tbody tr")).to_have_count(2)
        expect(self.row(0)).to_contain_text(patient)

    def filter(self, column: int) -> Locator:
        """The field over a column of text."""
        return self.page.locator("tbody tr").first.locator("td").nth(column).locator("input")

    def fill_dates(self, start: str, end: str) -> None:
        """Say from which day to which, as `2024-01-15`."""
        for name, day in (("start", start), ("end", end)):
            field = self.page.locator(f"[data-cy=input-date-range-{name}]")
            field.fill(day)
            field.press("Enter")

    def choose_modality(self, modality: str) -> None:
        """Pick a modality from the menu over its column."""
        field = self.page.locator("input[aria-label='Filter Modalities']")
        field.click()
        field.fill(modality)
        self.page.get_by_role("option", name=modality, exact=True).click()
        field.press("Escape")


@dataclass(frozen=True)
class Viewer:
    """The viewer: series at the left, the viewport in the middle, panels at the right."""

    page: Page
    url: str

    def open(self, study: str, *series: str, mode: str = "viewer") -> None:
        """Open a study, or only some series of it, and wait until something is drawn."""
        query = f"StudyInstanceUIDs={study}"
        if series:
            query += f"&SeriesInstanceUIDs={','.join(series)}"
        self.page.goto(f"{self.url}/{mode}?{query}")
        self.expect_image()

    def expect_image(self) -> None:
        """Wait until the viewport shows an image: its slice is said in a corner then."""
        corner = self.page.locator("[data-cy=viewport-overlay-bottom-right]").first
        expect(corner).to_contain_text("/")
        self.page.wait_for_function(
            """() => [...document.querySelectorAll('canvas.cornerstone-canvas')].some(canvas => {
                const { width, height } = canvas;
                const pixels = canvas.getContext('2d').getImageData(0, 0, width, height).data;
                const seen = new Set();
                for (let i = 0; i < pixels.length; i += 4 * 97) seen.add(pixels[i]);
                return seen.size > 20;
            })"""
        )

    @property
    def viewport(self) -> Locator:
        """The viewport that is used."""
        return self.page.locator(".viewport-element").first

    def center(self) -> tuple[float, float]:
        """The middle of the viewport, in pixels of the page."""
        # Laying a segmentation over it makes the viewport anew: for a moment there is none.
        found = self.page.wait_for_function(
            """() => {
                const box = document.querySelector('.viewport-element')?.getBoundingClientRect();
                return box?.width ? [box.x + box.width / 2, box.y + box.height / 2] : null;
            }"""
        )
        x, y = found.json_value()
        return x, y

    def scroll(self, slices: int) -> None:
        """Go on by some slices."""
        self.page.mouse.move(*self.center())
        for _ in range(slices):
            self.page.mouse.wheel(0, 100)
            self.page.wait_for_timeout(50)

    def drag(self, tool: str, *, by: tuple[int, int]) -> None:
        """Take a tool and draw with it from near the middle."""
        self.page.locator(f"[data-cy={tool}-btn]").first.click()
        x, y = self.center()
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + by[0] / 2, y + by[1] / 2, steps=4)
        self.page.mouse.move(x + by[0], y + by[1], steps=4)
        self.page.mouse.up()

    def show(self, series: str) -> None:
        """Bring a series with images to the viewport."""
        self.page.get_by_role("button", name=series).first.dblclick()

    def without_image(self, text: str) -> Locator:
        """A series in the list that has no thumbnail: SEG, SR, PDF."""
        return self.page.locator("[data-cy=study-browser-thumbnail-no-image]", has_text=text)

    def load(self, text: str) -> None:
        """Open a series without a thumbnail and let it be loaded for good."""
        self.without_image(text).dblclick()
        self.page.locator("[data-cy=yes-hydrate-btn]").click()
        expect(self.page.locator("[data-cy=yes-hydrate-btn]")).to_have_count(0)

    def measurements(self) -> Locator:
        """The rows of the panel of measurements, which is opened."""
        if self.page.locator("[data-cy=trackedMeasurements-panel]").count() == 0:
            self.page.locator("[data-cy=trackedMeasurements-btn]").click()
        return self.page.locator("[data-cy=data-row]")

    def wait_until_coloured(self, part: float, name: str) -> None:
        """Wait until at least a part of the viewport's pixels has a colour, then keep it."""
        for _ in range(40):
            if Picture.of(self.viewport, name).coloured > part:
                return
            self.page.wait_for_timeout(500)
        raise AssertionError(f"less than {part:.0%} of the viewport has a colour")

    def save_as(self, name: str) -> None:
        """Fill in the dialog that asks for the name of what is saved."""
        dialog = self.page.get_by_role("dialog")
        dialog.locator("input").first.fill(name)
        dialog.get_by_role("button", name="Save", exact=True).click()
        expect(dialog).to_be_hidden()
