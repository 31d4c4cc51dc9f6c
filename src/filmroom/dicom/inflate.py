"""Deflated data sets, inflated in place and within bounds (PS3.5 §A.5)."""

from __future__ import annotations

import mmap
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

from filmroom.errors import Refused

MB = 1 << 20  # bytes
IN_MEMORY = 16 * MB  # bytes: a larger data set is inflated into a file without a name
CHUNK = 256 * 1024  # bytes: what is inflated at a time
HARMLESS = 16 * MB  # bytes: below this no ratio is too high; black images deflate 1000:1


@contextmanager
def in_place(
    data: memoryview, start: int, *, ratio: int = 100, size: int = 2048 * MB
) -> Iterator[memoryview]:
    """The file `data` as if everything from `start` on had been inflated in place.

    Spans of a deflated file count in these bytes. More than `size` inflated bytes,
    or more than `ratio` for each deflated one, are refused, and so is a stream that
    is broken or cut short.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        out = cast("IO[bytes]", spool)
        out.write(data[:start])
        for chunk in _inflate(data[start:], ratio, size):
            out.write(chunk)
        with _view(spool) as view:
            yield view


@contextmanager
def _view(spool: tempfile.SpooledTemporaryFile[bytes]) -> Iterator[memoryview]:
    length = spool.tell()
    if length <= IN_MEMORY:
        spool.seek(0)
        yield memoryview(spool.read())
        return
    spool.flush()
    with (
        mmap.mmap(spool.fileno(), length, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
    ):
        yield view


def _inflate(deflated: memoryview, ratio: int, size: int) -> Iterator[bytes]:
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    produced = 0
    for at in range(0, len(deflated), CHUNK):
        pending: bytes | memoryview = deflated[at : at + CHUNK]
        while pending and not machine.eof:
            try:
                chunk = machine.decompress(pending, CHUNK)
            except zlib.error as error:
                raise Refused("the deflated data set is broken") from error
            pending = machine.unconsumed_tail
            produced += len(chunk)
            if produced > size:
                raise Refused(f"the inflated data set passes the limit of {size} bytes")
            if produced > max(HARMLESS, ratio * (at + CHUNK)):
                raise Refused(f"the data set inflates to more than {ratio} times its size")
            yield chunk
        if machine.eof:
            return
    tail = machine.flush()
    if not machine.eof:
        raise Refused("the deflated data set is cut short")
    yield tail
