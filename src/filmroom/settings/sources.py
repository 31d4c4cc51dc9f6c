"""Where settings come from: flags over environment over file over defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from filmroom.errors import Malformed
from filmroom.settings.tree import Settings

PREFIX = "FILMROOM_"
DEFAULT_FILE = Path("filmroom.toml")


class Origin(StrEnum):
    """Where a setting's value came from."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


def read_settings(flags: Mapping[str, Any] | None = None, file: Path | None = None) -> Settings:
    """Settings from every source; Malformed in one line if one of them is wrong.

    `file` is `filmroom.toml` in the working folder if not given, and then may be missing.
    """
    _refuse_unknown_variables()
    given = {**_without_environment(_from_file(file)), **(flags or {})}
    try:
        return Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][:1])
        raise Malformed(f"setting {name}: {first['msg']}") from None


def origins(flags: Mapping[str, Any] | None = None, file: Path | None = None) -> dict[str, Origin]:
    """For each setting, where its value came from."""
    in_file = _from_file(file)

    def origin(name: str) -> Origin:
        if name in (flags or {}):
            return Origin.FLAG
        if PREFIX + name.upper() in os.environ:
            return Origin.ENVIRONMENT
        return Origin.FILE if name in in_file else Origin.DEFAULT

    return {name: origin(name) for name in Settings.model_fields}


def _from_file(file: Path | None) -> dict[str, Any]:
    path = file or DEFAULT_FILE
    if file is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"{path}: {error}") from None


def _without_environment(values: dict[str, Any]) -> dict[str, Any]:
    # What is passed to Settings beats the environment, so a line of the file must give way here.
    return {
        name: value for name, value in values.items() if PREFIX + name.upper() not in os.environ
    }


def _refuse_unknown_variables() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {PREFIX + "CONFIG"}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise Malformed(f"{unknown[0]} in the environment is not a setting of Filmroom")
