"""How fast do instances go out, by C-MOVE and by C-GET? Against Orthanc.

The same lean caller asks both over loopback: for C-GET it takes the instances itself, for C-MOVE a
receiver of the same make does, in a process of its own. Both look at nothing but the commands.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

from filmroom.association.connection import Connection, connect
from filmroom.association.items import RoleSelection, UserInformation
from filmroom.association.messages import Command, CommandField, Message, response_to
from filmroom.association.negotiation import Offer, acceptance, propose
from filmroom.association.pdus import AssociateRequest, ReleaseRequest, ReleaseResponse
from filmroom.association.protocol import Role
from filmroom.association.reading import Fragment
from filmroom.association.statuses import is_pending
from filmroom.dicom.datasets import write_dataset
from filmroom.testing.objects import CT_IMAGE
from load import upload
from material import STUDY, ct_series
from measure import compare, finish, interleave
from peers import Server, filmroom, orthanc

STUDY_ROOT_MOVE, STUDY_ROOT_GET = "1.2.840.10008.5.1.4.1.2.2.2", "1.2.840.10008.5.1.4.1.2.2.3"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
SINK = "SINK"
TAKES = UserInformation(max_length=1 << 17)


def take(connection: Connection) -> None:
    """Take what comes over one association and say that it is stored."""
    asked: Message | None = None
    while (heard := connection.hear()) is not None:
        match heard:
            case AssociateRequest():
                connection.send(acceptance(heard, lambda _: Offer(), max_length=TAKES.max_length))
            case Message():
                asked = heard
            case Fragment(context_id=context_id, is_last=True) if asked is not None:
                connection.send_message(context_id, response_to(asked.command, 0))
            case ReleaseRequest():
                connection.send(ReleaseResponse())


def receive(port: Pipe) -> None:
    """Take associations, one after another, on a port that is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port.send(listening.getsockname()[1])
        while True:
            sock, _ = listening.accept()
            with Connection(sock, Role.ACCEPTOR) as connection:
                take(connection)


@contextmanager
def receiver() -> Iterator[int]:
    """The port of a receiver."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=receive, args=(theirs,))
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def ask(connection: Connection, field: CommandField, sop_class: str) -> None:
    """Ask for the whole series."""
    wanted = {
        "00080052": {"vr": "CS", "Value": ["STUDY"]},
        "0020000D": {"vr": "UI", "Value": [STUDY]},
    }
    command = Command(
        field=field,
        has_data=True,
        message_id=1,
        sop_class=sop_class,
        priority=0,
        destination=SINK if field is CommandField.C_MOVE_RQ else None,
    )
    connection.send_message(1, command, [write_dataset(wanted, IMPLICIT, "")])


def get(server: Server, slices: int) -> None:
    """Fetch the series by C-GET and let go of it."""
    contexts = propose([(STUDY_ROOT_GET, [IMPLICIT]), (CT_IMAGE, [EXPLICIT])])
    roles = (RoleSelection(CT_IMAGE, scu=False, scp=True),)
    user = UserInformation(max_length=TAKES.max_length, roles=roles)
    request = AssociateRequest(server.name.upper(), "BENCH", contexts, user)
    connection, _ = connect((server.host, server.dimse_port), request)
    with connection:
        ask(connection, CommandField.C_GET_RQ, STUDY_ROOT_GET)
        came, asked = 0, None
        while True:
            heard = connection.hear()
            if isinstance(heard, Message):
                asked = heard.command
                if asked.field is CommandField.C_GET_RSP and not is_pending(asked.status or 0):
                    break
            elif isinstance(heard, Fragment) and heard.is_last and asked is not None:
                came += 1
                connection.send_message(heard.context_id, response_to(asked, 0))
        assert (asked.status, came) == (0, slices), asked
        connection.release()


def move(server: Server, slices: int) -> None:
    """Have the series moved to the receiver."""
    contexts = propose([(STUDY_ROOT_MOVE, [IMPLICIT])])
    request = AssociateRequest(server.name.upper(), "BENCH", contexts)
    connection, _ = connect((server.host, server.dimse_port), request)
    with connection:
        ask(connection, CommandField.C_MOVE_RQ, STUDY_ROOT_MOVE)
        while True:
            heard = connection.hear()
            assert isinstance(heard, Message), heard
            if not is_pending(heard.command.status or 0):
                break
        assert (heard.command.status, heard.command.completed) == (0, slices), heard
        connection.release()


def main(slices: int = 500, runs: int = 5) -> None:
    """Run the comparisons and print them."""
    wanted = set(sys.argv[1:]) or {"move", "get"}
    ways: dict[str, Callable[[Server, int], None]] = {"get": get, "move": move}
    rows = []
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as scratch,
        receiver() as sink,
    ):
        folder = Path(scratch)
        files = ct_series(folder / "ct", slices)
        known = {
            "DicomModalities": {"sink": [SINK, "127.0.0.1", sink]},
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowMove": True,
        }
        peer = f"sink={SINK}@127.0.0.1:{sink}"
        with (
            filmroom(folder / "filmroom", "--peers", peer, dimse=True) as ours,
            orthanc(folder / "orthanc", dimse=True, **known) as theirs,
        ):
            for server in (ours, theirs):
                upload(server, files)
            for name in sorted(wanted):
                seconds = interleave(
                    {
                        server.name: lambda server=server, way=ways[name]: way(server, slices)
                        for server in (ours, theirs)
                    },
                    runs,
                )
                rows += compare(f"C-{name.upper()}, {slices} CT", seconds, {"orthanc": 2})
    finish(rows, "dimse_out")


if __name__ == "__main__":
    main()
