"""`filmroom settings`: each setting, its value, where it came from."""

from __future__ import annotations

import sys

import click
import orjson

from filmroom.cli.options import Given, with_settings
from filmroom.cli.screen import show_table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings(shown=True)
def settings(given: Given, as_json: bool) -> None:
    """Show each setting, its value, and whether a flag, the environment or the file set it."""
    values = given.settings().model_dump(mode="json")
    origins = given.origins()
    if as_json:
        shown = {name: {"value": value, "origin": origins[name]} for name, value in values.items()}
        sys.stdout.buffer.write(orjson.dumps(shown, option=orjson.OPT_INDENT_2) + b"\n")
        return
    rows = [(name, _text(value), str(origins[name])) for name, value in values.items()]
    show_table(("Setting", "Value", "From"), rows)


def _text(value: object) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
