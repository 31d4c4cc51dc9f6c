"""The archive's secret: what pseudonyms are made with, so that they stay the same."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from filmroom.errors import Broken

NAME = "deidentification.key"
LENGTH = 32  # bytes


def secret_of(folder: Path) -> bytes:
    """The secret that is kept in a data folder, made when it is first asked for."""
    path = folder / NAME
    try:
        with suppress(FileNotFoundError):
            return _checked(path.read_bytes(), path)
        folder.mkdir(parents=True, exist_ok=True)
        _make(path)
        return _checked(path.read_bytes(), path)
    except OSError as error:
        raise Broken(f"{path}: {error.strerror}") from error


def _make(path: Path) -> None:
    """Put a secret where none is, whole and on stable storage; if others do so too, one of them."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(secrets.token_bytes(LENGTH))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(aside, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        aside.unlink()


def _checked(secret: bytes, path: Path) -> bytes:
    if len(secret) != LENGTH:
        raise Broken(f"{path} does not hold {LENGTH} bytes: restore it, or remove it for a new one")
    return secret
