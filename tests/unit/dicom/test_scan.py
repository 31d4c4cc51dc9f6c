"""The scan: what is accepted is readable, all else is refused, and nothing costs much."""

from __future__ import annotations

import mmap
import random
import struct
import sys
import time
import tracemalloc
import zlib
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from scan_bytes import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    ITEM,
    ITEM_END,
    JPEG,
    MPEG4,
    RLE,
    SEQUENCE_END,
    UNDEFINED,
    big,
    body,
    el,
    endless,
    even,
    file,
    fragments,
    identity,
    im,
    item,
    meta,
    pixels,
    read,
)  # fmt: skip

from filmroom.dicom.frames import Span
from filmroom.dicom.inflate import in_place
from filmroom.dicom.part10 import read_file_meta
from filmroom.dicom.scan import ScanLimits
from filmroom.dicom.scan_elements import Walk
from filmroom.errors import FailureReason, Refused
from filmroom.testing import objects

sys.path.append(str(Path(__file__).resolve().parents[2] / "fuzz"))
from fuzz_scan import cases, check, corpus

SEQUENCE = 0x00081140  # Referenced Image Sequence


def value(data: bytes, key: str) -> object:
    return read(data).dataset[key]


def test_a_good_file_yields_its_identity_and_its_data_set() -> None:
    found = read(file(el(0x00100010, "PN", b"Doe^Jane")))

    assert found.study == objects.uid(1)
    assert found.series == objects.uid(1, 1)
    assert found.instance == objects.uid(1, 1, 1)
    assert found.sop_class == objects.SECONDARY_CAPTURE
    assert found.transfer_syntax == EXPLICIT
    assert found.dataset["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Doe^Jane"}]}
    assert found.dataset["00083002"] == {"vr": "UI", "Value": [EXPLICIT]}
    assert orjson.loads(found.metadata) == found.dataset
    assert found.warnings == ()
    assert len(found.frames) == 0


ELEMENTS = [
    (0x00080008, "CS", b"ORIGINAL\\PRIMARY ", {"Value": ["ORIGINAL", "PRIMARY"]}),
    (0x00080008, "CS", b"A\\\\B ", {"Value": ["A", "", "B"]}),
    (0x00080008, "CS", b"", {}),
    (0x00080008, "CS", b"  ", {}),
    (0x00080054, "AE", b" ONE\\TWO  ", {"Value": ["ONE", "TWO"]}),
    (0x00201041, "DS", b"1.5 ", {"Value": [1.5]}),
    (0x00201041, "DS", b"-1.5e3\\ 2", {"Value": [-1500.0, 2.0]}),
    (0x00201041, "DS", b"1\\\\3", {"Value": [1.0, "", 3.0]}),
    (0x00201041, "DS", b"nan ", {"Value": ["nan"]}),
    (0x00201041, "DS", b"1e999 ", {"Value": ["1e999"]}),
    (0x00201041, "DS", b"1_000 ", {"Value": ["1_000"]}),
    (0x00201041, "DS", b"1,5 ", {"Value": ["1,5"]}),
    (0x00200013, "IS", b"+7\0\0", {"Value": [7]}),
    (0x00200013, "IS", b"7.0 ", {"Value": [7]}),
    (0x00200013, "IS", b"7.5 ", {"Value": ["7.5"]}),
    (0x00200013, "IS", b"12345678901234567890", {"Value": ["12345678901234567890"]}),
    (0x00200013, "IS", b"1\\x ", {"Value": [1, "x"]}),
    (0x00280010, "US", b"\x00\x02", {"Value": [512]}),
    (0x00280010, "US", b"\x00\x02\x01\x00", {"Value": [512, 1]}),
    (0x00280010, "SS", b"\xff\xff", {"Value": [-1]}),
    (0x00280009, "AT", b"\x18\x00\x63\x10", {"Value": ["00181063"]}),
    (0x00189073, "FD", struct.pack("<d", 0.1), {"Value": [0.1]}),
    (0x00189073, "FD", struct.pack("<d", float("nan")), {"Value": ["NaN"]}),
    (0x00189073, "FD", struct.pack("<2d", float("inf"), 1), {"Value": ["Infinity", 1.0]}),
    (0x00189073, "FL", struct.pack("<f", float("-inf")), {"Value": ["-Infinity"]}),
    (0x00189073, "SV", struct.pack("<q", -5), {"Value": [-5]}),
    (0x00189073, "UV", struct.pack("<Q", 2**63), {"Value": ["9223372036854775808"]}),
    (0x00189073, "UV", struct.pack("<2Q", 2**53, 1), {"Value": ["9007199254740992", 1]}),
    (0x00104000, "LT", b" a\\b \r\n", {"Value": [" a\\b \r\n"]}),
    (0x00081190, "UR", b"http://a/b ", {"Value": ["http://a/b"]}),
    (0x00100010, "PN", b"=\xe5\xb1\xb1=x ", {
        "Value": [{"Alphabetic": "山", "Ideographic": "山", "Phonetic": "x"}]}),
    (0x00100010, "PN", b"A\\B=C ", {
        "Value": [{"Alphabetic": "A"}, {"Alphabetic": "B", "Ideographic": "C"}]}),
    (0x00282000, "OB", b"\1\2\3\4", {"InlineBinary": "AQIDBA=="}),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "vr", "raw", "expected"), ELEMENTS)
