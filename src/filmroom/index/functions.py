"""SQL functions of our own: tests put to an instance's attributes, which are kept as JSON."""

from __future__ import annotations

import sqlite3

import orjson

from filmroom.dicom.attributes import BY_TAG
from filmroom.index.keys import Asked, Moment, passes
from filmroom.index.values import NUMBERS, moment, values

TOKENS: dict[int, Asked | Moment] = {}
"""The tests of searches that run now: SQL can hand over a number only."""


def _passes(kept: bytes, token: int) -> int:
    attributes, test = orjson.loads(kept), TOKENS[token]
    if isinstance(test, Moment):
        when = moment(values(attributes, test.date), values(attributes, test.time))
        return int(bool(when) and passes(test.between, (when,)))
    return int(passes(test.test, values(attributes, test.attribute)))


def _least(kept: bytes, path: str) -> str | float | None:
    attribute = BY_TAG[path]
    found = values(orjson.loads(kept), attribute)
    if not found:
        return None
    return min(map(float, found)) if attribute.vr in NUMBERS else min(found)


def install(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    connection.create_function("filmroom_passes", 2, _passes)
    connection.create_function("filmroom_least", 2, _least)
