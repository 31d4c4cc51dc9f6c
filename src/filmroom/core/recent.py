"""What was read last, so that a frame costs no parsing; blobs never change, nor what they say."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """Values by key, the one used last never among those that go.

    `room` bounds their weights' sum; one that weighs more is kept alone. May be used by
    several threads, which may then read the same twice.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._used = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[T, int]] = OrderedDict()

    def at_hand(self, key: str) -> T | None:
        """The value of a key if it is kept."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def get_or_read(self, key: str, read: Callable[[], tuple[T, int]]) -> T:
        """The value of a key; `read` gives it and its weight."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
        value, weight = read()
        with self._lock:
            self._used += weight - self._kept.pop(key, (value, 0))[1]
            self._kept[key] = value, weight
            while self._used > self._room and len(self._kept) > 1:
                self._used -= self._kept.popitem(last=False)[1][1]
        return value
