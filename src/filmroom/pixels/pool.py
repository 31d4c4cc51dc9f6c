"""The pixel workers of one server process: started when needed, bounded, replaced when they fail.

Decoders read hostile bytes, so they run where they can be killed: see
docs/decisions/0014-pixels-in-worker-processes.md.
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from filmroom import errors
from filmroom.errors import ArchiveError, Broken, Busy, Undecodable
from filmroom.pixels.wire import Status, receive_reply, send_request, set_timeout

JOBS = "filmroom.pixels.jobs"
START = 60.0  # seconds in which a worker must be ready; it loads much, at low priority
PATIENCE = 60.0  # seconds that a job waits for a worker
_ENVIRONMENT = {
    # A job has one core; threads of libraries would only take memory.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}

log = logging.getLogger(__name__)


class Pool:
    """At most `size` workers; may be used from any thread, and costs nothing before it is.

    A job may take `memory` bytes. `idle` seconds after its last job a worker ends. `queue` jobs
    may wait for a worker. `jobs` names the module whose `JOBS` the workers do.
    """

    def __init__(
        self,
        size: int,
        *,
        memory: int = 1 << 30,
        queue: int = 1000,
        idle: float = 180.0,
        jobs: str = JOBS,
    ) -> None:
        self.size = size
        self.memory = memory
        self.queue = queue
        self.idle = idle
        self.jobs = jobs
        self._changed = threading.Condition()
        self._idle: list[Worker] = []  # the one used last at the end
        self._busy = 0
        self._working: set[Worker] = set()
        self._waiting = 0
        self._closed = threading.Event()
        self._retiring = False

    def run(self, job: str, *arguments: Any, seconds: float) -> tuple[Any, bytes]:
        """Have a job done; what the worker told of it, and bytes.

        Raises what the job raised of the archive's errors, Undecodable where it took longer
        than `seconds`, crashed or failed otherwise, Busy where too many wait.
        """
        worker = self._take()
        try:
            worker = worker or Worker(self.jobs, self.memory)
            self._working.add(worker)
            return worker.run(job, arguments, seconds)
        finally:
            self._give_back(worker)

    def close(self) -> None:
        """End all workers; jobs under way end with an error."""
        self._closed.set()
        with self._changed:
            idle, self._idle = self._idle, []
            working = list(self._working)
            self._changed.notify_all()
        for worker in idle:
            worker.end()
        for worker in working:  # whoever waits for it ends it
            worker.kill()

    @property
    def workers(self) -> list[int]:
        """The process ids of all workers."""
        with self._changed:
            return [worker.pid for worker in (*self._idle, *self._working)]

    def _take(self) -> Worker | None:
        """Wait for leave to use a worker; None where one has to be started."""
        with self._changed:
            # Who waits already goes first.
            if self._waiting or self._busy >= self.size:
                self._wait()
            if self._closed.is_set():
                raise Busy("the archive is closing")
            self._busy += 1
            while self._idle:
                worker = self._idle.pop()
                if worker.alive:
                    return worker
                worker.end()
        return None

    def _wait(self) -> None:
        if self._waiting >= self.queue:
            raise Busy("too many images are being made at once: ask again in a moment")
        self._waiting += 1
        try:
            if not self._changed.wait_for(self._is_free, PATIENCE):
                raise Busy("no pixel worker became free: ask again in a moment")
        finally:
            self._waiting -= 1

    def _is_free(self) -> bool:
        return self._busy < self.size or self._closed.is_set()

    def _give_back(self, worker: Worker | None) -> None:
        usable = worker is not None and worker.usable and not self._closed.is_set()
        with self._changed:
            self._busy -= 1
            self._working -= {worker}
            if worker is not None and usable:
                worker.since = time.monotonic()
                self._idle.append(worker)
                if not self._retiring:
                    self._retiring = True
                    threading.Thread(target=self._retire, name="pixel-idle", daemon=True).start()
            self._changed.notify()
        if worker is not None and not usable:
            worker.end()

    def _retire(self) -> None:
        """End workers that have had nothing to do for long; ends itself with the last of them."""
        wait = self.idle
        while not self._closed.wait(max(wait, 0.05)):
            before = time.monotonic() - self.idle
            with self._changed:
                gone = [worker for worker in self._idle if worker.since <= before]
                self._idle = self._idle[len(gone) :]  # the longest idle come first
                self._retiring = bool(self._idle or self._busy)
                wait = self._idle[0].since - before if self._idle else self.idle
                more = self._retiring
            for worker in gone:
                worker.end()
            if not more:
                return


class Worker:
    """One process, and the socket to it; for one thread at a time."""

    def __init__(self, jobs: str, memory: int) -> None:
        self.since = 0.0
        self.usable = False
        self._most = 2 * memory
        self._channel, theirs = socket.socketpair()
        life, self._life = os.pipe()  # at its end the worker ends, even if we are killed
        command = [sys.executable, "-P", "-W", "ignore", "-m", "filmroom.pixels.worker"]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [*command, str(theirs.fileno()), str(life), str(memory), jobs],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), life),
                env={**os.environ, **_ENVIRONMENT},
                process_group=0,  # Ctrl-C is for the server
            )
        os.close(life)
        set_timeout(self._channel, START)
        try:
            receive_reply(self._channel, self._most)
        except (EOFError, OSError, ValueError) as error:
            self.end()
            raise Broken("a pixel worker did not start") from error
        self.usable = True

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def run(self, job: str, arguments: Sequence[Any], seconds: float) -> tuple[Any, bytes]:
        """Have one job done; whatever goes wrong with the process, it is not `usable` any more."""
        self.usable = False
        deadline = time.monotonic() + seconds
        try:
            set_timeout(self._channel, seconds)
            send_request(self._channel, job, arguments)
            set_timeout(self._channel, deadline - time.monotonic())
            status, told, data = receive_reply(self._channel, self._most)
        except BlockingIOError:
            log.warning("a pixel worker took too long", extra={"job": job})
            raise Undecodable(f"the frame takes longer than {seconds:g} s") from None
        except (EOFError, OSError, ValueError):
            log.warning("a pixel worker died", extra={"job": job})
            raise Undecodable("the frame made its decoder fail") from None
        self.usable = True
        if status is Status.DONE:
            return told, data
        raise _error(status, *told)

    def kill(self) -> None:
        """End the process; safe from any thread."""
        self._process.kill()

    def end(self) -> None:
        """End the process and let go of it."""
        self.usable = False
        self.kill()
        self._process.wait()
        self._channel.close()
        if self._life >= 0:
            os.close(self._life)
            self._life = -1


def _error(status: Status, kind: str, told: str) -> ArchiveError:
    """What a job raised, as one of the archive's errors."""
    if status is Status.FAILED:
        log.warning("a pixel job failed", extra={"error": kind, "traceback": told})
        return Undecodable(f"the frame cannot be decoded ({kind})")
    found = getattr(errors, kind, None)
    known = isinstance(found, type) and issubclass(found, ArchiveError)
    return found(told) if known and found is not None else Undecodable(told)
