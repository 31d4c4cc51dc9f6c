"""Settings that bound what one request, one instance or everybody together may take."""

from __future__ import annotations

from pydantic import BaseModel

KB = 1024
MB = 1024 * KB
GB = 1024 * MB


class LimitSettings(BaseModel, use_attribute_docstrings=True):
    """Limits; each has a clear error when it is passed."""

    max_header_bytes: int = 32 * KB
    """Bytes of a request's header block; over it 431."""
    max_headers: int = 100
    """Header lines of a request; over it 431."""
    max_request_line: int = 16 * KB
    """Bytes of a request's target; over it 414."""
    header_timeout: float = 10.0
    """Seconds until a request's headers must be there; then the connection is closed (408)."""
    body_rate: int = 8 * KB
    """Least bytes a second of a request's body, over `body_rate_window`; slower is closed (408)."""
    body_rate_window: float = 20.0
    """Seconds over which `body_rate` is measured."""
    keep_alive: float = 60.0
    """Seconds that an idle connection is kept, and an answer of which nothing is taken."""
    max_instance: int = 16 * GB
    """Bytes of one instance; over it that instance is refused."""
    max_parts: int = 10_000
    """Parts of one store request."""
    max_part_headers: int = 20
    """Header lines of one part."""
    max_part_header_bytes: int = 8 * KB
    """Bytes of one part's header block."""
    search_limit: int = 1_000
    """Matches of a search that names no `limit`."""
    max_search_limit: int = 10_000
    """Most matches of one search; what is left out is said in a `Warning` header."""
    max_includefields: int = 100
    """Attributes that `includefield` may name in one search."""
    max_parameters: int = 200
    """Query parameters of one request."""
    max_list_values: int = 5_000
    """Values in one list-matching key."""
    max_wildcard: int = 64
    """Characters of a value with wildcards."""
    max_frames: int = 1_000
    """Frames in one request."""
    scan_depth: int = 64
    """Nesting of sequences in a data set."""
    scan_elements: int = 2_000_000
    """Elements of a data set, nested ones included."""
    scan_value: int = 64 * MB
    """Bytes of one value that is not bulk data."""
    scan_items: int = 1_000_000
    """Items of one sequence."""
    deflate_ratio: int = 100
    """Inflated bytes per deflated byte of a data set."""
    deflate_size: int = 2 * GB
    """Bytes of an inflated data set."""
    zip_entries: int = 100_000
    """Entries of a zip that is imported."""
    zip_size: int = 50 * GB
    """Inflated bytes of a zip that is imported."""
    zip_ratio: int = 100
    """Inflated bytes per zipped byte of one entry."""
    store_writers: int = 16
    """Instances that are written at once."""
    retrieves: int = 64
    """Retrievals that are answered at once."""
