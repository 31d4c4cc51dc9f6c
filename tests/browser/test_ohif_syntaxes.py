"""OHIF shows an image of every transfer syntax that can be decoded, by itself or by the archive.

What is seen on the canvas is compared with what the archive renders of the same instance, and
that with what it renders of the same pixels uncompressed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from browser_pages import MARKS, Picture, Viewer, keep
from PIL import Image as Pillow
from PIL import ImageChops, ImageStat
from pydicom.data.data_manager import DATA_ROOT
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import dcmread

from filmroom.dicom.pixel_format import pixel_format
from filmroom.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from filmroom.model.pixels import Image
from filmroom.pixels.encode import encode
from filmroom.pixels.transcode import transcode
from filmroom.testing.objects import header, part10

pytestmark = MARKS

EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
JPEG_BASELINE, JPEG_PROGRESSIVE = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.55"
OF_ANOTHER = {
    "1.2.840.10008.1.2.4.92": "1.2.840.10008.1.2.4.90",
    "1.2.840.10008.1.2.4.93": "1.2.840.10008.1.2.4.91",
}
"""Syntaxes that nothing here encodes, and those whose codestreams are theirs too."""
RECOMPRESSED = "1.2.840.10008.1.2.4.111"
LEFT_OUT = {
    (JPEG_BASELINE, "grey"),  # 8 bits at most
    (JPEG_PROGRESSIVE, "grey"),
    (RECOMPRESSED, "grey"),  # made of JPEG Baseline
}
STUDY = 800
Names = tuple[str, str, str]
"""UIDs of a study, series and instance."""
SHARED = Path(__file__).parents[3] / "shared" / "data"
WHEEL = Path(DATA_ROOT) / "test_files"
REAL = {
    "ultrasound, palette": WHEEL / "examples_palette.dcm",
    "ultrasound, luminance and chrominance": WHEEL / "examples_ybr_color.dcm",
    "ultrasound, red, green and blue": WHEEL / "examples_rgb_color.dcm",
    "colour, JPEG 2000": WHEEL / "examples_jpeg2k.dcm",
    "ultrasound in colour, JPEG 2000": SHARED / "codec/US1_J2KI.dcm",
    "radiograph, JPEG 2000": SHARED / "codec/RG3_J2KI.dcm",
    "photograph, JPEG": SHARED / "photo/image1.dcm",
    "ultrasound, JPEG lossless": SHARED / "codec/JPGLosslessP14SV1_1s_1f_8b.dcm",
    "CT, JPEG-LS near-lossless": SHARED / "codec_wg04/CT2_JLSN",
    "colour, RLE": SHARED / "codec_wg04/US1_RLE",
}
"""Files of pydicom's own wheel, and others that may be there.

All are in colour, of 8 bits, or have a window: without one OHIF and the archive each guess.
"""


def grey() -> np.ndarray:
    """Stored values of 12 bits: shapes on a slope, so that what is turned looks otherwise."""
    rows, columns = np.mgrid[0:128, 0:160]
    values = 400 + 8 * columns + 6 * rows
    values[20:50, 16:70] = 3800
    values[70:110, 100:130] = 60
    values[(rows - 30) ** 2 + (columns - 120) ** 2 < 300] = 2900
    return values.astype(np.uint16)


def colour() -> np.ndarray:
    """Red, green and blue."""
    slope = (grey() >> 4).astype(np.uint8)
    values = np.stack([slope, 255 - slope, slope // 2], axis=2)
    values[90:120, 10:60] = (230, 30, 60)
    values[10:40, 120:150] = (20, 60, 220)
    return values


def described(values: np.ndarray, series: int, **more: object) -> Dataset:
    """A data set of one image in a series of its own, without pixel data."""
    bits = 12 if values.dtype == np.uint16 else 8
    samples = values.shape[2] if values.ndim == 3 else 1
    dataset = header(STUDY, series, 1, SeriesDescription=f"Syntax {series}", Modality="OT")
    dataset.Rows, dataset.Columns = values.shape[:2]
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        dataset.PlanarConfiguration = 0
    else:
        dataset.WindowCenter, dataset.WindowWidth = 2 ** (bits - 1), 2**bits
    dataset.BitsAllocated = 8 * values.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.PixelRepresentation = 0
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def coded(values: np.ndarray, syntax: str, series: int) -> bytes:
    """A Part 10 file of these values in a transfer syntax."""
    dataset = described(values, series)
    known = TRANSFER_SYNTAXES[syntax]
    if not known.encapsulated:
        written = values.byteswap() if syntax == BIG_ENDIAN else values
        dataset.add_new("PixelData", "OW" if values.itemsize == 2 else "OB", written.tobytes())
        return part10(dataset, syntax)
    format = pixel_format(dataset.to_json_dict())
    if syntax in (JPEG_PROGRESSIVE, RECOMPRESSED):
        frame, changes = jpeg(values, progressive=syntax == JPEG_PROGRESSIVE), {}
        if syntax == RECOMPRESSED:
            frame = transcode(frame, Image(JPEG_BASELINE, dataset.to_json_dict()), syntax).data
    else:
        frame, changes = encode(values, format, OF_ANOTHER.get(syntax, syntax), 95)
    for tag, element in changes.items():
        if element is not None:
            dataset.update(Dataset.from_json({tag: element}))
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return part10(dataset, syntax)


def jpeg(values: np.ndarray, *, progressive: bool) -> bytes:
    """A JPEG file of 8 bits."""
    file = BytesIO()
    Pillow.fromarray(values).save(file, "JPEG", quality=95, progressive=progressive, subsampling=0)
    return file.getvalue()


def made() -> Iterator[tuple[str, str]]:
    """Each syntax that can be decoded, and whether it is shown in grey or in colour."""
    for syntax, known in TRANSFER_SYNTAXES.items():
        if known.decoder is None:
            continue
        if known.encoder or syntax in (*OF_ANOTHER, BIG_ENDIAN, JPEG_PROGRESSIVE):
            yield from {(syntax, kind) for kind in VALUES} - LEFT_OUT


VALUES = {"grey": grey, "colour": colour}
CASES = sorted(made())


Store = Callable[[bytes], Names]


@pytest.fixture
def stored(url: str) -> Iterator[Store]:
    """Put a file into the archive for this test only: other tests list what is there."""
    studies = set()

    def store(file: bytes) -> Names:
        answer = httpx.post(
            f"{url}/dicom-web/studies",
            content=file,
            headers={"content-type": "application/dicom"},
            timeout=60,
        )
        assert answer.status_code in (200, 202), answer.text
        dataset = dcmread(DicomBytesIO(file), stop_before_pixels=True)
        studies.add(dataset.StudyInstanceUID)
        return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID

    yield store
    for study in studies:
        httpx.delete(f"{url}/dicom-web/studies/{study}").raise_for_status()


def rendered(url: str, names: Names, viewport: str) -> Pillow.Image:
    """What the archive makes of an instance."""
    study, series, instance = names
    answer = httpx.get(
        f"{url}/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/1/rendered",
        params={"viewport": viewport},
        headers={"accept": "image/png"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    return Pillow.open(BytesIO(answer.content)).convert("RGB")


def difference(one: Pillow.Image, other: Pillow.Image) -> float:
    """The mean difference of two pictures of one size, in shades."""
    assert one.size == other.size
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def middle(picture: Pillow.Image, width: int, height: int) -> Pillow.Image:
    """A part of a picture, in its middle; what lies beside it may be text."""
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height)).resize((64, 64))


def seen_as_rendered(ohif: Viewer, names: Names, within: float) -> Pillow.Image:
    """Open an instance's series and compare the canvas with what the archive renders of it."""
    study, series, _ = names
    ohif.open(study, series)
    canvas = ohif.page.locator("canvas.cornerstone-canvas").first
    for _ in range(20):
        seen = Picture.of(canvas).image
        picture = rendered(ohif.url, names, f"{seen.width},{seen.height}")
        width, height = int(picture.width * 0.7), int(picture.height * 0.7)
        apart = difference(middle(seen, width, height), middle(picture, width, height))
        if apart < within:
            return picture
        ohif.page.wait_for_timeout(250)  # the first stage of a progressive image
    keep(ohif.page, "not-as-rendered")
    raise AssertionError(f"the canvas is {apart:.1f} shades from what is rendered")


