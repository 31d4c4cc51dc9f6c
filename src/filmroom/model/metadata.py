"""Metadata as it is kept: pieces of one deflate stream, ready to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of a selection: a JSON array of data sets, as raw deflate pieces.

    Joined behind a gzip header and followed by `crc` and `length`, `pieces` are one
    gzip member: the whole array, brackets and commas included.
    """

    pieces: Sequence[bytes]
    crc: int
    """CRC-32 of the inflated text."""
    length: int
    """Bytes of the inflated text."""
    version: str
    """Changes whenever the text may have changed: fit for an ETag."""
