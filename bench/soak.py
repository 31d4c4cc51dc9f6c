"""Does it go on and on? Associations of all kinds at once, memory watched, every answer checked.

`bench/soak.py --minutes 30 --associations 20`. Exits with 1 if an answer was wrong, if the
server's memory grew after it had warmed up, or if threads were left.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from filmroom.association.connection import Connection, Rejected, connect
from filmroom.association.items import RoleSelection, UserInformation
from filmroom.association.messages import Command, CommandField, Message, cancel_of, response_to
from filmroom.association.negotiation import propose
from filmroom.association.pdus import AssociateRequest
from filmroom.association.reading import Fragment
from filmroom.association.statuses import Status, is_pending
from filmroom.dicom.datasets import write_dataset
from filmroom.dicom.part10 import read_file_meta
from filmroom.testing.objects import CT_IMAGE, ct_slice, part10, uid
from peers import Server, filmroom, storescp

VERIFICATION = "1.2.840.10008.1.1"
FIND, MOVE, GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
CONTEXTS = propose(
    [(VERIFICATION, [IMPLICIT]), (CT_IMAGE, [EXPLICIT])]
    + [(model, [IMPLICIT]) for model in (FIND, MOVE, GET)]
)
IDS = {context.abstract_syntax: context.id for context in CONTEXTS}
STUDIES, SLICES, SIZE = 40, 10, 128  # what is sent, again and again
WARM_UP = 0.3  # of the time, in which the server may still grow
GROWTH = 24 << 20  # bytes, of all its processes
WAIT_AT_END = 20  # seconds
VRS = {"00080052": "CS", "0020000D": "UI", "00100010": "PN", "00100020": "LO", "0020000E": "UI"}


class Wrong(Exception):
    """An answer that should not have come."""


class Caller:
    """One who makes association after association, and does something in each."""

    def __init__(self, server: Server, files: Sequence[Sequence[bytes]], seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._address = (server.host, server.dimse_port)
        self._files = files
        self._chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
        self._message_id = 0

    def go_on(self, until: float) -> None:
        """Do one thing after another until the time is up."""
        while time.monotonic() < until:
            name, (share, act) = self._chance.choice(list(ACTS.items()))
            if self._chance.random() > share:
                continue
            try:
                with self._associated() as connection:
                    act(self, connection)
                    _end(connection)
                self.done[name] += 1
            except Rejected:
                self.done["came again later"] += 1
                time.sleep(0.05)
            except Exception as error:
                self.wrong.append(f"{name}: {type(error).__name__}: {error}")

    def echo(self, connection: Connection) -> None:
        """C-ECHO."""
        self._ask(connection, CommandField.C_ECHO_RQ, VERIFICATION)
        expect(self._answers(connection)[-1], 0)

    def store(self, connection: Connection) -> None:
        """C-STORE of some slices, one after another."""
        for file in self._chance.choice(self._files)[: self._chance.randrange(1, SLICES + 1)]:
            self._send(connection, file)
            expect(self._answers(connection)[-1], 0)

    def cut(self, connection: Connection) -> None:
        """C-STORE that is aborted in the middle."""
        file = self._chance.choice(self._files)[0]
        pieces = iter([file[2000:12000], b""])
        command = store_request(file, 1)
        runs = connection._runs(IDS[CT_IMAGE], command, pieces)  # all but the last are sent
        connection._write([part for run in list(runs)[:-1] for part in run])
        connection.abort()

    def find(self, connection: Connection) -> None:
        """C-FIND of studies."""
        asked = {"00080052": "STUDY", "00100020": "ID*", "0020000D": "", "00100010": ""}
        self._ask(connection, CommandField.C_FIND_RQ, FIND, asked)
        answers = self._answers(connection)
        expect(answers[-1], 0)
        if len(answers) != STUDIES + 1:
            raise Wrong(f"{len(answers) - 1} studies")

    def cancel(self, connection: Connection) -> None:
        """C-FIND of instances that is cancelled."""
        asked = {"00080052": "IMAGE", "0020000D": self._study(), "0020000E": "", "00080018": ""}
        self._ask(connection, CommandField.C_FIND_RQ, FIND, asked)
        connection.send_message(IDS[FIND], cancel_of(self._message_id))
        # Without the UID of a series it is refused, or found nothing of, or has been cancelled.
        last = self._answers(connection)[-1].status
        if last not in (Status.SUCCESS, Status.CANCEL, Status.DATA_SET_MISMATCH):
            raise Wrong(f"status {last:04X}")

    def move(self, connection: Connection) -> None:
        """C-MOVE of a study."""
        asked = {"00080052": "STUDY", "0020000D": self._study()}
        self._ask(connection, CommandField.C_MOVE_RQ, MOVE, asked, destination="SINK")
        last = self._answers(connection)[-1]
        expect(last, 0)
        if last.completed != SLICES:
            raise Wrong(f"{last.completed} instances moved")

    def get(self, connection: Connection) -> None:
        """C-GET of a study."""
        asked = {"00080052": "STUDY", "0020000D": self._study()}
        self._ask(connection, CommandField.C_GET_RQ, GET, asked)
        last = self._answers(connection)[-1]
        expect(last, 0)
        if last.completed != SLICES:
            raise Wrong(f"{last.completed} instances got")

    def _study(self) -> str:
        return uid(self._chance.randrange(1, STUDIES + 1))

    def _associated(self) -> Connection:
        user = UserInformation(
            max_length=1 << 17, roles=(RoleSelection(CT_IMAGE, scu=True, scp=True),)
        )
        return connect(self._address, AssociateRequest("FILMROOM", "SOAK", CONTEXTS, user))[0]

    def _send(self, connection: Connection, file: bytes) -> None:
        self._message_id = self._message_id % 0xFFFF + 1
        end = read_file_meta(memoryview(file)).end
        command = store_request(file, self._message_id)
        connection.send_message(IDS[CT_IMAGE], command, [memoryview(file)[end:]])

    def _ask(
        self,
        connection: Connection,
        field: CommandField,
        sop_class: str,
        keys: dict[str, str] | None = None,
        **more: str,
    ) -> None:
        self._message_id = self._message_id % 0xFFFF + 1
        command = Command(
            field=field,
            has_data=keys is not None,
            message_id=self._message_id,
            sop_class=sop_class,
            priority=None if keys is None else 0,
            **more,  # type: ignore[arg-type]
        )
        data = [identifier(keys)] if keys else []
        connection.send_message(IDS[sop_class], command, data)

    def _answers(self, connection: Connection) -> list[Command]:
        """All responses to what was asked; instances that come in between are taken."""
        found: list[Command] = []
        asked: Message | None = None
        while not found or is_pending(found[-1].status or 0):
            match connection.hear():
                case Message(_, command) as message:
                    if command.field is CommandField.C_STORE_RQ:
                        asked = message
                    else:
                        found.append(command)
                case Fragment(context_id=context_id, is_last=is_last):
                    if is_last and asked is not None:
                        connection.send_message(context_id, response_to(asked.command, 0))
                        asked = None
                case other:
                    raise Wrong(f"{other} in place of an answer")
        return found


ACTS: dict[str, tuple[float, Callable[[Caller, Connection], None]]] = {
    "echo": (0.5, Caller.echo),
    "store": (1.0, Caller.store),
    "cut": (0.3, Caller.cut),
    "find": (1.0, Caller.find),
    "cancel": (0.5, Caller.cancel),
    "move": (0.5, Caller.move),
    "get": (1.0, Caller.get),
}
"""How often something is done, and what."""


def _end(connection: Connection) -> None:
    """Release what was not aborted."""
    if not connection.closed and not connection.release():
        raise Wrong("not released")


def expect(answer: Command, status: int) -> None:
    """Raise Wrong unless the status is as expected."""
    if answer.status != status:
        raise Wrong(f"status {answer.status:04X}: {answer.comment}")


def store_request(file: bytes, message_id: int) -> Command:
    """The C-STORE-RQ for a file."""
    meta = read_file_meta(memoryview(file))
    return Command(
        field=CommandField.C_STORE_RQ,
        has_data=True,
        message_id=message_id,
        sop_class=meta.sop_class,
        instance=meta.instance,
        priority=0,
    )


def identifier(keys: dict[str, str]) -> bytes:
    """An identifier of text values."""
    told = {
        tag: {"vr": VRS.get(tag, "UI"), **({"Value": [value]} if value else {})}
        for tag, value in sorted(keys.items())
    }
    return write_dataset(told, IMPLICIT)


def material() -> list[list[bytes]]:
    """Studies of CT slices, each of a patient of its own."""
    return [
        [
            part10(ct_slice(study, 1, n, size=SIZE, PatientID=f"ID{study}"))
            for n in range(1, SLICES + 1)
        ]
        for study in range(1, STUDIES + 1)
    ]


def usage(pid: int) -> tuple[int, int]:
    """Threads and open files of a process and its children."""
    threads = files = 0
    for each in family(pid):
        with suppress(OSError):
            threads += len(os.listdir(f"/proc/{each}/task"))
            files += len(os.listdir(f"/proc/{each}/fd"))
    return threads, files


def family(pid: int) -> list[int]:
    """A process, its children and theirs."""
    found = [pid]
    for each in found:
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def watch(server: Server, until: float, every: float) -> list[int]:
    """Bytes of memory, taken until the time is up."""
    taken = []
    while time.monotonic() < until:
        time.sleep(every)
        taken.append(server.memory())
        print(f"{until - time.monotonic():8.0f} s left  {taken[-1] >> 20:6d} MB", flush=True)
    return taken


def verdict(memory: list[int], before: tuple[int, int], server: Server) -> list[str]:
    """What grew that should not have."""
    warm = memory[int(len(memory) * WARM_UP) :]
    half = len(warm) // 2
    early, late = statistics.median(warm[:half]), statistics.median(warm[half:])
    print(f"memory: {early / (1 << 20):.1f} MB early, {late / (1 << 20):.1f} MB late")
    found = [f"memory grew by {int(late - early) >> 20} MB"] if late - early > GROWTH else []
    until = time.monotonic() + WAIT_AT_END
    while usage(server.pid)[0] > before[0] and time.monotonic() < until:
        time.sleep(0.2)
    after = usage(server.pid)
    print(f"threads: {before[0]}, then {after[0]}; open files: {before[1]}, then {after[1]}")
    if after[0] > before[0]:
        found.append("threads were left")
    return found


def soak(minutes: float, associations: int, folder: Path) -> list[str]:
    """Run it; what was wrong."""
    files = material()
    with storescp(folder / "sink") as sink:
        peer = [sys.executable, "-m", "filmroom", "peers", "add", "--data", str(folder / "data")]
        subprocess.run([*peer, "sink", f"SINK@127.0.0.1:{sink.dimse_port}"], check=True)
        with filmroom(folder / "data", dimse=True) as server:
            callers = [Caller(server, files, seed) for seed in range(associations)]
            for study in files:
                with callers[0]._associated() as connection:
                    for file in study:
                        callers[0]._send(connection, file)
                        expect(callers[0]._answers(connection)[-1], 0)
                    connection.release()
            before = usage(server.pid)
            until = time.monotonic() + minutes * 60
            threads = [threading.Thread(target=each.go_on, args=(until,)) for each in callers]
            for thread in threads:
                thread.start()
            memory = watch(server, until, min(10.0, minutes * 60 / 30))
            for thread in threads:
                thread.join()
            wrong = verdict(memory, before, server)
    done = sum((each.done for each in callers), Counter[str]())
    print(", ".join(f"{count} {name}" for name, count in sorted(done.items())))
    if missing := [name for name in ACTS if not done[name]]:
        wrong.append(f"never done: {', '.join(missing)}")
    return wrong + [each for caller in callers for each in caller.wrong]


def main() -> int:
    """Soak, and say what was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--associations", type=int, default=20)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        wrong = soak(asked.minutes, asked.associations, Path(folder))
    for each, count in Counter(wrong).most_common(20):
        print(f"WRONG {count}x: {each}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
