"""Failures that are remembered: for a while, a bounded number of them, and no others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from filmroom.core.failures import Failures
from filmroom.errors import Busy, Undecodable


class Making:
    """Something that fails, and counts how often."""

    def __init__(self, error: Exception | None) -> None:
        self.error, self.count = error, 0

    def __call__(self) -> str:
        self.count += 1
        if self.error:
            raise self.error
        return "made"


def outcome(work: Callable[[], str]) -> str:
    try:
        return work()
    except (Undecodable, Busy) as error:
        return str(error)


def test_what_failed_is_not_tried_again() -> None:
    failures, making = Failures(), Making(Undecodable("too long"))

    told = [outcome(lambda: failures.unless_failed("a", "frame 1", making)) for _ in range(3)]

    assert told == ["too long"] * 3
    assert making.count == 1


@pytest.mark.parametrize(("key", "name"), [("b", "frame 1"), ("a", "frame 2")])
def test_another_frame_is_tried(key: str, name: str) -> None:
    failures, making = Failures(), Making(Undecodable("damaged"))

    outcome(lambda: failures.unless_failed("a", "frame 1", making))
    outcome(lambda: failures.unless_failed(key, name, making))

    assert making.count == 2


@pytest.mark.parametrize("error", [None, Busy("too many")])
def test_what_went_well_or_may_go_well_next_time_is_not_remembered(
    error: Exception | None,
) -> None:
    failures, making = Failures(), Making(error)

    for _ in range(2):
        outcome(lambda: failures.unless_failed("a", "frame 1", making))

    assert (making.count, len(failures)) == (2, 0)


def test_after_a_while_it_is_tried_again() -> None:
    failures, making = Failures(seconds=0.0), Making(Undecodable("too long"))

    for _ in range(2):
        outcome(lambda: failures.unless_failed("a", "frame 1", making))

    assert making.count == 2


def test_the_oldest_are_forgotten() -> None:
    failures, making = Failures(most=2), Making(Undecodable("damaged"))
    for key in "abc":
        outcome(lambda key=key: failures.unless_failed(key, "frame 1", making))  # type: ignore[misc]

    outcome(lambda: failures.unless_failed("c", "frame 1", making))
    assert (making.count, len(failures)) == (3, 2)
    outcome(lambda: failures.unless_failed("a", "frame 1", making))
    assert making.count == 4
