"""How fast are 500 CT slices stored by STOW-RS, against Orthanc and `cp` with fsync?

Filmroom and Orthanc both sync to disk before they answer. Every run stores a study that its
archive does not hold yet. Nothing is deleted meanwhile: some file systems pass over what was
deleted lately one by one when they make a file, and another would pay for that.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from load import Client, multipart_of
from material import STUDY, ct_series
from measure import Row, compare, finish, interleave
from peers import Server, filmroom, orthanc


def studies(bodies: list[bytes]) -> Iterator[list[bytes]]:
    """The request bodies of one study after another: the same pixels, other UIDs as long."""
    root, _, number = STUDY.rpartition(".")
    old = f"{root}.{number}".encode()
    for step in count(1):
        new = f"{root}.{int(number) + step}".encode()
        yield [body.replace(old, new) for body in bodies]


def one_request(server: Server, bodies: Iterator[list[bytes]]) -> float:
    """Seconds to store everything in one request."""
    (body,) = next(bodies)
    client = Client(server)
    begun = time.perf_counter()
    client.store(body)
    return time.perf_counter() - begun


def one_each(server: Server, bodies: Iterator[list[bytes]], connections: int = 6) -> float:
    """Seconds to store everything one instance a request, on several connections."""
    mine = next(bodies)

    def send(start: int) -> None:
        client = Client(server)
        for body in mine[start::connections]:
            client.store(body)

    begun = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(send, range(connections)))
    return time.perf_counter() - begun


def copy(files: list[Path], folder: Path) -> float:
    """Seconds to copy the files into a new folder in `folder`, and sync each."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    begun = time.perf_counter()
    for file in files:
        target = folder / file.name
        shutil.copyfile(file, target)
        descriptor = os.open(target, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return time.perf_counter() - begun


def main(slices: int = 500, runs: int = 5) -> None:
    """Run the comparisons and print them."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as scratch:
        folder = Path(scratch)
        files = ct_series(folder / "ct", slices)
        with filmroom(folder / "filmroom") as ours, orthanc(folder / "orthanc") as theirs:
            mine, others = (studies([multipart_of(files)]) for _ in range(2))
            seconds = interleave(
                {
                    "filmroom": lambda: one_request(ours, mine),
                    "orthanc": lambda: one_request(theirs, others),
                    "cp": lambda: copy(files, folder),
                },
                runs,
            )
            rows += compare(f"STOW, {slices} CT in one request", seconds, {"orthanc": 2, "cp": 0.2})
        with filmroom(folder / "again") as ours, orthanc(folder / "orthanc-again") as theirs:
            mine, others = (studies([multipart_of([file]) for file in files]) for _ in range(2))
            seconds = interleave(
                {
                    "filmroom": lambda: one_each(ours, mine),
                    "orthanc": lambda: one_each(theirs, others),
                    "cp": lambda: copy(files, folder),
                },
                runs,
            )
            rows += compare(
                f"STOW, {slices} CT one a request, 6 connections",
                seconds,
                {"orthanc": 2, "cp": 0.2},
            )
    finish(rows, "store")


if __name__ == "__main__":
    main()
