"""Every file at hand decodes to what another decoder makes of it."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from coded import ROOT, SHARED, WHEEL, attributes_of, by_openjpeg, first_frame, run_dcmtk
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import UID

from filmroom.dicom.codecs import Codec
from filmroom.dicom.pixel_format import PixelFormat, pixel_format
from filmroom.dicom.transfer_syntaxes import EXPLICIT_LITTLE, TRANSFER_SYNTAXES, transfer_syntax
from filmroom.errors import Malformed, Undecodable
from filmroom.pixels.decode import DECODERS, Decoded, decode
from filmroom.pixels.values import Values

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

# What cannot be decoded, and why.
REFUSED = {
    "JPEG2000-embedded-sequence-delimiter.dcm": "of 14540801 tiles",
    "MR_truncated.dcm": "cut short: 8130 of 8192 bytes",
    "example3.dcm": "does not begin with SOI",  # overwritten on purpose
    "badVR.dcm": None,  # pydicom gives up on numbers that are none
    "SC_rgb_jpeg.dcm": None,  # pydicom's own file, whose items DCMTK cannot read
    **{
        f"generated_encapsulated_{bot}.dcm": "does not begin with SOC"
        for bot in (
            *("defined_bot_1_to_1", "defined_bot_2_to_1", "defined_bot_2_to_2"),
            *("empty_bot_1_to_1", "empty_bot_2_to_1"),
        )
    },
}
# Which say RGB and are YCbCr, as their JFIF marker tells; DCMTK must be told too.
MISLABELLED = {"example.dcm", "example2.dcm", "example-mg.dcm"}
BEYOND_DCMTK = {"JLSL_08_07_0_1F.dcm"}  # seven bits
# Files without what tools need to read them; the same images, uncompressed.
SAME_AS = {
    "liver_rle.dcm": "liver.dcm",
    "liver_deflate.dcm": "liver.dcm",
    "liver_nonbyte_aligned_rle.dcm": "liver_nonbyte_aligned.dcm",
    "liver_nonbyte_aligned_deflate.dcm": "liver_nonbyte_aligned.dcm",
    "tx_CT_small_110.dcm": "CT_small.dcm",
}


def files() -> Iterator[Path]:
    """Files of the wheel, and those beside the checkout, each name once."""
    yield from sorted(WHEEL.glob("*.dcm"))
    in_wheel = {path.name for path in WHEEL.glob("*.dcm")}
    if SHARED.is_dir():
        with (SHARED / "MANIFEST.csv").open(encoding="utf-8") as manifest:
            listed = [SHARED / row["file"] for row in csv.DictReader(manifest)]
        yield from (path for path in listed if path.name not in in_wheel)


def read(path: Path) -> Dataset:
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def is_image(path: Path) -> bool:
    """Whether there are pixels, described well enough, in a syntax that is decoded."""
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True)
            uid = str(dataset.file_meta.TransferSyntaxUID)
            pixel_format(attributes_of(dataset))
            return any(p in dataset for p in PIXELS) and uid != ""
        except (AttributeError, TypeError, ValueError, Malformed):  # no meta, no numbers
            return False


IMAGES = [path for path in files() if path.is_file() and is_image(path)]


def frame_of(dataset: Dataset, uid: str) -> tuple[bytes, PixelFormat]:
    """The first frame as it is handed to the decoder."""
    format = pixel_format(attributes_of(dataset))
    syntax = transfer_syntax(uid)
    if syntax.encapsulated:
        return first_frame(dataset), format
    stored = next(dataset[p] for p in PIXELS if p in dataset)
    frame = stored.value[: format.frame_length + 1]
    if syntax.big_endian_pixels and stored.VR != "OB":
        width = max(format.bits_allocated // 8, 2)
        whole = len(frame) // width * width
        frame = np.frombuffer(frame[:whole], f">u{width}").astype(f"<u{width}").tobytes()
    return frame[: format.frame_length], format


def stranger(path: Path, dataset: Dataset, uid: str, folder: Path) -> Values:
    """What another decoder makes of the first frame."""
    codec = transfer_syntax(uid).decoder
    if codec is Codec.HTJ2K:
        return by_openjpeg(first_frame(dataset))
    if codec in (Codec.NATIVE, Codec.JPEG_2000) or path.name in BEYOND_DCMTK:
        plugin = {Codec.JPEG_2000: "gdcm", Codec.JPEG_LS: "pyjpegls"}.get(codec, "")
        decoder = get_decoder(UID(uid))
        found: Values = decoder.as_array(dataset, index=0, raw=True, decoding_plugin=plugin)[0]
        return found
    options = ("+ca",) if path.name in MISLABELLED else ()
    return run_dcmtk(path.read_bytes(), uid, folder, *options)


def decoded(path: Path) -> tuple[Dataset, str, PixelFormat, Decoded]:
    dataset = read(path)
    uid = str(dataset.file_meta.TransferSyntaxUID)
    frame, format = frame_of(dataset, uid)
    return dataset, uid, format, decode(frame, uid, format)


@pytest.mark.parametrize("path", [p for p in IMAGES if REFUSED.get(p.name)], ids=lambda p: p.name)
def test_what_is_damaged_is_refused(path: Path) -> None:
    with pytest.raises(Undecodable, match=REFUSED[path.name] or ""):
        decoded(path)


@pytest.mark.parametrize(
    "path",
    [p for p in IMAGES if p.name not in REFUSED],
    ids=lambda p: f"{p.parent.name}/{p.name}",
)
def test_a_file_has_the_values_that_another_decoder_finds(path: Path, tmp_path: Path) -> None:
    if transfer_syntax(str(read(path).file_meta.TransferSyntaxUID)).decoder is None:
        with pytest.raises(Undecodable, match="nothing here decodes"):
            decoded(path)
        return
    dataset, uid, format, ours = decoded(path)
    if path.name in SAME_AS:
        native = next(p for p in IMAGES if p.name == SAME_AS[path.name])
        assert np.array_equal(ours.values, decoded(native)[3].values)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = stranger(path, dataset, uid, tmp_path)
    compare(ours.values, theirs, format, uid)


def compare(ours: Values, theirs: Values, format: PixelFormat, uid: str) -> None:
    assert ours.shape == theirs.shape
    syntax = transfer_syntax(uid)
    if syntax.decoder is Codec.JPEG and syntax.lossy:
        off = abs(ours.astype(int) - theirs)
        if format.samples == 1:
            assert off.max() <= 2  # two inverse transforms, each rounding
        else:
            assert off.mean() < 2  # colour, upsampled in two ways
    elif syntax.decoder is Codec.HTJ2K and syntax.lossy:
        assert abs(ours.astype(int) - theirs).max() <= 1
    elif format.floating:
        assert ours.tobytes() == theirs.tobytes()
    else:
        assert np.array_equal(ours, theirs)


def test_every_decoder_was_tried_on_real_files() -> None:
    tried = {
        transfer_syntax(str(read(path).file_meta.TransferSyntaxUID)).decoder for path in IMAGES
    }
    wanted = set(DECODERS) if SHARED.is_dir() else {Codec.NATIVE, Codec.JPEG, Codec.JPEG_2000}
    assert tried >= wanted


def test_what_nothing_decodes_is_refused() -> None:
    format = pixel_format({t: {"Value": [1]} for t in ("00280010", "00280011", "00280100")})
    undecoded = [uid for uid, syntax in TRANSFER_SYNTAXES.items() if syntax.decoder is None]
    assert f"{ROOT}.4.94" in undecoded
    for uid in [*undecoded, "1.2.3"]:
        with pytest.raises(Undecodable, match="nothing here decodes"):
            decode(b"", uid, format)


def test_the_wheel_has_pictures_of_one_thing_in_many_syntaxes() -> None:
    reference = decoded(WHEEL / "SC_rgb_rle.dcm")[3].values.astype(int)
    lossy = sorted(WHEEL.glob("SC_rgb_dcmtk_*.dcm"))
    assert len(lossy) >= 6
    for path in [*lossy, WHEEL / "SC_rgb_jpeg_lossy_gdcm.dcm", WHEEL / "SC_rgb_jpeg_dcmtk.dcm"]:
        ours = decoded(path)[3]
        assert ours.photometric == "RGB", path.name
        assert abs(ours.values - reference).mean() < 4, path.name
    for name in ("SC_rgb_jpeg_gdcm.dcm", "SC_rgb_gdcm_KY.dcm"):
        assert np.array_equal(decoded(WHEEL / name)[3].values, reference), name


def test_native_frames_of_any_order_have_the_same_values() -> None:
    little = decoded(WHEEL / "MR_small.dcm")
    big = decoded(WHEEL / "MR_small_bigendian.dcm")
    assert little[1] == EXPLICIT_LITTLE
    assert np.array_equal(little[3].values, big[3].values)
