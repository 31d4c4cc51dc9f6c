"""`filmroom demo`: synthetic studies, so that there is something to look at."""

from __future__ import annotations

from pathlib import Path

import click

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.options import Given, with_settings
from filmroom.cli.screen import many, tell
from filmroom.demo.studies import store_all, write_all
from filmroom.model.stored import Outcome


@click.command()
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write files there instead of storing them.",
)
@with_settings()
def demo(given: Given, folder: Path | None) -> None:
    """Put a few synthetic studies into the archive.

    A CT of the chest with a segmentation and a measurement, an echocardiogram, a
    radiograph with a report. Nobody's: a program draws them. Again changes nothing.
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    if folder is not None:
        tell(f"Wrote {many(write_all(folder), 'file')} to {folder}.")
        return
    with open_archive(settings) as archive:
        stored = store_all(archive)
    new = sum(one.outcome is Outcome.NEW for one in stored)
    studies = len({one.ref.study for one in stored})
    tell(f"{many(studies, 'demo study')}: {many(new, 'new instance')} of {len(stored)}.")
