"""How fast are 500 CT slices stored by STOW-RS, against Orthanc and `cp` with fsync?

Filmroom and Orthanc both sync to disk before they answer. Every run stores the series into
an archive that does not hold it: it is deleted after each run, outside the measured time.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from load import Client, multipart_of
from material import STUDY, ct_series
from measure import Row, compare, finish, interleave
from peers import Server, filmroom, orthanc


def one_request(server: Server, body: bytes) -> float:
    """Seconds to store everything in one request."""
    client = Client(server)
    begun = time.perf_counter()
    client.store(body)
    took = time.perf_counter() - begun
    _forget(server)
    return took


def one_each(server: Server, bodies: list[bytes], connections: int = 6) -> float:
    """Seconds to store everything one instance a request, on several connections."""

    def send(start: int) -> None:
        client = Client(server)
        for body in bodies[start::connections]:
            client.store(body)

    begun = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(send, range(connections)))
    took = time.perf_counter() - begun
    _forget(server)
    return took


def copy(files: list[Path], folder: Path) -> float:
    """Seconds to copy the files and sync each."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    begun = time.perf_counter()
    for file in files:
        target = folder / file.name
        shutil.copyfile(file, target)
        descriptor = os.open(target, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    return time.perf_counter() - begun


def _forget(server: Server) -> None:
    client = Client(server)
    if server.name == "filmroom":
        client.delete(f"/dicom-web/studies/{STUDY}")
        return
    client.connection.request("POST", "/tools/lookup", STUDY)
    for found in json.loads(client.body(200)):
        client.delete(found["Path"])


def main(slices: int = 500, runs: int = 5) -> None:
    """Run the comparisons and print them."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as scratch:
        folder = Path(scratch)
        files = ct_series(folder / "ct", slices)
        whole = multipart_of(files)
        singles = [multipart_of([file]) for file in files]
        with (
            filmroom(folder / "filmroom", "--purge-grace", "0") as ours,
            orthanc(folder / "orthanc") as theirs,
        ):
            seconds = interleave(
                {
                    "filmroom": lambda: one_request(ours, whole),
                    "orthanc": lambda: one_request(theirs, whole),
                    "cp": lambda: copy(files, folder / "copy"),
                },
                runs,
            )
            rows += compare(f"STOW, {slices} CT in one request", seconds, {"orthanc": 2, "cp": 0.2})
            seconds = interleave(
                {
                    "filmroom": lambda: one_each(ours, singles),
                    "orthanc": lambda: one_each(theirs, singles),
                    "cp": lambda: copy(files, folder / "copy"),
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
