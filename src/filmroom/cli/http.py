"""The HTTP server: a listening socket, and uvicorn upon it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import anyio.to_thread
import uvicorn

from filmroom.cli import listening
from filmroom.cli.http_limits import WireLimits
from filmroom.cli.http_protocol import bounded
from filmroom.settings import Settings

THREADS = 64  # requests that are worked on at once; each mostly waits for the disk
GRACE = 10  # seconds that requests in flight have to finish in when the server stops
LAST = 60.0  # seconds from the signal to the end, whatever hangs
PROXIES = ["127.0.0.1", "::1"]  # from these X-Forwarded-For and -Proto are believed


def listen(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say; refusals in one line."""
    return listening.listen(settings.host, settings.port, "--port", to_network=settings.insecure)


def url_of(settings: Settings, listener: socket.socket) -> str:
    """The address that a browser on this machine opens."""
    return f"http://{listening.shown(settings.host, listener)}"


class Server(uvicorn.Server):
    """uvicorn, which tells when it accepts and ends without raising the signal again."""

    def __init__(self, config: uvicorn.Config, accepting: Callable[[], None]) -> None:
        super().__init__(config)
        self.accepting = accepting

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept, and say so."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await super().startup(sockets)
        self.accepting()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; what hangs then, such as a dead disk, does not hold us for ever."""
        if not self.should_exit:
            last = threading.Timer(LAST, os._exit, (1,))
            last.daemon = True
            last.start()
        super().handle_exit(sig, frame)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT; a second SIGINT does not wait for anybody."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in STOPPING}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


STOPPING = (signal.SIGTERM, signal.SIGINT)


def server_of(app: Callable[..., Any], settings: Settings, accepting: Callable[[], None]) -> Server:
    """uvicorn with this archive's limits; its `run` takes the listening socket."""
    config = uvicorn.Config(
        app,
        http=bounded(WireLimits.of(settings)),
        ws="none",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=PROXIES,
        backlog=listening.BACKLOG,
        timeout_graceful_shutdown=GRACE,
    )
    return Server(config, accepting)


def run(
    app: Callable[..., Any],
    settings: Settings,
    listener: socket.socket,
    accepting: Callable[[], None],
) -> None:
    """Serve until a signal says stop; requests in flight are finished, within bounds."""
    server_of(app, settings, accepting).run(sockets=[listener])