def test_a_value_becomes_dicom_json(
    tag: int, vr: str, raw: bytes, expected: dict[str, object]
) -> None:
    charset = el(0x00080005, "CS", b"ISO_IR 192")
    assert value(file(charset, el(tag, vr, raw)), f"{tag:08X}") == {"vr": vr, **expected}


def test_a_length_that_does_not_fit_the_vr_leaves_bytes_of_unknown_meaning() -> None:
    found = read(file(el(0x00280010, "US", b"\1\2\3")))

    assert found.dataset["00280010"] == {"vr": "UN", "InlineBinary": "AQID"}
    assert found.warnings == ("a value of VR US has a length that does not fit",)


def test_odd_lengths_are_tolerated() -> None:
    assert value(file(el(0x00100020, "LO", b"ID1")), "00100020") == {"vr": "LO", "Value": ["ID1"]}


def test_text_is_sent_in_utf_8_and_says_so() -> None:
    found = read(file(el(0x00080005, "CS", b"ISO_IR 100"), el(0x00100010, "PN", b"M\xfcller")))

    assert found.dataset["00080005"] == {"vr": "CS", "Value": ["ISO_IR 192"]}
    assert found.dataset["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Müller"}]}
    assert "Müller".encode() in found.metadata


def test_an_item_may_have_a_character_set_of_its_own() -> None:
    greek = el(0x00080005, "CS", b"ISO_IR 126") + el(0x00100010, "PN", b"\xc4\xe9")
    plain = el(0x00100010, "PN", b"\xc4\xe9")
    found = read(
        file(el(0x00080005, "CS", b"ISO_IR 100"), endless(SEQUENCE, item(greek), item(plain)))
    )
    names = [i["00100010"]["Value"][0] for i in found.dataset["00081140"]["Value"]]

    assert names == [{"Alphabetic": "Δι"}, {"Alphabetic": "Äé"}]


@pytest.mark.parametrize("has_length", [True, False])
def test_sequences_nest_with_lengths_and_without(*, has_length: bool) -> None:
    def sequence(*items: bytes) -> bytes:
        if has_length:
            return el(SEQUENCE, "SQ", b"".join(map(item, items)))
        return endless(SEQUENCE, *(item(i, UNDEFINED) + im(ITEM_END) for i in items))

    inner = sequence(el(0x00081155, "UI", b"1.2\0"), b"")
    assert value(file(sequence(b"", inner)), "00081140") == {
        "vr": "SQ",
        "Value": [
            {},
            {"00081140": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}}, {}]}},
        ],
    }


def test_an_empty_sequence_has_no_value() -> None:
    assert value(file(el(SEQUENCE, "SQ")), "00081140") == {"vr": "SQ"}
    assert value(file(endless(SEQUENCE)), "00081140") == {"vr": "SQ"}


