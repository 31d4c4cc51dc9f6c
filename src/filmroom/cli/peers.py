"""`filmroom peers`: other archives and modalities, when there is a DIMSE door to reach them by."""

from __future__ import annotations

import click

from filmroom.errors import Unsupported


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def peers(arguments: tuple[str, ...]) -> None:
    """Other DICOM nodes (not in this version)."""
    raise Unsupported("this version has no DIMSE door yet, and so no peers")
