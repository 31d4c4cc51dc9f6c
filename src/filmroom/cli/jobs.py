"""`filmroom jobs`: what is sent, fetched and asked for, and how far that is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click
import orjson

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.options import Given, with_settings
from filmroom.cli.screen import printable, show_table, tell
from filmroom.core import jobs as verbs
from filmroom.core.archive import Archive
from filmroom.model.job import Job, JobState
from filmroom.web.jobs import MOST, job_out

HEADINGS = ("Job", "What", "Peer", "State", "Done", "Failed", "Asked for", "Message")


@click.group()
def jobs() -> None:
    """What is sent to peers, fetched from them and asked of them, and how far that is."""


@jobs.command("list")
@click.option("--state", type=click.Choice([state.value for state in JobState]), help="Only those.")
@click.option("--limit", type=click.IntRange(1, MOST), default=100, metavar="N", help="At most.")
@click.option("--json", "as_json", is_flag=True, help="All that is known, as JSON.")
@with_settings()
def list_jobs(given: Given, state: str | None, limit: int, as_json: bool) -> None:
    """List jobs, the newest first."""
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        found = verbs.newest(archive, JobState(state) if state else None, limit=limit)
    if as_json:
        _write([job_out(job).model_dump(mode="json") for job in found])
        return
    show_table(HEADINGS, [_row(job) for job in found])
    if not found:
        tell("No jobs.")


def _row(job: Job) -> tuple[str, ...]:
    progress = job.progress
    return (
        job.id,
        job.kind.value,
        str(job.arguments.get("peer", "")),
        "cancelling" if job.cancelling else job.state.value,
        f"{progress.done:,}" + (f"/{progress.of:,}" if progress.of is not None else ""),
        f"{progress.failed:,}",
        f"{datetime.fromtimestamp(job.created, UTC):%Y-%m-%d %H:%M:%S}Z",
        progress.message,
    )


@jobs.command()
@click.argument("job")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@with_settings()
def show(given: Given, job: str, as_json: bool) -> None:
    """Show all that is known of a job."""
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        known = job_out(verbs.get(archive, job)).model_dump(mode="json")
    if as_json:
        _write(known)
        return
    for name, value in known.items():
        for line in _lines(value):
            print(f"{name}\t{printable(line)}")


@jobs.command()
@click.argument("job", nargs=-1, required=True, metavar="JOB…")
@with_settings()
def cancel(given: Given, job: tuple[str, ...]) -> None:
    """End jobs; one that runs ends at its next instance."""
    _each(given, job, verbs.cancel)


@jobs.command()
@click.argument("job", nargs=-1, required=True, metavar="JOB…")
@with_settings()
def retry(given: Given, job: tuple[str, ...]) -> None:
    """Try jobs again that failed, were cancelled or wait; the running archive does it."""
    _each(given, job, verbs.retry)


def _each(given: Given, names: tuple[str, ...], verb: Callable[[Archive, str], Job]) -> None:
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        for name in names:
            job = verb(archive, name)
            tell(f"{name}: {'cancelling' if job.cancelling else job.state}.")


def _lines(value: object) -> list[str]:
    """A value as lines: of a list, one for each."""
    if isinstance(value, list):
        return [_line(one) for one in value]
    return [_line(value)]


def _line(value: object) -> str:
    if isinstance(value, dict):
        return "/".join(str(part) for part in value.values() if part)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _write(value: Any) -> None:  # noqa: ANN401 - what JSON can hold
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
