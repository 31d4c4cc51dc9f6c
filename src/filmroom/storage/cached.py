"""Whether a file's bytes lie in the page cache, so that reading them waits for no disk."""

from __future__ import annotations

import os

PROBED = 128 << 10  # bytes from one look to the next: the kernel reads ahead at least as much

_NOWAIT: int | None = getattr(os, "RWF_NOWAIT", None)


def is_cached(fd: int, start: int, length: int) -> bool:
    """Whether a run of bytes seems to be in memory, by a look at one byte here and there.

    False where the system or the file system cannot say. A look costs a microsecond;
    asking for all of it without waiting would cost clearing a buffer first.
    """
    if _NOWAIT is None:
        return False
    byte = bytearray(1)
    last = start + max(length, 1) - 1
    try:
        for at in (*range(start, last, PROBED), last):
            os.preadv(fd, [byte], at, _NOWAIT)
    except OSError:
        return False
    return True
