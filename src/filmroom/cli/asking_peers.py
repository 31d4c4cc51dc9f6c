"""`filmroom peers echo` and `find`: asking a peer, at once."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
import orjson

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.find import COLUMNS, LEVELS, dates, text_of
from filmroom.cli.options import Given, with_settings
from filmroom.cli.screen import many, show_table, tell
from filmroom.core.job_kinds import callable_peer
from filmroom.core.remote_find import QUESTIONS, find_at
from filmroom.dicom.keywords import tag_of
from filmroom.errors import Malformed

STEP = "00400100"  # Scheduled Procedure Step Sequence
SHOWN: dict[str, tuple[tuple[str, str], ...]] = {
    **{word: COLUMNS[level] for word, level in LEVELS.items()},
    "patient": (
        ("Patient", "00100010"),
        ("ID", "00100020"),
        ("Born", "00100030"),
        ("Sex", "00100040"),
    ),
    "worklist": (
        ("Patient", "00100010"),
        ("ID", "00100020"),
        ("Accession", "00080050"),
        ("Date", f"{STEP}.00400002"),
        ("Time", f"{STEP}.00400003"),
        ("Modality", f"{STEP}.00080060"),
        ("Station", f"{STEP}.00400001"),
        ("Procedure", "00321060"),
        ("Study", "0020000D"),
    ),
}
"""Heading and tag of what a table shows, by what is looked for."""


@click.command()
@click.argument("name")
@with_settings()
def echo(given: Given, name: str) -> None:
    """Ask a peer whether it is there (C-ECHO)."""
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        peer = callable_peer(archive, name)
        begun = time.monotonic()
        archive.remote.echo(peer)
        took = (time.monotonic() - begun) * 1000
    tell(f"{name} answered in {took:.0f} ms.")


@click.command()
@click.argument("name")
@click.argument("filters", nargs=-1, metavar="[KEY=VALUE]…")
@click.option("--level", type=click.Choice(list(QUESTIONS)), default="study", help="What to list.")
@click.option("--limit", type=click.IntRange(min=1), default=100, metavar="N", help="At most.")
@click.option("--json", "as_json", is_flag=True, help="All attributes, as DICOM JSON.")
@with_settings()
def find(
    given: Given, name: str, filters: tuple[str, ...], level: str, limit: int, as_json: bool
) -> None:
    """Search at a peer (C-FIND).

    A filter is an attribute's keyword or tag and a value: wildcards * and ?, ranges of dates as
    20240101-20241231 or 2024-01-01-, lists of UIDs with backslashes. What stands in a sequence
    is named with it.

    \b
    filmroom peers find pacs PatientName='Smith*' StudyDate=2024-
    filmroom peers find pacs --level series StudyInstanceUID=1.2.3
    filmroom peers find ris --level worklist ScheduledProcedureStepSequence.Modality=CT
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    keys = dict(_key(text) for text in filters)
    with open_archive(settings) as archive:
        found = find_at(archive, callable_peer(archive, name), level, keys, limit)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(found.found, option=orjson.OPT_INDENT_2) + b"\n")
    else:
        columns = SHOWN[level]
        rows = [[text_of(_element(match, path)) for _, path in columns] for match in found.found]
        show_table([heading for heading, _ in columns], rows)
    if found.more:
        tell(f"{len(found.found):,}, and more with --limit.")
    elif not found.found:
        tell(f"No {many(2, level).partition(' ')[2]} match.")


def _key(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Malformed(f"{text!r} is not KEY=VALUE")
    _, vr = tag_of(key.rpartition(".")[2])
    return key, dates(value) if vr == "DA" else value


def _element(match: dict[str, Any], path: str) -> dict[str, Any] | None:
    """An element, the first item of a sequence being meant."""
    found: dict[str, Any] | None = match
    *sequences, last = path.split(".")
    for sequence in sequences:
        items = (found or {}).get(sequence, {}).get("Value") or [{}]
        found = items[0]
    return (found or {}).get(last)
