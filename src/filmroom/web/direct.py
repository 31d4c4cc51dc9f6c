"""A request's body straight from its socket, where the server offers that.

The usual way costs a body several copies, and a turn of the event loop for each
piece. Whoever takes it here reads in a thread, until the body's end or until nothing
comes; waiting for more is the loop's again.
"""

from __future__ import annotations

from typing import Protocol

from starlette.types import Scope

EXTENSION = "filmroom.body"
"""Where in a scope's extensions the server puts a `Taking`."""


class DirectBody(Protocol):
    """A body that was taken; `first` came before."""

    first: bytes
    left: int
    """Bytes that are still to come."""

    def read_into(self, space: memoryview) -> int:
        """Put the next bytes there and say how many they are; 0 if nothing came for a moment.

        ConnectionError: the sender is gone. Called from any thread, from one at a time.
        """

    async def more(self) -> None:
        """Wait until something came. ConnectionError: the sender is gone, or was sent away."""

    def give_back(self) -> None:
        """Let the server go on with the connection, past what was not read; in the event loop."""


class Taking(Protocol):
    """What the server offers."""

    def __call__(self) -> DirectBody | None:
        """Take the body over; None where that is not worth it, or not possible."""


def take_body(scope: Scope) -> DirectBody | None:
    """The request's body, if the server lets go of it."""
    taking: Taking | None = scope.get("extensions", {}).get(EXTENSION)
    return taking() if taking else None
