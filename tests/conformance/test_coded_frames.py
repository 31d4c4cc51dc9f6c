"""Retrieve frames in other transfer syntaxes than the stored one (PS3.18 §8.7.3, §10.4.1.1.6)."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from retrieved import frames_of, instance_url, parts_of
from starlette.testclient import TestClient

from filmroom.core.archive import Archive
from filmroom.model.pixels import Coded, Image, Pixels
from filmroom.pixels.pipeline import open_pixels
from filmroom.settings import Settings
from filmroom.testing.objects import encapsulated, image, uid
from filmroom.web.app import build

OCTETS = "application/octet-stream"
EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
RLE, DEFLATED_FRAME = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"
JPEG, JPEG_12, JPEG_57, JPEG_70 = (f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70))
JLS, JLS_NEAR, JP2, JP2_ANY = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 81, 90, 91))
JPX, JXL, JXL_ANY = (f"1.2.840.10008.1.2.4.{n}" for n in (92, 110, 112))
HTJ2K, RPCL, HTJ2K_ANY = (f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203))
OHIF = 'multipart/related; type="application/octet-stream"; transfer-syntax="*"'
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

ROWS, COLUMNS = 24, 32
FRAMES = [
    (np.add.outer(np.arange(ROWS), np.arange(COLUMNS)) * 40 + 100 * n).astype(np.uint16)
    for n in range(3)
]
NATIVE = image(rows=ROWS, columns=COLUMNS, frames=3, BitsStored=12, HighBit=11)
NATIVE.PixelData = b"".join(frame.tobytes() for frame in FRAMES)


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pixels]:
    """Workers that are started once for all these tests."""
    with closing(open_pixels(Settings(data=tmp_path_factory.mktemp("data")))) as shared:
        yield shared


@pytest.fixture
def archive(archive: Archive, pixels: Pixels) -> Archive:
    return replace(archive, pixels=pixels)


Decoder = Callable[[bytes], NDArray[np.uint16]]


def url(numbers: str = "2") -> str:
    """The address of frames of the one instance."""
    return f"{instance_url()}/frames/{numbers}"


def raw(data: bytes) -> NDArray[np.uint16]:
    """A native frame."""
    return np.frombuffer(data, "<u2").reshape(ROWS, COLUMNS)


def unrle(data: bytes) -> NDArray[np.uint16]:
    """A frame of RLE Lossless: the high bytes, then the low ones."""
    return np.frombuffer(imagecodecs.dicomrle_decode(data, "<u2"), "<u2").reshape(ROWS, COLUMNS)


DECODERS: dict[str, Decoder] = {
    EXPLICIT: raw, IMPLICIT: raw, RLE: unrle,
    **dict.fromkeys((JPEG_57, JPEG_70), imagecodecs.ljpeg_decode),
    JPEG_12: imagecodecs.jpeg_decode,
    **dict.fromkeys((JLS, JLS_NEAR), imagecodecs.jpegls_decode),
    **dict.fromkeys((JP2, JP2_ANY), imagecodecs.jpeg2k_decode),
    **dict.fromkeys((HTJ2K, RPCL, HTJ2K_ANY), imagecodecs.jpeg2k_decode),  # OpenJPEG knows HT
    **dict.fromkeys((JXL, JXL_ANY), imagecodecs.jpegxl_decode),
}  # fmt: skip


def stored_jls(frames: list[NDArray[np.uint16]] = FRAMES) -> bytes:
    """The same image, stored with JPEG-LS."""
    streams = [imagecodecs.jpegls_encode(frame) for frame in frames]
    return encapsulated(
        [stream + b"\0" * (len(stream) % 2) for stream in streams],
        JLS,
        rows=ROWS,
        columns=COLUMNS,
        **SIXTEEN,
    )


SIXTEEN = {
    "Rows": ROWS, "Columns": COLUMNS, "BitsAllocated": 16, "BitsStored": 12, "HighBit": 11,
}  # fmt: skip


def typed(root: str, syntax: str = "") -> str:
    """An Accept header's range for multipart."""
    text = f'multipart/related; type="{root}"'
    return text + (f'; transfer-syntax="{syntax}"' if syntax else "")