def test_group_lengths_and_padding_are_left_out() -> None:
    found = read(file(el(0x00080000, "UL", b"\1\0\0\0"), el(0xFFFCFFFC, "OB", b"\0\0")))

    assert list(found.dataset) == ["00080016", "00080018", "00083002", "0020000D", "0020000E"]


def test_zeros_after_the_data_set_are_tolerated() -> None:
    for count in (1, 7, 8, 1000):
        assert read(file() + bytes(count)).warnings == ("zeros follow the data set",)


def test_elements_out_of_order_are_put_in_order() -> None:
    late = el(0x00080060, "CS", b"CT")
    found = read(meta() + body() + late)

    assert list(found.dataset) == sorted(found.dataset)
    assert found.warnings == ("elements are not in order, or twice there",)


PRIVATE = [im(0x00290010, b"SIEMENS CSA HEADER"), im(0x00291008, b"IMAGE ")]


def implicit(*more: bytes) -> bytes:
    ids = [im(struct.unpack("<HH", e[:4])[0] << 16 | struct.unpack("<HH", e[:4])[1], e[8:])
           for e in identity()]  # fmt: skip
    return meta(IMPLICIT) + b"".join(
        sorted([*ids, *more], key=lambda e: struct.unpack("<HH", e[:4]))
    )


def test_private_elements_get_their_vr_from_the_dictionary_of_their_creator() -> None:
    found = read(implicit(*PRIVATE, im(0x00291099, b"\1\2")))

    assert found.dataset["00290010"] == {"vr": "LO", "Value": ["SIEMENS CSA HEADER"]}
    assert found.dataset["00291008"] == {"vr": "CS", "Value": ["IMAGE"]}
    assert found.dataset["00291099"] == {"vr": "UN", "InlineBinary": "AQI="}


def test_what_a_relay_wrote_as_un_is_read_by_the_dictionary() -> None:
    inner = im(0x00081155, b"1.2\0")
    found = read(
        file(
            el(0x00100020, "UN", b"ID1 "),
            el(SEQUENCE, "UN", item(inner) + im(SEQUENCE_END), UNDEFINED),
            el(0x00081115, "UN", item(inner)),
        )
    )

    item_said = {"00081155": {"vr": "UI", "Value": ["1.2"]}}
    assert found.dataset["00100020"] == {"vr": "LO", "Value": ["ID1"]}
    assert found.dataset["00081140"] == {"vr": "SQ", "Value": [item_said]}
    assert found.dataset["00081115"] == {"vr": "SQ", "Value": [item_said]}


@pytest.mark.parametrize(("sign", "expected"), [(0, 65535), (1, -1)])
def test_pixel_representation_decides_us_or_ss(sign: int, expected: int) -> None:
    said = [im(0x00280103, struct.pack("<H", sign)), im(0x00280106, b"\xff\xff")]
    nested = im(SEQUENCE, item(im(0x00280106, b"\xff\xff")))  # before it, and in an item
    found = read(implicit(*said, nested))
    vr = "SS" if sign else "US"

    assert found.dataset["00280106"] == {"vr": vr, "Value": [expected]}
    assert found.dataset["00081140"]["Value"] == [{"00280106": {"vr": vr, "Value": [expected]}}]


