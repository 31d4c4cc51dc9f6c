"""Work done before it is asked for: in one thread, the newest first, dropped when outdated."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable

from filmroom.errors import ArchiveError

MOST = 16  # names for which something waits

log = logging.getLogger(__name__)


class Ahead:
    """A thread that runs while there is something to do, and ends with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Iterable[object]] = OrderedDict()
        self._running = False

    def ask(self, name: str, steps: Iterable[object]) -> None:
        """Have steps done one by one; they take the place of those asked before by this name."""
        with self._lock:
            self._waiting.pop(name, None)
            self._waiting[name] = steps
            if len(self._waiting) > MOST:
                self._waiting.popitem(last=False)
            starts, self._running = not self._running, True
        if starts:
            threading.Thread(target=self._run, name="ahead", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                self._running = bool(self._waiting)
                if not self._running:
                    return
                name, steps = self._waiting.popitem()
            try:
                for _ in steps:
                    if name in self._waiting:
                        break
            except ArchiveError as error:  # whoever really asks will hear of it
                log.debug("nothing ahead", extra={"reason": type(error).__name__})
            except Exception as error:  # a fault of ours must not end what others asked for
                log.warning("failed ahead", extra={"error": type(error).__name__})
