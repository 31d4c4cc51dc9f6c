"""Pictures drawn here and by DCMTK: the same, within a level of grey."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image as Pillow
from pydicom.data import DATA_ROOT, get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.errors import InvalidDicomError
from pydicom.uid import ExplicitVRBigEndian

from filmroom.model.pixels import Image
from filmroom.model.rendering import Region, Rendering, Viewport, VoiFunction, Window
from filmroom.pixels.draw import draw
from filmroom.testing.objects import header, image, part10

BESIDE = Path(__file__).parents[3] / "shared" / "data"
SEGMENTATION_TYPE = "00620001"
PNG = Rendering(media_type="image/png")
DECODERS = {"1.2.840.10008.1.2.4.5": "dcmj2pnm", "1.2.840.10008.1.2.4.8": "dcml2pnm"}

GREY = (
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "JPGExtended.dcm",
    "image_dfl.dcm",
    "examples_overlay.dcm",
)
COLOUR = (
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
)


def dataset_of(source: Path) -> Dataset:
    """A file as pydicom reads it, whatever it complains about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(source)
        dataset.decode()
    return dataset


def read(source: Path) -> tuple[Image, bytes]:
    """An image and its first frame, as the archive would hand them over."""
    dataset = dataset_of(source)
    syntax = dataset.file_meta.TransferSyntaxUID
    pixels, count = dataset.PixelData, int(dataset.get("NumberOfFrames") or 1)
    if dataset["PixelData"].is_undefined_length:
        frame = get_frame(pixels, 0, number_of_frames=count)
    else:
        bits = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated
        frame = pixels[: (bits + 7) // 8]
    del dataset.PixelData
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Image(str(syntax), dataset.to_json_dict()), frame


def ours(source: Path, rendering: Rendering = PNG, state: Dataset | None = None) -> np.ndarray:
    told, frame = read(source)
    if state is not None:
        rendering = replace(rendering, presentation=state.to_json_dict())
    return np.asarray(Pillow.open(BytesIO(draw([frame], [1], told, rendering))))


def theirs(source: Path, *options: str) -> np.ndarray:
    """What DCMTK draws."""
    syntax = str(dataset_of(source).file_meta.TransferSyntaxUID)
    tool = next((tool for uid, tool in DECODERS.items() if syntax.startswith(uid)), "dcm2pnm")
    with TemporaryDirectory() as folder:
        drawn = Path(folder) / "drawn.pnm"
        subprocess.run([tool, "-q", "-O", *options, "+op", source, drawn], check=True)
        return np.asarray(Pillow.open(BytesIO(drawn.read_bytes())))


def assert_alike(found: np.ndarray, expected: np.ndarray, most: int = 1) -> None:
    assert found.shape == expected.shape
    assert abs(found.astype(int) - expected).max() <= most


def wheel(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert path
    return Path(str(path))


@pytest.mark.parametrize("name", GREY)
@pytest.mark.parametrize(
    ("function", "option"), [(VoiFunction.LINEAR, "+Wfl"), (VoiFunction.SIGMOID, "+Wfs")]
)
def test_a_window(name: str, function: VoiFunction, option: str) -> None:
    asked = replace(PNG, window=Window(300, 700, function))

    assert_alike(ours(wheel(name), asked), theirs(wheel(name), "+Ww", "300", "700", option))


def test_the_images_own_window() -> None:
    assert_alike(
        ours(wheel("examples_overlay.dcm")), theirs(wheel("examples_overlay.dcm"), "+Wi", "1")
    )


@pytest.mark.parametrize("name", COLOUR)
def test_colours(name: str) -> None:
    assert_alike(ours(wheel(name)), theirs(wheel(name)))


SQUARES = (np.linspace(0, 1, 2000) ** 2 * 4095).astype(int)


def lut(entries: Sequence[int], first: int, bits: int) -> Dataset:
    table = Dataset()
    table.add_new("LUTDescriptor", "US" if first >= 0 else "SS", [len(entries), first, bits])
    table.add_new("LUTData", "US", list(map(int, entries)))
    return table


def slope(intercept: int, rows: int = 60, columns: int = 70, **more: Any) -> Dataset:
    """Values that rise from pixel to pixel, rescaled."""
    made = image(rows=rows, columns=columns, RescaleSlope=1, RescaleIntercept=intercept, **more)
    made.PixelData = np.arange(rows * columns, dtype="<u2").tobytes()
    return made


def cases() -> dict[str, tuple[Dataset, tuple[str, ...]]]:
    """Images, and what DCMTK is to be told of them."""
    modality = lut((np.arange(3000) * 20).tolist(), 100, 16)
    modality.ModalityLUTType = "US"
    inverse = {"PhotometricInterpretation": "MONOCHROME1"}
    windowed = {"WindowCenter": 500, "WindowWidth": 900}
    by_lut = image(rows=60, columns=70, ModalityLUTSequence=[modality], WindowCenter=30000)
    by_lut.WindowWidth = 40000
    by_lut.PixelData = np.arange(4200, dtype="<u2").tobytes()
    signed = slope(-200, PixelRepresentation=1, **windowed)
    signed.PixelData = np.arange(-2100, 2100, dtype="<i2").tobytes()
    few_bits = slope(0, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=4096)
    few_bits.PixelData = (np.arange(4200, dtype="<u2") | 0xA000).tobytes()
    return {
        "MONOCHROME1": (slope(-100, **inverse, **windowed), ("+Wi", "1")),
        "narrow": (slope(-100, WindowCenter=500, WindowWidth=1), ("+Wi", "1")),
        "signed": (signed, ("+Wi", "1")),
        "12 bits stored": (few_bits, ("+Wi", "1")),
        "modality LUT": (by_lut, ("+Wi", "1")),
        "VOI LUT": (slope(0, VOILUTSequence=[lut(SQUARES, 300, 12)]), ("+Wl", "1")),
        "VOI LUT below zero": (
            slope(-1500, VOILUTSequence=[lut(SQUARES, -1000, 12)]),
            ("+Wl", "1"),
        ),
    }


def stored(made: Dataset, folder: Path) -> Path:
    path = folder / "image.dcm"
    path.write_bytes(part10(made))
    return path


@pytest.mark.parametrize("name", cases())
def test_transformations(name: str, tmp_path: Path) -> None:
    made, options = cases()[name]
    path = stored(made, tmp_path)

    assert_alike(ours(path), theirs(path, *options))


def test_a_region(tmp_path: Path) -> None:
    path = stored(slope(0, WindowCenter=2000, WindowWidth=4000), tmp_path)
    asked = replace(PNG, viewport=Viewport(region=Region(11, 7, 30, 20)))

    expected = theirs(path, "+Wi", "1", "+C", "11", "7", "30", "20")
    assert_alike(ours(path, asked), expected)


@pytest.mark.parametrize("aspect", [[1, 1], [2, 1], [1, 3]])
def test_the_aspect_ratio(aspect: list[int], tmp_path: Path) -> None:
    made = slope(0, WindowCenter=2000, WindowWidth=4000, PixelAspectRatio=aspect)
    path = stored(made, tmp_path)

    found = ours(path, replace(PNG, viewport=Viewport(width=140)))

    expected = theirs(path, "+Wi", "1", "+a", "+Sxv", "140")
    assert found.shape == expected.shape
    # How pixels are mixed that lie beside very different ones is each one's own matter.
    middle = slice(len(found) // 4, -(len(found) // 4))
    assert abs(found[middle, 60:80].astype(int) - expected[middle, 60:80]).mean() < 3


def test_overlays(tmp_path: Path) -> None:
    rows, columns = np.indices((60, 70))
    bits = (rows + columns) % 7 == 0
    made = slope(0, WindowCenter=2000, WindowWidth=4000)
    made.add_new(0x60000010, "US", 60)
    made.add_new(0x60000011, "US", 70)
    made.add_new(0x60000040, "CS", "G")
    made.add_new(0x60000050, "SS", [1, 1])
    made.add_new(0x60000100, "US", 1)
    made.add_new(0x60000102, "US", 0)
    made.add_new(0x60003000, "OW", np.packbits(bits, bitorder="little").tobytes() + b"\0")
    path = stored(made, tmp_path)

    assert_alike(ours(path, replace(PNG, overlays=True)), theirs(path, "+Wi", "1", "+O", "0"))


def state_of(made: Dataset, **attributes: Any) -> Dataset:
    """A grayscale softcopy presentation state of an image."""
    image_, series, shown = Dataset(), Dataset(), Dataset()
    image_.ReferencedSOPClassUID = made.SOPClassUID
    image_.ReferencedSOPInstanceUID = made.SOPInstanceUID
    series.SeriesInstanceUID = made.SeriesInstanceUID
    series.ReferencedImageSequence = [image_]
    shown.DisplayedAreaTopLeftHandCorner = [1, 1]
    shown.DisplayedAreaBottomRightHandCorner = [made.Columns, made.Rows]
    shown.PresentationSizeMode = "SCALE TO FIT"
    shown.PresentationPixelAspectRatio = [1, 1]
    state = header(
        1,
        50,
        1,
        SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1",
        Modality="PR",
        Manufacturer="",
        ContentLabel="STATE",
        ContentDescription="",
        PresentationCreationDate="20240115",
        PresentationCreationTime="101500",
        ContentCreatorName="",
        SpecificCharacterSet="ISO_IR 100",
        ReferencedSeriesSequence=[series],
        DisplayedAreaSelectionSequence=[shown],
        PresentationLUTShape="IDENTITY",
    )
    for keyword, value in attributes.items():
        setattr(state, keyword, value)
    return state


def by_state(made: Dataset, state: Dataset, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """An image seen through a presentation state, here and by DCMTK."""
    source, through, out = stored(made, folder), folder / "state.dcm", folder / "out.pgm"
    through.write_bytes(part10(state))
    subprocess.run(["dcmp2pgm", "-q", "-p", through, source, out], check=True)
    return ours(source, state=state), np.asarray(Pillow.open(out))


def window_item(center: float, width: float) -> Dataset:
    voi = Dataset()
    voi.WindowCenter, voi.WindowWidth = center, width
    return voi


RESCALED = {"RescaleSlope": 2, "RescaleIntercept": -1000, "RescaleType": "US"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"SoftcopyVOILUTSequence": [window_item(1000, 500)]},
        {"SoftcopyVOILUTSequence": [window_item(1000, 3000)], **RESCALED},
        {"PresentationLUTShape": "INVERSE", **RESCALED},
        RESCALED,
        {"SoftcopyVOILUTSequence": [window_item(2000, 4000)], "ImageRotation": 90},
        *(
            {
                "SoftcopyVOILUTSequence": [window_item(2000, 4000)],
                "ImageRotation": turned,
                "ImageHorizontalFlip": "Y",
            }
            for turned in (0, 90, 180, 270)
        ),
    ],
)
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_presentation_states(attributes: dict[str, Any], photometric: str, tmp_path: Path) -> None:
    made = slope(5, PhotometricInterpretation=photometric, WindowCenter=1, WindowWidth=1)
    state = state_of(made, ImageRotation=0, ImageHorizontalFlip="N")
    for keyword, value in attributes.items():
        setattr(state, keyword, value)

    assert_alike(*by_state(made, state, tmp_path))


def test_luts_of_presentation_states(tmp_path: Path) -> None:
    made = slope(0)
    modality = lut((np.arange(3000) * 20).tolist(), 100, 16)
    modality.ModalityLUTType = "US"
    shape = (255 * np.sin(np.linspace(0, np.pi / 2, 4096))).astype(int)
    state = state_of(
        made,
        ModalityLUTSequence=[modality],
        SoftcopyVOILUTSequence=[window_item(30000, 40000)],
        PresentationLUTSequence=[lut(shape.tolist(), 0, 8)],
    )
    del state.PresentationLUTShape

    assert_alike(*by_state(made, state, tmp_path))


def test_every_grey_file_that_both_can_read() -> None:
    files = [*(Path(DATA_ROOT) / "test_files").glob("*.dcm"), *BESIDE.glob("codec*/*")]
    different, compared = [], 0
    for path in sorted(files):
        try:
            expected = theirs(path, "+Ww", "300", "700")
            told, frame = read(path)
        except (subprocess.CalledProcessError, InvalidDicomError, AttributeError, ValueError):
            continue
        in_colour = expected.ndim == 3 or SEGMENTATION_TYPE in told.attributes
        if in_colour or told.transfer_syntax == ExplicitVRBigEndian:
            continue
        compared += 1
        asked = replace(PNG, window=Window(300, 700))
        found = np.asarray(Pillow.open(BytesIO(draw([frame], [1], told, asked))))
        if found.shape != expected.shape or abs(found.astype(int) - expected).max() > 1:
            different.append(path.name)

    # Dose is seen in its own units here.
    assert [name for name in different if not name.startswith("rtdose")] == []
    assert compared >= 10
