"""How fast is the metadata of a 500-slice series, against Orthanc and nginx?

nginx sends the very body that Filmroom sends, as a gzip file.
"""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

from load import Client, upload
from material import SERIES, STUDY, ct_series
from measure import compare, finish, interleave
from peers import filmroom, nginx, orthanc

PATH = f"/dicom-web/studies/{STUDY}/series/{SERIES}/metadata"
ASKED = {"Accept": "application/dicom+json", "Accept-Encoding": "gzip"}


def main(slices: int = 500, runs: int = 9) -> None:
    """Run the comparison and print it."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = ct_series(folder / "ct", slices)
        with filmroom(folder / "filmroom") as ours, orthanc(folder / "orthanc") as theirs:
            upload(ours, files)
            upload(theirs, files)
            body = Client(ours).get(PATH, ASKED)
            assert len(json.loads(gzip.decompress(body))) == slices
            assert len(json.loads(_plain(Client(theirs).get(PATH, ASKED)))) == slices
            (folder / "static").mkdir()
            (folder / "static" / "metadata.gz").write_bytes(body)
            headers = "add_header Content-Encoding gzip; types {} default_type application/json;"
            with nginx(folder / "nginx", folder / "static", headers) as static:
                one, other, third = Client(ours), Client(theirs), Client(static)
                seconds = interleave(
                    {
                        "filmroom": lambda: one.timed(PATH, ASKED, 20),
                        "orthanc": lambda: other.timed(PATH, ASKED),
                        "nginx": lambda: third.timed("/metadata.gz", None, 20),
                    },
                    runs,
                )
    rows = compare(f"series metadata, {slices} slices", seconds, {"orthanc": 20, "nginx": 0.2})
    finish(rows, "metadata")


def _plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body


if __name__ == "__main__":
    main()
