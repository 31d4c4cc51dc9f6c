"""Where each frame lies in a file: native, offset tables, fragments (PS3.5 §A.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filmroom.errors import Malformed, NotFound

ITEM_HEADER = 8  # bytes: the Item tag and its 32-bit length


@dataclass(frozen=True, slots=True)
class Span:
    """A run of bytes: `start` counts from the first byte of the file.

    In a deflated file it counts as if the data set had been inflated in place.
    """

    start: int
    length: int


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """For each frame, in order, the spans that make it up.

    A native frame is one span. An encapsulated frame is its fragments' values,
    without item headers: joined, they are one complete codestream.
    """

    frames: Sequence[tuple[Span, ...]] = ()

    def __len__(self) -> int:
        return len(self.frames)

    def spans(self, number: int) -> tuple[Span, ...]:
        """The spans of frame `number`; frames are numbered from 1 (PS3.3 Table 10-3)."""
        if not 1 <= number <= len(self.frames):
            raise NotFound(f"no frame {number} among {len(self.frames)}")
        return self.frames[number - 1]

    def pack(self) -> bytes:
        """The index as a few bytes, to be kept in a row."""
        raise NotImplementedError

    @classmethod
    def unpack(cls, packed: bytes) -> FrameIndex:
        """The index that `pack` made these bytes of."""
        raise NotImplementedError


_ = Malformed
