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

from filmroom.association.items import RoleSelection, UserInformation
from filmroom.association.messages import (
    Command,
    CommandField,
    read_command,
    response_to,
    write_command,
)
from filmroom.association.negotiation import Offer, acceptance, propose
from filmroom.association.pdus import (
    AssociateAccept,
    AssociateRequest,
    Pdu,
    ReleaseRequest,
    ReleaseResponse,
)
from filmroom.association.protocol import Association, ConnectionLost, ProviderAbort, Role
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
MAX_LENGTH = 1 << 17  # bytes of a P-DATA-TF that is taken


def heard(sock: socket.socket, association: Association) -> Iterator[Pdu | Command]:
    """What comes over one association; every instance is taken and said to be stored."""
    buffer = memoryview(bytearray(1 << 20))
    commands = bytearray()
    asked: Command | None = None
    while count := sock.recv_into(buffer):
        # Orthanc's sender waits for acknowledgements: they come at once, as a careful node's do.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        for one in association.receive(buffer[:count]):
            if not isinstance(one, Fragment):
                assert not isinstance(one, ProviderAbort | ConnectionLost), one
                yield one
            elif one.is_command:
                commands += one.data
                if one.is_last:
                    asked = read_command(bytes(commands))
                    commands.clear()
                    yield asked
            elif one.is_last and asked is not None:
                send(sock, association, one.context_id, response_to(asked, 0))


def send(
    sock: socket.socket,
    association: Association,
    context_id: int,
    command: Command,
    data: bytes = b"",
) -> None:
    """Send a message."""
    runs = list(association.send_data(context_id, write_command(command), is_command=True))
    if data:
        runs += association.send_data(context_id, data, is_command=False)
    sock.sendall(b"".join(part for run in runs for part in run))


def receive(port: Pipe) -> None:
    """Take associations, one after another, on a port that is told."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port.send(listening.getsockname()[1])
        while True:
            sock, _ = listening.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            association = Association(Role.ACCEPTOR)
            with sock:
                for one in heard(sock, association):
                    if isinstance(one, AssociateRequest):
                        accept = acceptance(one, lambda _: Offer(), max_length=MAX_LENGTH)
                        sock.sendall(association.send(accept))
                    elif isinstance(one, ReleaseRequest):
                        sock.sendall(association.send(ReleaseResponse()))
                        break


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


def ask(
    server: Server, field: CommandField, sop_class: str, stored: tuple[str, ...] = ()
) -> tuple[Command, int]:
    """Ask for the whole series: the final answer, and how many instances came here."""
    contexts = propose([(sop_class, [IMPLICIT]), *((uid, [EXPLICIT]) for uid in stored)])
    roles = tuple(RoleSelection(uid, scu=False, scp=True) for uid in stored)
    user = UserInformation(max_length=MAX_LENGTH, roles=roles)
    association = Association(Role.REQUESTER)
    with socket.create_connection((server.host, server.dimse_port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = AssociateRequest(server.name.upper(), "BENCH", contexts, user)
        sock.sendall(association.send(request))
        came = 0
        for one in heard(sock, association):
            if isinstance(one, AssociateAccept):
                _request_series(sock, association, field, sop_class)
            elif isinstance(one, Command):
                came += one.field is CommandField.C_STORE_RQ
                if one.field.is_response and not is_pending(one.status or 0):
                    sock.sendall(association.send(ReleaseRequest()))
                    return one, came
    raise RuntimeError(f"{server.name} ended the association")


def _request_series(
    sock: socket.socket, association: Association, field: CommandField, sop_class: str
) -> None:
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
    send(sock, association, 1, command, write_dataset(wanted, IMPLICIT, ""))


def get(server: Server, slices: int) -> None:
    """Fetch the series by C-GET and let go of it."""
    final, came = ask(server, CommandField.C_GET_RQ, STUDY_ROOT_GET, (CT_IMAGE,))
    assert (final.status, came) == (0, slices), final


def move(server: Server, slices: int) -> None:
    """Have the series moved to the receiver."""
    final, _ = ask(server, CommandField.C_MOVE_RQ, STUDY_ROOT_MOVE)
    assert (final.status, final.completed) == (0, slices), final


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
