"""Single flight: what several threads want at the same time is made by one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Flight(Generic[T]):
    """One making, under way or just over."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.made: list[T] = []
        self.error: BaseException | None = None


class Flights(Generic[T]):
    """What is being made now, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, _Flight[T]] = {}

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, from whoever began first; what it raises is raised to all."""
        with self._lock:
            flight = self._under_way.get(name)
            leads = flight is None
            if flight is None:
                flight = self._under_way[name] = _Flight()
        if leads:
            return self._lead(name, flight, make)
        flight.over.wait()
        if flight.error is not None:
            raise flight.error
        return flight.made[0]

    def _lead(self, name: Hashable, flight: _Flight[T], make: Callable[[], T]) -> T:
        try:
            flight.made.append(make())
        except BaseException as error:
            flight.error = error
            raise
        finally:
            with self._lock:
                del self._under_way[name]
            flight.over.set()
        return flight.made[0]
