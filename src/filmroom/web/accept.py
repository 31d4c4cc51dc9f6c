"""What a request accepts: the Accept header or `accept=` (PS3.18 §8.7.5, §8.3.3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import unquote

from starlette.types import Scope

from filmroom.dicom import media_types
from filmroom.model.wanted import MULTIPART, MediaRange, Wanted

MAX_RANGES = 64
"""Media ranges that are read of one request; the rest is passed over."""

BROWSER = b"Mozilla/"
"""What every browser's User-Agent begins with, and hardly anything else's."""

_PIECE = re.compile(r'[^",;\\]+|"(?:[^"\\]|\\.)*"|.', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_QUALITY = re.compile(r"(?:0(?:\.[0-9]*)?|1(?:\.0*)?|\.[0-9]+)")


def wanted_by(scope: Scope) -> Wanted:
    """What a request accepts: the `accept` parameter if there is one, else the header."""
    query: bytes = scope["query_string"]
    values = []
    by_browser = False
    for name, value in scope["headers"]:
        if name == b"accept":
            values.append(value)
        elif name == b"user-agent":
            by_browser = value.startswith(BROWSER)
    if b"accept=" in query:
        asked = _accept_parameter(query.decode("latin-1"))
        if asked:
            return read_accept(asked, by_browser)
    return read_accept(b",".join(values).decode("latin-1"), by_browser)


def _accept_parameter(query: str) -> str:
    """The values of `accept`, joined; a `+` is a plus: `application/dicom+json` has one."""
    pairs = (pair.partition("=") for pair in query.split("&"))
    return ",".join(unquote(value) for name, _, value in pairs if unquote(name) == "accept")


@lru_cache(maxsize=512)
def read_accept(text: str, by_browser: bool = False) -> Wanted:
    """Parse a list of media ranges; what is not one is passed over.

    When nothing is left, anything is acceptable: better an answer than a 406 for a
    header that nobody can read.
    """
    ranges: list[MediaRange] = []
    for pieces in _elements(text):
        media_range = _media_range(pieces)
        if media_range is not None:
            ranges.append(media_range)
            if len(ranges) == MAX_RANGES:
                break
    return Wanted(tuple(ranges), by_browser) if ranges else Wanted(by_browser=by_browser)


def _elements(text: str) -> Iterator[list[str]]:
    """Split at commas, then at semicolons, neither within quotes."""
    pieces = [""]
    for text_run in _PIECE.findall(text):
        if text_run == ",":
            yield pieces
            pieces = [""]
        elif text_run == ";":
            pieces.append("")
        else:
            pieces[-1] += text_run
    yield pieces


def _media_range(pieces: list[str]) -> MediaRange | None:
    name = pieces[0].strip()
    parameters = pieces[1:]
    if name == "*":  # as Java's URLConnection sends it, for "*/*"
        name = "*/*"
    elif name.partition("=")[0].strip().lower() == "type":  # OHIF leaves "multipart/related" out
        name, parameters = MULTIPART, pieces
    if not _TYPE.fullmatch(name):
        return None
    named = dict(_parameters(parameters))
    return MediaRange(
        media_types.canonical(name),
        media_types.canonical(named.get("type", "")) if name.lower() == MULTIPART else "",
        named.get("transfer-syntax", ""),
        _quality(named.get("q", "")),
    )


def _parameters(pieces: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Names and values, the last one first: of a parameter given twice the first counts."""
    for piece in reversed(list(pieces)):
        name, equals, value = piece.partition("=")
        if equals:
            yield name.strip().lower(), _unquoted(value.strip())


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = _ESCAPED.sub(r"\1", value[1:-1])
    return value.strip().strip('"')


def _quality(value: str) -> float:
    """The weight; one that cannot be read counts as none given."""
    return float(value) if _QUALITY.fullmatch(value) else 1.0
