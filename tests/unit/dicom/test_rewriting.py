"""Data sets in another form: what the scanner reads of them stays the same."""

from __future__ import annotations

import json
import struct
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from test_scan_oracle import GOOD, named, quiet_pydicom  # noqa: F401 - a fixture

from filmroom.dicom.encoding import element_header
from filmroom.dicom.inflate import in_place
from filmroom.dicom.part10 import read_file_meta, written_file_meta
from filmroom.dicom.rewriting import rewritten
from filmroom.dicom.scan import ScanLimits, scan
from filmroom.dicom.scan_dictionary import public_vr, turned
from filmroom.dicom.transfer_syntaxes import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    transfer_syntax,
)
from filmroom.errors import Undecodable
from filmroom.testing.objects import encapsulated, header, image, part10

EXPLICIT, IMPLICIT = map(transfer_syntax, (EXPLICIT_LITTLE, IMPLICIT_LITTLE))
BIG, JLS = map(transfer_syntax, (EXPLICIT_BIG, "1.2.840.10008.1.2.4.80"))
PIXELS = ("7FE00008", "7FE00009", "7FE00010")
JSON = dict[str, Any]


def attributes(file: bytes | memoryview) -> JSON:
    """What the scanner reads of a file, but for pixels and where bulk values lie."""
    read: JSON = json.loads(scan(memoryview(file), ScanLimits(), "/dicom-web").metadata)
    del read["00083002"]  # which form it has, said by the scanner
    return without_places({tag: each for tag, each in read.items() if not tag.startswith("7FE0")})


def without_places(data_set: JSON) -> JSON:
    for element in data_set.values():
        element.pop("BulkDataURI", None)
        for item in element.get("Value", []) if element["vr"] == "SQ" else []:
            without_places(item)
    return data_set


def public(data_set: JSON) -> JSON:
    """What keeps its VR in implicit VR: neither what is private nor what has a choice."""
    kept = {}
    for tag, element in data_set.items():
        known = public_vr(turned(int(tag, 16)))
        if int(tag[3], 16) % 2 == 0 and element["vr"] == known:
            kept[tag] = element
            if element["vr"] == "SQ":
                kept[tag] = {"Value": [public(item) for item in element.get("Value", [])]}
    return kept


def split(file: bytes) -> tuple[bytes, bytes, bytes]:
    """The File Meta Information, the data set up to its pixels' value, and what is behind."""
    meta = read_file_meta(memoryview(file))
    scanned = scan(memoryview(file), ScanLimits(), "/dicom-web")
    syntax = transfer_syntax(meta.transfer_syntax)
    if syntax.deflated:
        with in_place(memoryview(file), meta.end) as view:
            file = bytes(view)
    for value in scanned.bulk.values:
        if value.path in PIXELS:
            last = value.spans[-1]
            behind = last.start + last.length + (8 if syntax.encapsulated else 0)
            return file[: meta.end], file[meta.end : value.spans[0].start], file[behind:]
    return file[: meta.end], file[meta.end :], b""


@pytest.mark.parametrize("target", [EXPLICIT, IMPLICIT, JLS], ids=lambda each: each.uid)
@pytest.mark.parametrize("path", GOOD, ids=named)
def test_every_good_file_says_the_same_in_another_form(path: Any, target: Any) -> None:
    file = path.read_bytes()
    meta, head, tail = split(file)
    found = read_file_meta(memoryview(file))
    source = transfer_syntax(found.transfer_syntax)
    expected = attributes(file)

    body = rewritten(memoryview(head), source, target, {})
    body += rewritten(memoryview(tail), source, target, {})
    form = IMPLICIT_LITTLE if target.implicit else EXPLICIT_LITTLE
    made = written_file_meta(memoryview(meta), form, found.sop_class, found.instance) + body

    got = attributes(made)
    if target.implicit and not source.implicit:
        assert public(got) == public(expected)
    else:
        if "00880200" not in got:  # a compressed icon goes
            expected.pop("00880200", None)
        assert got == expected
    dcmread(BytesIO(made))


def body_of(dataset: Dataset, syntax: str = EXPLICIT_LITTLE) -> bytes:
    file = part10(dataset, syntax)
    return file[read_file_meta(memoryview(file)).end :]


def tags(body: bytes, *, implicit: bool = False) -> list[int]:
    """The tags of a data set without sequences, in their order."""
    found, at = [], 0
    while at < len(body):
        group, number, vr, short = struct.unpack_from("<HH2sH", body, at)
        found.append(group << 16 | number)
        if implicit:
            at += 8 + struct.unpack_from("<I", body, at + 4)[0]
        elif vr in (b"OB", b"OW", b"UN", b"SQ", b"UT"):
            at += 12 + struct.unpack_from("<I", body, at + 8)[0]
        else:
            at += 8 + short
    return found


def test_what_is_not_changed_is_copied_byte_by_byte() -> None:
    body = body_of(header(PatientComments="a b", StudyDescription="odd  "))

    assert rewritten(memoryview(body), EXPLICIT, EXPLICIT, {}) == body


def test_pixel_data_is_where_it_ends() -> None:
    body = body_of(image())

    without = rewritten(memoryview(body), EXPLICIT, EXPLICIT, {})

    assert body.startswith(without)
    assert tags(body)[len(tags(without)) :] == [0x7FE00010]


