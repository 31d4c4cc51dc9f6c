"""Every setting as a flag, made from `Settings`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from filmroom.settings import Origin, Settings, origins, read_settings

COMMON = ("data", "index", "storage")
"""The settings that every command's help shows."""

Command = TypeVar("Command", bound=Callable[..., Any])


class Given:
    """What the command line said of the settings."""

    def __init__(self, flags: dict[str, Any], file: Path | None) -> None:
        self.flags = flags
        self.file = file

    def settings(self) -> Settings:
        """Settings from every source."""
        return read_settings(self.flags, self.file)

    def origins(self) -> dict[str, Origin]:
        """For each setting, where its value came from."""
        return origins(self.flags, self.file)


def with_settings(*, shown: bool = False) -> Callable[[Command], Command]:
    """Give a command a flag for each setting, and hand it the outcome as `given`.

    With `shown` its help lists them all, else only the common ones.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def gathered(*args: Any, config: Path | None, **options: Any) -> Any:  # noqa: ANN401
            flags = {name: options.pop(name) for name in Settings.model_fields}
            named = {name: value for name, value in flags.items() if value not in (None, ())}
            return command(*args, given=Given(named, config), **options)

        decorated: Any = gathered
        for name, field in reversed(Settings.model_fields.items()):
            hidden = not (shown or name in COMMON)
            decorated = flag(name, field, hidden=hidden)(decorated)
        return _config(decorated)  # type: ignore[no-any-return]

    return decorate


def flag(name: str, field: FieldInfo, *, hidden: bool) -> Callable[[Any], Any]:
    """The option of one setting."""
    spelled = name.replace("_", "-")
    summary = " ".join((field.description or "").replace("`", "").split())
    if field.annotation is bool:
        both = f"--{spelled}/--no-{spelled}"
        return click.option(both, name, default=None, hidden=hidden, help=summary)
    kind = _kind(field.annotation)
    many = get_origin(field.annotation) is tuple
    return click.option(
        f"--{spelled}", name, type=kind, default=None, multiple=many, hidden=hidden, help=summary
    )


def _kind(annotation: Any) -> click.ParamType[Any]:  # noqa: ANN401 - a type
    if get_origin(annotation) is Literal:
        return click.Choice(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return click.Choice([word.value for word in annotation])
    if annotation is Path:
        return click.Path(path_type=Path)
    if annotation is int:
        return click.INT
    return click.FLOAT if annotation is float else click.STRING


_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="FILMROOM_CONFIG",
    help="File with settings, instead of filmroom.toml in the working folder.",
)
