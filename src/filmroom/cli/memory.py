"""Memory as a server uses it: large buffers all the time, and data sets of a million objects."""

from __future__ import annotations

import ctypes
import gc

MB = 1 << 20

# Parameters of mallopt(3), as in <malloc.h>.
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_THRESHOLD = -3

CHOSEN = (
    # By default glibc maps every buffer of a frame's size anew and lets it go again;
    # the page faults cost several times what sending does.
    (M_MMAP_THRESHOLD, 32 * MB),  # the most that some versions take
    (M_MMAP_THRESHOLD, 64 * MB),
    (M_TRIM_THRESHOLD, 256 * MB),
    (M_TOP_PAD, 16 * MB),
)


def keep_buffers() -> bool:
    """Set the allocator; False where the C library has no such switch."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    taken = [(parameter, mallopt(parameter, size) == 1) for parameter, size in CHOSEN]
    return {parameter for parameter, done in taken if done} == {p for p, _ in CHOSEN}


SELDOM = 50_000
"""Objects that are made between two looks for garbage in circles; Python's own number is 700."""


def collect_seldom() -> None:
    """Let a large data set be read without all of it being searched for circles again and again.

    Nothing that is read has any. Measured on 50,000 per-frame functional groups: scanning
    takes half the time, parsing their JSON a quarter.
    """
    gc.set_threshold(SELDOM, *gc.get_threshold()[1:])


def pass_over_what_is_there() -> None:
    """Leave what a process is made of, its modules above all, out of every look for circles.

    Measured while instances are received: a tenth of the processor time.
    """
    gc.collect()
    gc.freeze()
