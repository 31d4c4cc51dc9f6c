"""Frames that could not be made, remembered: one that hangs its decoder does so once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from filmroom.errors import Undecodable

MOST = 10_000
"""Failures that are remembered, by one process."""
SECONDS = 600.0
"""How long: a machine that had too much to do may have been what failed."""

T = TypeVar("T")


class Failures:
    """What failed of which blob, for a while; may be used by several threads.

    It is forgotten with the process, so that another version's decoders are tried.
    """

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._lock = threading.Lock()
        self._told: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._told)

    def unless_failed(self, key: str, name: str, make: Callable[[], T]) -> T:
        """What `make` gives; Undecodable at once if it raised that lately, by this key and name."""
        told = self._remembered(key, name)
        if told is not None:
            raise Undecodable(told)
        try:
            return make()
        except Undecodable as error:
            self._remember(key, name, str(error))
            raise

    def _remembered(self, key: str, name: str) -> str | None:
        with self._lock:
            told, until = self._told.get((key, name), (None, 0.0))
            if told is not None and until <= time.monotonic():
                del self._told[key, name]
                return None
            return told

    def _remember(self, key: str, name: str, told: str) -> None:
        with self._lock:
            self._told.pop((key, name), None)
            self._told[key, name] = told, time.monotonic() + self._seconds
            while len(self._told) > self._most:
                self._told.popitem(last=False)
