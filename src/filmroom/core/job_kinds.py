"""Jobs that send to peers and fetch from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from filmroom.core import fetching, peers, sending
from filmroom.core.archive import Archive
from filmroom.core.fetching import How
from filmroom.core.outgoing import batches
from filmroom.core.running import Run
from filmroom.errors import Conflict, NotFound
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.job import Progress
from filmroom.model.peer import Peer
from filmroom.model.remote import Tally
from filmroom.model.selection import Selection

Verb = Callable[[Run], Progress]
"""Does a job or what is left of it, telling the run how far it is; raises an ArchiveError or
Later if it ends before."""
MOST_FAILURES = 100
"""UIDs of failed instances that are kept with a job."""


def send(run: Run) -> Progress:
    """Store instances at a peer, but for those that an earlier try has stored there."""
    peer = callable_peer(run.archive, run.arguments["peer"])
    every = instances_of(run.archive, selections_of(run.arguments))
    sent = run.already_sent()
    waiting = _in_order([one for one in every if one.key not in sent], peer)
    earlier = replace(run.progress, done=len(every) - len(waiting), of=len(every))
    told = 0

    def report(tally: Tally) -> None:
        nonlocal told
        failed = set(tally.failures)
        over = waiting[told : tally.done]
        told = tally.done
        run.have_sent(one.key for one in over if one.ref.instance not in failed)
        run.report(_added(earlier, tally))

    run.report(_added(earlier, Tally()))
    report(sending.send(run.archive, peer, waiting, report, run.stopped))
    return run.progress


def _in_order(instances: list[Located], peer: Peer) -> list[Located]:
    """The order in which they are sent: so many are over, the first so many."""
    return [one for batch in batches(instances, peer.syntaxes) for one in batch.instances]


def _added(earlier: Progress, tally: Tally) -> Progress:
    return replace(
        earlier,
        done=earlier.done + tally.completed + tally.warned,
        warned=earlier.warned + tally.warned,
        failed=tally.failed,
        failures=tuple(tally.failures[:MOST_FAILURES]),
        message=tally.message,
    )


def fetch(run: Run) -> Progress:
    """Have a peer send what is selected, but for selections that an earlier try has brought."""
    peer = callable_peer(run.archive, run.arguments["peer"])
    how = How(run.arguments.get("by", How.MOVE))
    brought: list[int] = list(run.job.notes.get("brought", ()))
    done, warned = run.job.notes.get("done", 0), run.job.notes.get("warned", 0)
    total = Progress(done, warned)
    for number, selection in enumerate(selections_of(run.arguments)):
        if number in brought:
            continue
        if run.stopped():
            return replace(run.progress, of=None)
        here = _fetch_one(run, peer, selection, how, total)
        if run.stopped():
            return replace(here, of=None)
        if here.failed == total.failed:
            brought.append(number)
            done += here.done - total.done
            warned += here.warned - total.warned
            run.is_fruitful = True
            run.note({"brought": brought, "done": done, "warned": warned})
        total = here
    return replace(total, of=total.done + total.failed)


def _fetch_one(run: Run, peer: Peer, selection: Selection, how: How, before: Progress) -> Progress:
    """Fetch a selection; how things stand with it added to what was before."""

    def report(tally: Tally) -> None:
        sum_of = before.done + before.failed + tally.done + tally.remaining
        run.report(
            Progress(
                done=before.done + tally.completed + tally.warned,
                warned=before.warned + tally.warned,
                failed=before.failed + tally.failed,
                of=sum_of,
                failures=(*before.failures, *tally.failures)[:MOST_FAILURES],
                message=before.message or tally.message,
            )
        )

    tally = fetching.fetch(run.archive, peer, selection, how, report, run.stopped)
    report(tally)
    if tally.done == 0 and not run.stopped():
        try:
            run.archive.index.select(selection)  # not all nodes count what they send
        except NotFound:
            raise NotFound(f"{peer.name} has sent nothing of {selection}") from None
    return run.progress


def callable_peer(archive: Archive, name: str) -> Peer:
    """The peer of a name, which can be called; NotFound, Conflict if it cannot."""
    peer = peers.get(archive, name)
    if not peer.host:
        raise Conflict(f"peer {name!r} has no host: it calls us, and cannot be called")
    return peer


def selections_of(arguments: Mapping[str, Any]) -> list[Selection]:
    """What a job is about, from its arguments: lists of up to three UIDs; not all are about any."""
    return [Selection(*uids) for uids in arguments.get("selections", ())]


def lists_of(selections: Iterable[Selection]) -> list[list[str]]:
    """The same as arguments of a job."""
    return [
        [uid for uid in (one.study, one.series, one.instance) if uid is not None]
        for one in selections
    ]


def instances_of(archive: Archive, selections: Iterable[Selection]) -> list[Located]:
    """The instances of some selections, each once; NotFound if one of them holds nothing."""
    found: dict[InstanceRef, Located] = {}
    for selection in selections:
        found |= {one.ref: one for one in archive.index.select(selection)}
    return list(found.values())
