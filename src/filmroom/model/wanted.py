"""What a retriever accepts, and what the archive can offer it (PS3.18 §8.7)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MULTIPART = "multipart/related"
_ANYTHING = "*/*"
_ANY_MULTIPART = frozenset({MULTIPART, "multipart/*", _ANYTHING})


@dataclass(frozen=True, slots=True)
class Offer:
    """One form in which a thing can be given: the media type is that of the content."""

    media_type: str
    transfer_syntax: str = ""
    multipart: bool = False


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One acceptable range; names are in lower case and canonical (`dicom.media_types`)."""

    media_type: str
    root: str = ""
    """The `type` of a multipart range; "" accepts any."""
    transfer_syntax: str = ""
    """"" and "*" accept any."""
    quality: float = 1.0

    def covers(self, offer: Offer) -> bool:
        """Whether an offer lies in the range."""
        if self.transfer_syntax not in ("", "*", offer.transfer_syntax) and offer.transfer_syntax:
            return False
        if offer.multipart:
            if self.media_type not in _ANY_MULTIPART:
                return False
            return not self.root or _within(offer.media_type, self.root)
        return _within(offer.media_type, self.media_type)

    @property
    def width(self) -> int:
        """How much the range leaves open, from 0; the narrowest one decides (RFC 9110 §12.5.1)."""
        if self.media_type == _ANYTHING:
            return 3
        if self.media_type.endswith("/*"):
            return 2
        return 0 if self.root or self.transfer_syntax else 1


def _within(media_type: str, wanted: str) -> bool:
    if wanted in (_ANYTHING, media_type):
        return True
    return wanted.endswith("/*") and media_type.startswith(wanted[:-1])


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that is acceptable, in the order in which it was said."""

    ranges: tuple[MediaRange, ...] = (MediaRange(_ANYTHING),)
    by_browser: bool = False
    """Whether a browser asks, which takes any transfer syntax without decoding each."""

    def choose(self, offers: Iterable[Offer]) -> Offer | None:
        """The offer that is liked best, the earlier one where it is all the same; None if none."""
        best: tuple[tuple[float, bool, int], Offer] | None = None
        for offer in offers:
            rank = self._rank(offer)
            if rank is not None and (best is None or rank < best[0]):
                best = rank, offer
        return best[1] if best else None

    def _rank(self, offer: Offer) -> tuple[float, bool, int] | None:
        """How well an offer is liked, the least the best; None if it is not acceptable.

        A range with `*` speaks only for what no narrower range names, and comes after
        the ranges of the same quality that name what they want.
        """
        covering = [
            (each.width, -each.quality, place)
            for place, each in enumerate(self.ranges)
            if each.covers(offer)
        ]
        if not covering:
            return None
        width, quality, place = min(covering)
        return (quality, width > 1, place) if quality else None

    def liking(self, offer: Offer) -> float:
        """The quality that was given to an offer, 0 to 1; 0 if it is not acceptable."""
        rank = self._rank(offer)
        return -rank[0] if rank else 0.0

    def takes_multipart(self) -> bool:
        """Whether any multipart answer at all is understood."""
        return any(each.media_type in _ANY_MULTIPART and each.quality for each in self.ranges)

    def takes(self, media_type: str) -> bool:
        """Whether a single-part answer of this type is acceptable."""
        return self.choose((Offer(media_type),)) is not None
