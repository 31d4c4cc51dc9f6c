"""Many at once, a few at a time, answers in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    pool: Executor, work: Callable[[T], R], things: Iterable[T], ahead: int
) -> Generator[R, None, None]:
    """`work` done on each of `things` in a pool, at most `ahead` of them begun or waiting."""
    begun: deque[Future[R]] = deque()
    try:
        for thing in things:
            begun.append(pool.submit(work, thing))
            if len(begun) >= ahead:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()
