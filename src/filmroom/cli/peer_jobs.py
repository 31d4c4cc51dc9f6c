"""`filmroom peers send`, `fetch`, `commit`: jobs, run here and now or left to the archive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import click

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.options import Given, with_settings
from filmroom.cli.progress import progress
from filmroom.cli.screen import many, tell
from filmroom.cli.selections import SELECTION
from filmroom.core import jobs
from filmroom.core.archive import Archive
from filmroom.core.fetching import How
from filmroom.core.job_kinds import callable_peer, instances_of, lists_of
from filmroom.core.runner import Runner
from filmroom.model.job import Job, JobKind, JobState
from filmroom.model.selection import Selection

SOURCE = "cli"
LOOK = 0.1  # seconds between two looks at a job

DOING = {JobKind.SEND: "Sending", JobKind.FETCH: "Fetching", JobKind.COMMIT: "Asking"}
DONE = {JobKind.SEND: "Sent", JobKind.FETCH: "Fetched", JobKind.COMMIT: "The peer keeps"}


def of_a_job(command: Any) -> Any:  # noqa: ANN401 - as click's decorators
    """The arguments that these commands share."""
    for decorate in (
        click.option("--later", is_flag=True, help="Leave it to the running archive."),
        click.argument(
            "selections",
            type=SELECTION,
            nargs=-1,
            required=True,
            metavar="STUDY[/SERIES[/INSTANCE]]…",
        ),
        click.argument("name"),
    ):
        command = decorate(command)
    return command


@click.command()
@of_a_job
@with_settings()
def send(given: Given, name: str, selections: tuple[Selection, ...], later: bool) -> int:
    """Send studies, series or instances to a peer (C-STORE).

    Ctrl-C leaves what is not sent yet to the running archive.
    """
    return _run(given, JobKind.SEND, name, selections, later)


@click.command()
@of_a_job
@click.option(
    "--by",
    type=click.Choice([how.value for how in How]),
    default=How.MOVE.value,
    help="C-MOVE to this archive, which runs and which the peer knows; or C-GET.",
)
@with_settings()
def fetch(given: Given, name: str, selections: tuple[Selection, ...], later: bool, by: str) -> int:
    """Bring studies, series or instances of a peer here (C-MOVE or C-GET)."""
    return _run(given, JobKind.FETCH, name, selections, later, by=by)


@click.command()
@of_a_job
@with_settings()
def commit(given: Given, name: str, selections: tuple[Selection, ...], later: bool) -> int:
    """Ask a peer whether it keeps instances safely (storage commitment).

    It may take its time to answer, and calls the running archive then.
    """
    return _run(given, JobKind.COMMIT, name, selections, later)


def _run(
    given: Given,
    kind: JobKind,
    name: str,
    selections: tuple[Selection, ...],
    later: bool,
    **more: str,
) -> int:
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    with open_archive(settings) as archive:
        callable_peer(archive, name)
        known = kind is not JobKind.FETCH
        total = len(instances_of(archive, selections)) if known else None
        arguments = {"peer": name, "selections": lists_of(selections), **more}
        job = jobs.start(archive, kind, arguments, SOURCE)
        if later:
            print(job.id)
            return 0
        return _outcome(_followed(archive, job, total))


def _followed(archive: Archive, job: Job, total: int | None) -> Job:
    """The job after a try; whoever is faster runs it, the archive or we."""
    try:
        with Runner(archive, only=job.id):
            for _ in progress(_steps(archive, job), DOING[job.kind], total):
                pass
    except KeyboardInterrupt:
        tell(f"Job {job.id} is left to the running archive; filmroom jobs cancel ends it.")
        raise
    return jobs.get(archive, job.id)


def _steps(archive: Archive, job: Job) -> Iterator[None]:
    """One for each instance that is done, until the job is over or waits for its next try."""
    told = 0
    while True:
        now = jobs.get(archive, job.id)
        for _ in range(now.progress.done - told):
            yield
        told = max(told, now.progress.done)
        waits = now.state is JobState.QUEUED and now.attempts > 0
        if waits or now.state.is_over:
            return
        time.sleep(LOOK)


def _outcome(job: Job) -> int:
    """What became of a job, told; the exit status."""
    if job.progress.done:
        tell(f"{DONE[job.kind]} {many(job.progress.done, 'instance')}.")
    if job.state is JobState.DONE:
        return 0
    if job.progress.failed:
        tell(f"{many(job.progress.failed, 'instance')} failed.")
    if job.progress.message:
        tell(job.progress.message)
    if job.state is JobState.QUEUED:
        tell(f"Job {job.id} is tried again by the running archive.")
    else:
        tell(f"Job {job.id}: {job.state}.")
    return 1
