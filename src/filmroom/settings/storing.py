"""Settings of storing, keeping and purging."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel

KB = 1024
MB = 1024 * KB


class OnConflict(StrEnum):
    """What to do when an instance comes again with other bytes."""

    KEEP_FIRST = "keep-first"
    """Keep the stored one; the newcomer is kept aside for the operator."""
    REPLACE = "replace"
    """The newcomer takes its place; the old version is kept until purged."""
    REFUSE = "refuse"
    """The newcomer is refused."""


class IngestTranscode(StrEnum):
    """What frames are coded in before they are stored."""

    NONE = "none"
    """As they were sent."""
    HTJ2K = "htj2k"
    """High-Throughput JPEG 2000, lossless, resolution by resolution."""
    JPEG_LS = "jpegls"
    """JPEG-LS, lossless."""
    JPEG_2000 = "jpeg2000"
    """JPEG 2000, lossless."""


class StoringSettings(BaseModel, use_attribute_docstrings=True):
    """How instances are taken in and let go."""

    on_conflict: OnConflict = OnConflict.KEEP_FIRST
    """An instance comes again with other bytes: `keep-first`, `replace` or `refuse`."""
    ingest_transcode: IngestTranscode = IngestTranscode.NONE
    """Code frames without loss before they are stored: `none`, `htj2k`, `jpegls`, `jpeg2000`; what
    would lose a bit or save no byte is stored as it was sent."""
    disk_reserve: int = 256 * MB
    """Bytes of the disk left free; below it nothing is stored (507)."""
    bulk_threshold: int = 256 * KB
    """Values up to this many bytes stay in the metadata; pixel data and documents never do."""
    public_root: str = "/dicom-web"
    """What `BulkDataURI`s begin with; after a change, run `filmroom reindex`."""
    purge_grace: float = 24.0
    """Hours that a deleted instance's bytes stay on the disk; 0 erases at once."""
    purge_rejected_after: float = 0.0
    """Days until a rejected instance is deleted; 0 keeps it until somebody deletes it."""
    sweep_grace: float = 1.0
    """Hours that a blob without a row is left alone, a store being perhaps under way."""
