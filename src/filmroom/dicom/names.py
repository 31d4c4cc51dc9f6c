"""Folding of person names and other text, so that searches find what people mean (PS3.5 §6.2).

Matching of person names may ignore case, accents and the choice of separators
(PS3.4 §C.2.2.2.1); users expect as much of descriptions and identifiers.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
"""The component groups of a person name, as the DICOM JSON Model calls them."""

# Letters that no Unicode decomposition turns into their base letter.
_PLAIN = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "æ": "ae",
        "œ": "oe",
        "ħ": "h",
        "ı": "i",
        "ĸ": "k",
        "ŋ": "n",
        "ŧ": "t",
        "ſ": "s",
        "’": "'",
        "‘": "'",
        "ʼ": "'",
        "‐": "-",
        "‑": "-",
    }
)
_KANA_MARKS = "\u3099\u309a"  # voiced and semi-voiced: another letter, not an accent
_SPACE = re.compile(r"\s+")
_SEPARATORS = re.compile(r"[\s^,]+")


@lru_cache(maxsize=65536)
def fold_text(text: str) -> str:
    """Text without case, accents, width and needless space."""
    if text.isascii():
        return _SPACE.sub(" ", text.lower()).strip()
    # Compatibility first: half-width kana and full-width Latin become the usual ones.
    composed = unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN)
    bare = "".join(
        mark
        for mark in unicodedata.normalize("NFKD", composed)
        if mark in _KANA_MARKS or not unicodedata.combining(mark)
    )
    return _SPACE.sub(" ", unicodedata.normalize("NFC", bare)).strip()


@lru_cache(maxsize=65536)
def fold(text: str) -> str:
    """A person name, or a part of one, folded: its components parted by single spaces.

    Wildcards stay where they are, so a pattern folds like a name.
    """
    return _SEPARATORS.sub(" ", fold_text(text)).strip()


def groups(value: object) -> tuple[str, ...]:
    """The component groups of a person name in the DICOM JSON Model, blank ones left out."""
    if isinstance(value, dict):
        found = [value.get(group) for group in GROUPS]
    elif isinstance(value, str):
        found = [*value.split("=")]
    else:
        return ()
    return tuple(group for group in found if isinstance(group, str) and group.strip(" ^"))
