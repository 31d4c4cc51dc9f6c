"""Transfer syntaxes and UIDs (PS3.5 §9.1 and Annex A, PS3.18 §8.7.3)."""

from __future__ import annotations

import pytest
from pydicom.uid import UID_dictionary

from filmroom.dicom.codecs import LIBRARIES, Codec
from filmroom.dicom.transfer_syntaxes import TRANSFER_SYNTAXES, Pixels, transfer_syntax
from filmroom.dicom.uids import is_uid

RETIRED_BEFORE_PIXELS = {"1.2.840.10008.1.2.6.1", "1.2.840.10008.1.2.6.2"}


def test_every_registered_transfer_syntax_is_known() -> None:
    registered = {uid for uid, entry in UID_dictionary.items() if entry[1] == "Transfer Syntax"}

    assert registered - TRANSFER_SYNTAXES.keys() == RETIRED_BEFORE_PIXELS


@pytest.mark.parametrize(
    ("uid", "media_type"),
    [
        ("1.2.840.10008.1.2.1", "application/octet-stream"),
        ("1.2.840.10008.1.2.4.50", "image/jpeg"),
        ("1.2.840.10008.1.2.4.70", "image/jpeg"),
        ("1.2.840.10008.1.2.4.80", "image/jls"),
        ("1.2.840.10008.1.2.4.91", "image/jp2"),
        ("1.2.840.10008.1.2.4.93", "image/jpx"),
        ("1.2.840.10008.1.2.4.111", "image/jxl"),
        ("1.2.840.10008.1.2.4.202", "image/jphc"),
        ("1.2.840.10008.1.2.5", "image/dicom-rle"),
        ("1.2.840.10008.1.2.8.1", "application/octet-stream"),
        ("1.2.840.10008.1.2.4.100", "video/mpeg"),
        ("1.2.840.10008.1.2.4.102", "video/mp4"),
    ],
)
def test_frames_have_the_media_type_of_their_transfer_syntax(uid: str, media_type: str) -> None:
    assert transfer_syntax(uid).media_type == media_type


def test_how_a_data_set_is_written_follows_from_its_transfer_syntax() -> None:
    assert transfer_syntax("1.2.840.10008.1.2").implicit
    assert transfer_syntax("1.2.840.10008.1.2.2").big_endian
    assert transfer_syntax("1.2.840.10008.1.2.1.99").deflated
    assert transfer_syntax("1.2.840.10008.1.2.4.95").deflated
    assert transfer_syntax("1.2.840.10008.1.2.4.108").video
    assert transfer_syntax("1.2.840.10008.1.2.1.98").encapsulated
    private = transfer_syntax("1.2.840.113619.5.2")
    assert (private.implicit, private.big_endian, private.big_endian_pixels) == (True, False, True)
    assert transfer_syntax("1.2.3").pixels is Pixels.UNKNOWN
    assert not transfer_syntax("1.2.3").encapsulated


def test_what_is_encoded_is_decoded_by_the_same_codec() -> None:
    encoded = [syntax for syntax in TRANSFER_SYNTAXES.values() if syntax.encoder]
    assert all(syntax.encoder is syntax.decoder for syntax in encoded)
    assert {syntax.decoder for syntax in encoded} == set(Codec) == set(LIBRARIES)


def test_what_nothing_decodes_is_known() -> None:
    undecoded = {
        uid.removeprefix("1.2.840.10008.1.2.")
        for uid, syntax in TRANSFER_SYNTAXES.items()
        if syntax.decoder is None and not syntax.video
    }
    hierarchical = {f"4.{number}" for number in range(59, 67)}
    referenced = {"4.94", "4.95", "4.204", "4.205", "7.1", "7.2", "7.3"}
    assert undecoded == {"4.58"} | hierarchical | referenced


@pytest.mark.parametrize(
    ("suffix", "lossy"),
    [
        *(("1", False), ("5", False), ("8.1", False), ("4.50", True), ("4.51", True)),
        *(("4.57", False), ("4.70", False), ("4.80", False), ("4.81", True), ("4.90", False)),
        *(("4.91", True), ("4.92", False), ("4.110", False), ("4.111", True), ("4.112", True)),
        *(("4.201", False), ("4.202", False), ("4.203", True), ("4.100", True)),
    ],
)
def test_syntaxes_say_whether_they_may_lose_something(suffix: str, lossy: bool) -> None:
    assert transfer_syntax(f"1.2.840.10008.1.2.{suffix}").lossy is lossy


@pytest.mark.parametrize("uid", ["1.2", "0.0", "2.25.0", "1", "1" * 64, "1.20.300"])
def test_digits_joined_by_dots_are_a_uid(uid: str) -> None:
    assert is_uid(uid)


@pytest.mark.parametrize("uid", ["1.02", "00.1", "1.2.0840"])
def test_leading_zeros_are_tolerated_on_request(uid: str) -> None:
    assert not is_uid(uid)
    assert is_uid(uid, leading_zeros=True)


@pytest.mark.parametrize(
    "uid", ["", ".", "1.", ".1", "1..2", "1.a", "1.2 ", " 1.2", "1.2\n", "1" * 65, "../1", "١.٢"]
)
def test_all_else_is_none(uid: str) -> None:
    assert not is_uid(uid)
    assert not is_uid(uid, leading_zeros=True)
