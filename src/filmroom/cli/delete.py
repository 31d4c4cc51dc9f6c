"""`filmroom delete`: forget a study, a series or an instance."""

from __future__ import annotations

import click

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.options import Given, with_settings
from filmroom.cli.screen import many, tell
from filmroom.cli.selections import SELECTION
from filmroom.core.delete import delete as delete_instances
from filmroom.model.selection import Selection

SOURCE = "cli"


@click.command()
@click.argument("selection", type=SELECTION, metavar="STUDY[/SERIES[/INSTANCE]]")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_settings()
def delete(given: Given, selection: Selection, yes: bool) -> int:
    """Delete a study, series or instance.

    It is gone from searches at once; its bytes go from the disk after `purge_grace` hours.
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        held = len(archive.index.select(selection))
        if not (yes or _agreed(f"Delete {many(held, 'instance')} of {selection}?")):
            tell("Nothing deleted.")
            return 1
        gone = delete_instances(archive, selection, SOURCE)
    tell(f"Deleted {many(gone, 'instance')}.")
    return 0


def _agreed(question: str) -> bool:
    try:
        return click.confirm(question, err=True)
    except click.Abort:  # nobody there to answer
        tell("")
        return False
