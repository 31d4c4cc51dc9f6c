"""What one connection may take, and for how long we were the ones who did not listen."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from uvicorn.protocols.http.flow_control import FlowControl

from filmroom.settings import Settings


@dataclass(frozen=True, slots=True)
class WireLimits:
    """What one connection may take."""

    header_bytes: int
    headers: int
    target: int
    """Bytes of a request's target."""
    header_timeout: float
    """Seconds from a request's first byte, or the connection's start, to its last header."""
    body_rate: int
    """Bytes a second."""
    body_window: float
    """Seconds over which the rate is measured."""
    keep_alive: float
    """Seconds without anything said in either direction."""

    @classmethod
    def of(cls, settings: Settings) -> WireLimits:
        """The limits that the settings name."""
        return cls(
            header_bytes=settings.max_header_bytes,
            headers=settings.max_headers,
            target=settings.max_request_line,
            header_timeout=settings.header_timeout,
            body_rate=settings.body_rate,
            body_window=settings.body_rate_window,
            keep_alive=settings.keep_alive,
        )


class TimedFlow(FlowControl):
    """Flow control that knows for how long reading was paused."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(transport)
        self._loop = loop
        self._since = 0.0
        self._total = 0.0

    def pause_reading(self) -> None:
        """Stop reading, and look at the clock."""
        if not self.read_paused:
            self._since = self._loop.time()
        super().pause_reading()

    def resume_reading(self) -> None:
        """Read on."""
        if self.read_paused:
            self._total += self._loop.time() - self._since
        super().resume_reading()

    def paused(self) -> float:
        """Seconds so far in which nothing was read."""
        return self._total + (self._loop.time() - self._since if self.read_paused else 0.0)
