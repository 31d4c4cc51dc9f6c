"""Several web processes behind one listening socket, started again when one dies."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from socket import socket
from types import FrameType

from filmroom.app import open_archive
from filmroom.cli import http, logs
from filmroom.cli.memory import collect_seldom, keep_buffers
from filmroom.errors import Broken
from filmroom.settings import Settings
from filmroom.web.app import build

START = 60.0  # seconds in which a worker must accept
QUICK = 5.0  # seconds: a worker that lived no longer than this died at once
TRIES = 5  # workers that may die at once, one after another, before we give up
STOP = http.GRACE + 5.0  # seconds until a worker that does not end is killed

log = logging.getLogger(__name__)


class Workers:
    """The web processes of one server."""

    def __init__(self, settings: Settings, listening: socket) -> None:
        self.settings = settings
        self.listening = listening
        self.context = multiprocessing.get_context("spawn")
        self.running: dict[int, SpawnProcess] = {}
        self.started: dict[int, float] = {}
        self.quick_deaths = 0
        self.stopping = False
        self.wake, self._alarm = self.context.Pipe(duplex=False)

    def run(self, accepting: Callable[[], None]) -> None:
        """Serve until a signal says stop; `accepting` is called when all workers accept."""
        before = {number: signal.signal(number, self._stop) for number in http.STOPPING}
        try:
            said = [self._start() for _ in range(self.settings.workers)]
            if all(self._accepts(each) for each in said) and not self.stopping:
                accepting()
                while not self.stopping:
                    self._replace_the_dead()
        finally:
            self._end_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _start(self) -> Connection[None, None]:
        listens, speaks = self.context.Pipe(duplex=False)
        arguments = (self.settings, self.listening, speaks)
        process = self.context.Process(target=work, args=arguments, name="filmroom-web")
        # Ctrl-C reaches the whole process group; a child that is still importing
        # would answer it with a traceback. It is told to end by us.
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process.start()
        finally:
            signal.signal(signal.SIGINT, interrupt)
        speaks.close()
        self.running[process.sentinel] = process
        self.started[process.sentinel] = time.monotonic()
        return listens

    def _accepts(self, worker: Connection[None, None]) -> bool:
        # The pipe ends without a word when the worker dies before it accepts.
        heard = wait([worker, self.wake], timeout=START)
        if self.wake in heard:
            return True
        if not heard:
            raise Broken(f"a web process did not accept requests within {START:g} s")
        try:
            worker.recv()
        except EOFError:
            raise Broken("a web process ended before it accepted requests") from None
        finally:
            worker.close()
        return True

    def _replace_the_dead(self) -> None:
        for sentinel in wait([*self.running, self.wake]):
            if self.stopping or not isinstance(sentinel, int):
                return
            process = self.running.pop(sentinel)
            process.join()  # its pipes close a moment before it can be waited for
            lived = time.monotonic() - self.started.pop(sentinel)
            log.warning("a web process died", extra={"exit": process.exitcode, "lived": lived})
            process.close()
            self.quick_deaths = self.quick_deaths + 1 if lived < QUICK else 0
            if self.quick_deaths >= TRIES:
                raise Broken(f"web processes die as soon as they start ({TRIES} in a row)")
            self._start().close()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if not self.stopping:
            self.stopping = True
            self._alarm.send(None)

    def _end_all(self) -> None:
        for process in self.running.values():
            process.terminate()
        deadline = time.monotonic() + STOP
        for process in self.running.values():
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()


def work(settings: Settings, listening: socket, speaks: Connection[None, None]) -> None:
    """One web process: its own index and storage, the shared socket."""
    logs.set_up(settings)
    keep_buffers()
    collect_seldom()
    threading.Thread(target=end_with_parent, name="parent-watch", daemon=True).start()

    def accepting() -> None:
        try:
            speaks.send(None)
        except BrokenPipeError:
            pass  # a replacement: nobody waits to hear
        finally:
            speaks.close()

    with listening, open_archive(settings) as archive:
        http.run(build(archive), settings, listening, accepting)


def end_with_parent() -> None:
    """Wait for the end of the process that started this one, and follow it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