# What is asked, and the media type and transfer syntax that come.
ASKED = [
    (typed(OCTETS), OCTETS, EXPLICIT),
    (typed(OCTETS, EXPLICIT), OCTETS, EXPLICIT),
    (typed(OCTETS, IMPLICIT), OCTETS, IMPLICIT),
    (typed(OCTETS, HTJ2K), OCTETS, HTJ2K),
    (typed("image/jpeg"), "image/jpeg", JPEG_70),
    (typed("image/jpeg", "*"), "image/jpeg", JPEG_70),
    (typed("image/jpeg", JPEG_70), "image/jpeg", JPEG_70),
    (typed("image/jpeg", JPEG_57), "image/jpeg", JPEG_57),
    (typed("image/jpeg", JPEG_12), "image/jpeg", JPEG_12),
    (typed("image/dicom+jpeg", JPEG_12), "image/jpeg", JPEG_12),
    (typed("image/jls", JLS_NEAR), "image/jls", JLS_NEAR),
    (typed("image/jp2"), "image/jp2", JP2),
    (typed("image/jp2", JP2_ANY), "image/jp2", JP2_ANY),
    (typed("image/jphc"), "image/jphc", HTJ2K),
    (typed("image/jphc", RPCL), "image/jphc", RPCL),
    (typed("image/jphc", HTJ2K_ANY), "image/jphc", HTJ2K_ANY),
    (typed("image/jxl"), "image/jxl", JXL),
    (typed("image/dicom-rle"), "image/dicom-rle", RLE),
    (typed("image/dicom-rle") + ";q=0.1, " + typed("image/jp2") + ";q=0.2", "image/jp2", JP2),
    (typed("image/jp2") + ", " + typed("image/dicom-rle"), "image/jp2", JP2),
    ("*/*;q=0.1, " + typed("image/jp2"), "image/jp2", JP2),
]


@pytest.mark.parametrize(("accept", "media_type", "syntax"), ASKED)
@pytest.mark.parametrize("stored", ["native", "JPEG-LS"])
def test_frames_come_in_the_form_that_is_asked(
    web: TestClient, store, stored: str, accept: str, media_type: str, syntax: str
) -> None:
    store(NATIVE if stored == "native" else stored_jls())

    (piece,) = parts_of(web.get(url("2"), headers={"Accept": accept}))

    assert piece.headers["Content-Type"] == f"{media_type}; transfer-syntax={syntax}"
    decoded = np.asarray(DECODERS[syntax](piece.body))
    error = 0 if syntax not in (JPEG_12, JLS_NEAR, JP2_ANY, HTJ2K_ANY) else 60
    assert np.abs(decoded.astype(int) - FRAMES[1]).max() <= error


AS_STORED = [
    OHIF,
    "*/*",
    "",
    "multipart/related",
    typed("image/jls"),
    typed("image/*"),
    typed("image/jp2") + ", " + typed("image/jls", JLS),
    typed("image/jp2") + ", */*",
    typed("image/jp2") + ";q=0.5, " + OHIF + ";q=0.5",
    typed("image/jpx", JPX),  # which nothing here makes: rather than no answer
]


@pytest.mark.parametrize("accept", AS_STORED)
def test_what_is_stored_comes_as_it_is_where_that_will_do(
    web: TestClient, store, archive: Archive, accept: str
) -> None:
    store(stored_jls())

    (piece,) = parts_of(web.get(url("2"), headers={"Accept": accept}))

    assert piece.headers["Content-Type"].endswith(f"; transfer-syntax={JLS}")
    assert piece.body.rstrip(b"\0") == imagecodecs.jpegls_encode(FRAMES[1]).rstrip(b"\0")
    assert list(archive.derived.keys()) == []


def test_several_frames_come_in_the_order_asked(web: TestClient, store) -> None:
    store(NATIVE)

    got = web.get(url("3,1,3,2,1,2,3"), headers={"Accept": typed("image/jls")})

    frames = [imagecodecs.jpegls_decode(piece.body) for piece in parts_of(got, sized=False)]
    assert [int(frame[0, 0]) for frame in frames] == [200, 0, 200, 100, 0, 100, 200]


def test_a_frame_comes_alone_and_in_ranges(web: TestClient, store) -> None:
    store(stored_jls())
    headers = {"Accept": f"{OCTETS}; transfer-syntax={EXPLICIT}"}

    whole = web.get(url("3"), headers=headers)
    part = web.get(url("3"), headers=headers | {"Range": "bytes=4-11"})

    assert whole.headers["content-type"] == f"{OCTETS}; transfer-syntax={EXPLICIT}"
    assert whole.content == FRAMES[2].tobytes()
    assert (part.status_code, part.content) == (206, FRAMES[2].tobytes()[4:12])


def test_several_frames_never_come_alone(web: TestClient, store) -> None:
    store(stored_jls())

    got = web.get(url("2,1"), headers={"Accept": OCTETS})

    bodies = [piece.body for piece in parts_of(got, sized=False)]
    assert bodies == [FRAMES[1].tobytes(), FRAMES[0].tobytes()]


@pytest.mark.parametrize("accept", ["image/png", "text/html", typed("image/jpeg", JPEG)])
def test_what_cannot_be_made_is_not_acceptable(web: TestClient, store, accept: str) -> None:
    store(NATIVE)  # of 12 bits, which JPEG Baseline does not carry

    got = web.get(url(), headers={"Accept": accept})

    assert got.status_code == 406
    assert got.headers["content-type"] == "application/problem+json"
    assert web.get(url(), headers={"Accept": OHIF}).status_code == 200


