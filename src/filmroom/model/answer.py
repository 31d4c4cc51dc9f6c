"""Answer: what a retrieval gives back, in the form that was chosen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from filmroom.dicom.frames import Span
from filmroom.model.wanted import Offer


class Content(Protocol):
    """Bytes of known length; nothing is read until `chunks` or `read` is called."""

    @property
    def size(self) -> int:
        """Bytes in all."""

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        """The bytes in pieces, or a run of them; NotFound comes before the first."""

    def read(self) -> bytes:
        """All the bytes at once."""

    def at_hand(self) -> bytes | None:
        """The same where that takes no time to speak of; None where it might."""


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of an answer."""

    media_type: str
    transfer_syntax: str
    """"" where none is to be named."""
    content: Content
    location: str = ""
    """Where it can be had alone, below the DICOMweb root; "" if nowhere."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One or more parts, and the form that they are to be sent in."""

    form: Offer
    parts: Sequence[Part]
    version: str
    """Differs wherever the parts' bytes differ: fit for a strong ETag."""
