"""A process whose children store instances until somebody kills them.

It loads everything once and forks, so that a child is there within milliseconds. Commands
come as JSON, one a line, on standard input; what the children say goes to standard output:
`pid`, then `ready`, `ack N`, `going N`, `gone N`, `port N`, `failed N WHY`; then `end STATUS`.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import sys
import threading
import time
from pathlib import Path

import uvicorn
from objects_by_number import instance_bytes, ref_of

from filmroom.app import open_archive
from filmroom.core.archive import Archive
from filmroom.core.delete import delete
from filmroom.core.store import receive
from filmroom.dimse.acceptor import Acceptor
from filmroom.dimse.admission import Doorkeeper
from filmroom.errors import ArchiveError
from filmroom.model.selection import Selection
from filmroom.settings import Settings
from filmroom.web.app import build

DELETE_EVERY = 10  # instances, of which one is deleted again


def say(*words: object) -> None:
    """One line at once, whole even when several threads talk."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def store(archive: Archive, number: int) -> None:
    """Store one instance and say so when that is acknowledged."""
    try:
        with receive(archive, "victim", patience=60) as incoming:
            incoming.write(instance_bytes(number))
            incoming.finish()
    except ArchiveError as error:
        say("failed", number, type(error).__name__)
    else:
        say("ack", number)


def store_for_ever(archive: Archive, numbers: itertools.count, deleting: bool) -> None:
    """Store one instance after another, and delete some again."""
    for number in numbers:
        store(archive, number)
        if deleting and number % DELETE_EVERY == 0:
            ref = ref_of(number)
            say("going", number)
            try:
                delete(archive, Selection(ref.study, ref.series, ref.instance), "victim")
            except ArchiveError as error:
                say("failed", number, type(error).__name__)
            else:
                say("gone", number)


def loop(archive: Archive, first: int, threads: int, deleting: bool) -> None:
    """Store with several threads until the end comes."""
    numbers = itertools.count(first)
    workers = [
        threading.Thread(target=store_for_ever, args=(archive, numbers, deleting))
        for _ in range(threads)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def when_told(archive: Archive, numbers: list[int], go: str) -> None:
    """Store some instances, one after another, once a file is there."""
    while not Path(go).exists():
        time.sleep(0.002)
    for number in numbers:
        store(archive, number)


def serve(archive: Archive) -> None:
    """Serve by HTTP."""
    config = uvicorn.Config(build(archive), port=0, log_config=None, access_log=False, ws="none")
    listening = config.bind_socket()
    listening.listen()  # who comes before the server is up waits for it
    say("port", listening.getsockname()[1])
    uvicorn.Server(config).run([listening])


def associate(archive: Archive) -> None:
    """Serve by DIMSE."""
    listening = socket.create_server(("127.0.0.1", 0))
    say("port", listening.getsockname()[1])
    with Acceptor(archive, listening, Doorkeeper(archive.settings, lambda *_: None)):
        threading.Event().wait()


def child(data: str, mode: str, settings: dict[str, object], **more: object) -> None:
    """Open the archive as a server does, and work."""
    with open_archive(Settings(data=Path(data), **settings), exclusive=True) as archive:
        say("ready")
        modes = {"loop": loop, "when told": when_told, "serve": serve, "associate": associate}
        modes[mode](archive, **more)


def main() -> None:
    """Fork a child for each command."""
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                child(**json.loads(line))
            except ArchiveError as error:
                say("failed", 0, type(error).__name__, error)
                os._exit(1)
            os._exit(0)
        say("pid", pid)
        _, status = os.waitpid(pid, 0)
        say("end", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
