from __future__ import annotations

import base64
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRBigEndian

from filmroom.core import image as image_module
from filmroom.core.archive import Archive
from filmroom.core.bulkdata import bulk_value
from filmroom.core.image import frame_bytes, image_of
from filmroom.errors import NotFound
from filmroom.model.instance import InstanceRef, Located
from filmroom.testing.objects import image, part10, report, uid

BIG, DEFLATED = ExplicitVRBigEndian, "1.2.840.10008.1.2.1.99"
JLS = "1.2.840.10008.1.2.4.80"
PALETTE, OVERLAY, ICC, LUT = "00281201", "60003000", "00282000", "00283006"
VOI = "00283010"


@pytest.fixture
def archive(make_archive: Callable[..., Archive]) -> Archive:
    return make_archive(bulk_threshold=64)


def located(archive: Archive, instance: int = 1) -> Located:
    """An instance of the first series."""
    return archive.index.locate(InstanceRef(uid(1), uid(1, 1), uid(1, 1, instance)))


def with_bulk(**attributes: object) -> Dataset:
    """An image with a palette, an overlay, an ICC profile and a VOI LUT, all of them bulk."""
    lut = Dataset()
    lut.LUTDescriptor = [256, 0, 16]
    lut.LUTData = np.arange(256, dtype="<u2").tobytes()
    dataset = image(**attributes)
    dataset.RedPaletteColorLookupTableData = bytes(range(256)) * 2
    dataset.add_new(0x60003000, "OW", bytes(range(100)))
    dataset.ICCProfile = bytes(range(200))
    dataset.VOILUTSequence = Sequence([lut])
    dataset.add_new(0x00091001, "OB", bytes(300))
    dataset.add_new(0x00090010, "LO", "PRIVATE")
    return dataset


def inline(element: dict[str, str]) -> bytes:
    """The bytes of a bulk element."""
    return base64.b64decode(element["InlineBinary"])


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", DEFLATED])
def test_what_drawing_needs_is_put_into_the_data_set(archive: Archive, store, syntax: str) -> None:
    store(archive, part10(with_bulk(), syntax))

    found = image_of(archive, located(archive))

    assert found.transfer_syntax == syntax
    assert inline(found.attributes[PALETTE]) == bytes(range(256)) * 2
    assert inline(found.attributes[OVERLAY]) == bytes(range(100))
    assert inline(found.attributes[ICC]) == bytes(range(200))
    (lut,) = found.attributes[VOI]["Value"]
    assert np.frombuffer(inline(lut[LUT]), "<u2").tolist() == list(range(256))
    assert "InlineBinary" not in found.attributes["7FE00010"]
    assert "InlineBinary" not in found.attributes["00091001"]


def test_values_of_a_big_endian_data_set_are_turned(archive: Archive, store) -> None:
    dataset = with_bulk()
    dataset.RedPaletteColorLookupTableData = np.arange(100, dtype=">u2").tobytes()
    store(archive, part10(dataset, BIG))

    found = image_of(archive, located(archive))

    assert np.frombuffer(inline(found.attributes[PALETTE]), "<u2").tolist() == list(range(100))


def test_graphic_data_of_a_presentation_state_is_put_into_the_data_set(
    archive: Archive, store
) -> None:
    points = np.arange(200, dtype="<f4")
    shape = Dataset()
    shape.add_new("GraphicData", "FL", points.tolist())
    layer = Dataset()
    layer.GraphicObjectSequence = Sequence([shape])
    dataset = image()
    dataset.GraphicAnnotationSequence = Sequence([layer])
    store(archive, part10(dataset))

    (found,) = image_of(archive, located(archive)).attributes["00700001"]["Value"]

    (kept,) = found["00700009"]["Value"]
    assert "Value" not in kept["00700022"]
    assert inline(kept["00700022"]) == points.tobytes()


