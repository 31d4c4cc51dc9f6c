"""How fast is a C-FIND of 2,000 answers? Against Orthanc, at study, patient and series level.

The same caller asks both, over loopback, and reads the answers without decoding them.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from filmroom.association.messages import Command, CommandField, write_command
from filmroom.association.negotiation import propose
from filmroom.association.pdus import Abort, AssociateRequest, data_header, encode
from filmroom.dicom.datasets import write_dataset
from filmroom.testing.objects import header, part10
from measure import Row, compare, finish, interleave
from peers import free_port, orthanc

STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_ROOT = "1.2.840.10008.5.1.4.1.2.1.1"
IMPLICIT = "1.2.840.10008.1.2"
ACCEPTED, DATA = 2, 4  # types of PDUs
NO_DATA = b"\0\0\0\x08\2\0\0\0\1\1"  # Command Data Set Type of a response without one
FAMILY = ["SMITH", "GARCIA", "MUELLER", "TANAKA", "KIM", "SILVA", "NOVAK", "ROSSI"]
STUDY = [
    "00080020", "00080030", "00080050", "00080061", "00080090", "00081030", "00100010", "00100020",
    "00100030", "00100040", "0020000D", "00200010", "00201206", "00201208",
]  # fmt: skip
SERIES = ["00080060", "0008103E", "0020000D", "0020000E", "00200011", "00100010", "00100020"]
PATIENT = ["00100010", "00100020", "00100030", "00100040"]
VRS = {
    "00080020": "DA", "00080030": "TM", "00080050": "SH", "00080060": "CS", "00080061": "CS",
    "00080090": "PN", "00081030": "LO", "0008103E": "LO", "00100010": "PN", "00100020": "LO",
    "00100030": "DA", "00100040": "CS", "0020000D": "UI", "0020000E": "UI", "00200010": "SH",
    "00200011": "IS", "00201206": "IS", "00201208": "IS",
}  # fmt: skip


def files(count: int) -> Iterator[bytes]:
    """`count` studies of one instance each, each of its own patient."""
    for number in range(1, count + 1):
        yield part10(
            header(
                number,
                PatientName=f"{FAMILY[number % 8]}{number}^{'ANNA' if number % 2 else 'JOHN'}",
                PatientID=f"P{number:07}",
                PatientBirthDate=f"19{number % 90 + 10}0{number % 9 + 1}15",
                PatientSex="F" if number % 2 else "M",
                StudyDate=f"20{number % 10 + 15}0{number % 9 + 1}{number % 28 + 1:02}",
                StudyTime=f"{number % 24:02}{number % 60:02}00",
                AccessionNumber=f"A{number:07}",
                StudyDescription=f"Study {number % 50}",
                StudyID=f"S{number}",
                SeriesDescription=f"Series {number % 20}",
                SeriesNumber="1",
                ReferringPhysicianName="House^Gregory",
                Modality=["CT", "MR", "US", "CR"][number % 4],
            )
        )


@contextmanager
def serving(data: Path) -> Iterator[int]:
    """The DIMSE port of this archive, served by a process of its own."""
    command = [sys.executable, "-m", "filmroom", "serve", "--data", str(data), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--dimse-port", "0", "--log-level", "warning"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        ready = next(line for line in process.stdout if line.startswith("ready "))
        yield int(ready.split("dimse=")[1].split()[0].rsplit(":", 1)[1])
    finally:
        process.terminate()
        process.wait(20)


class Asker:
    """One association with one contestant, whose answers are counted and not looked at."""

    def __init__(self, title: str, port: int, model: str) -> None:
        self._model = model
        self._sock = socket.create_connection(("127.0.0.1", port), 60)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = bytearray()
        self._sock.sendall(encode(AssociateRequest(title, "BENCH", propose([(model, [IMPLICIT])]))))
        if self._pdu()[0] != ACCEPTED:
            raise RuntimeError(f"{title} takes no association")

    def ask(self, level: str, tags: list[str], count: int) -> None:
        """One C-FIND, all of whose answers are taken."""
        asked = {tag: {"vr": VRS[tag]} for tag in tags}
        asked["00080052"] = {"vr": "CS", "Value": [level]}
        command = Command(
            field=CommandField.C_FIND_RQ,
            has_data=True,
            message_id=1,
            sop_class=self._model,
            priority=0,
        )
        data, told = write_dataset(asked, IMPLICIT, ""), write_command(command)
        head = data_header(1, len(told), is_command=True, is_last=True)
        self._sock.sendall(
            head + told + data_header(1, len(data), is_command=False, is_last=True) + data
        )
        found = self._answers()
        if found != count:
            raise RuntimeError(f"{found} answers, not {count}")

    def _answers(self) -> int:
        found = 0
        while True:
            kind, body = self._pdu()
            if kind != DATA:
                raise RuntimeError(f"a PDU of type {kind} among the answers")
            at = 0
            while at < len(body):
                length = int.from_bytes(body[at : at + 4])
                if body[at + 5] & 1:
                    if NO_DATA in body[at : at + 4 + length]:
                        return found
                    found += 1
                at += 4 + length

    def _pdu(self) -> tuple[int, bytes]:
        self._have(6)
        length = 6 + int.from_bytes(self._bytes[2:6])
        self._have(length)
        kind, body = self._bytes[0], bytes(self._bytes[6:length])
        del self._bytes[:length]
        return kind, body

    def _have(self, length: int) -> None:
        while len(self._bytes) < length:
            more = self._sock.recv(1 << 18)
            if not more:
                raise RuntimeError("the connection was closed")
            self._bytes += more

    def close(self) -> None:
        """End the association."""
        self._sock.sendall(encode(Abort()))
        self._sock.close()


def _fill(folder: Path, origin: str, data: Path, count: int) -> None:
    made = list(files(count))
    place = folder / "files"
    place.mkdir()
    for number, file in enumerate(made):
        (place / f"{number}.dcm").write_bytes(file)

    def upload(file: bytes) -> None:
        urllib.request.urlopen(f"{origin}/instances", data=file, timeout=60).close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upload, made))
    command = [sys.executable, "-m", "filmroom", "import", "--data", str(data), str(place)]
    subprocess.run(command, check=True, capture_output=True)


QUESTIONS = [
    ("studies", STUDY_ROOT, "STUDY", STUDY, 5.0),
    ("patients", PATIENT_ROOT, "PATIENT", PATIENT, 2.0),
    ("series", STUDY_ROOT, "SERIES", SERIES, 2.0),
]
"""What is asked for, and how many times faster than Orthanc it is to be answered."""


def main(count: int = 2_000, runs: int = 9) -> None:
    """Run the comparisons and print them."""
    rows: list[Row] = []
    port = free_port()
    settings = {
        "DicomServerEnabled": True,
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "DicomAlwaysAllowFind": True,
        "DicomCheckCalledAet": False,
        "SyncStorageArea": False,  # it is searching that is measured
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder, data = Path(scratch), Path(scratch) / "data"
        with orthanc(folder / "orthanc", **settings) as other:
            _fill(folder, other.origin, data, count)
            print(json.dumps({"studies": count}))
            with serving(data) as own:
                for title, model, level, tags, mark in QUESTIONS:
                    ours, theirs = Asker("FILMROOM", own, model), Asker("ORTHANC", port, model)
                    seconds = interleave(
                        {
                            "filmroom": lambda a=ours, x=level, t=tags: a.ask(x, t, count),
                            "orthanc": lambda a=theirs, x=level, t=tags: a.ask(x, t, count),
                        },
                        runs,
                    )
                    ours.close()
                    theirs.close()
                    work = f"C-FIND of {count} {title}"
                    rows += compare(work, seconds, {"orthanc": mark})
    finish(rows, "dimse_find")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
