"""What a running server does now and then: erase what was deleted, find litter."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Self

from filmroom.core.archive import Archive
from filmroom.core.delete import purge
from filmroom.core.maintain import sweep
from filmroom.errors import ArchiveError

EVERY = 3600.0  # seconds between two rounds
SWEEP_EVERY = 24 * 3600.0  # seconds between two searches of the whole storage
GRACE = 5.0  # seconds that a round has to finish in when the server stops
FIRST_AFTER = 60.0  # seconds: start-up has better things to do

log = logging.getLogger(__name__)


class Upkeep:
    """A thread that works until it is left; one process of a server has it."""

    def __init__(
        self, archive: Archive, *, first_after: float = FIRST_AFTER, every: float = EVERY
    ) -> None:
        self.archive = archive
        self.first_after = first_after
        self.every = every
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join(timeout=GRACE)

    def _run(self) -> None:
        swept = float("-inf")
        wait = self.first_after
        while not self._stopping.wait(wait):
            wait = self.every
            try:
                purge(self.archive)
                self.archive.derived.trim()
                if time.monotonic() - swept >= SWEEP_EVERY:
                    swept = time.monotonic()
                    sweep(self.archive)
            except ArchiveError as error:
                # The next round may do better; the server goes on.
                log.warning("upkeep failed", extra={"reason": str(error)})