@pytest.mark.parametrize(
    ("syntax", "kind"),
    [pytest.param(*case, id=f"{TRANSFER_SYNTAXES[case[0]].name}, {case[1]}") for case in CASES],
)
def test_a_syntax_is_shown(ohif: Viewer, url: str, stored: Store, syntax: str, kind: str) -> None:
    plain = stored(coded(VALUES[kind](), EXPLICIT, 1))
    names = stored(coded(VALUES[kind](), syntax, 2))

    seen_as_rendered(ohif, names, within=6)

    lossy = TRANSFER_SYNTAXES[syntax].lossy
    apart = difference(rendered(url, names, "160,128"), rendered(url, plain, "160,128"))
    assert apart < (5 if lossy else 0.001)
    assert (apart > 0) <= lossy


def kinds() -> dict[str, bytes]:
    """Images that are not only grey or red, green and blue."""
    palette = described(grey(), 200, PhotometricInterpretation="PALETTE COLOR")
    del palette.WindowCenter, palette.WindowWidth
    palette.BitsAllocated = palette.BitsStored = 8
    palette.HighBit = 7
    indices = (grey() >> 4).astype(np.uint8)
    ramp = np.arange(256, dtype=np.uint16) << 8
    for colour_name, table in (("Red", ramp), ("Green", ramp[::-1]), ("Blue", ramp // 2)):
        setattr(palette, f"{colour_name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(palette, f"{colour_name}PaletteColorLookupTableData", table.tobytes())
    palette.add_new("PixelData", "OB", indices.tobytes())

    inverse = described(grey(), 201, PhotometricInterpretation="MONOCHROME1")
    inverse.add_new("PixelData", "OW", grey().tobytes())

    signed = described(grey(), 202, PixelRepresentation=1, RescaleIntercept=-100, RescaleSlope=2)
    signed.WindowCenter, signed.WindowWidth = 0, 5000
    signed.add_new("PixelData", "OW", (grey().astype(np.int16) - 2048).tobytes())

    planes = described(colour(), 203, PlanarConfiguration=1)
    planes.add_new("PixelData", "OB", colour().transpose(2, 0, 1).tobytes())

    frames = described(grey(), 204, NumberOfFrames=3)
    frames.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7.3"
    frames.add_new("PixelData", "OW", grey().tobytes() * 3)

    each = {"palette": palette, "inverse": inverse, "signed": signed, "planes": planes}
    return {name: part10(dataset) for name, dataset in (each | {"frames": frames}).items()}


@pytest.mark.parametrize("kind", ["palette", "inverse", "signed", "planes", "frames"])
def test_a_kind_of_image_is_shown(ohif: Viewer, stored: Store, kind: str) -> None:
    picture = seen_as_rendered(ohif, stored(kinds()[kind]), within=6)

    assert (Picture(picture).coloured > 0.5) == (kind in ("palette", "planes"))


@pytest.mark.parametrize("name", [name for name in REAL if REAL[name].is_file()])
def test_a_real_image_is_shown(ohif: Viewer, stored: Store, name: str) -> None:
    seen_as_rendered(ohif, stored(REAL[name].read_bytes()), within=6)
