"""Metadata of a selection: kept ready, inflated only for those who cannot (PS3.18 §10.4.1.1.2)."""

from __future__ import annotations

import zlib
from typing import cast

import orjson

from filmroom.core.archive import Archive
from filmroom.model.instance import Attributes
from filmroom.model.metadata import Metadata
from filmroom.model.selection import Selection


def metadata(archive: Archive, selection: Selection) -> Metadata:
    """The complete data sets of a selection as they are kept; NotFound if it holds nothing."""
    return archive.index.metadata(selection)


def inflated(kept: Metadata) -> bytes:
    """The JSON text of kept metadata, in UTF-8."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    return b"".join([stream.decompress(piece) for piece in kept.pieces])


def data_sets(kept: Metadata) -> list[Attributes]:
    """The data sets of kept metadata, parsed."""
    return cast(list[Attributes], orjson.loads(inflated(kept)))
