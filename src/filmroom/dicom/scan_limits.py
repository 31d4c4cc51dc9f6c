"""What one data set may take, and how the scanner refuses."""

from __future__ import annotations

from dataclasses import dataclass

KB = 1 << 10
MB = 1 << 20
GB = 1 << 30

DEEPEST = 80  # levels: a level is three of JSON, and JSON is written 254 deep at most


@dataclass(frozen=True, slots=True)
class ScanLimits:
    """Limits of one scan; passing one refuses the instance."""

    depth: int = 64
    """Nesting of sequences; more than 80 is taken for 80."""
    elements: int = 2_000_000
    """Elements and items, nested ones included."""
    value: int = 64 * MB
    """Bytes of one value that is not bulk data."""
    items: int = 1_000_000
    """Items of one sequence, fragments of one pixel data."""
    deflate_ratio: int = 100
    """Inflated bytes for each deflated one."""
    deflate_size: int = 2 * GB
    """Bytes of an inflated data set."""
    bulk_threshold: int = 256 * KB
    """Values of more bytes than this are bulk data."""
