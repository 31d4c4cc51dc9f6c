"""How fast are pictures, transcoded frames and HTJ2K, against Orthanc and the codec itself?

A picture is asked for in another window each time, so that neither side can have kept it; what
Filmroom has kept is measured on its own row. Of the frames, each run takes an instance
that was not asked for before.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.pixels.decode import decode
from filmroom.pixels.encode import encode
from filmroom.testing.objects import ct_slice, part10, uid
from link import slow_link
from load import Client, seconds_a_request, upload
from measure import Row, compare, finish, interleave
from peers import Server, filmroom, orthanc

JPEG = {"Accept": "image/jpeg"}
JPEG_LS = "1.2.840.10008.1.2.4.80"
HTJ2K = "1.2.840.10008.1.2.4.201"
PROGRESSIVE = "1.2.840.10008.1.2.4.202"
UNCOMPRESSED = "1.2.840.10008.1.2.1"
LINK = 10e6  # bits a second
SKIPPED = 2  # resolutions that a first screen does without: a picture of 512 x 625

Pixels = NDArray[np.uint16]


def picture(rows: int, columns: int, seed: int = 1) -> Pixels:
    """Something smooth with edges and a little noise, as X-rays make it; 12 bits."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    body = 1200 * (x**2 / 0.8 + y**2 / 0.9 < 1) + 700 * np.cos(9 * x * y + seed)
    noise = np.random.default_rng(seed).normal(0, 8, (rows, columns))
    return np.clip(body + noise + 1000, 0, 4095).astype(np.uint16)


def instance(number: int, frames: list[Pixels]) -> bytes:
    """One instance of its own study, its frames native."""
    dataset = ct_slice(6000 + number, 1, 1, size=2)
    dataset.Rows, dataset.Columns = frames[0].shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    dataset.PixelData = b"".join(frame.tobytes() for frame in frames)
    return part10(dataset)


def address(number: int) -> str:
    """Where instance `number` is."""
    study, series, one = uid(6000 + number), uid(6000 + number, 1), uid(6000 + number, 1, 1)
    return f"/dicom-web/studies/{study}/series/{series}/instances/{one}"


class Pictures:
    """Thumbnails of one instance, each in a window that was not asked for before."""

    def __init__(self, server: Server, number: int) -> None:
        self.client = Client(server)
        self.path = f"{address(number)}/rendered?viewport=128,128&window="
        self.centers: Iterator[int] = count(800)

    def make(self, times: int) -> float:
        """Mean seconds a picture."""
        begun = time.perf_counter()
        for _ in range(times):
            self.client.get(f"{self.path}{next(self.centers)},2000,linear", JPEG)
        return (time.perf_counter() - begun) / times


def drawn(ours: Server, theirs: Server, number: int, name: str, runs: int) -> list[Row]:
    """Thumbnails made, and thumbnails kept."""
    mine, other = Pictures(ours, number), Pictures(theirs, number)
    made = interleave({"filmroom": lambda: mine.make(10), "orthanc": lambda: other.make(3)}, runs)
    # What was kept is so quick that a client in Python would mostly measure itself.
    path, asked = f"{address(number)}/thumbnail?viewport=128,128", [other.path + "900,2000,linear"]
    again = interleave(
        {
            "filmroom": lambda: seconds_a_request(ours, [path], JPEG, 4),
            "orthanc": lambda: seconds_a_request(theirs, asked, JPEG, 4),
        },
        3,
    )
    return [
        *compare(f"thumbnail of {name}, made", made, {"orthanc": 5}),
        *compare(f"thumbnail of {name}, kept", again, {"orthanc": 5}),
    ]


def frames_of(server: Server, numbers: Iterator[int], most: int) -> float:
    """Mean seconds a frame in JPEG-LS, of an instance not asked for before."""
    kind = f'multipart/related; type="image/jls"; transfer-syntax={JPEG_LS}'
    path, client = address(next(numbers)), Client(server)
    begun = time.perf_counter()
    for frame in range(1, most + 1):
        answer = client.get(f"{path}/frames/{frame}", {"Accept": kind})
        assert JPEG_LS.encode() in answer[:300] or b"image/jls" in answer[:300], answer[:300]
    return (time.perf_counter() - begun) / most