@pytest.mark.parametrize("numbers", ["4", "1,4"])
def test_a_frame_that_is_not_there_is_not_found(web: TestClient, store, numbers: str) -> None:
    store(NATIVE)

    assert web.get(url(numbers), headers={"Accept": typed("image/jls")}).status_code == 404


def test_a_damaged_frame_is_not_acceptable_and_the_others_are_given(web: TestClient, store) -> None:
    file = bytearray(stored_jls())
    second = imagecodecs.jpegls_encode(FRAMES[1])
    at = file.index(second)
    file[at + 30 : at + len(second) - 2] = bytes(len(second) - 32)
    store(bytes(file))
    headers = {"Accept": typed(OCTETS)}

    got = web.get(url("2"), headers=headers)

    assert got.status_code == 406
    assert frames_of(web.get(url("1"), headers=headers)) == [FRAMES[0].tobytes()]
    assert frames_of(web.get(url("2"), headers={"Accept": OHIF}))[0].startswith(second[:30])


def test_a_coded_frame_has_a_tag_of_its_own(web: TestClient, store) -> None:
    store(stored_jls())
    headers = {"Accept": typed("image/jp2")}
    tag = web.get(url(), headers=headers).headers["etag"]

    again = web.get(url(), headers=headers | {"If-None-Match": tag})
    other = web.get(url(), headers={"Accept": typed(OCTETS), "If-None-Match": tag})

    assert (again.status_code, other.status_code) == (304, 200)


def test_head_of_a_coded_frame_codes_nothing(web: TestClient, store, archive: Archive) -> None:
    store(stored_jls())

    head = web.head(url("1,2"), headers={"Accept": typed(OCTETS)})

    assert head.status_code == 200
    assert head.headers["content-type"].startswith("multipart/related")
    assert list(archive.derived.keys()) == []


class TestBrowsers:
    """What OHIF's codecs do not decode, and `transfer-syntax=*` or anything at all is taken."""

    @staticmethod
    def stored(syntax: str) -> bytes:
        """One frame in a syntax that OHIF knows nothing of."""
        encode = {
            JXL: lambda frame: imagecodecs.jpegxl_encode(frame, lossless=True),
            JPX: lambda frame: imagecodecs.jpeg2k_encode(frame, level=0, codecformat="j2k"),
            DEFLATED_FRAME: lambda frame: imagecodecs.zlib_encode(frame.tobytes())[2:-4],
        }[syntax]
        stream = encode(FRAMES[0])
        known = HTJ2K if len(syntax) == len(HTJ2K) else JP2
        file = encapsulated([stream + b"\0" * (len(stream) % 2)], known, **SIXTEEN)
        return file.replace(known.encode(), syntax.encode().ljust(len(known), b"\0"), 1)

    @pytest.mark.parametrize("syntax", [JXL, JPX, DEFLATED_FRAME])
    @pytest.mark.parametrize("accept", [OHIF, "*/*"])
    def test_a_browser_gets_what_it_can_show(
        self, web: TestClient, store, syntax: str, accept: str
    ) -> None:
        store(self.stored(syntax))

        got = web.get(url("1"), headers={"Accept": accept, "User-Agent": FIREFOX})

        (piece,) = parts_of(got)
        assert piece.headers["Content-Type"] == f"{OCTETS}; transfer-syntax={EXPLICIT}"
        assert piece.body == FRAMES[0].tobytes()

    def test_others_get_what_is_stored(self, web: TestClient, store) -> None:
        store(self.stored(JXL))

        (piece,) = parts_of(web.get(url("1"), headers={"Accept": OHIF}))

        assert piece.headers["Content-Type"] == f"{OCTETS}; transfer-syntax={JXL}"

    @pytest.mark.parametrize("accept", [typed("image/jxl", JXL), typed(OCTETS, JXL)])
    def test_a_browser_that_names_the_syntax_gets_it(
        self, web: TestClient, store, accept: str
    ) -> None:
        store(self.stored(JXL))

        got = web.get(url("1"), headers={"Accept": accept, "User-Agent": FIREFOX})

        (piece,) = parts_of(got)
        assert piece.headers["Content-Type"].endswith(f"; transfer-syntax={JXL}")

    def test_what_ohif_decodes_is_left_alone(self, web: TestClient, store) -> None:
        store(stored_jls())

        got = web.get(url("1"), headers={"Accept": OHIF, "User-Agent": FIREFOX})

        assert parts_of(got)[0].headers["Content-Type"] == f"{OCTETS}; transfer-syntax={JLS}"

    def test_colour_of_jpeg_extended_comes_as_baseline(self, web: TestClient, store) -> None:
        """OHIF 3.13 shows its luminance and chrominance as red, green and blue."""
        values = np.stack([FRAMES[0] >> 8] * 3, axis=2).astype(np.uint8)
        baseline = bytes(imagecodecs.jpeg8_encode(values, 90, subsampling="422"))
        extended = baseline.replace(b"\xff\xc0", b"\xff\xc1", 1)
        colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL_422"}
        eight = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PlanarConfiguration": 0}
        sides = {"rows": values.shape[0], "columns": values.shape[1]}
        padded = extended + b"\0" * (len(extended) % 2)
        store(encapsulated([padded], JPEG_12, **sides, **colour, **eight))

        shown = web.get(url("1"), headers={"Accept": OHIF, "User-Agent": FIREFOX})
        stored = web.get(url("1"), headers={"Accept": OHIF})

        (piece,) = parts_of(shown)
        assert piece.headers["Content-Type"] == f"{OCTETS}; transfer-syntax={JPEG}"
        assert piece.body.rstrip(b"\0") == baseline
        assert parts_of(stored)[0].headers["Content-Type"].endswith(f"={JPEG_12}")

    def test_the_setting_turns_it_off(self, archive: Archive, store) -> None:
        store(self.stored(JXL))
        settings = archive.settings.model_copy(update={"transcode_unsupported": False})
        app = build(replace(archive, settings=settings))

        with TestClient(app, base_url="http://127.0.0.1:8042") as web:
            got = web.get(url("1"), headers={"Accept": OHIF, "User-Agent": FIREFOX})

        assert parts_of(got)[0].headers["Content-Type"] == f"{OCTETS}; transfer-syntax={JXL}"


