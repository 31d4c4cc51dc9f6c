"""Do study searches stay as fast when the archive grows?

The same archive with 1,000 and with 100,000 studies, each search asked of both in turn. The
studies are put straight into the index: no search ever reads a blob.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filmroom.app import open_archive
from filmroom.core.archive import Archive
from filmroom.dicom.bulk import BulkIndex
from filmroom.dicom.frames import FrameIndex
from filmroom.model.instance import Instance, InstanceRef
from filmroom.settings import read_settings
from load import Client
from measure import Row, finish, interleave
from peers import filmroom

FAMILY = [
    "SMITH",
    "GARCIA",
    "MUELLER",
    "TANAKA",
    "KIM",
    "SILVA",
    "NOVAK",
    "ROSSI",
    "DUBOIS",
    "IVANOV",
]
GIVEN = ["ANNA", "JOHN", "MARIA", "PETER", "YUKI", "MIN", "LUCA", "EVA", "IVAN", "CLAIRE"]
PAGE = 50  # matches: a page that is full in the small archive too, but for what names one study
SEARCHES = {
    "newest 50": "",
    "by StudyInstanceUID": "StudyInstanceUID=1.2.826.0.1.77",
    "by PatientID": "PatientID=P0000077",
    "by AccessionNumber": "AccessionNumber=A0000077",
    "name prefix": "PatientName=SMITH*",
    "contained name, common": "PatientName=*SMITH*",
    "contained name, rare": "PatientName=*ITH77%5E*",
    "date and modality": "StudyDate=20190101-20221231&ModalitiesInStudy=CT",
}


def instances(count: int) -> Iterator[Instance]:
    """One instance of each of `count` studies, spread over ten years."""
    chance = random.Random(11)  # noqa: S311  # the same studies in every run
    for number in range(1, count + 1):
        study = f"1.2.826.0.1.{number}"
        day = (
            f"20{chance.randrange(15, 25)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
        )
        family = f"{chance.choice(FAMILY)}{chance.randrange(count)}"
        values = {
            "00080020": ("DA", day),
            "00080030": ("TM", f"{chance.randrange(24):02}{chance.randrange(60):02}00"),
            "00080050": ("SH", f"A{number:07}"),
            "00080060": ("CS", chance.choice(["CT", "MR", "US", "CR"])),
            "00081030": ("LO", f"Study {number % 50}"),
            "00100010": ("PN", {"Alphabetic": f"{family}^{chance.choice(GIVEN)}"}),
            "00100020": ("LO", f"P{number:07}"),
            "0020000D": ("UI", study),
            "0020000E": ("UI", f"{study}.1"),
            "00080018": ("UI", f"{study}.1.1"),
            "00080016": ("UI", "1.2.840.10008.5.1.4.1.1.2"),
        }
        yield Instance(
            ref=InstanceRef(study, f"{study}.1", f"{study}.1.1"),
            sop_class="1.2.840.10008.5.1.4.1.1.2",
            transfer_syntax="1.2.840.10008.1.2.1",
            key=f"{number:064x}",
            size=524288,
            attributes={tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in values.items()},
            metadata=b"{}",
            frames=FrameIndex(),
            bulk=BulkIndex(),
            received=time.time(),
            source="bench",
        )


def fill(data: Path, count: int) -> None:
    """Put `count` studies into a new archive's index."""
    data.mkdir()
    # Filled without waiting for the disk: it is searching that is measured.
    index = f"sqlite:///{data}/index.sqlite3?synchronous=off"
    with open_archive(read_settings({"data": data, "index": index})) as archive:
        _add_all(archive, count)


def _add_all(archive: Archive, count: int) -> None:
    with ThreadPoolExecutor(64) as pool:
        waiting = []
        for instance in instances(count):
            waiting.append(pool.submit(archive.index.add, instance))
            if len(waiting) >= 2000:
                for done in waiting:
                    done.result()
                waiting.clear()
        for done in waiting:
            done.result()


def main(small: int = 1_000, large: int = 100_000, runs: int = 15) -> None:
    """Run the comparisons and print them."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, count in (("small", small), ("large", large)):
            begun = time.perf_counter()
            fill(folder / name, count)
            print(
                f"{count} studies indexed at {count / (time.perf_counter() - begun):.0f} a second"
            )
        with filmroom(folder / "small") as few, filmroom(folder / "large") as many:
            one, other = Client(few), Client(many)
            for title, query in SEARCHES.items():
                path = f"/dicom-web/studies?{query}&limit={PAGE}"
                seconds = interleave(
                    {
                        f"{large} studies": lambda p=path: other.timed(p, None, 10),
                        f"{small} studies": lambda p=path: one.timed(p, None, 10),
                    },
                    runs,
                )
                rows.append(_row(title, seconds, f"{large} studies", f"{small} studies"))
    finish(rows, "search")


def _row(title: str, seconds: dict[str, list[float]], ours: str, peer: str) -> Row:
    paired = [few / many for many, few in zip(seconds[ours], seconds[peer], strict=True)]
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return Row(title, medians, ours, peer, statistics.median(paired), 0.5, len(paired))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
