"""Settings of the server: where it listens, where its data lies, how it logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

MAX_PORT = 65535
AE_LENGTH = 16  # characters: PS3.5 §6.2, AE


def _split(value: Any) -> Any:  # noqa: ANN401 - text, or what pydantic is to judge
    """Words of a list: in the environment and in a flag they are separated by commas."""
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        return value
    return tuple(part.strip() for word in words for part in word.split(",") if part.strip())


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


def as_title(value: str) -> str:
    """An AE title, without the spaces around it; ValueError if it is none (PS3.5 §6.2)."""
    if not 1 <= len(value.strip()) <= AE_LENGTH or not value.isascii() or not value.isprintable():
        raise ValueError(f"must be 1 to {AE_LENGTH} ASCII characters")
    if "\\" in value or "/" in value:
        raise ValueError("must hold neither a backslash nor a slash")
    return value.strip()


Title = Annotated[str, AfterValidator(as_title)]


def _folder(value: Path) -> Path:
    if "?" in str(value.absolute()):
        raise ValueError("must not hold a question mark, which ends the path in a URL")
    return value


Folder = Annotated[Path, AfterValidator(_folder)]


class ServingSettings(BaseModel, use_attribute_docstrings=True):
    """Where the archive listens and keeps its data."""

    data: Folder = Path("filmroom-data")
    """The data folder: index, blobs, locks. Made if it is not there."""
    host: str = Field("127.0.0.1", min_length=1)
    """Address to listen on. Any but a loopback address is refused unless `insecure` is set."""
    port: int = Field(8042, le=MAX_PORT)
    """HTTP port; 0 picks a free one."""
    insecure: bool = False
    """Listen on a network without authentication: whoever reaches the port reads everything."""
    workers: int = Field(1, ge=1)
    """Web processes that share the port."""
    dimse_port: int = Field(11112, le=MAX_PORT)
    """DIMSE port; 0 picks a free one."""
    dimse: bool = True
    """Whether to open the DIMSE door."""
    aet: Title = "FILMROOM"
    """The archive's AE title, also in the `/dcm4chee-arc/aets/{AET}/` addresses."""
    index: str = ""
    """URL of the index; empty: `sqlite:///DATA/index.sqlite3`."""
    storage: str = ""
    """URL of the blobs; empty: `file://DATA/blobs`."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """How much is logged, on standard error."""
    log_format: Literal["text", "json"] = "text"
    """One line an event, as text or as JSON."""
    allowed_hosts: Words = ()
    """Host names that requests may carry, besides loopback names and `host`; `*` for any."""
    cors_origins: Words = ()
    """Origins, such as `https://viewer.example`, that browsers may call the archive from."""
    demo: bool = False
    """Put the demo studies into an archive that is empty at start."""
