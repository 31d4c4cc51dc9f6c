"""UIDs: what is one, and what is not (PS3.5 §9.1)."""

from __future__ import annotations

import re

MAX_LENGTH = 64  # characters (PS3.5 §9.1)

_STRICT = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))*", re.ASCII)
_TOLERANT = re.compile(r"[0-9]+(?:\.[0-9]+)*", re.ASCII)


def is_uid(text: str, *, leading_zeros: bool = False) -> bool:
    """Whether `text` is a UID: components of digits joined by dots, 64 characters at most.

    `leading_zeros` lets components like "0113619" pass, which the standard forbids
    and old scanners write.
    """
    if not 0 < len(text) <= MAX_LENGTH:
        return False
    return (_TOLERANT if leading_zeros else _STRICT).fullmatch(text) is not None