class Counting:
    """Pixels that count what is coded, one thing after another."""

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        self.coded: Counter[str] = Counter()
        self.lock = threading.Lock()

    def transcode(self, frame: bytes, image: Image, target: str, quality: int = 90) -> Coded:
        with self.lock:
            self.coded[target] += 1
        return self.pixels.transcode(frame, image, target, quality)


@pytest.fixture
def counting(archive: Archive) -> Counting:
    return Counting(archive.pixels)


@pytest.fixture
def counted(archive: Archive, counting: Counting) -> TestClient:
    """A client of an application whose codings are counted."""
    app = build(replace(archive, pixels=counting))  # type: ignore[arg-type]
    return TestClient(app, base_url="http://127.0.0.1:8042")


def test_many_who_want_one_frame_have_it_coded_once(
    counted: TestClient, counting: Counting, store
) -> None:
    store(NATIVE)

    def get(_: int) -> httpx.Response:
        return counted.get(url("2"), headers={"Accept": typed("image/jp2")})

    with counted, ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(get, range(40)))

    assert len({frames_of(answer)[0] for answer in answers}) == 1
    assert counting.coded == {JP2: 1}


def test_what_was_coded_is_kept(counted: TestClient, counting: Counting, store) -> None:
    store(NATIVE)
    with counted:
        for accept in (typed("image/jp2"), typed("image/jls"), typed("image/jp2")):
            counted.get(url("1"), headers={"Accept": accept})
        counted.get(url("1,2,1"), headers={"Accept": typed("image/jp2")})

    assert counting.coded == {JP2: 2, JLS: 1}


class TestHostile:
    def test_a_frame_that_claims_to_be_huge_costs_little(self, web: TestClient, store) -> None:
        """100 bytes that say they are 60,000 x 60,000 pixels."""
        claims = {"Rows": 60_000, "Columns": 60_000}
        stream = bytearray(imagecodecs.jpegls_encode(FRAMES[0]))
        at = stream.index(b"\xff\xf7")
        stream[at + 5 : at + 9] = (60_000).to_bytes(2, "big") * 2
        store(encapsulated([bytes(stream)], JLS, **(SIXTEEN | claims)))

        got = web.get(url("1"), headers={"Accept": typed(OCTETS)})

        assert got.status_code == 406
        assert web.get("/health/live").status_code in (200, 404)
        assert web.get(url("1"), headers={"Accept": OHIF}).status_code == 200


def test_nothing_is_left_of_a_deleted_instance(web: TestClient, store, archive: Archive) -> None:
    store(NATIVE)
    web.get(url("1,2,3"), headers={"Accept": typed("image/jls")})
    assert len(list(archive.derived.keys())) == 1
    folder = Path(archive.settings.data) / "derived"

    web.delete(instance_url().removesuffix(f"/instances/{uid(1, 1, 1)}"))
    archive.derived.forget(next(archive.derived.keys()))

    assert [name for _, _, names in os.walk(folder / "frames") for name in names] == []
