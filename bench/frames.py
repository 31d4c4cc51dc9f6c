"""How fast are single frames of 512 KB, against Orthanc and nginx?

nginx sends the very multipart bodies that Filmroom sends, as files. Both have a process a core.
Orthanc compresses its answers for who takes gzip, as every browser does; so it is asked both
ways. Frames are never compressed again by Filmroom.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from load import Client, seconds_a_request, upload
from material import SERIES, STUDY, ct_series, instance_uid
from measure import Row, compare, finish, interleave
from peers import filmroom, nginx, orthanc

ASKED = {"Accept": 'multipart/related; type="application/octet-stream"; transfer-syntax=*'}
AS_BROWSERS_DO = {**ASKED, "Accept-Encoding": "gzip, deflate"}


def path(number: int) -> str:
    """The address of the only frame of slice `number`."""
    below = f"/dicom-web/studies/{STUDY}/series/{SERIES}"
    return f"{below}/instances/{instance_uid(number)}/frames/1"


def main(slices: int = 200, runs: int = 5) -> None:
    """Run the comparison and print it."""
    paths = [path(number) for number in range(1, slices + 1)]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = ct_series(folder / "ct", slices)
        workers = ("--workers", str(os.cpu_count() or 1))
        with filmroom(folder / "filmroom", *workers) as ours, orthanc(folder / "orthanc") as theirs:
            upload(ours, files)
            upload(theirs, files)
            client = Client(ours)
            for each in paths:
                file = folder / "static" / each.lstrip("/")
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(client.get(each, ASKED))
            with nginx(folder / "nginx", folder / "static") as static:
                for clients, asked in ((8, ASKED), (64, ASKED), (8, AS_BROWSERS_DO)):
                    seconds = interleave(
                        {
                            server.name: lambda s=server, n=clients, a=asked: seconds_a_request(
                                s, paths, a, n
                            )
                            for server in (ours, theirs, static)
                        },
                        runs,
                    )
                    gzip = ", gzip taken" if asked is AS_BROWSERS_DO else ""
                    work = f"frames of 512 KB, {clients} clients{gzip}"
                    rows += compare(work, seconds, {"orthanc": 5, "nginx": 0.5})
    finish(rows, "frames")


if __name__ == "__main__":
    main()
