"""OHIF's viewer over the archive: every kind of demo object is shown."""

from __future__ import annotations

from urllib.parse import urljoin

import httpx
import pytest
from browser_pages import MARKS, Demo, Picture, Viewer, keep
from playwright.sync_api import Page, expect
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from filmroom.testing.objects import header, part10, uid

pytestmark = MARKS

SHADES = 60  # of grey: the least that an image of anatomy has, and no drawing of a frame


def test_the_ct_opens_and_the_canvas_shows_it(ohif: Viewer, demo: dict[str, Demo]) -> None:
    ohif.open(demo["DEMO-CT"].study)
    keep(ohif.page, "ct")
    seen = Picture.of(ohif.viewport)

    assert seen.grey_levels > SHADES
    assert seen.dark < 0.8


def test_the_slices_of_a_series_differ(ohif: Viewer, demo: dict[str, Demo]) -> None:
    ct = demo["DEMO-CT"]
    ohif.open(ct.study, ct.series["Chest 2.5 mm axial"])
    first = Picture.of(ohif.viewport)
    ohif.scroll(40)
    expect(ohif.page.get_by_text("(41/112)")).to_be_visible()
    ohif.page.wait_for_timeout(500)
    middle = Picture.of(ohif.viewport, "ct-axial")

    assert middle.differs(first)
    assert middle.grey_levels > SHADES


def test_a_multi_frame_ultrasound_opens(ohif: Viewer, demo: dict[str, Demo]) -> None:
    ohif.open(demo["DEMO-US"].study)
    seen = Picture.of(ohif.viewport, "ultrasound")

    assert seen.grey_levels > SHADES
    expect(ohif.page.get_by_text("1 (1/48)")).to_be_visible()


def test_the_segmentation_is_listed_and_lies_over_the_ct(
    ohif: Viewer, demo: dict[str, Demo]
) -> None:
    ct = demo["DEMO-CT"]
    ohif.open(ct.study, ct.series["Chest 2.5 mm axial"], ct.series["Lungs and nodule"])
    assert Picture.of(ohif.viewport).coloured < 0.01

    ohif.load("Lungs and nodule")
    ohif.scroll(45)

    ohif.wait_until_coloured(0.05, "segmentation")


def test_the_report_is_listed_and_its_measurement_drawn(
    ohif: Viewer, demo: dict[str, Demo]
) -> None:
    ct = demo["DEMO-CT"]
    ohif.open(ct.study)
    ohif.load("Measurements")

    expect(ohif.measurements().first).to_be_visible()
    expect(ohif.page.locator("[data-cy=data-row-details]").first).to_contain_text("mm")
    keep(ohif.page, "report")


def test_the_pdf_opens(ohif: Viewer, demo: dict[str, Demo]) -> None:
    ohif.open(demo["DEMO-DX"].study)
    ohif.without_image("DOC").dblclick()
    shown = ohif.page.locator("object[type='application/pdf']")
    shown.wait_for(state="attached")
    answer = httpx.get(urljoin(ohif.url, shown.get_attribute("data")))
    ohif.page.wait_for_timeout(2000)  # Chromium's viewer is another process and says nothing
    keep(ohif.page, "pdf")

    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert Picture.of(ohif.page.locator("[data-cy=viewport-grid]")).dark < 0.5


RECORD = """async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const brush = canvas.getContext('2d');
  let shade = 0;
  const drawing = setInterval(() => {
    shade = (shade + 8) % 256;
    brush.fillStyle = `rgb(${shade}, 90, 200)`;
    brush.fillRect(0, 0, 320, 240);
  }, 40);
  const types = ['video/mp4;codecs=avc1.42E01E', 'video/mp4;codecs=vp09.00.10.08', 'video/mp4'];
  const mimeType = types.find(type => MediaRecorder.isTypeSupported(type));
  if (!mimeType) return null;
  const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType });
  const parts = [];
  recorder.ondataavailable = event => parts.push(event.data);
  const stopped = new Promise(resolve => (recorder.onstop = resolve));
  recorder.start();
  await new Promise(resolve => setTimeout(resolve, 1500));
  recorder.stop();
  await stopped;
  clearInterval(drawing);
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return Array.from(bytes);
}"""
MP4_HIGH = "1.2.840.10008.1.2.4.102"
VIDEO_PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4.1"


@pytest.fixture
def film(page: Page, url: str) -> str:
    """The study of a video that Chromium has just recorded, since it plays what it records."""
    page.goto(f"{url}/ui/")
    recorded = page.evaluate(RECORD)
    assert recorded is not None, "this Chromium records no MP4"
    dataset = header(
        700,
        SOPClassUID=VIDEO_PHOTOGRAPHIC,
        Modality="XC",
        PatientName="Film^Fay",
        Rows=240,
        Columns=320,
        NumberOfFrames=37,
        FrameTime=40.0,
        CineRate=25,
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_PARTIAL_420",
        PlanarConfiguration=0,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
        FrameIncrementPointer=0x00181063,
    )
    dataset.add_new("PixelData", "OB", encapsulate([bytes(recorded)]))
    dataset["PixelData"].is_undefined_length = True
    answer = httpx.post(
        f"{url}/dicom-web/studies",
        content=part10(dataset, UID(MP4_HIGH)),
        headers={"content-type": "application/dicom"},
    )
    assert answer.status_code == 200, answer.text
    return uid(700)


def test_a_video_is_shown(ohif: Viewer, film: str) -> None:
    path = f"/dicom-web/studies/{film}/series/{uid(700, 1)}/instances/{uid(700, 1, 1)}/rendered"
    with ohif.page.expect_response(lambda answer: answer.url == ohif.url + path) as asked:
        ohif.page.goto(f"{ohif.url}/viewer?StudyInstanceUIDs={film}")

    assert asked.value.status == 206
    assert asked.value.headers["content-type"] == "video/mp4"
    ohif.viewport.wait_for()
    ohif.wait_until_coloured(0.5, "video")
