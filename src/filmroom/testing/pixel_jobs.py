"""Jobs for a pool of pixel workers under test: honest ones, and all the ways to go wrong."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from filmroom.errors import Unsupported


def echo(data: bytes, *told: Any) -> tuple[Any, bytes]:
    """What was sent."""
    return list(told), data


def begin(path: str, seconds: float) -> tuple[Any, bytes]:
    """Write a line with the worker's process id to a file, then sleep."""
    with Path(path).open("a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")
    time.sleep(seconds)
    return os.getpid(), b""


def spin() -> tuple[Any, bytes]:
    """Never let go of the interpreter, as a codec in C may."""
    return sum(1 for _ in iter(int, 1)), b""


def stop() -> tuple[Any, bytes]:
    """Stand still, deaf to everything but a kill."""
    os.kill(os.getpid(), signal.SIGSTOP)
    return None, b""


def crash(number: int) -> tuple[Any, bytes]:
    """Die of a signal, as of a write out of bounds."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return None, b""


def hoard(size: int) -> tuple[Any, bytes]:
    """Take memory, and touch all of it."""
    return len(bytearray(os.urandom(1) * size)), b""


def refuse() -> tuple[Any, bytes]:
    """Raise one of the archive's errors."""
    raise Unsupported("not this one")


def fail() -> tuple[Any, bytes]:
    """Raise an error that is none of the archive's."""
    raise ZeroDivisionError("secret")


def transcode(frame: bytes, image: object, target: str, quality: int) -> tuple[Any, bytes]:
    """Do as the frame says: misdeeds by their names; anything else is given back."""
    match frame.split(b"!")[0]:
        case b"spin":
            return spin()
        case b"stop":
            return stop()
        case b"crash":
            return crash(signal.SIGSEGV)
        case b"hoard":
            return hoard(1 << 32)
        case b"fail":
            return fail()
    return {}, frame


JOBS = {
    "transcode": transcode, "echo": echo, "begin": begin, "spin": spin, "stop": stop,
    "crash": crash, "hoard": hoard, "refuse": refuse, "fail": fail,
}  # fmt: skip
