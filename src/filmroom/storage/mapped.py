"""Files mapped into memory, for reading without a copy."""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager

from filmroom.storage.durable import translated


@contextmanager
def mapped(fd: int, what: str) -> Iterator[memoryview]:
    """The whole of an open file, read-only; errors name it as `what`."""
    with translated(what):
        empty = not os.fstat(fd).st_size
        mapping = mmap.mmap(-1, 1) if empty else mmap.mmap(fd, 0, access=mmap.ACCESS_READ)
    view = memoryview(b"") if empty else memoryview(mapping)  # no file of no bytes is mapped
    try:
        yield view
    finally:
        # A slice that outlives us, in a traceback for one, keeps the mapping until it goes.
        with contextlib.suppress(BufferError):
            view.release()
            mapping.close()