def coded(values: Pixels, runs: int) -> list[Row]:
    """HTJ2K through our decoder and encoder, beside the library's own time."""
    rows, columns = values.shape
    format = PixelFormat(rows, columns, 1, 16, 12, 11, False, False, "MONOCHROME2")
    stream, _ = encode(values, format, HTJ2K, 90)
    assert np.array_equal(decode(stream, HTJ2K, format).values, values)
    size = f"HTJ2K {columns} x {rows}"
    encoding = interleave(
        {
            "filmroom": lambda: encode(values, format, HTJ2K, 90) and None,
            "library": lambda: imagecodecs.htj2k_encode(values) and None,
        },
        runs,
    )
    decoding = interleave(
        {
            "filmroom": lambda: _nothing(decode(stream, HTJ2K, format)),
            "library": lambda: _nothing(imagecodecs.htj2k_decode(stream)),
        },
        runs,
    )
    return [
        *compare(f"{size}, encoded", encoding, {"library": 0.7}),
        *compare(f"{size}, decoded", decoding, {"library": 0.7}),
    ]


def _nothing(_: object) -> None:
    """Let the call be timed."""


def first_screen(server: Server, number: int, syntax: str) -> float:
    """Seconds until a frame can be shown: all of it, or a progressive one's first resolutions."""
    kind = f'multipart/related; type="application/octet-stream"; transfer-syntax={syntax}'
    connection = HTTPConnection(server.host, server.port, timeout=120)
    begun = time.perf_counter()
    connection.request("GET", f"{address(number)}/frames/1", headers={"Accept": kind})
    answer = connection.getresponse()
    assert answer.status == 200
    body, shown = b"", syntax != PROGRESSIVE
    while piece := answer.read1(65536):
        body += piece
        if not shown and _shows(body.partition(b"\r\n\r\n")[2]):
            break
    took = time.perf_counter() - begun
    connection.close()
    return took


def _shows(prefix: bytes) -> bool:
    try:
        small = imagecodecs.htj2k_decode(prefix, skipres=SKIPPED, resilient=True)
    except imagecodecs.Htj2kError:
        return False
    # Where the codestream is cut before the resolution ends, rows at the end are empty.
    return bool(np.count_nonzero(small[-8:]) > small[-8:].size // 2)


def main(runs: int = 5) -> None:
    """Run the comparisons and print them."""
    ct, cr = picture(512, 512), picture(2500, 2048)
    many = [picture(512, 512, seed) for seed in range(1, 101)]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = []
        for number, frames in enumerate([[ct], [cr], *[many] * (runs + 1)]):
            files.append(folder / f"{number}.dcm")
            files[-1].write_bytes(instance(number, frames))
        with filmroom(folder / "filmroom") as ours, orthanc(folder / "orthanc") as theirs:
            for file in files:
                upload(ours, [file])
                upload(theirs, [file])
            rows += drawn(ours, theirs, 0, "a 512 x 512 CT", runs)
            rows += drawn(ours, theirs, 1, "a 2048 x 2500 CR", runs)
            mine, other = count(2), count(2)
            seconds = interleave(
                {
                    "filmroom": lambda: frames_of(ours, mine, 100),
                    "orthanc": lambda: frames_of(theirs, other, 3),
                },
                runs,
            )
            rows += compare("frames in JPEG-LS, of 100 in an instance", seconds, {"orthanc": 20})
            with slow_link(ours, LINK) as slow:
                seconds = interleave(
                    {
                        "progressive": lambda: first_screen(slow, 1, PROGRESSIVE),
                        "uncompressed": lambda: first_screen(slow, 1, UNCOMPRESSED),
                    },
                    3,
                )
            name = "first screen of a CR at 10 Mbit/s"
            rows += compare(name, seconds, {"uncompressed": 5}, "progressive")
    rows += [*coded(ct, 4 * runs), *coded(cr, runs)]
    finish(rows, "pixels")


if __name__ == "__main__":
    main()
