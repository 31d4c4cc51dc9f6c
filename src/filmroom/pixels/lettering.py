"""Fonts: Pillow's own, and what the system has for what that cannot draw."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

OF_THE_SYSTEM = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "FreeSans.ttf",
    "Arial.ttf",
    "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc",
    "NotoSansCJKjp-Regular.otf",
    "DroidSansFallbackFull.ttf",
    "wqy-zenhei.ttc",
    "wqy-microhei.ttc",
    "NanumGothic.ttf",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansThai-Regular.ttf",
    "msgothic.ttc",
    "malgun.ttf",
    "simsun.ttc",
    "Hiragino Sans GB.ttc",
    "AppleGothic.ttf",
    "unifont.ttf",
)
"""Looked for where Pillow looks for fonts, the first ones first."""

UNASSIGNED = "\U0010ffff"
PROBE = 16  # pixels high: enough to tell a glyph from the box that stands for none
INSTEAD = "?"


def lettering(text: str, size: float) -> tuple[str, Font]:
    """A font of `size` pixels for a text, and the text as that can draw it.

    What no font has is drawn without its accents, else as a question mark.
    """
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in text)
    characters = frozenset(printable) - {"\n"}
    name = min(_fonts(), key=lambda name: len(_missing(name, characters)))
    missing = _missing(name, characters)
    plain = {c: "".join(part for part in _base(c) if not _missing(name, part)) for c in missing}
    drawn = "".join(plain[c] or INSTEAD if c in missing else c for c in printable)
    return drawn, _font(name, max(size, 1))


def is_drawable(text: str) -> bool:
    """Whether some font has all of a text's characters."""
    return any(not _missing(name, frozenset(text)) for name in _fonts())


def _base(character: str) -> str:
    """What is left of a letter without its accents."""
    parts = unicodedata.normalize("NFKD", character)
    return "".join(part for part in parts if not unicodedata.combining(part))


@lru_cache(maxsize=1)
def _fonts() -> tuple[str, ...]:
    """The names of what there is; "" is Pillow's own."""
    found = [""]
    for name in OF_THE_SYSTEM:
        try:
            ImageFont.truetype(name, PROBE)
        except OSError:
            continue
        found.append(name)
    return tuple(found)


@lru_cache(maxsize=64)
def _font(name: str, size: float) -> Font:
    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)


def _missing(name: str, characters: frozenset[str] | str) -> frozenset[str]:
    return frozenset(c for c in characters if not _has(name, c))


@lru_cache(maxsize=4096)
def _has(name: str, character: str) -> bool:
    if character.isspace():
        return True
    return _glyph(name, character) != _glyph(name, UNASSIGNED)


def _glyph(name: str, character: str) -> tuple[tuple[int, int], bytes]:
    drawn = _font(name, PROBE).getmask(character)
    return drawn.size, bytes(drawn)
