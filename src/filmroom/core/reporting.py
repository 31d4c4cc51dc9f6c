"""Telling who asked for a storage commitment, on an association of ours (PS3.4 §J.3.3): a job."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from filmroom.core import commitment
from filmroom.core.job_kinds import callable_peer
from filmroom.core.running import Later, Run
from filmroom.errors import Conflict, NotFound
from filmroom.model.job import Progress

AGAIN = 5.0  # seconds until a look is taken whether somebody else has told it


def report(run: Run) -> Progress:
    """Tell it, unless that was done on the asker's own association."""
    archive, key = run.archive, run.arguments["commitment"]
    peer = callable_peer(archive, run.arguments["peer"])
    try:
        claimed = commitment.claim(archive, key)
    except Conflict as error:
        raise Later(AGAIN, replace(run.progress, message=str(error))) from None
    except NotFound:
        claimed = None  # forgotten: nobody waits for it any more
    if claimed is None:
        return run.progress
    judged, what, operation = commitment.judge(archive, claimed)
    told = False
    try:
        archive.remote.perform(replace(peer, calling=peer.calling or what.called), operation)
        told = True
    finally:
        with suppress(Conflict, NotFound):  # it took so long that somebody else tells it too
            (commitment.told if told else commitment.release)(archive, judged)
    return Progress(done=len(what.references), of=len(what.references))
