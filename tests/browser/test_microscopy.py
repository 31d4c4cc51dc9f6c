"""OHIF's microscopy mode: a pyramid of tiles, fetched one by one and drawn."""

from __future__ import annotations

from io import BytesIO

import httpx
import pytest
from browser_pages import MARKS, Picture
from PIL import Image, ImageDraw
from playwright.sync_api import Page, Response

from filmroom.testing.objects import uid
from filmroom.testing.slides import Level

pytestmark = MARKS

SIDE, BASE = 256, 2048  # pixels of a tile, of the whole slide
FULL, SPARSE = 910, 911


def tiles(scale: int) -> list[bytes]:
    """A level's tiles: a white slide with a red, a green and a blue disc on it."""
    whole = Image.new("RGB", (BASE, BASE), "white")
    brush = ImageDraw.Draw(whole)
    for at, colour in ((400, "red"), (1024, "green"), (1648, "blue")):
        brush.ellipse((at - 300, at - 300, at + 300, at + 300), fill=colour)
    level = whole.resize((BASE // scale, BASE // scale))
    found = []
    for top in range(0, level.height, SIDE):
        for left in range(0, level.width, SIDE):
            out = BytesIO()
            level.crop((left, top, left + SIDE, top + SIDE)).save(
                out, "JPEG", quality=90, subsampling="4:2:2"
            )
            found.append(out.getvalue())
    return found


@pytest.fixture(scope="module", params=[FULL, SPARSE], ids=["full", "sparse"])
def slide(request: pytest.FixtureRequest, url: str) -> str:
    """The study of a pyramid with four levels."""
    study = request.param
    for instance, scale in enumerate((1, 2, 4, 8), start=1):
        level = Level(
            tiles(scale),
            BASE // scale // SIDE,
            SIDE,
            sparse=study == SPARSE,
            study=study,
            instance=instance,
            scale=scale,
        )
        answer = httpx.post(
            f"{url}/dicom-web/studies",
            content=level.part10(),
            headers={"content-type": "application/dicom"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
    return uid(study)


def discs(picture: Picture) -> dict[str, tuple[float, float, float]]:
    """For each disc's colour, the part of the picture that has it, and its middle (0 to 1)."""
    tests = {
        "red": lambda r, g, b: r > 180 and g < 80 and b < 80,
        "green": lambda r, g, b: g > 90 and r < 60 and b < 60,
        "blue": lambda r, g, b: b > 180 and r < 80 and g < 80,
    }
    small = picture.image.resize((100, 80), Image.Resampling.NEAREST)
    found = {}
    for name, is_so in tests.items():
        at = [(x, y) for x in range(100) for y in range(80) if is_so(*small.getpixel((x, y)))]
        middle = [sum(axis) / len(at) for axis in zip(*at, strict=True)] if at else (0, 0)
        found[name] = (len(at) / 8000, middle[0] / 100, middle[1] / 80)
    return found


def wait_for_discs(page: Page, name: str) -> dict[str, tuple[float, float, float]]:
    """The discs, once all are drawn."""
    seen = {}
    for _ in range(90):
        seen = discs(Picture.of(page.locator("[data-cy=viewport-grid]"), name))
        if all(part > 0.02 for part, _, _ in seen.values()):
            return seen
        page.wait_for_timeout(500)
    raise AssertionError(f"not all discs are drawn: {seen}")


def test_a_pyramid_is_shown_and_its_tiles_are_fetched_by_number(
    page: Page, url: str, slide: str
) -> None:
    fetched: list[Response] = []
    page.on("response", lambda answer: fetched.append(answer) if "/frames/" in answer.url else None)

    page.goto(f"{url}/microscopy?StudyInstanceUIDs={slide}")
    seen = wait_for_discs(page, f"microscopy-{slide.rpartition('.')[2]}")

    # Rows of the matrix go up the slide and columns to its left, so it is seen turned round.
    assert seen["blue"][1:] < seen["green"][1:] < seen["red"][1:]
    assert seen["blue"][2] < seen["green"][2] < seen["red"][2]
    assert fetched
    assert {answer.status for answer in fetched} == {200}
    assert {level_of(answer) for answer in fetched} <= {2, 3, 4}  # the base is larger than the page

    page.mouse.move(560, 480)
    for _ in range(8):
        page.mouse.wheel(0, -300)
        page.wait_for_timeout(150)
    for _ in range(60):
        if any(level_of(answer) == 1 for answer in fetched):
            break
        page.wait_for_timeout(500)
    base = [answer for answer in fetched if level_of(answer) == 1]
    assert 0 < len(base) < 64  # those that are seen, not all
    assert {answer.status for answer in base} == {200}


def level_of(answer: Response) -> int:
    """Which level a tile was fetched of, 1 being the base."""
    return int(answer.url.partition("/frames/")[0].rpartition(".")[2])
