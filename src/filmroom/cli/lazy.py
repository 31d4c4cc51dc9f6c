"""Commands that are imported when they are called, so that each starts with only what it needs.

This is the one place of the house where something is imported by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click


def load(target: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """What `package.module:name` stands for."""
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


class LazyGroup(click.Group):
    """A group that knows its commands' names, and loads one when it is asked for."""

    def __init__(self, *args: Any, commands_at: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order in which help shows them."""
        return list(self.commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in self.commands_at:
            return None
        command: click.Command = load(self.commands_at[cmd_name])
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As in click, with the names nearest to a mistyped one."""
        if args and args[0] not in self.commands_at:
            raise click.UsageError(_unknown(args[0], self.commands_at), ctx)
        return super().resolve_command(ctx, args)


def _unknown(name: str, known: Mapping[str, str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
