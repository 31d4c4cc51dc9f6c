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


class StoringSettings(BaseModel, use_attribute_docstrings=True):
    """How instances are taken in and let go."""

    on_conflict: OnConflict = OnConflict.KEEP_FIRST
    """An instance comes again with other bytes: `keep-first`, `replace` or `refuse`."""
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
