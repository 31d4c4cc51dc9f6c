"""A pixel worker: a process that does one job after another, and may be killed at any time.

Started as `python -m filmroom.pixels.worker CHANNEL LIFE MEMORY JOBS` by `pixels.pool`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from filmroom.errors import ArchiveError
from filmroom.pixels.wire import Status, receive_request, send_reply

Job = Callable[..., tuple[Any, bytes]]
"""Does a job: what is to be told of the outcome, as JSON, and bytes."""

NICENESS = 10  # requests that need no pixels go first
OOM_SCORE = 500  # of 1000: where memory runs out the kernel ends a worker, not the server
SLACK = 64 << 20  # bytes: codecs are loaded when they are first used


def main(channel: int, life: int, memory: int, jobs: str) -> None:
    """Serve a pool until it has gone."""
    _end_with(life)
    for number in (signal.SIGINT, signal.SIGTERM):  # meant for the server, which will tell us
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(str(OOM_SCORE))
    known: Mapping[str, Job] = import_module(jobs).JOBS
    _bound(memory)
    with socket.socket(fileno=channel) as server:
        send_reply(server, Status.DONE)  # ready
        while (request := receive_request(server)) is not None:
            job, arguments = request
            _do(server, known[job], arguments)
            del request, arguments  # frames are large


def _do(server: socket.socket, job: Job, arguments: tuple[Any, ...]) -> None:
    try:
        told, data = job(*arguments)
    except ArchiveError as error:
        send_reply(server, Status.REFUSED, [type(error).__name__, str(error)])
    except MemoryError:
        send_reply(server, Status.REFUSED, ["Undecodable", "the frame takes too much memory"])
    except Exception as error:  # whatever hostile bytes make a library do
        # Without its message, which may name a patient.
        where = "".join(traceback.format_tb(error.__traceback__))
        send_reply(server, Status.FAILED, [type(error).__name__, where])
    else:
        send_reply(server, Status.DONE, told, data)


def _end_with(life: int) -> None:
    """Let the kernel end this process when nobody holds the other end of a pipe any more.

    Even in the midst of a codec; the signal that tells of a parent's death would also
    come when only the thread ends that started us.
    """
    fcntl.fcntl(life, fcntl.F_SETOWN, os.getpid())
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(life, fcntl.F_SETFL, fcntl.fcntl(life, fcntl.F_GETFL) | os.O_ASYNC)


def _bound(memory: int) -> None:
    """Bound the memory of a job, and leave no dump of pixels when a codec crashes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:  # not Linux
        used = 0
    with contextlib.suppress(ValueError, OSError):  # a lower limit holds already
        resource.setrlimit(resource.RLIMIT_AS, (used + SLACK + memory,) * 2)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
