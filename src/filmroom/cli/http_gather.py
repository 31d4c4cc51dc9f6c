"""Writes of one turn of the event loop, handed to the kernel together."""

from __future__ import annotations

import asyncio
from typing import Any

ENOUGH = 1 << 20  # bytes that are not held back longer


class GatheringTransport:
    """A transport that holds what is written until the loop's next turn.

    An answer's head, its parts' heads and their bytes are written one by one; each write alone
    would be a call of the kernel, and would wake the reader for a few bytes.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Write soon."""
        if not data:
            return
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size >= ENOUGH:
            self.flush()

    def flush(self) -> None:
        """Write now what is held."""
        if self._held:
            held, self._held, self._size = self._held, [], 0
            self._transport.writelines(held)

    def close(self) -> None:
        """Close when all is written."""
        self.flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Say that no more is written."""
        self.flush()
        self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._size + self._transport.get_write_buffer_size()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - all else is the transport's
        return getattr(self._transport, name)
