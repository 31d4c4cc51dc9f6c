"""Records: small documents that are not in any blob, such as peers, jobs and worklist items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Record:
    """One document."""

    kind: str
    """What it is: `peer`, `job`, `worklist`, …"""
    key: str
    """Its own among those of its kind."""
    value: Mapping[str, Any]
    """What JSON can hold."""
    state: str = ""
    """What it waits for, where that is looked for: `queued`, `running`, …"""
    due: float | None = None
    """When it is to be looked at again, seconds since the epoch."""
    version: int = 0
    """Grows with each change, also over removal; 0 is not there yet."""


class Records(Protocol):
    """Where records are kept, durably; every method may be called from any thread and process."""

    def get(self, kind: str, key: str) -> Record:
        """One; NotFound if there is none."""

    def put(self, record: Record) -> Record:
        """Write it in place of the one of its version, and give it with its new version.

        Raises Conflict if there is one of another version, or none any more: somebody else
        was faster.
        """

    def remove(self, kind: str, key: str) -> bool:
        """Forget it; whether it was there."""

    def list(
        self,
        kind: str,
        *,
        state: str | None = None,
        due: float | None = None,
        after: str = "",
        limit: int = 1000,
        backwards: bool = False,
    ) -> list[Record]:
        """Those of a kind by key: in a state, due by then, with greater keys than `after`.

        `backwards`: from the greatest key down, with smaller ones than `after`, if that is given.
        """

    def kinds(self) -> Sequence[str]:
        """The kinds that there are any of."""
