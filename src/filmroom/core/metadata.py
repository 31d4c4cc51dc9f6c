"""Metadata of a selection: kept ready, inflated only for those who cannot (PS3.18 §10.4.1.1.2)."""

from __future__ import annotations

import codecs
import json
import zlib
from collections.abc import Iterator

from filmroom.core.archive import Archive
from filmroom.model.instance import Attributes
from filmroom.model.metadata import Metadata
from filmroom.model.selection import Selection

AT_ONCE = 1 << 20
"""Bytes of text that are parsed at once."""

_JSON = json.JSONDecoder()


def metadata(archive: Archive, selection: Selection) -> Metadata:
    """The complete data sets of a selection as they are kept; NotFound if it holds nothing."""
    return archive.index.metadata(selection)


def inflated(kept: Metadata) -> bytes:
    """The JSON text of kept metadata, in UTF-8."""
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    return b"".join([stream.decompress(piece) for piece in kept.pieces])


def data_sets(kept: Metadata) -> Iterator[Attributes]:
    """The data sets of kept metadata, parsed one after another: a study's are many."""
    text, enough = "", 1
    for more in _texts(kept):
        text += more
        if len(text) < enough:
            continue
        at = 0
        for parsed, at in _whole(text):  # noqa: B007 -- where the last one ends
            yield parsed
        text = text[at:]
        enough = 1 if at else 2 * len(text)  # what is cut short is not parsed at each step
    yield from (parsed for parsed, _ in _whole(text))


def _texts(kept: Metadata) -> Iterator[str]:
    """The JSON text in bounded pieces, cut anywhere."""
    decode = codecs.getincrementaldecoder("utf-8")().decode
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in kept.pieces:
        pending = piece
        while pending:
            yield decode(stream.decompress(pending, AT_ONCE))
            pending = stream.unconsumed_tail
    yield decode(stream.flush())


def _whole(text: str) -> Iterator[tuple[Attributes, int]]:
    """The objects that a piece of an array holds whole, and where each ends."""
    at = 0
    while (start := text.find("{", at)) >= 0:
        try:
            parsed, at = _JSON.raw_decode(text, start)
        except json.JSONDecodeError:
            return
        yield parsed, at
