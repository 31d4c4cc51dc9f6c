"""Do searches and metadata stay quick while pictures are drawn? Worker processes against threads.

The same web application over the same archive twice: pixels in worker processes as it is,
and in threads of the server's own process, as many as there are cores. Pictures of a
2048 x 2500 radiograph stored with JPEG 2000 are asked for without a pause, each in
another window, so that each is drawn; beside that one client searches and fetches metadata.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPConnection
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from threading import BoundedSemaphore

import imagecodecs
import numpy as np
import uvicorn

from filmroom.app import open_archive
from filmroom.core.store import receive
from filmroom.model.pixels import Image
from filmroom.model.rendering import Rendering
from filmroom.pixels import draw
from filmroom.settings import Settings
from filmroom.testing.objects import encapsulated, uid
from filmroom.web.app import build
from measure import Row, compare, finish

JPEG_2000 = "1.2.840.10008.1.2.4.90"
ROWS, COLUMNS = 2500, 2048
ARTISTS = 8  # requests for pictures at once
STUDY = f"/dicom-web/studies/{uid(1)}"
PICTURE = f"{STUDY}/series/{uid(1, 1)}/instances/{uid(1, 1, 1)}/rendered?viewport=512,512&window="
SMALL = (f"{STUDY}/series/{uid(1, 1)}/metadata", "/dicom-web/studies?PatientName=Test*")


class Threads:
    """Drawing in the server's own process."""

    def __init__(self) -> None:
        self.cores = BoundedSemaphore(os.cpu_count() or 1)

    def render(
        self, frames: Sequence[bytes], numbers: Sequence[int], image: Image, rendering: Rendering
    ) -> bytes:
        """A picture, when a core is free."""
        with self.cores:
            return draw.draw(list(frames), list(numbers), image, rendering)

    def drawing(self, *_: object) -> None:
        """Nothing is drawn without waiting for a core."""


def radiograph() -> bytes:
    """A noisy ramp of 12 bits."""
    rows, columns = np.ogrid[:ROWS, :COLUMNS]
    noise = np.random.default_rng(1).integers(0, 40, (ROWS, COLUMNS))
    values = ((rows + columns) * 0.8 + noise).astype(np.uint16)
    stream = imagecodecs.jpeg2k_encode(values, level=0, codecformat="j2k")
    shape = {"Rows": ROWS, "Columns": COLUMNS, "BitsAllocated": 16, "BitsStored": 12}
    return encapsulated([stream + b"\0" * (len(stream) % 2)], JPEG_2000, HighBit=11, **shape)


def serve(folder: str, in_threads: bool, told: Connection) -> None:
    """Serve one archive until killed."""
    with open_archive(Settings(data=Path(folder), cache_size=0, disk_reserve=0)) as archive:
        incoming = receive(archive, "bench")
        incoming.write(radiograph())
        incoming.finish()
        if in_threads:
            archive = replace(archive, pixels=Threads())  # type: ignore[arg-type]
        config = uvicorn.Config(build(archive), port=0, log_config=None, access_log=False)
        server = uvicorn.Server(config)
        threading.Thread(target=_tell, args=(server, told), daemon=True).start()
        server.run()


def _tell(server: uvicorn.Server, told: Connection) -> None:
    while not server.started:
        time.sleep(0.01)
    told.send(server.servers[0].sockets[0].getsockname()[1])


@contextmanager
def server(folder: Path, *, in_threads: bool) -> Iterator[int]:
    """The port of a running server."""
    context = multiprocessing.get_context("spawn")
    hears, told = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(str(folder), in_threads, told))
    process.start()
    try:
        yield hears.recv()
    finally:
        process.terminate()
        process.join()


def ask(connection: HTTPConnection, path: str) -> None:
    """One request; an answer other than 200 ends the bench."""
    connection.request("GET", path, headers={"Accept": "*/*"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status}")


def measured(port: int, seconds: float, artists: int) -> tuple[list[float], float]:
    """Seconds of each small request while pictures are drawn, and pictures a second."""
    stop, drawn, numbers = threading.Event(), count(), count(200)

    def draw_on() -> None:
        connection = HTTPConnection("127.0.0.1", port)
        while not stop.is_set():
            ask(connection, f"{PICTURE}1800,{next(numbers)},linear")
            next(drawn)

    threads = [threading.Thread(target=draw_on) for _ in range(artists)]
    for thread in threads:
        thread.start()
    connection, taken = HTTPConnection("127.0.0.1", port), []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for path in SMALL:
            began = time.perf_counter()
            ask(connection, path)
            taken.append(time.perf_counter() - began)
        time.sleep(0.01)
    made = next(drawn) / seconds
    stop.set()
    for thread in threads:
        thread.join()
    return taken, made


def main(seconds: float = 4.0, runs: int = 3) -> None:
    """Run the comparison and print it."""
    slow: dict[str, list[float]] = {"processes": [], "threads": []}
    with (
        tempfile.TemporaryDirectory() as scratch,
        server(Path(scratch) / "p", in_threads=False) as processes,
        server(Path(scratch) / "t", in_threads=True) as threads,
    ):
        ports = {"processes": processes, "threads": threads}
        for _ in range(runs):
            for name, port in ports.items():
                idle, _ = measured(port, 1.0, 0)
                busy, rate = measured(port, seconds, ARTISTS)
                tail = statistics.quantiles(busy, n=20)[-1]
                slow[name].append(tail)
                print(
                    f"{name}: idle {1e3 * statistics.median(idle):.1f} ms; while drawing"
                    f" {rate:.1f} pictures/s: median {1e3 * statistics.median(busy):.1f} ms,"
                    f" 95 % under {1e3 * tail:.1f} ms"
                )
    rows: list[Row] = compare(
        "small requests while drawing, 95 %", slow, {"threads": 1}, ours="processes"
    )
    finish(rows, "pixel_workers")


if __name__ == "__main__":
    main()
