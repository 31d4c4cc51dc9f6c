"""Settings: read from flags, then `FILMROOM_…` in the environment, then `filmroom.toml`.

Each field is followed by its docstring, from which docs/reference/settings.md is made.
A field `viewer_query_limit` is the flag `--viewer-query-limit`, the variable
`FILMROOM_VIEWER_QUERY_LIMIT` and the line `viewer_query_limit = …` in the file.
"""

from __future__ import annotations

from filmroom.settings.sources import Origin, origins, read_settings
from filmroom.settings.tree import Settings

__all__ = ["Origin", "Settings", "origins", "read_settings"]
