"""The process beside the web: the DIMSE door, and the jobs; started again when it dies."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from socket import socket
from types import FrameType
from typing import Self

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.listening import listen, shown
from filmroom.cli.memory import collect_seldom, keep_buffers, pass_over_what_is_there
from filmroom.cli.workers import end_with_parent
from filmroom.core.announcing import Announcer
from filmroom.core.archive import Archive
from filmroom.core.peers import who_is
from filmroom.core.runner import Runner
from filmroom.dimse.acceptor import GRACE, Acceptor
from filmroom.dimse.admission import Doorkeeper
from filmroom.dimse.tls import incoming_tls
from filmroom.errors import Broken
from filmroom.settings import Settings

QUICK = 5.0  # seconds: a node that lived no longer than this died at once
TRIES = 5  # times that it may die at once, one after another, before we give up
STOP = GRACE + 7.0  # seconds until a node that does not end is killed

log = logging.getLogger(__name__)


@contextmanager
def listening(settings: Settings) -> Iterator[socket | None]:
    """The socket of the DIMSE door; None if there is to be none."""
    if not settings.dimse:
        yield None
        return
    incoming_tls(settings)  # what is wrong with the files is said here, in one line
    host = settings.dimse_host or settings.host
    # Whoever may come over a network has shown a certificate.
    known = settings.dimse_tls == "required" and settings.dimse_tls_callers != ""
    to_network = settings.insecure or known
    with listen(host, settings.dimse_port, "--dimse-port", to_network=to_network) as sock:
        yield sock


def address_of(settings: Settings, sock: socket) -> str:
    """What callers need to know, as `AET@HOST:PORT`."""
    return f"{settings.aet}@{shown(settings.dimse_host or settings.host, sock)}"


class Node:
    """Keeps the node process going until it is left."""

    def __init__(
        self, settings: Settings, sock: socket | None, accepting: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._socket = sock
        self._accepting = accepting
        self._context = multiprocessing.get_context("spawn")
        self._wake, self._alarm = self._context.Pipe(duplex=False)
        self._process: SpawnProcess | None = None
        self._stopping = False
        self._failed: Broken | None = None
        self._thread = threading.Thread(target=self._keep_going, name="node-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it; what made us give up is raised."""
        self._stopping = True
        self._alarm.send(None)
        self._thread.join()
        if self._failed is not None:
            raise self._failed

    def _keep_going(self) -> None:
        quick = 0
        while not self._stopping:
            begun = time.monotonic()
            process, listens = self._start()
            self._wait_for(process, listens)
            if self._stopping:
                _end(process)
                return
            process.join()  # its pipes close a moment before it can be waited for
            lived = time.monotonic() - begun
            log.warning("the node died", extra={"exit": process.exitcode, "lived": lived})
            quick = quick + 1 if lived < QUICK else 0
            if quick >= TRIES:
                self._failed = Broken(f"the node dies as soon as it starts ({TRIES} in a row)")
                log.error("the node does not start", extra={"tries": TRIES})
                os.kill(os.getpid(), signal.SIGTERM)
                return

    def _start(self) -> tuple[SpawnProcess, Connection[None, None]]:
        listens, speaks = self._context.Pipe(duplex=False)
        arguments = (self._settings, self._socket, speaks)
        process = self._context.Process(target=work, args=arguments, name="filmroom-node")
        # Ctrl-C reaches the whole process group; it is for us to tell the node to end.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        speaks.close()
        return process, listens

    def _wait_for(self, process: SpawnProcess, listens: Connection[None, None]) -> None:
        """Wait until it dies or is to end, and pass on that it accepts."""
        with listens:
            heard = wait([listens, process.sentinel, self._wake])
            if listens in heard:
                with suppress(EOFError):
                    listens.recv()
                    self._accepting()
        wait([process.sentinel, self._wake])


def _end(process: SpawnProcess) -> None:
    process.terminate()
    process.join(STOP)
    if process.is_alive():
        process.kill()
        process.join()
    process.close()


def work(settings: Settings, sock: socket | None, speaks: Connection[None, None]) -> None:
    """The node process: its own index and storage, its own listening socket."""
    wake, alarm = os.pipe()

    def stop(_number: int, _frame: FrameType | None) -> None:
        os.write(alarm, b".")

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # for our own children
    signal.signal(signal.SIGTERM, stop)
    logs.set_up(settings)
    keep_buffers()
    collect_seldom()
    threading.Thread(target=end_with_parent, name="parent-watch", daemon=True).start()
    with open_archive(settings) as archive, ExitStack() as doors:
        if sock is not None:
            doors.enter_context(door(archive, sock))
        doors.enter_context(Runner(archive))
        doors.enter_context(Announcer(archive))
        pass_over_what_is_there()
        with speaks, suppress(BrokenPipeError):
            speaks.send(None)
        os.read(wake, 1)


def door(archive: Archive, sock: socket) -> Acceptor:
    """The DIMSE door on a listening socket."""
    return Acceptor(archive, sock, Doorkeeper(archive.settings, partial(who_is, archive)))