@pytest.mark.parametrize(("bits", "rows"), [(32, 4), (16, 4), (8, 3)])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_big_endian_pixels_are_turned_by_the_words_of_their_vr(
    archive: Archive, store, bits: int, rows: int, number: int
) -> None:
    """OW is words of two bytes, whatever a pixel has, and whatever word a frame begins in."""
    dataset = image(frames=3, rows=rows, columns=rows)
    little = np.random.default_rng(1).integers(256, size=3 * rows * rows * bits // 8, dtype="u1")
    frame = little[(number - 1) * rows * rows * bits // 8 :][: rows * rows * bits // 8]
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    written = np.append(little, np.zeros(little.size % 2, "u1"))
    dataset.add_new("PixelData", "OW", written.view("<u2").byteswap().tobytes())
    store(archive, part10(dataset, BIG))

    assert frame_bytes(archive, located(archive), number) == frame.tobytes()
    assert bulk_value(archive, located(archive), "7FE00010").content.read() == written.tobytes()


def test_big_endian_pixels_of_one_bit_are_turned_before_they_are_cut(
    archive: Archive, store
) -> None:
    dataset = image(frames=3, rows=3, columns=3)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    packed = (0b101010101 | 0b111000111 << 9 | 0b100000001 << 18).to_bytes(4, "little")
    dataset.add_new("PixelData", "OW", np.frombuffer(packed, "<u2").byteswap().tobytes())
    store(archive, part10(dataset, BIG))

    got = [frame_bytes(archive, located(archive), number) for number in (1, 2, 3)]

    assert got == [b"\x55\x01", b"\xc7\x01", b"\x01\x01"]


def test_an_image_is_read_once(archive: Archive, store) -> None:
    store(archive, part10(with_bulk()))

    assert image_of(archive, located(archive)) is image_of(archive, located(archive))


def test_bulk_values_beyond_the_bound_are_left_out(
    archive: Archive, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_module, "MOST", 520)
    store(archive, part10(with_bulk()))

    found = image_of(archive, located(archive)).attributes

    assert "InlineBinary" in found[PALETTE]
    assert "BulkDataURI" in found[ICC]


def test_of_each_frames_groups_only_what_drawing_asks_for_is_kept(archive: Archive, store) -> None:
    dataset = image(frames=2)
    groups = []
    for number in (1, 2):
        group, content, window = Dataset(), Dataset(), Dataset()
        content.DimensionIndexValues = [number, 1]
        window.WindowCenter, window.WindowWidth = 40 * number, 400
        group.FrameContentSequence = Sequence([content])
        group.FrameVOILUTSequence = Sequence([window])
        groups.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(groups)
    store(archive, part10(dataset))

    found = image_of(archive, located(archive)).attributes["52009230"]["Value"]

    assert [list(group) for group in found] == [["00289132"], ["00289132"]]
    assert found[1]["00289132"]["Value"][0]["00281050"]["Value"] == [80]


def test_an_object_without_pixels_is_an_image_without_format(archive: Archive, store) -> None:
    store(archive, part10(report()))
    ref = InstanceRef(uid(1), uid(1, 90), uid(1, 90, 1))

    found = image_of(archive, archive.index.locate(ref))

    assert found.attributes["00080060"]["Value"] == ["SR"]
    with pytest.raises(NotFound):
        frame_bytes(archive, archive.index.locate(ref), 1)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2", DEFLATED, BIG])
def test_frames_are_little_endian_however_they_are_stored(
    archive: Archive, store, syntax: str
) -> None:
    dataset = image(frames=3)
    little = dataset.PixelData[128 * 2 :]
    if syntax == BIG:
        dataset.PixelData = np.frombuffer(dataset.PixelData, "<u2").astype(">u2").tobytes()
    store(archive, part10(dataset, syntax))

    assert frame_bytes(archive, located(archive), 3) == little
    for number in (0, 4):
        with pytest.raises(NotFound):
            frame_bytes(archive, located(archive), number)
