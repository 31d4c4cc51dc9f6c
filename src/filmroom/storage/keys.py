"""Keys of blobs: only a SHA-256 in hexadecimal ever becomes a path."""

from __future__ import annotations

import re

from filmroom.errors import NotFound

is_key = re.compile(r"[0-9a-f]{64}").fullmatch
"""Whether a text is a blob's key."""


def checked(key: str) -> str:
    """The key itself; NotFound if no blob can have that name."""
    if not is_key(key):
        raise NotFound("no blob has such a name")
    return key
