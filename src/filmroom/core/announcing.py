"""Telling peers which instances of a study can be retrieved (PS3.4 Annex R, as SCU).

The change feed says which studies get instances; a study that has had none for
`availability_after` seconds is announced by a job to each of `availability_peers`. How far the
feed was read, and which studies wait, are records: a restart announces nothing twice and
forgets nothing.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Self

from filmroom.core import jobs, steps
from filmroom.core.archive import Archive
from filmroom.core.forgetting import forget
from filmroom.core.job_kinds import callable_peer
from filmroom.core.running import Run
from filmroom.errors import ArchiveError, Conflict, Declined, NotFound
from filmroom.model.change import Action, Change
from filmroom.model.commitment import INSTANCE, KEPT, SOP_CLASS
from filmroom.model.instance import Attributes, Located
from filmroom.model.job import JobKind, Progress
from filmroom.model.records import Record
from filmroom.model.remote import Operation, Verb
from filmroom.model.selection import Selection

AVAILABILITY_NOTIFICATION = "1.2.840.10008.5.1.4.33"
PERFORMED_STEP = "1.2.840.10008.3.1.2.3.3"
FEED, POSITION = "availability-feed", "position"
WAITING = "availability-due"
"""Studies that are to be announced when they are due."""
PAGE = 1000
TICK = 2.0  # seconds between two looks at the feed
FORGETTING = 3600.0  # seconds between two rounds of forgetting
DUPLICATE = 0x0111
_NEWS = frozenset({Action.STORED, Action.REPLACED, Action.RESTORED})

log = logging.getLogger(__name__)


class Announcer:
    """A thread that looks at the feed until it is left, and forgets what is over."""

    def __init__(self, archive: Archive, tick: float = TICK) -> None:
        self._archive = archive
        self._tick = tick
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        forgotten = time.monotonic()
        while not self._stopping.wait(self._tick):
            try:
                look(self._archive)
                if time.monotonic() - forgotten >= FORGETTING:
                    forgotten = time.monotonic()
                    forget(self._archive, time.time())
            except ArchiveError as problem:  # the next round may do better
                log.warning("studies are not announced", extra={"reason": str(problem)})
            except Exception:
                log.exception("studies are not announced")


def look(archive: Archive, now: float | None = None) -> int:
    """Read the feed on, and start the jobs of studies that are due; how many jobs."""
    if not archive.settings.availability_peers:
        return 0
    with suppress(Conflict):  # another process reads it too
        while _read_on(archive):
            pass
    return _start_due(archive, time.time() if now is None else now)


def announce(run: Run) -> Progress:
    """Tell a peer what a study holds now; that it is empty by now is told to nobody."""
    archive, study = run.archive, run.arguments["selections"][0][0]
    peer = callable_peer(archive, run.arguments["peer"])
    instance = run.job.notes.get("instance")
    if instance is None:
        instance = f"2.25.{uuid.uuid4().int}"
        run.note({"instance": instance})
    try:
        located = archive.index.select(Selection(study))
    except NotFound:
        return Progress(of=0)
    told = notification(archive, study, located)
    operation = Operation(Verb.CREATE, AVAILABILITY_NOTIFICATION, instance, attributes=told)
    try:
        archive.remote.perform(peer, operation)
    except Declined as refusal:
        if refusal.status != DUPLICATE:  # then an earlier try has come through
            raise
    return Progress(done=len(located), of=len(located))


def notification(archive: Archive, study: str, located: Iterable[Located]) -> Attributes:
    """Instance Availability Notification (PS3.3 §B.29, PS3.4 Table R.3.2.1-1)."""
    series: dict[str, list[Attributes]] = {}
    for one in located:
        series.setdefault(one.ref.series, []).append(
            {
                SOP_CLASS: _uid(one.sop_class),
                INSTANCE: _uid(one.ref.instance),
                "00080056": {"vr": "CS", "Value": ["ONLINE"]},
                "00080054": {"vr": "AE", "Value": [archive.settings.aet]},
            }
        )
    performed = [
        {
            SOP_CLASS: _uid(PERFORMED_STEP),
            INSTANCE: _uid(step.instance),
            "00404019": {"vr": "SQ"},
        }
        for step in steps.of_study(archive, study)
    ]
    return {
        "00081111": {"vr": "SQ", "Value": performed},
        "00081115": {
            "vr": "SQ",
            "Value": [
                {"0020000E": _uid(uid), KEPT: {"vr": "SQ", "Value": instances}}
                for uid, instances in series.items()
            ],
        },
        "0020000D": _uid(study),
    }


def _read_on(archive: Archive) -> bool:
    """Note the studies of the next page of the feed; whether there was one."""
    try:
        position = archive.records.get(FEED, POSITION)
    except NotFound:
        # What was stored before anybody was to be told is not announced.
        archive.records.put(Record(FEED, POSITION, {"since": _last(archive)}))
        return False
    lines = archive.index.changes(position.value["since"], PAGE)
    if not lines:
        return False
    latest = {line.ref.study: line for line in lines if line.action in _NEWS}
    for line in latest.values():
        _wait(archive, line)
    archive.records.put(replace(position, value={"since": lines[-1].sequence}))
    return True


def _wait(archive: Archive, line: Change) -> None:
    due = line.at + archive.settings.availability_after
    try:
        version = archive.records.get(WAITING, line.ref.study).version
    except NotFound:
        version = 0
    archive.records.put(Record(WAITING, line.ref.study, {}, due=due, version=version))


def _last(archive: Archive) -> int:
    """The feed's last sequence number, 0 if it is empty; there are no gaps."""
    low, high = 0, 1
    while archive.index.changes(high - 1, 1):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if archive.index.changes(middle - 1, 1) else (low, middle)
    return low


def _start_due(archive: Archive, now: float) -> int:
    started = 0
    while page := archive.records.list(WAITING, due=now, limit=PAGE):
        for record in page:
            for peer in archive.settings.availability_peers:
                arguments = {"peer": peer, "selections": [[record.key]]}
                jobs.start(archive, JobKind.ANNOUNCE, arguments, "availability")
                started += 1
            archive.records.remove(WAITING, record.key)
    return started


def _uid(value: str) -> Attributes:
    return {"vr": "UI", "Value": [value]}
