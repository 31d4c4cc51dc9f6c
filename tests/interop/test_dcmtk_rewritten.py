"""Instances written in other transfer syntaxes, as DCMTK's tools read them."""

from __future__ import annotations

import subprocess
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import DATA_ROOT

from filmroom.core.archive import Archive
from filmroom.core.rewrite import write_instance
from filmroom.core.store import receive
from filmroom.index.memory import MemoryIndex
from filmroom.model.pixels import Pixels
from filmroom.pixels.pipeline import open_pixels
from filmroom.settings import Settings
from filmroom.storage.memory import MemoryStorage

FILES = Path(DATA_ROOT) / "test_files"
EXPLICIT, IMPLICIT, DEFLATED = (f"1.2.840.10008.1.2{end}" for end in (".1", "", ".1.99"))
DECODERS = {
    "1.2.840.10008.1.2.5": "dcmdrle",
    "1.2.840.10008.1.2.4.70": "dcmdjpeg",
    "1.2.840.10008.1.2.4.80": "dcmdjpls",
}
IMAGES = [
    "CT_small.dcm", "MR_small_implicit.dcm", "MR_small_expb.dcm", "image_dfl.dcm",
    "examples_palette.dcm", "examples_rgb_color.dcm", "examples_overlay.dcm",
    "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle_16bit_2frame.dcm", "693_J2KI.dcm",
]  # fmt: skip
OTHERS = ["reportsi.dcm", "test-SR.dcm", "rtplan.dcm", "waveform_ecg.dcm", "liver_1frame.dcm"]


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pixels]:
    """Workers that are started once for all these tests."""
    with closing(open_pixels(Settings(data=tmp_path_factory.mktemp("data")))) as shared:
        yield shared


def rewritten(pixels: Pixels, name: str, target: str, folder: Path) -> Path:
    """A file of pydicom's, stored and written in a transfer syntax."""
    settings = Settings(data=folder, disk_reserve=0)
    archive = Archive(MemoryIndex(), MemoryStorage(), settings, pixels)
    with receive(archive, "test") as incoming:
        incoming.write((FILES / name).read_bytes())
        located = archive.index.locate(incoming.finish().ref)
    path = folder / f"{target}.dcm"
    with path.open("w+b") as file:
        write_instance(archive, located, target, file)
    return path


def run(*command: str | Path) -> str:
    """Run a tool of DCMTK's, which must complain about nothing."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def values(path: Path) -> np.ndarray:
    """The stored values of a native file, whatever they mean."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path)
    kind = f"<u{dataset.BitsAllocated // 8}"
    count = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel
    count *= int(dataset.get("NumberOfFrames", 1))
    found = np.frombuffer(dataset.PixelData, kind)[:count]
    if dataset.get("PlanarConfiguration") == 1:
        found = found.reshape(-1, 3, dataset.Rows * dataset.Columns).transpose(0, 2, 1)
    return np.ascontiguousarray(found).ravel() & ((1 << dataset.BitsStored) - 1)


def elements(path: Path) -> list[str]:
    """What dcmdump says of a data set: tags, VRs and values, comments and lengths left out."""
    dumped = run("dcmdump", "-q", "+L", path)
    lines = [line.strip() for line in dumped.splitlines() if line.strip().startswith("(")]
    kept = [line.rpartition("#")[0].strip() for line in lines]
    return [line for line in kept if not line.startswith(("(0002,", "(fffe,"))]


@pytest.mark.parametrize("target", DECODERS)
@pytest.mark.parametrize("name", IMAGES)
def test_dcmtk_decodes_the_very_same_values(
    pixels: Pixels, tmp_path: Path, name: str, target: str
) -> None:
    compressed = rewritten(pixels, name, target, tmp_path)
    native = rewritten(pixels, name, EXPLICIT, tmp_path)
    decoded = tmp_path / "decoded.dcm"

    run(DECODERS[target], compressed, decoded)

    assert np.array_equal(values(decoded), values(native))


@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT, DEFLATED])
@pytest.mark.parametrize("name", [*IMAGES, *OTHERS])
def test_dcmtk_reads_the_same_elements(
    pixels: Pixels, tmp_path: Path, name: str, target: str
) -> None:
    path = rewritten(pixels, name, target, tmp_path)
    expected = rewritten(pixels, name, EXPLICIT, tmp_path)

    run("dcmconv", "+te", path, tmp_path / "found.dcm")
    run("dcmconv", "+te", expected, tmp_path / "asked.dcm")

    found, asked = (elements(tmp_path / each) for each in ("found.dcm", "asked.dcm"))
    if target != IMPLICIT:
        assert found == asked
    else:
        assert [line[:11] for line in found] == [line[:11] for line in asked]