def test_a_data_set_that_is_not_what_its_transfer_syntax_says_is_read_as_it_is() -> None:
    wrongly = [
        implicit()[: len(meta(IMPLICIT))].replace(b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2\0"),
    ]
    explicit_said_implicit = meta(IMPLICIT) + body()
    implicit_said_explicit = meta(EXPLICIT) + implicit()[len(meta(IMPLICIT)) :]

    assert wrongly
    for data, found in ((explicit_said_implicit, "explicit"), (implicit_said_explicit, "implicit")):
        assert read(data).warnings == (
            f"the data set has {found} VRs, against its transfer syntax",
        )
        assert read(data).study == objects.uid(1)


def test_big_endian_values_are_told_little_endian() -> None:
    ids = [
        big(struct.unpack("<HH", e[:4])[0] << 16 | struct.unpack("<HH", e[:4])[1], "UI", e[8:])
        for e in identity()
    ]
    more = [
        big(0x00280010, "US", b"\x02\x00"),
        big(0x00281201, "OW", b"\1\2\3\4"),
        big(0x00281203, "OB", b"\1\2\3\4"),
    ]
    found = read(meta(BIG) + b"".join(ids + more))

    assert found.dataset["00280010"] == {"vr": "US", "Value": [512]}
    assert found.dataset["00281201"] == {"vr": "OW", "InlineBinary": "AgEEAw=="}
    assert found.dataset["00281203"] == {"vr": "OB", "InlineBinary": "AQIDBA=="}


def test_pixel_data_and_documents_are_always_bulk_and_others_above_the_threshold() -> None:
    nested = endless(0x30060039, item(endless(0x30060040, item(b""), item(
        el(0x30060050, "UT", b"1" * 40)))))  # fmt: skip
    data = file(*pixels(2, 2), nested, el(0x00420011, "OB", b"%PDF"), el(0x7FE00010, "OB", b"abcd"))
    found = read(data, ScanLimits(bulk_threshold=39))
    base = f"/dicom-web/studies/{objects.uid(1)}/series/{objects.uid(1, 1)}/instances/" \
           f"{objects.uid(1, 1, 1)}/bulkdata/"  # fmt: skip

    assert found.dataset["7FE00010"] == {"vr": "OB", "BulkDataURI": base + "7FE00010"}
    assert found.dataset["00420011"] == {"vr": "OB", "BulkDataURI": base + "00420011"}
    contour = found.dataset["30060039"]["Value"][0]["30060040"]["Value"][1]["30060050"]
    assert contour == {"vr": "UT", "BulkDataURI": base + "30060039/1/30060040/2/30060050"}
    bulk = found.bulk.find("30060039/1/30060040/2/30060050")
    assert [data[s.start : s.start + s.length] for s in bulk.spans] == [b"1" * 40]


def frames(data: bytes) -> list[bytes]:
    return [
        b"".join(data[s.start : s.start + s.length] for s in spans)
        for spans in read(data).frames.frames
    ]


def test_native_frames_follow_one_another() -> None:
    data = file(*pixels(2, 2, 16, 2), el(0x7FE00010, "OW", bytes(range(16))))

    assert frames(data) == [bytes(range(8)), bytes(range(8, 16))]


def test_uncompressed_ybr_full_422_has_two_samples_a_pixel() -> None:
    said = [e for e in pixels(2, 2) if e[:4] != b"\x28\0\2\0"]
    said += [el(0x00280002, "US", b"\3\0"), el(0x00280004, "CS", b"YBR_FULL_422")]

    assert frames(file(*said, el(0x7FE00010, "OB", b"12345678"))) == [b"12345678"]


def test_one_bit_pixels_are_packed() -> None:
    data = file(*pixels(3, 3, 1, 2), el(0x7FE00010, "OB", b"\xff\x01\x02\0"))
    index = read(data).frames
    start = data.index(b"\xff\x01\x02\0")

    assert [index.spans(n) for n in (1, 2)] == [(Span(start, 2),), (Span(start + 1, 2),)]
    assert index.align(1, b"\xff\x01") == b"\xff\x01"
    assert index.align(2, b"\x01\x02") == b"\x00\x01"


@pytest.mark.parametrize("missing", [1, 100])
def test_native_pixel_data_shorter_than_its_frames_is_refused(missing: int) -> None:
    data = file(*pixels(20, 10, 8, 2), el(0x7FE00010, "OB", bytes(400 - missing)))

    with pytest.raises(Refused, match=f"pixel data is cut short: {400 - missing} of 400 bytes"):
        read(data)


def test_native_pixel_data_longer_than_its_frames_is_kept() -> None:
    found = read(file(*pixels(), el(0x7FE00010, "OB", bytes(20))))

    assert found.warnings == ("pixel data is longer than its frames",)
    assert len(found.frames) == 1


def test_pixel_data_without_its_attributes_is_kept_without_frames() -> None:
    found = read(file(el(0x7FE00010, "OB", bytes(20))))

    assert found.warnings == ("pixel data without the attributes that tell its frames",)
    assert len(found.frames) == 0


SOI = b"\xff\xd8\xff\xe0"


@pytest.mark.parametrize(
    ("values", "table", "count", "expected"),
    [
        ((b"abcd", b"ef"), b"", 2, [b"abcd", b"ef"]),
        ((b"abcd", b"ef"), b"", 1, [b"abcdef"]),
        ((b"abcd", b"ef"), b"", None, [b"abcdef"]),
        ((b"ab", b"cd", b"ef"), struct.pack("<2I", 0, 20), 2, [b"abcd", b"ef"]),
        ((b"ab", b"cd", b"ef"), struct.pack("<I", 0), 3, [b"ab", b"cd", b"ef"]),
        ((SOI, b"cd", SOI), b"", 2, [SOI + b"cd", SOI]),
        ((b"ab", b"\xff\xd9", b"ef", b"\xff\xd9"), b"", 2, [b"ab\xff\xd9", b"ef\xff\xd9"]),
        ((SOI, b"cd", SOI), struct.pack("<2I", 0, 5), 2, [SOI + b"cd", SOI]),
    ],
)
def test_encapsulated_frames_are_told_apart(
    values: tuple[bytes, ...], table: bytes, count: int | None, expected: list[bytes]
) -> None:
    data = file(*pixels(frames=count), fragments(*values, table=table), syntax=JPEG)

    assert frames(data) == expected


def test_an_extended_offset_table_is_followed() -> None:
    tables = [
        el(0x7FE00001, "OV", struct.pack("<2Q", 0, 12)),
        el(0x7FE00002, "OV", struct.pack("<2Q", 3, 2)),
    ]
    data = file(*pixels(frames=2), *tables, fragments(b"abc\0", b"de"), syntax=JPEG)

    assert frames(data) == [b"abc", b"de"]


def test_an_offset_table_that_lies_is_told() -> None:
    table = struct.pack("<2I", 0, 11)
    data = file(*pixels(frames=2), fragments(b"ab", b"cd", table=table), syntax=RLE)

    assert read(data).warnings == ("the offset table is wrong and was passed over",)
    assert frames(data) == [b"ab", b"cd"]


@pytest.mark.parametrize("count", [2, 5])
def test_a_number_of_frames_that_lies_is_refused(count: int) -> None:
    data = file(*pixels(frames=count), fragments(b"ab", b"cd", b"ef"), syntax=RLE)

    with pytest.raises(Refused, match=f"3 fragments do not make {count} frames"):
        read(data)


def test_a_video_is_one_stream_whatever_its_number_of_frames() -> None:
    data = file(*pixels(frames=250), fragments(b"ftyp", b"mdat"), syntax=MPEG4)

    assert frames(data) == [b"ftypmdat"]


def test_viewers_are_told_of_a_fragmentable_video_as_of_any_other() -> None:
    data = file(*pixels(frames=250), fragments(b"ftyp", b"mdat"), syntax=MPEG4 + ".1")

    assert read(data).dataset["00083002"] == {"vr": "UI", "Value": [MPEG4]}
    assert read(data).transfer_syntax == MPEG4 + ".1"


@pytest.mark.parametrize(
    ("syntax", "element", "match"),
    [
        (EXPLICIT, fragments(b"ab"), "is encapsulated, against"),
        (JPEG, el(0x7FE00010, "OB", bytes(16)), "is not encapsulated, against"),
    ],
)
def test_pixel_data_against_its_transfer_syntax_is_refused(
    syntax: str, element: bytes, match: str
) -> None:
    with pytest.raises(Refused, match=match):
        read(file(*pixels(), element, syntax=syntax))


def test_a_private_transfer_syntax_is_read_by_inspection() -> None:
    assert frames(file(*pixels(), fragments(b"ab"), syntax="1.2.3.4")) == [b"ab"]
    assert frames(file(*pixels(), el(0x7FE00010, "OB", bytes(16)), syntax="1.2.3.4")) == [bytes(16)]


def deflated(content: bytes, pad: bytes = b"") -> bytes:
    machine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return meta(DEFLATED) + machine.compress(content) + machine.flush() + pad


@pytest.mark.parametrize("pad", [b"", b"\0"])
def test_spans_of_a_deflated_file_count_as_if_it_were_inflated_in_place(pad: bytes) -> None:
    data = deflated(body(*pixels(), el(0x7FE00010, "OB", bytes(range(16)))), pad)
    (span,) = read(data).frames.spans(1)

    with in_place(memoryview(data), read_file_meta(memoryview(data)).end) as whole:
        assert bytes(whole[span.start : span.start + span.length]) == bytes(range(16))


REFUSED = [
    (b"", "no DICM prefix"),
    (b"%PDF-1.7" * 100, "no DICM prefix"),
    (meta()[:-4], "cut short"),
    (meta(""), "names no transfer syntax"),
    (meta("1.2.x"), "names no transfer syntax"),
    (meta(), "no Study Instance UID"),
    (meta() + b"".join(identity()[:3]), "no Series Instance UID"),
    (meta() + b"".join([*identity()[:2], *identity()[3:]]), "no Study Instance UID"),
    (meta() + b"".join(identity()[1:]), "no SOP Class UID"),
    (file(el(0x0020000E, "UI", b"1.2\\1.3\0")), "Series Instance UID is not a UID"),
    (file(el(0x0020000E, "UI", b"../../etc")), "Series Instance UID is not a UID"),
    (file(el(0x0020000E, "UI", b"1" * 65)), "Series Instance UID is not a UID"),
    (file(el(0x00100010, "PN", b"A", 2000)), "value of 00100010 is cut short"),
    (file(el(SEQUENCE, "SQ", item(b""), 2000)), "value of 00081140 is cut short"),
    (file(el(SEQUENCE, "SQ", item(b"", 50))), "an item of the sequence 00081140 is cut short"),
    (file(el(SEQUENCE, "SQ", item(b"") + b"\0\0")), "sequence 00081140 is cut short"),
    (file(el(SEQUENCE, "SQ", el(0x00100010, "PN", b"AB"))), "is no item lies in the sequence"),
    (file(el(SEQUENCE, "SQ", b"", UNDEFINED)), "is no item lies in the sequence"),
    (file(el(SEQUENCE, "SQ", item(el(0x00100010, "PN", b"", 9)))), "00100010 is cut short"),
    (meta() + body() + el(SEQUENCE, "SQ", b"", UNDEFINED), "sequence 00081140 is cut short"),
    (meta() + body() + el(SEQUENCE, "SQ", item(b"", UNDEFINED), UNDEFINED), "item of the sequence"),
    (file(el(0x00104000, "UT", b"", UNDEFINED)), "has VR UT and no length"),
    (meta() + body() + im(ITEM), "in the wrong place"),
    (meta() + body() + el(ITEM, "CS", b"AB"), "in the wrong place"),
    (meta() + body() + bytes(1 << 20) + b"\1", "element's header is cut short"),
    (meta() + body() + bytes(1 << 21), "element's header is cut short"),
    (file(el(SEQUENCE, "SQ", item(bytes(8)))), "element's header is cut short"),
    (meta() + body() + b"\1\2\3", "header is cut short"),
    (meta() + body() + fragments(b"ab")[:-8], "encapsulated data is cut short"),
    (meta() + body() + fragments(b"ab")[:-9], "a fragment is cut short"),
    (meta(DEFLATED) + b"\xff" * 9, "deflated data set is broken"),
    (deflated(body())[:-9], "deflated data set is cut short"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "match"), REFUSED)
def test_what_is_not_readable_is_refused(data: bytes, match: str) -> None:
    with pytest.raises(Refused, match=match) as refused:
        read(data)

    assert refused.value.reason is FailureReason.CANNOT_UNDERSTAND


def test_a_dicomdir_is_refused_as_no_instance() -> None:
    data = meta(EXPLICIT, el(0x00020002, "UI", b"1.2.840.10008.1.3.10")) + body()

    with pytest.raises(Refused, match="a DICOMDIR lists instances") as refused:
        read(data)

    assert refused.value.reason is FailureReason.SOP_CLASS_NOT_SUPPORTED
    assert refused.value.sop_class == "1.2.840.10008.1.3.10"


def test_a_refusal_names_the_instance_as_far_as_it_is_known() -> None:
    data = meta(EXPLICIT, el(0x00020002, "UI", b"1.2.3\0"), el(0x00020003, "UI", b"1.2.3.4\0"))

    with pytest.raises(Refused, match="no Study Instance UID") as refused:
        read(data)

    assert (refused.value.sop_class, refused.value.instance) == ("1.2.3", "1.2.3.4")


def test_the_data_set_wins_over_file_meta_information() -> None:
    data = meta(EXPLICIT, el(0x00020003, "UI", b"1.2.3.4\0")) + body()

    assert read(data).instance == objects.uid(1, 1, 1)
    assert read(data).warnings == ("the File Meta Information names another instance or SOP class",)


def test_leading_zeros_in_a_uid_are_tolerated() -> None:
    found = read(file(el(0x0020000E, "UI", b"1.2.0840.1")))

    assert found.series == "1.2.0840.1"
    assert "Series Instance UID has a component with leading zeros" in found.warnings


@pytest.mark.parametrize("preamble", [b"II*\0" + bytes(124), b"#!/bin/sh\n" + b"x" * 118])
def test_a_preamble_may_be_anything(preamble: bytes) -> None:
    assert read(preamble + file()[128:]).warnings == ()


def test_a_wrong_group_length_of_the_file_meta_information_is_tolerated() -> None:
    wrong = bytearray(file())
    wrong[140] += 1

    assert read(bytes(wrong)).warnings == ("the length of the File Meta Information is wrong",)


def nested(depth: int) -> bytes:
    inner = b""
    for _ in range(depth):
        inner = el(
            SEQUENCE, "SQ", item(inner + im(ITEM_END), UNDEFINED) + im(SEQUENCE_END), UNDEFINED
        )
    return inner


def test_nesting_is_limited() -> None:
    opener = el(SEQUENCE, "SQ", item(b"", UNDEFINED), UNDEFINED)

    assert read(file(nested(64))).metadata.count(b"00081140") == 64
    assert read(file(nested(80)), ScanLimits(depth=1000)).metadata.count(b"00081140") == 80
    with pytest.raises(Refused, match="more than 64 levels of nesting"):
        read(file(nested(65)))
    with pytest.raises(Refused, match="more than 80 levels of nesting"):
        read(file(opener * 100_000), ScanLimits(depth=1000))


THREE_MORE = [el(0x00400000 + i, "CS", b"A ") for i in range(1, 4)]
OPEN_ITEM = item(b"", UNDEFINED) + im(ITEM_END)


@pytest.mark.parametrize(
    ("limits", "data", "match"),
    [
        (ScanLimits(elements=5), file(*THREE_MORE), "5 elements"),
        (ScanLimits(elements=5), file(endless(SEQUENCE, *[OPEN_ITEM] * 6)), "5 elements"),
        (ScanLimits(items=5), file(endless(SEQUENCE, *[item(b"")] * 6)), "5 items"),
        (ScanLimits(items=5), file(fragments(*[b"ab"] * 8), syntax=JPEG), "5 fragments"),
        (ScanLimits(value=9), file(el(0x00104000, "LT", b"a" * 10)), "9 bytes in the value"),
    ],
)
def test_limits_are_named_when_they_are_passed(limits: ScanLimits, data: bytes, match: str) -> None:
    careful = replace(limits, bulk_threshold=1 << 15)
    for bounds in (limits, careful):
        with pytest.raises(Refused, match=f"more than {match}"):
            read(data, bounds)


@pytest.mark.parametrize("empty", [item(b""), item(b"", UNDEFINED) + im(ITEM_END)])
def test_four_megabytes_of_empty_items_cost_little(empty: bytes) -> None:
    count = (4 << 20) // len(empty)
    data = meta() + body() + el(0x52009230, "SQ", empty * count)

    begun = time.process_time()
    found = read(data)
    took = time.process_time() - begun

    assert len(found.dataset["52009230"]["Value"]) == count
    assert took < 5  # pydicom: 7 s


@pytest.mark.parametrize("empty", [item(b""), item(b"", UNDEFINED) + im(ITEM_END)])
def test_empty_items_are_kept_in_less_than_ten_times_their_bytes(empty: bytes) -> None:
    data = meta() + body() + el(0x52009230, "SQ", empty * (1 << 14))
    walk = Walk(memoryview(data), len(meta()), ScanLimits())

    tracemalloc.start()
    walk.run(implicit=False, order="<")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10 * len(data)


def test_a_deflate_bomb_is_refused_early() -> None:
    content = body(el(0x7FE00010, "OB", bytes(64 << 20)))
    data = deflated(content)

    with pytest.raises(Refused, match="inflates to more than 100 times its size"):
        read(data)
    with pytest.raises(Refused, match="passes the limit of 1048576 bytes"):
        read(data, ScanLimits(deflate_size=1 << 20))


def test_a_file_of_two_gigabytes_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    length = 46340 * 46340
    head = file(*pixels(46340, 46340), el(0x7FE00010, "OB", b"", length))
    with path.open("wb") as out:
        out.write(head)
        out.truncate(len(head) + length)

    with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        tracemalloc.start()
        with memoryview(whole) as view:
            found = read(view)  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert found.frames.spans(1) == (Span(len(head), length),)
    assert peak < 1 << 20


def test_a_good_file_cut_anywhere_is_refused_or_readable() -> None:
    """What is accepted is a whole data set: the elements up to the cut, all of them whole."""
    whole = objects.part10(objects.ct_slice(PatientName="A^B", OtherPatientIDs=["1", "2"]))
    full = read(whole).dataset
    keys = list(full)
    for end in range(len(whole)):
        try:
            found = read(whole[:end])
        except Refused:
            continue
        assert list(found.dataset) == keys[: len(found.dataset)]
        assert all(found.dataset[key] == full[key] for key in found.dataset)
        assert "7FE00010" not in found.dataset


@pytest.mark.parametrize("kind", ["report", "encapsulated", "deflated", "implicit"])
def test_other_files_cut_anywhere_are_refused_or_readable(kind: str) -> None:
    whole = {
        "report": lambda: objects.part10(objects.report()),
        "encapsulated": lambda: file(
            *pixels(frames=2),
            fragments(b"abcd", b"ef", table=struct.pack("<2I", 0, 12)),
            syntax=RLE,
        ),
        "deflated": lambda: deflated(body(*pixels(), el(0x7FE00010, "OB", bytes(range(16))))),
        "implicit": lambda: implicit(*PRIVATE, im(SEQUENCE, item(im(0x00081155, b"1.2\0")))),
    }[kind]()
    full = read(whole).dataset
    for end in range(len(whole)):
        try:
            found = read(whole[:end])
        except Refused:
            continue
        assert all(found.dataset[key] == full[key] for key in found.dataset)
        assert kind != "deflated"
        assert "7FE00010" not in found.dataset


def test_files_changed_at_random_are_refused_or_readable() -> None:
    seeds = corpus([])
    outcomes = {check(data) for data, _ in zip(cases(seeds, 7), range(1500), strict=False)}

    assert "accepted" in outcomes
    assert len(outcomes) > 20


def test_random_bytes_behind_good_file_meta_information_never_crash() -> None:
    chance = random.Random(11)  # noqa: S311 - chance, not secrecy
    for syntax in (EXPLICIT, IMPLICIT, BIG, JPEG):
        for _ in range(200):
            check(meta(syntax) + body() + chance.randbytes(chance.randrange(200)))


def test_warnings_and_refusals_never_tell_values() -> None:
    data = file(
        el(0x00100010, "PN", b"Sm\xffth^Mary"),
        el(0x00200013, "IS", b"secret"),
        el(0x00280010, "US", b"\1\2\3"),
    )

    for warning in read(data).warnings:
        assert "th^Mary" not in warning
        assert "secret" not in warning


def test_delimiters_that_end_nothing_are_passed_over_at_the_top() -> None:
    for tag in (ITEM_END, SEQUENCE_END):
        assert read(file() + im(tag)).warnings == (
            "a delimiter stands where nothing was to be ended",
        )


def test_even_padding_is_not_part_of_a_uid() -> None:
    assert even(b"1.2", b"\0") == b"1.2\0"
    assert read(file(el(0x0020000E, "UI", b"1.2.3 "))).series == "1.2.3"
