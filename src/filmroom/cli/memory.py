"""The C library's allocator, told to keep the large buffers that a server uses all the time."""

from __future__ import annotations

import ctypes

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
