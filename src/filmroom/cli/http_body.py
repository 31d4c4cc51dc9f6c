"""The rest of a request's body, read from the socket by the thread that needs it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import time
from collections.abc import Callable

MOMENT = 20  # milliseconds that a thread waits for more before it leaves that to the event loop


class SocketBody:
    """See `filmroom.web.direct.DirectBody`; `over` is called once, in the event loop."""

    def __init__(
        self,
        fd: int,
        first: bytes,
        left: int,
        loop: asyncio.AbstractEventLoop,
        over: Callable[[int], None],
    ) -> None:
        self.first = first
        self.left = left
        self.received = 0  # bytes
        self._socket = socket.socket(fileno=os.dup(fd))
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._loop = loop
        self._over: Callable[[int], None] | None = over
        self._waiter: asyncio.Future[None] | None = None
        self._waited = 0.0  # seconds
        self._since = 0.0
        self._begun = time.monotonic()
        self._gone = False

    def read_into(self, space: memoryview) -> int:
        """Put the next bytes there and say how many they are; 0 if nothing came for a moment."""
        if not self.left:
            return 0
        with contextlib.suppress(BlockingIOError):
            return self._receive(space)
        self._since = time.monotonic()
        came = self._poll.poll(MOMENT)
        self._heard()
        with contextlib.suppress(BlockingIOError):
            return self._receive(space) if came else 0
        return 0

    def _receive(self, space: memoryview) -> int:
        if self._gone:
            raise ConnectionResetError
        room = min(self.left, len(space))
        count = self._socket.recv_into(space, room, socket.MSG_DONTWAIT)
        if not count:
            raise ConnectionResetError
        self.left -= count
        self.received += count
        return count

    async def more(self) -> None:
        """Wait until something came."""
        if self._gone:
            raise ConnectionResetError
        self._waiter = self._loop.create_future()
        self._since = time.monotonic()
        self._loop.add_reader(self._socket.fileno(), self._wake)
        try:
            await self._waiter
        finally:
            self._loop.remove_reader(self._socket.fileno())
            self._waiter = None
            self._heard()
        if self._gone:
            raise ConnectionResetError

    def give_back(self) -> None:
        """Let the protocol go on."""
        over, self._over = self._over, None
        if over is not None:
            over(self.left)

    def send_away(self) -> None:
        """The connection is lost, or the sender was refused: nothing more is to be read."""
        self._gone = True
        self._wake()

    def paused(self) -> float:
        """Seconds in which nobody listened, since the body was taken."""
        now = time.monotonic()
        return now - self._begun - self._waited - (now - self._since if self._since else 0.0)

    def _heard(self) -> None:
        self._waited += time.monotonic() - self._since
        self._since = 0.0

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __del__(self) -> None:
        # Not before the last thread is out of `read`: another file might get the number.
        self._socket.close()
