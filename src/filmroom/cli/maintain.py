"""`filmroom verify`, `sweep` and `reindex`: look after what is kept."""

from __future__ import annotations

import click

from filmroom.app import open_archive, rebuild
from filmroom.cli import logs
from filmroom.cli.memory import collect_seldom
from filmroom.cli.options import Given, with_settings
from filmroom.cli.progress import progress
from filmroom.cli.screen import in_units, many, show_table, tell
from filmroom.cli.selections import SELECTION
from filmroom.core import maintain
from filmroom.core.maintain import Checked, Problem
from filmroom.model.selection import Selection


@click.command()
@click.argument("selection", type=SELECTION, required=False, metavar="[STUDY[/SERIES[/INSTANCE]]]")
@with_settings()
def verify(given: Given, selection: Selection | None) -> int:
    """Read every stored object again and compare it with what was recorded.

    Nothing is changed. The status is 1 if anything is missing or damaged.
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    wrong: list[Checked] = []
    good = size = 0
    with open_archive(settings) as archive:
        total = archive.index.counts().instances if selection is None else None
        for checked in progress(maintain.verify(archive, selection), "Verifying", total):
            if checked.problem is None:
                good += 1
                size += checked.size
            else:
                wrong.append(checked)
    show_table(("Problem", "Instance or blob", "Detail"), [_row(checked) for checked in wrong])
    tell(f"{many(good, 'object')} ({in_units(size)}) as they were stored.")
    bad = [checked for checked in wrong if checked.problem is not Problem.ORPHAN]
    if len(wrong) > len(bad):
        tell(f"{many(len(wrong) - len(bad), 'orphan')}; filmroom sweep takes them away.")
    if bad:
        tell(f"{many(len(bad), 'object')} missing or damaged.")
    return 1 if bad else 0


def _row(checked: Checked) -> tuple[str, str, str]:
    ref = checked.ref
    name = f"{ref.study}/{ref.series}/{ref.instance}" if ref else checked.key
    return str(checked.problem), name, checked.detail


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@with_settings()
def sweep(given: Given, dry_run: bool) -> None:
    """Take away what a crash left behind, and the bytes of deleted instances that are due."""
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        swept = maintain.sweep(archive, dry_run=dry_run)
    for blob in swept.orphans:
        print(blob.key)
    done = "Would remove" if dry_run else "Removed"
    orphans = many(len(swept.orphans), "orphan")
    deleted = many(swept.purged, "deleted object")
    tell(f"{done} {orphans} ({in_units(swept.size)}) and {deleted}.")


@click.command()
@with_settings()
def reindex(given: Given) -> int:
    """Build the index anew from the stored objects alone.

    No server and no other command may have the archive open. The status is 1 if an
    object could not be read; it stays where it is.
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    good = bad = 0
    collect_seldom()
    for seen in progress(rebuild(settings), "Reindexing"):
        if seen.problem:
            bad += 1
            tell(f"left out {seen.key}: {seen.problem}")
        else:
            good += 1
    tell(f"The new index holds {many(good, 'object')}; {bad:,} could not be read.")
    return 1 if bad else 0
