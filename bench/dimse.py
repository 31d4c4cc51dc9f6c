"""How fast are instances received over associations? Against Orthanc and DCMTK's `storescp`.

Filmroom and Orthanc sync to disk and know what they hold before they answer; `storescp` writes
files and no more. One lean sender of ours sends to all of them, every message with one system
call; only the small objects come from `dcmsend` as it is, which writes a header and its data
apart and so waits for whoever is slow to acknowledge.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filmroom.association.connection import connect
from filmroom.association.messages import Command, CommandField, Message
from filmroom.association.negotiation import propose
from filmroom.association.pdus import AssociateRequest
from filmroom.dicom.part10 import read_file_meta
from filmroom.testing.objects import ct_slice, image, part10
from load import Client
from material import ct_series
from measure import Row, compare, finish, interleave
from peers import Server, filmroom, orthanc, storescp

Instance = tuple[str, str, str, memoryview]
"""SOP class, transfer syntax, SOP Instance UID and data set of an instance."""

SUCCESS = 0
LARGE = 500  # frames of 1 MB


def read(file: Path) -> Instance:
    """What is sent of a file."""
    data = memoryview(file.read_bytes())
    meta = read_file_meta(data)
    return meta.sop_class, meta.transfer_syntax, meta.instance, data[meta.end :]


def send(server: Server, instances: list[Instance]) -> None:
    """Send instances of one class and syntax over one association; each must be taken."""
    sop_class, syntax, _, _ = instances[0]
    request = AssociateRequest(server.name.upper(), "BENCH", propose([(sop_class, [syntax])]))
    connection, _ = connect((server.host, server.dimse_port), request)
    with connection:
        for _, _, instance, data in instances:
            command = Command(
                field=CommandField.C_STORE_RQ,
                has_data=True,
                message_id=1,
                sop_class=sop_class,
                instance=instance,
                priority=0,
            )
            connection.send_message(1, command, [data])
            heard = connection.hear()
            assert isinstance(heard, Message), heard
            assert heard.command.status == SUCCESS, heard.command
        connection.release()


def receive(server: Server, instances: list[Instance], associations: int, kept: Path) -> float:
    """Seconds until everything is received, shared among some associations."""
    begun = time.perf_counter()
    with ThreadPoolExecutor(associations) as pool:
        shares = [instances[n::associations] for n in range(associations)]
        list(pool.map(lambda share: send(server, share), shares))
    took = time.perf_counter() - begun
    forget(server, kept)
    return took


def dcmsend(server: Server, folder: Path, kept: Path) -> float:
    """Seconds until `dcmsend` has sent a folder."""
    target = ["-aec", server.name.upper(), server.host, str(server.dimse_port)]
    environment = {k: v for k, v in os.environ.items() if k != "TCP_NODELAY"}
    begun = time.perf_counter()
    subprocess.run(["dcmsend", *target, "+sd", str(folder)], check=True, env=environment)
    took = time.perf_counter() - begun
    forget(server, kept)
    return took


def forget(server: Server, kept: Path) -> None:
    """Delete all that was received."""
    if server.name == "storescp":
        for file in kept.iterdir():
            file.unlink()
        return
    client = Client(server)
    if server.name == "filmroom":
        for study in json.loads(client.get("/dicom-web/studies")):
            client.delete(f"/dicom-web/studies/{study['0020000D']['Value'][0]}")
        return
    for study in json.loads(client.get("/studies")):
        client.delete(f"/studies/{study}")


def small_files(folder: Path, count: int) -> Path:
    """A folder of objects of some 10 KB."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, count + 1):
        (folder / f"{number:04}.dcm").write_bytes(part10(ct_slice(5100, 1, number, size=64)))
    return folder


def large_instance() -> Instance:
    """A multi-frame object of 500 MB."""
    file = part10(image(5200, 1, 1, rows=512, columns=1024, frames=LARGE))
    meta = read_file_meta(memoryview(file))
    return meta.sop_class, meta.transfer_syntax, meta.instance, memoryview(file)[meta.end :]


def compare_slices(
    servers: dict[str, Server], folder: Path, kept: Path, slices: int, runs: int
) -> list[Row]:
    """500 CT slices on one and on four associations."""
    instances = [read(file) for file in ct_series(folder / "ct", slices)]
    rows: list[Row] = []
    for associations in (1, 4):
        seconds = interleave(
            {
                name: lambda server=server, n=associations: receive(server, instances, n, kept)
                for name, server in servers.items()
            },
            runs,
        )
        work = f"C-STORE, {slices} CT, {associations} association{'s' * (associations > 1)}"
        rows += compare(work, seconds, {"orthanc": 3, "storescp": 1})
    return rows


def compare_small(
    servers: dict[str, Server], folder: Path, kept: Path, count: int, runs: int
) -> list[Row]:
    """Small objects from `dcmsend`."""
    files = small_files(folder / "small", count)
    seconds = interleave(
        {
            name: lambda server=server: dcmsend(server, files, kept)
            for name, server in servers.items()
        },
        runs,
    )
    return compare(f"dcmsend, {count} objects of 10 KB", seconds, {"orthanc": 20})


def compare_large(servers: dict[str, Server], kept: Path, runs: int) -> list[Row]:
    """One large object; the last row tells megabytes where the others tell milliseconds."""
    large = large_instance()
    seconds = interleave(
        {
            name: lambda server=server: receive(server, [large], 1, kept)
            for name, server in servers.items()
        },
        runs,
    )
    rows = compare("C-STORE, one object of 500 MB", seconds, {"orthanc": 3, "storescp": 1})
    memory = {name: [server.peak() / 1e9] for name, server in servers.items()}
    return rows + compare("peak memory of a process then, MB", memory, {"orthanc": 10})


def main(slices: int = 500, small: int = 100, runs: int = 5) -> None:
    """Run the comparisons and print them."""
    wanted = set(sys.argv[1:]) or {"slices", "small", "large"}
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as scratch:
        folder = Path(scratch)
        kept = folder / "storescp"
        with (
            filmroom(folder / "filmroom", "--purge-grace", "0", dimse=True) as ours,
            orthanc(folder / "orthanc", dimse=True) as theirs,
            storescp(kept) as plain,
        ):
            servers = {server.name: server for server in (ours, theirs, plain)}
            if "slices" in wanted:
                rows += compare_slices(servers, folder, kept, slices, runs)
            if "small" in wanted:
                archives = {name: servers[name] for name in ("filmroom", "orthanc")}
                rows += compare_small(archives, folder, kept, small, min(runs, 3))
            if "large" in wanted:
                rows += compare_large(servers, kept, min(runs, 3))
    finish(rows, "dimse")


if __name__ == "__main__":
    main()
