"""What the archive knows of one stored instance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from filmroom.dicom.bulk import BulkIndex
from filmroom.dicom.frames import FrameIndex

Attributes = dict[str, Any]
"""A data set in the DICOM JSON Model (PS3.18 Annex F), keyed by tag as `"0020000D"`."""


@dataclass(frozen=True, slots=True, order=True)
class InstanceRef:
    """The three UIDs that name an instance; identity is by these alone."""

    study: str
    series: str
    instance: str


@dataclass(frozen=True, slots=True)
class Original:
    """The bytes that were sent, where they were recoded before they were stored."""

    digest: str
    """SHA-256 in hexadecimal."""
    size: int
    """Bytes."""
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One object on its way into the index, its blob already on stable storage."""

    ref: InstanceRef
    sop_class: str
    transfer_syntax: str
    key: str
    """The blob's name: the SHA-256 of its bytes, in hexadecimal."""
    size: int
    """Bytes of the blob."""
    attributes: Attributes
    """The indexed attributes of every level that the data set holds (`dicom.attributes`)."""
    metadata: bytes
    """The complete data set as DICOM JSON text in UTF-8: one object, ready to send."""
    frames: FrameIndex
    bulk: BulkIndex
    received: float
    """Seconds since the epoch, UTC."""
    source: str
    """Who sent it: `stow:127.0.0.1`, `import:…`; never a patient's identity."""
    original: Original | None = None
    """What was sent, if other bytes than the blob's."""


@dataclass(frozen=True, slots=True)
class Located:
    """What is needed to give a stored instance, or a part of it, back."""

    ref: InstanceRef
    sop_class: str
    transfer_syntax: str
    key: str
    size: int
    number_of_frames: int
    """0 where the instance has no pixel data."""
    received: float
