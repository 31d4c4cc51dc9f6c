"""Where settings come from: flags over environment over file over defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from filmroom.errors import Malformed
from filmroom.settings.tree import Settings

PREFIX = "FILMROOM_"
CONFIG = PREFIX + "CONFIG"
"""Names the file with settings; not a setting itself."""
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
    An empty variable counts as not set.
    """
    _refuse_unknown((variable.removeprefix(PREFIX) for variable in _variables()), "the environment")
    # What is passed to Settings beats the environment, so a line of the file must give way here.
    in_file = {name: value for name, value in _from_file(file).items() if not _in_environment(name)}
    given = {**in_file, **(flags or {})}
    try:
        return Settings(**given)
    except ValidationError as error:
        raise Malformed(_in_one_line(error, flags or {}, in_file)) from None


def origins(flags: Mapping[str, Any] | None = None, file: Path | None = None) -> dict[str, Origin]:
    """For each setting, where its value came from."""
    in_file = _from_file(file)

    def origin(name: str) -> Origin:
        if name in (flags or {}):
            return Origin.FLAG
        if _in_environment(name):
            return Origin.ENVIRONMENT
        return Origin.FILE if name in in_file else Origin.DEFAULT

    return {name: origin(name) for name in Settings.model_fields}


def _from_file(file: Path | None) -> dict[str, Any]:
    path = file or DEFAULT_FILE
    if file is None and not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Malformed(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"{path}: {error}") from None
    _refuse_unknown(values, str(path))
    return values


def _variables() -> list[str]:
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name != CONFIG)


def _in_environment(name: str) -> bool:
    return bool(os.environ.get(PREFIX + name.upper()))


def _refuse_unknown(names: Iterable[str], place: str) -> None:
    for name in names:
        lower = name.lower()
        if lower not in Settings.model_fields:
            near = get_close_matches(lower, Settings.model_fields, n=1)
            spelled = PREFIX + name if place == "the environment" else name
            hint = f"; did you mean {near[0]}?" if near else ""
            raise Malformed(f"{spelled} in {place} is not a setting{hint}")


def _in_one_line(
    error: ValidationError, flags: Mapping[str, Any], in_file: Mapping[str, Any]
) -> str:
    first = error.errors()[0]
    name, inside = str(first["loc"][0]), first["loc"][1:]
    if name in flags:
        spelled = "--" + name.replace("_", "-")
    else:
        spelled = name if name in in_file else PREFIX + name.upper()
    reason = first["msg"].removeprefix("Value error, ")
    within = "".join(f"{step + 1}, " if isinstance(step, int) else f"{step}: " for step in inside)
    return f"setting {spelled}: {within}{reason[:1].lower()}{reason[1:]}"
