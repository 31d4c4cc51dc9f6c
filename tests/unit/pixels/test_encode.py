"""Every transfer syntax that is encoded: what it carries comes back, what it cannot is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from coded import (
    ROOT,
    by_dcmtk,
    by_djxl,
    by_gdcm,
    by_openjpeg,
    by_pydicom,
    changed,
    layout,
    picture,
)

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import PixelFormat
from filmroom.dicom.transfer_syntaxes import TRANSFER_SYNTAXES
from filmroom.errors import Unsupported
from filmroom.pixels.decode import decode
from filmroom.pixels.encode import encode
from filmroom.pixels.jpeg2000_header import read_jpeg2000_header
from filmroom.pixels.jpeg_header import read_jpeg_header
from filmroom.pixels.jpegxl import RECOMPRESSION
from filmroom.pixels.values import dtype_of, shape_of

FORMATS = {
    "one bit": layout(1),
    "8": layout(8),
    "8 signed": layout(8, signed=True),
    "6 in 8": layout(6),
    "8 in 16": replace(layout(8), bits_allocated=16),
    "12": layout(12),
    "12 signed": layout(12, signed=True),
    "16": layout(16),
    "16 signed": layout(16, signed=True),
    "24": layout(24),
    "24 signed": layout(24, signed=True),
    "32": layout(32),
    "colour 8": layout(8, samples=3),
    "colour 12": layout(12, samples=3),
    "colour 16": layout(16, samples=3),
}
EIGHT = {"8", "6 in 8", "8 in 16", "colour 8"}
UNSIGNED = EIGHT | {"12", "16", "colour 12", "colour 16"}
SIXTEEN = UNSIGNED | {"8 signed", "12 signed", "16 signed"}
CARRIED = {
    ".4.50": EIGHT,
    ".4.51": EIGHT | {"12", "colour 12"},
    ".4.57": SIXTEEN,
    ".4.70": SIXTEEN,
    ".4.80": SIXTEEN,
    ".4.81": UNSIGNED,
    ".4.90": SIXTEEN | {"one bit", "24", "24 signed"},
    ".4.91": SIXTEEN,
    ".4.110": UNSIGNED,
    ".4.112": UNSIGNED,
    ".4.201": SIXTEEN | {"one bit"},
    ".4.202": SIXTEEN | {"one bit"},
    ".4.203": SIXTEEN,
}
"""Of other syntaxes: all."""

ERRORS = {  # of any value, and their root mean square, as parts of the range; at quality 90
    ".4.50": (0.12, 0.012),
    ".4.51": (0.12, 0.012),
    ".4.81": (0.004, 0.003),
    ".4.91": (0.02, 0.004),
    ".4.112": (0.12, 0.025),
    ".4.203": (0.03, 0.005),
}
ENCODED = [
    uid for uid, syntax in TRANSFER_SYNTAXES.items() if syntax.encoder and uid != RECOMPRESSION
]
EACH = [
    pytest.param(uid, name, id=f"{uid[len(ROOT) :] or '.'} {name}")
    for uid in ENCODED
    for name in FORMATS
]


def coded(format: PixelFormat, uid: str, quality: int = 90) -> tuple[bytes, PixelFormat]:
    """A picture in a transfer syntax, and the format that its data set then says."""
    data, changes = encode(picture(format), format, uid, quality)
    return data, changed(format, changes)


@pytest.mark.parametrize(("uid", "name"), EACH)
def test_what_a_syntax_carries_comes_back_and_the_rest_is_refused(uid: str, name: str) -> None:
    format, suffix = FORMATS[name], uid[len(ROOT) :]
    values = picture(format)
    if name not in CARRIED.get(suffix, FORMATS):
        with pytest.raises(Unsupported, match="carr"):
            encode(values, format, uid)
        return
    data, changes = encode(values, format, uid)
    decoded = decode(data, uid, changed(format, changes))
    assert decoded.photometric == format.photometric
    if suffix not in ERRORS:
        assert "00282110" not in changes
        assert np.array_equal(decoded.values, values)
        return
    assert changes["00282110"] == {"vr": "CS", "Value": ["01"]}
    assert not np.array_equal(decoded.values, values)
    off = (decoded.values.astype(float) - values) / (1 << format.bits_stored)
    unit = 1 / (1 << format.bits_stored)  # no less can be lost of few bits
    greatest, mean = ERRORS[suffix]
    assert abs(off).max() <= max(greatest, 3 * unit)
    assert np.sqrt((off**2).mean()) <= max(mean, unit)


def test_all_lossy_syntaxes_have_a_bound() -> None:
    assert set(ERRORS) == {u[len(ROOT) :] for u in ENCODED if TRANSFER_SYNTAXES[u].lossy}


@pytest.mark.parametrize("suffix", [".4.81", ".4.91", ".4.112", ".4.203"])
def test_full_quality_loses_nothing_where_that_can_be(suffix: str) -> None:
    format = layout(12)
    data, changes = encode(picture(format), format, ROOT + suffix, 100)
    assert "00282110" not in changes
    assert np.array_equal(
        decode(data, ROOT + suffix, changed(format, changes)).values, picture(format)
    )


@pytest.mark.parametrize("suffix", [s for s in ERRORS if s != ".4.51"])
def test_less_quality_takes_fewer_bytes(suffix: str) -> None:
    sizes = [len(coded(layout(8), ROOT + suffix, quality)[0]) for quality in (30, 60, 90)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(
    ("suffix", "photometric"),
    [
        (".4.50", "YBR_FULL_422"),
        (".4.70", "RGB"),
        (".4.80", "RGB"),
        (".4.90", "YBR_RCT"),
        (".4.91", "YBR_ICT"),
        (".4.110", "RGB"),
        (".4.201", "YBR_RCT"),
        (".4.203", "YBR_ICT"),
        (".5", "RGB"),
        (".1", "RGB"),
    ],
)
def test_colour_is_said_to_be_what_it_became(suffix: str, photometric: str) -> None:
    assert coded(layout(8, samples=3), ROOT + suffix)[1].photometric == photometric


@pytest.mark.parametrize("suffix", [".1", ".4.70", ".4.80", ".4.90", ".4.201", ".5", ".8.1"])
def test_colour_that_is_no_rgb_stays_what_it_is(suffix: str) -> None:
    format = replace(layout(8, samples=3), photometric="YBR_FULL")
    data, told = coded(format, ROOT + suffix)
    assert told.photometric == "YBR_FULL"
    decoded = decode(data, ROOT + suffix, told)
    assert decoded.photometric == "YBR_FULL"
    assert np.array_equal(decoded.values, picture(format))


def test_indices_of_a_palette_are_never_coded_with_loss() -> None:
    format = replace(layout(8), photometric="PALETTE COLOR")
    with pytest.raises(Unsupported, match="indices of a palette"):
        encode(picture(format), format, f"{ROOT}.4.50")
    assert coded(format, f"{ROOT}.4.90")[1].photometric == "PALETTE COLOR"


def test_few_bits_in_many_are_coded_as_few_and_said_so() -> None:
    format = replace(layout(8), bits_allocated=16)
    told = coded(format, f"{ROOT}.4.50")[1]
    assert (told.bits_allocated, told.bits_stored, told.high_bit) == (8, 8, 7)
    assert coded(format, f"{ROOT}.4.80")[1].bits_allocated == 16


@pytest.mark.parametrize("bits", [7, 10, 12, 16])
def test_codestreams_have_the_stored_bits(bits: int) -> None:
    format = layout(bits)
    for suffix in (".4.70", ".4.80", ".4.81"):
        assert read_jpeg_header(coded(format, ROOT + suffix)[0]).precision == bits
    for suffix in (".4.90", ".4.91", ".4.201", ".4.202", ".4.203"):
        header = read_jpeg2000_header(coded(format, ROOT + suffix)[0])
        assert (header.precision, header.signed) == (bits, False)


def test_a_progressive_codestream_goes_down_to_a_thumbnail_and_lists_its_parts() -> None:
    """PS3.5 §10.18."""
    format = layout(12, rows=700, columns=3000)
    data = coded(format, f"{ROOT}.4.202")[0]
    coding = data.index(b"\xff\x52")
    assert data[coding + 5] == 2  # RPCL
    assert 3000 / 2 ** data[coding + 9] <= 64
    assert 0 < data.index(b"\xff\x55") < data.index(b"\xff\x90")  # TLM


@pytest.mark.parametrize("rows", [1, 2, 7])
@pytest.mark.parametrize("columns", [1, 3, 300])
@pytest.mark.parametrize("samples", [1, 3])
def test_the_smallest_images_come_back(rows: int, columns: int, samples: int) -> None:
    for bits in (8, 16):
        format = layout(bits, rows=rows, columns=columns, samples=samples)
        noise = np.random.default_rng(1).integers(0, 1 << bits, shape_of(format))
        values = noise.astype(dtype_of(format))
        for uid in ENCODED:
            if TRANSFER_SYNTAXES[uid].lossy:
                continue
            data, changes = encode(values, format, uid)
            found = decode(data, uid, changed(format, changes)).values
            assert np.array_equal(found, values), uid


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("bits", range(1, 17))
def test_every_number_of_bits_comes_back(bits: int, signed: bool) -> None:
    format = replace(layout(max(bits, 2), signed=signed), bits_stored=bits, high_bit=bits - 1)
    values = picture(format)
    for uid in ENCODED:
        syntax = TRANSFER_SYNTAXES[uid]
        if not syntax.lossy and not (signed and syntax.encoder is Codec.JPEG_XL):
            data, changes = encode(values, format, uid)
            assert np.array_equal(decode(data, uid, changed(format, changes)).values, values), uid


@pytest.mark.parametrize("bits", [6, 8, 12, 15, 16])
def test_noise_comes_back_though_nothing_makes_it_small(bits: int) -> None:
    format = layout(bits, rows=200, columns=200)
    noise = np.random.default_rng(1).integers(0, 1 << bits, shape_of(format))
    values = noise.astype(dtype_of(format))
    for uid in ENCODED:
        if not TRANSFER_SYNTAXES[uid].lossy:
            data, changes = encode(values, format, uid)
            assert np.array_equal(decode(data, uid, changed(format, changes)).values, values), uid


def test_what_nothing_encodes_is_said() -> None:
    with pytest.raises(Unsupported, match="nothing here encodes JPEG Extended, Hierarchical"):
        encode(picture(layout(8)), layout(8), f"{ROOT}.4.59")
    with pytest.raises(Unsupported, match="made of JPEG frames only"):
        encode(picture(layout(8)), layout(8), RECOMPRESSION)
    floats = replace(layout(32), floating=True)
    with pytest.raises(Unsupported, match="floating point"):
        encode(np.zeros((61, 83), np.float32), floats, f"{ROOT}.5")


class TestStrangersDecodeIt:
    """What we code, others decode to the same values."""

    @pytest.mark.parametrize("name", ["8", "12", "12 signed", "16", "16 signed", "colour 8"])
    @pytest.mark.parametrize("suffix", [".4.57", ".4.70", ".4.80", ".5"])
    def test_dcmtk_and_gdcm_lossless(self, suffix: str, name: str, tmp_path: Path) -> None:
        format = FORMATS[name]
        data, told = coded(format, ROOT + suffix)
        assert np.array_equal(by_dcmtk(told, data, ROOT + suffix, tmp_path), picture(format))
        if suffix != ".5":
            assert np.array_equal(by_gdcm(told, data, ROOT + suffix), picture(format))

    @pytest.mark.parametrize("name", ["8", "12", "16", "colour 8"])
    def test_dcmtk_and_gdcm_near_lossless(self, name: str, tmp_path: Path) -> None:
        uid = f"{ROOT}.4.81"
        data, told = coded(FORMATS[name], uid)
        ours = decode(data, uid, told).values
        assert np.array_equal(by_dcmtk(told, data, uid, tmp_path), ours)
        assert np.array_equal(by_gdcm(told, data, uid), ours)

    @pytest.mark.parametrize(("suffix", "name"), [(".4.50", "8"), (".4.51", "8"), (".4.51", "12")])
    def test_dcmtk_jpeg(self, suffix: str, name: str, tmp_path: Path) -> None:
        data, told = coded(FORMATS[name], ROOT + suffix)
        ours = decode(data, ROOT + suffix, told).values.astype(int)
        theirs = by_dcmtk(told, data, ROOT + suffix, tmp_path)
        assert abs(theirs - ours).max() <= 2  # two inverse transforms, each rounding

    def test_dcmtk_jpeg_colour(self, tmp_path: Path) -> None:
        uid = f"{ROOT}.4.50"
        data, told = coded(FORMATS["colour 8"], uid)
        ours = decode(data, uid, told).values.astype(int)
        theirs = by_dcmtk(told, data, uid, tmp_path)  # which becomes RGB, plainly upsampled
        assert abs(theirs - ours).mean() < 2
        assert abs(theirs - picture(FORMATS["colour 8"]).astype(int)).mean() < 4

    @pytest.mark.parametrize("name", ["one bit", *sorted(SIXTEEN)])
    @pytest.mark.parametrize("suffix", [".4.90", ".4.201", ".4.202"])
    def test_openjpeg_lossless(self, suffix: str, name: str) -> None:
        data, _ = coded(FORMATS[name], ROOT + suffix)
        assert np.array_equal(by_openjpeg(data), picture(FORMATS[name]))

    @pytest.mark.parametrize("name", sorted(SIXTEEN))
    @pytest.mark.parametrize("suffix", [".4.91", ".4.203"])
    def test_openjpeg_lossy(self, suffix: str, name: str) -> None:
        data, told = coded(FORMATS[name], ROOT + suffix)
        ours = decode(data, ROOT + suffix, told).values.astype(int)
        off = abs(by_openjpeg(data) - ours)
        assert off.max() <= 1 + told.bits_stored // 12

    @pytest.mark.parametrize("name", ["8", "12", "16", "12 signed", "16 signed", "colour 8"])
    def test_gdcm_jpeg_2000(self, name: str) -> None:
        data, told = coded(FORMATS[name], f"{ROOT}.4.90")
        assert np.array_equal(by_gdcm(told, data, f"{ROOT}.4.90"), picture(FORMATS[name]))

    @pytest.mark.parametrize("name", ["8", "12", "16", "colour 8", "colour 16", "32"])
    def test_pydicom_rle(self, name: str) -> None:
        data, told = coded(FORMATS[name], f"{ROOT}.5")
        assert np.array_equal(by_pydicom(told, data, f"{ROOT}.5"), picture(FORMATS[name]))

    @pytest.mark.parametrize("name", sorted(FORMATS))
    def test_libdeflate(self, name: str) -> None:
        format = FORMATS[name]
        data, _ = coded(format, f"{ROOT}.8.1")
        inflated = imagecodecs.deflate_decode(data, raw=True, out=format.frame_length)
        assert bytes(inflated) == encode(picture(format), format, f"{ROOT}.1")[0]

    @pytest.mark.parametrize("name", sorted(UNSIGNED))
    def test_djxl(self, name: str, tmp_path: Path) -> None:
        data, told = coded(FORMATS[name], f"{ROOT}.4.110")
        shown = by_djxl(data, tmp_path)  # scaled up to 8 or 16 bits
        most = np.iinfo(shown.dtype).max / ((1 << told.bits_stored) - 1)
        assert np.array_equal(np.rint(shown / most), picture(FORMATS[name]))
