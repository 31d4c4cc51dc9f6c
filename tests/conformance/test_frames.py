"""Retrieve frames: byte ranges noted at ingest, in the form asked for (PS3.18 §10.4.1.1.6)."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian
from retrieved import frames_of, instance_url, parts_of
from starlette.testclient import TestClient

from filmroom.core.delete import reject
from filmroom.model.selection import Selection
from filmroom.testing.objects import encapsulated, image, part10, report, uid, video

OCTETS = "application/octet-stream"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
JLS, RLE, JPEG = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50"
JPEG_12, HTJ2K = "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.202"
OHIF = 'multipart/related; type="application/octet-stream"; transfer-syntax="*"'
NATIVE = image(1, 1, 1, frames=3, rows=4, columns=4)
RAMPS = [NATIVE.PixelData[at : at + 32] for at in (0, 32, 64)]
STREAMS = [b"\xff\xd8one!\xff\xd9", b"\xff\xd8second\xff\xd9", b"\xff\xd8number 3\xff\xd9"]


def frames_url(numbers: str, *instance: int) -> str:
    """The address of frames."""
    return f"{instance_url(*instance)}/frames/{numbers}"


def test_a_frame_is_its_bytes_and_nothing_else(web: TestClient, store) -> None:
    store(NATIVE)

    (piece,) = parts_of(web.get(frames_url("2"), headers={"Accept": OHIF}))

    assert piece.body == RAMPS[1]
    assert piece.headers == {"Content-Type": f"{OCTETS}; transfer-syntax={EXPLICIT}"}


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [("1", [1]), ("1,2,3", [1, 2, 3]), ("3,1", [3, 1]), ("2,2,2", [2, 2, 2]), ("1%2C3", [1, 3]),
     ("003", [3])],
)  # fmt: skip
def test_frames_come_in_the_order_and_as_often_as_asked(
    web: TestClient, store, asked: str, numbers: list[int]
) -> None:
    store(NATIVE)

    assert frames_of(web.get(frames_url(asked))) == [RAMPS[number - 1] for number in numbers]


@pytest.mark.parametrize(
    ("asked", "status"),
    [("0", 400), ("-1", 400), ("a", 400), ("1,", 400), (",1", 400), ("1,,2", 400), ("1.5", 400),
     ("1-3", 400), ("%201", 400), ("٣", 400), ("1;2", 400), ("0,1", 400), ("1e1", 400),
     ("9" * 11, 400), ("4", 404), ("1,4", 404), ("9999999999", 404),
     (",".join(["1"] * 1000), 200), (",".join(["1"] * 1001), 400)],
)  # fmt: skip
def test_frames_that_are_not_there_or_no_numbers(
    web: TestClient, store, asked: str, status: int
) -> None:
    store(NATIVE)

    got = web.get(frames_url(asked))

    assert got.status_code == status
    assert status == 200 or got.headers["content-type"] == "application/problem+json"


def test_an_instance_without_pixels_has_no_frames(web: TestClient, store) -> None:
    store(report())

    assert web.get(frames_url("1", 1, 90, 1)).status_code == 404


def test_a_video_has_no_frames_that_can_be_told_apart(web: TestClient, store) -> None:
    store(video())

    assert web.get(frames_url("2", 1, 70, 1)).status_code == 404


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("fragments", [1, 2])
def test_compressed_frames_are_whole_codestreams(
    web: TestClient, store, table: bool, fragments: int
) -> None:
    if not table and fragments == 2:
        fragments = 1  # these codestreams cannot be told apart without a table
    store(encapsulated(STREAMS, JLS, offset_table=table, fragments_per_frame=fragments))

    got = frames_of(web.get(frames_url("1,2,3"), headers={"Accept": OHIF}))

    assert [frame[: len(stream)] for frame, stream in zip(got, STREAMS, strict=True)] == STREAMS
    assert {len(frame) - len(stream) for frame, stream in zip(got, STREAMS, strict=True)} <= {0, 1}


def _typed(root: str, syntax: str = "", quoted: bool = True) -> str:
    mark = '"' if quoted else ""
    text = f"multipart/related; type={mark}{root}{mark}"
    return text + (f"; transfer-syntax={mark}{syntax}{mark}" if syntax else "")


WSI = ", ".join(
    [_typed("image/jls", JLS), _typed("image/jls", "1.2.840.10008.1.2.4.81"),
     _typed("image/jp2", "1.2.840.10008.1.2.4.90"), _typed("image/jp2", "1.2.840.10008.1.2.4.91"),
     _typed("image/jpx", "1.2.840.10008.1.2.4.92"), _typed("image/jpx", "1.2.840.10008.1.2.4.93"),
     _typed(OCTETS, "*"), _typed("image/jpeg", JPEG)]
)  # fmt: skip
NEGOTIATED = [
    (JLS, OHIF, OCTETS),
    (JLS, _typed(OCTETS, "*", quoted=False), OCTETS),
    (JLS, "type=application/octet-stream; transfer-syntax=*", OCTETS),
    (JLS, _typed("image/jls", JLS), "image/jls"),
    (JLS, _typed("image/jls"), "image/jls"),
    (JLS, _typed("image/x-jls", JLS), "image/jls"),
    (JLS, WSI, "image/jls"),
    (JLS, "*/*", OCTETS),
    (JLS, "", OCTETS),
    (JLS, "text/html,application/xhtml+xml,*/*;q=0.8", OCTETS),
    (JLS, _typed("image/*", "*"), "image/jls"),
    (JLS, "multipart/related", OCTETS),
    (JLS, "multipart/related; type=\"image/jls\";q=0.1, " + OHIF, OCTETS),
    (JPEG, WSI, OCTETS),
    (JPEG_12, _typed("image/dicom+jpeg", JPEG_12), "image/jpeg"),
    (RLE, _typed("image/dicom-rle", RLE), "image/dicom-rle"),
    (RLE, _typed("image/x-dicom-rle", RLE), "image/dicom-rle"),
    (HTJ2K, _typed("image/jphc", HTJ2K), "image/jphc"),
    (HTJ2K, OHIF, OCTETS),
]  # fmt: skip


@pytest.mark.parametrize(("stored", "accept", "media_type"), NEGOTIATED)
def test_multipart_is_given_in_the_type_that_fits_what_is_stored(
    web: TestClient, store, stored: str, accept: str, media_type: str
) -> None:
    store(encapsulated(STREAMS[:1], stored))

    (piece,) = parts_of(web.get(frames_url("1"), headers={"Accept": accept}))

    assert piece.headers["Content-Type"] == f"{media_type}; transfer-syntax={stored}"
    assert piece.body.startswith(STREAMS[0])


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (f"{OCTETS}; transfer-syntax=*", f"{OCTETS}; transfer-syntax={JPEG}"),
        ("image/jpeg", f"image/jpeg; transfer-syntax={JPEG}"),
        ("image/jpeg, image/png", f"image/jpeg; transfer-syntax={JPEG}"),
        ("image/*", f"image/jpeg; transfer-syntax={JPEG}"),
        (f"image/jpeg; transfer-syntax={JPEG}", f"image/jpeg; transfer-syntax={JPEG}"),
    ],
)
def test_a_single_frame_comes_alone_when_that_is_asked(
    web: TestClient, store, accept: str, content_type: str
) -> None:
    store(encapsulated(STREAMS[:1], JPEG))

    got = web.get(frames_url("1"), headers={"Accept": accept})

    assert got.status_code == 200
    assert got.headers["content-type"] == content_type
    assert got.content.startswith(STREAMS[0])


@pytest.mark.parametrize(
    ("accept", "root"),
    [(f"{OCTETS}; transfer-syntax=*", OCTETS), ("image/jpeg", "image/jpeg")],
)
def test_several_frames_never_come_alone(web: TestClient, store, accept: str, root: str) -> None:
    store(encapsulated(STREAMS, JPEG))

    pieces = parts_of(web.get(frames_url("1,3"), headers={"Accept": accept}))

    assert [piece.headers["Content-Type"] for piece in pieces] == [
        f"{root}; transfer-syntax={JPEG}"
    ] * 2


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/dicom", "video/mp4"])
def test_what_would_have_to_be_decoded_is_not_acceptable(
    web: TestClient, store, accept: str
) -> None:
    store(NATIVE)

    got = web.get(frames_url("1"), headers={"Accept": accept})

    assert got.status_code == 406
    assert EXPLICIT in got.json()["detail"]


def test_a_range_of_a_single_frame(web: TestClient, store) -> None:
    store(NATIVE)

    got = web.get(frames_url("2"), headers={"Accept": OCTETS, "Range": "bytes=2-5"})

    assert got.status_code == 206
    assert got.headers["content-range"] == "bytes 2-5/32"
    assert got.content == RAMPS[1][2:6]


def test_a_multipart_answer_is_whole_whatever_range_is_asked(web: TestClient, store) -> None:
    store(NATIVE)

    got = web.get(frames_url("1"), headers={"Accept": OHIF, "Range": "bytes=0-3"})

    assert frames_of(got) == RAMPS[:1]


def test_what_the_client_has_is_not_sent_again(web: TestClient, store) -> None:
    store(NATIVE)
    first = web.get(frames_url("1"), headers={"Accept": OHIF})
    tag = first.headers["etag"]

    again = web.get(frames_url("1"), headers={"Accept": OHIF, "If-None-Match": tag})
    other = web.get(frames_url("2"), headers={"Accept": OHIF, "If-None-Match": tag})
    alone = web.get(frames_url("1"), headers={"Accept": OCTETS, "If-None-Match": tag})

    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["vary"] == "Accept"
    assert again.status_code == 304
    assert again.content == b""
    assert {other.status_code, alone.status_code} == {200}


def test_head_says_what_get_would(web: TestClient, store) -> None:
    store(NATIVE)
    head, got = web.head(frames_url("1,2")), web.get(frames_url("1,2"))

    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == got.headers["content-length"]


def test_other_methods_are_not_allowed(web: TestClient, store) -> None:
    store(NATIVE)

    got = web.put(frames_url("1"))

    assert got.status_code in (403, 405)


def test_a_rejected_instance_has_no_frames_any_more(web: TestClient, store, archive) -> None:
    store(NATIVE)
    before = web.get(frames_url("1"))

    reject(archive, Selection(uid(1)), "113001^DCM", "test")

    assert before.status_code == 200
    assert web.get(frames_url("1")).status_code == 404
    assert (
        web.get(frames_url("1"), headers={"If-None-Match": before.headers["etag"]}).status_code
        == 404
    )


def test_large_answers_are_streamed_with_their_length(web: TestClient, store) -> None:
    large = image(1, 1, 1, rows=1024, columns=1024, frames=3)
    store(large)

    got = frames_of(web.get(frames_url("1,3,2,1")))

    size = 2 * 1024 * 1024
    pixels = [large.PixelData[at : at + size] for at in (0, size, 2 * size)]
    assert got == [pixels[0], pixels[2], pixels[1], pixels[0]]


def test_implicit_little_endian_is_also_explicit(web: TestClient, store) -> None:
    store(part10(NATIVE, IMPLICIT))

    (as_stored,) = parts_of(web.get(frames_url("3"), headers={"Accept": OHIF}))
    (explicit,) = parts_of(web.get(frames_url("3"), headers={"Accept": _typed(OCTETS, EXPLICIT)}))

    assert as_stored.headers["Content-Type"].endswith(f"={IMPLICIT}")
    assert explicit.headers["Content-Type"].endswith(f"={EXPLICIT}")
    assert as_stored.body == explicit.body == RAMPS[2]


def _big_endian(dataset: Dataset, width: int) -> bytes:
    pixels = np.frombuffer(dataset.PixelData, f"<u{width}").astype(f">u{width}")
    dataset.PixelData = pixels.tobytes()
    return part10(dataset, ExplicitVRBigEndian)


@pytest.mark.parametrize(("bits", "width"), [(16, 2), (8, 1)])
def test_big_endian_pixels_are_turned_unless_any_syntax_will_do(
    web: TestClient, store, bits: int, width: int
) -> None:
    dataset = image(1, 1, 1, frames=2, bits=bits)
    little = dataset.PixelData[len(dataset.PixelData) // 2 :]
    file = _big_endian(dataset, width)
    big = dataset.PixelData[len(dataset.PixelData) // 2 :]
    store(file)

    (as_stored,) = parts_of(web.get(frames_url("2"), headers={"Accept": OHIF}))
    (turned,) = parts_of(web.get(frames_url("2"), headers={"Accept": _typed(OCTETS)}))

    assert (as_stored.headers["Content-Type"], as_stored.body) == (
        f"{OCTETS}; transfer-syntax={BIG}", big,
    )  # fmt: skip
    assert (turned.headers["Content-Type"], turned.body) == (
        f"{OCTETS}; transfer-syntax={EXPLICIT}", little,
    )  # fmt: skip


def test_frames_of_a_deflated_data_set_are_inflated(web: TestClient, store) -> None:
    store(part10(NATIVE, DEFLATED))

    pieces = parts_of(web.get(frames_url("3,1"), headers={"Accept": OHIF}))

    assert [piece.body for piece in pieces] == [RAMPS[2], RAMPS[0]]
    assert pieces[0].headers["Content-Type"] == f"{OCTETS}; transfer-syntax={EXPLICIT}"


def test_frames_of_one_bit_pixels_each_begin_with_a_byte(web: TestClient, store) -> None:
    """Three frames of 3 x 3 one-bit pixels are 27 bits, without padding between them."""
    dataset = image(1, 1, 1, rows=3, columns=3, frames=3)
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = 0
    packed = 0b101010101 | 0b111000111 << 9 | 0b100000001 << 18
    dataset.PixelData = packed.to_bytes(4, "little")
    store(dataset)

    got = frames_of(web.get(frames_url("1,2,3")))

    assert got == [b"\x55\x01", b"\xc7\x01", b"\x01\x01"]


def test_frames_that_are_not_in_memory_are_read_all_the_same(
    web: TestClient, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filmroom.storage.local.is_cached", lambda *_: False)
    store(NATIVE)

    assert frames_of(web.get(frames_url("3,1"))) == [RAMPS[2], RAMPS[0]]


def test_deflated_frames_are_inflated_once_in_whatever_order_they_are_asked(
    web: TestClient, store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("filmroom.core.inflating.IN_MEMORY", 1000)
    store(part10(NATIVE, DEFLATED))

    assert frames_of(web.get(frames_url("3,1,2,3,1"))) == [
        RAMPS[number - 1] for number in (3, 1, 2, 3, 1)
    ]
