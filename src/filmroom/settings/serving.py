"""Settings of the server: where it listens, where its data lies, how it logs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel


class ServingSettings(BaseModel):
    """Where the archive listens and keeps its data."""

    data: Path = Path("filmroom-data")
    """The data folder: index, blobs, logs. Made if it is not there."""
    host: str = "127.0.0.1"
    """Address to listen on. Any but a loopback address is refused unless `insecure` is set."""
    port: int = 8042
    """HTTP port; 0 picks a free one."""
    insecure: bool = False
    """Listen on a network without authentication: whoever reaches the port reads everything."""
    workers: int = 1
    """Web processes that share the port."""
    dimse_port: int = 11112
    """DIMSE port; 0 picks a free one."""
    dimse: bool = True
    """Whether to open the DIMSE door, where this version has one."""
    aet: str = "FILMROOM"
    """The archive's AE title, also in the `/dcm4chee-arc/aets/{AET}/` addresses."""
    index: str = ""
    """URL of the index; empty: `sqlite:///DATA/index.sqlite3`."""
    storage: str = ""
    """URL of the blobs; empty: `file://DATA/blobs`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged, on standard error."""
    log_format: Literal["text", "json"] = "text"
    """One line an event, as text or as JSON."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may carry, besides loopback names and `host`; `*` for any."""
    cors_origins: tuple[str, ...] = ()
    """Origins, such as `https://viewer.example`, that browsers may call the archive from."""
    demo: bool = False
    """Put the demo studies into an archive that is empty at start."""