def test_attributes_are_changed_added_and_removed_in_their_places() -> None:
    body = body_of(header(BitsAllocated=16, BitsStored=12))
    changes = {
        "00280100": {"vr": "US", "Value": [8]},
        "00280101": None,
        "00282110": {"vr": "CS", "Value": ["01"]},
        "00282112": {"vr": "DS", "Value": [2, "00010.5"]},
        "00080001": {"vr": "UI", "Value": ["1.2.3"]},
        "FFF10001": None,
    }

    made = rewritten(memoryview(body), EXPLICIT, EXPLICIT, changes)

    assert tags(made) == sorted(tags(made))
    ds = dcmread(BytesIO(part10(header())[:132] + made), force=True)
    assert (ds.BitsAllocated, "BitsStored" in ds, ds.LossyImageCompression) == (8, False, "01")
    assert list(ds.LossyImageCompressionRatio) == [2, 10.5]
    assert ds[0x00080001].value == "1.2.3"


@pytest.mark.parametrize("source", [EXPLICIT, IMPLICIT, BIG], ids=lambda each: each.uid)
@pytest.mark.parametrize("sign", [0, 1])
def test_numbers_whose_sign_the_pixels_tell(source: Any, sign: int) -> None:
    dataset = header(PixelRepresentation=sign, SmallestImagePixelValue=-5 if sign else 5)
    lut = Dataset()
    lut.add_new(0x00283002, "SS" if sign else "US", [256, -1 if sign else 1, 16])
    lut.LUTData = struct.pack(">3H" if source is BIG else "<3H", 1, 2, 3)
    dataset.ModalityLUTSequence = Sequence([lut])
    body = body_of(dataset, source.uid)

    made = rewritten(memoryview(body), source, EXPLICIT, {})

    ds = dcmread(BytesIO(part10(header())[:132] + made), force=True)
    assert ("SS" if sign else "US") == ds[0x00280106].VR
    assert ds.SmallestImagePixelValue == (-5 if sign else 5)
    assert ds.ModalityLUTSequence[0].LUTData == struct.pack("<3H", 1, 2, 3)


def test_a_private_element_has_the_vr_of_its_creator() -> None:
    dataset = header()
    dataset.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    dataset.add_new(0x0019100C, "IS", "1000")
    dataset.add_new(0x00191099, "OB", b"unknown!")
    body = body_of(dataset, IMPLICIT_LITTLE)

    made = rewritten(memoryview(body), IMPLICIT, EXPLICIT, {})

    ds = dcmread(BytesIO(part10(header())[:132] + made), force=True)
    assert (ds[0x00190010].VR, ds[0x0019100C].VR, ds[0x0019100C].value) == ("LO", "IS", 1000)
    assert element_header(0x00191099, "UN", 8) + b"unknown!" in made


def test_a_value_too_long_for_its_vr_becomes_unknown() -> None:
    dataset = header()
    dataset.add_new(0x00081140, "SQ", [])
    body = body_of(dataset, IMPLICIT_LITTLE)
    long = struct.pack("<HHI", 0x0018, 0x1020, 70_000) + b"v" * 70_000

    made = rewritten(memoryview(body + long), IMPLICIT, EXPLICIT, {})

    assert made.endswith(element_header(0x00181020, "UN", 70_000) + b"v" * 70_000)


def test_group_lengths_and_old_offset_tables_are_left_out() -> None:
    body = element_header(0x00080000, "UL", 4) + b"\1\0\0\0"
    body += element_header(0x7FE00001, "OV", 8) + bytes(8)

    assert rewritten(memoryview(body), EXPLICIT, EXPLICIT, {}) == b""


@pytest.mark.parametrize(("target", "there"), [(EXPLICIT, False), (JLS, True)])
def test_a_compressed_icon_goes_where_nothing_may_be_compressed(target: Any, there: bool) -> None:
    icon = encapsulated([b"icon"], JLS.uid)
    body = icon[read_file_meta(memoryview(icon)).end :]
    inner = body[body.index(b"\xe0\x7f\x10\0OB") :]
    item = b"\xfe\xff\0\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
    sequence = element_header(0x00880200, "SQ", 0xFFFFFFFF) + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    after = element_header(0x00880906, "LO", 2) + b"ok"

    made = rewritten(memoryview(sequence + after), JLS, target, {})

    assert made == (sequence if there else b"") + after


def test_an_odd_value_is_padded() -> None:
    odd = element_header(0x00104000, "LT", 3) + b"abc"
    odd += element_header(0x00091001, "UN", 1) + b"x"

    made = rewritten(memoryview(odd), EXPLICIT, EXPLICIT, {})

    assert made == (
        element_header(0x00104000, "LT", 4) + b"abc " + element_header(0x00091001, "UN", 2) + b"x\0"
    )


BODY = body_of(header(ReferencedImageSequence=[header(), Dataset()], PatientComments="x"))


@given(st.integers(8, len(BODY) - 1))
def test_a_data_set_that_is_cut_short_is_an_error_or_shorter(end: int) -> None:
    try:
        made = rewritten(memoryview(BODY[:end]), EXPLICIT, IMPLICIT, {})
    except Undecodable:
        return
    whole = rewritten(memoryview(BODY), EXPLICIT, IMPLICIT, {})
    assert whole.startswith(made)


@given(st.integers(0, len(BODY) - 1), st.integers(0, 255), st.sampled_from([EXPLICIT, IMPLICIT]))
def test_damage_is_an_error_or_passed_on(at: int, byte: int, target: Any) -> None:
    damaged = bytearray(BODY)
    damaged[at] = byte
    try:
        made = rewritten(memoryview(damaged), EXPLICIT, target, {})
    except Undecodable:
        return
    assert len(made) <= 2 * len(BODY)


def test_nesting_is_followed_however_deep() -> None:
    inner = Dataset()
    inner.PatientID = "deep"
    for _ in range(60):
        outer = Dataset()
        outer.ContentSequence = [inner]
        inner = outer
    body = body_of(header(ContentSequence=[inner]))

    made = rewritten(memoryview(body), EXPLICIT, IMPLICIT, {})

    assert rewritten(memoryview(made), IMPLICIT, EXPLICIT, {}).count(b"deep") == 1
