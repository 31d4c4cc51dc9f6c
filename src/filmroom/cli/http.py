"""The HTTP server: a listening socket, and uvicorn upon it."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import anyio.to_thread
import uvicorn

from filmroom.cli.http_limits import WireLimits
from filmroom.cli.http_protocol import bounded
from filmroom.errors import Broken, Forbidden
from filmroom.settings import Settings

BACKLOG = 2048  # connections that wait to be accepted; the kernel may allow fewer
THREADS = 64  # requests that are worked on at once; each mostly waits for the disk
GRACE = 10  # seconds that requests in flight have to finish in when the server stops
LAST = 60.0  # seconds from the signal to the end, whatever hangs
PROXIES = ["127.0.0.1", "::1"]  # from these X-Forwarded-For and -Proto are believed


def listen(settings: Settings) -> socket.socket:
    """A socket that listens where the settings say; refusals in one line."""
    host = settings.host
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", settings.port, type=socket.SOCK_STREAM)  # noqa: S104
    except (OSError, UnicodeError):
        raise Broken(f"host {host} has no address") from None
    family, kind, protocol, _, address = found[0]
    if not (settings.insecure or ipaddress.ip_address(address[0]).is_loopback):
        raise Forbidden(
            f"refusing to listen on {host}: there is no authentication yet, so whoever reaches"
            " the port could read and delete everything; --insecure does it all the same"
        )
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise Broken(_cannot_listen(settings, error)) from None
    return listening


def _cannot_listen(settings: Settings, error: OSError) -> str:
    where = f"port {settings.port} on {settings.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use; choose another with --port, or any free one with --port 0"
    return f"cannot listen on {where}: {error.strerror}"


def url_of(settings: Settings, listening: socket.socket) -> str:
    """The address that a browser on this machine opens."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listening.getsockname()[1]}"


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
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE,
    )
    return Server(config, accepting)


def run(
    app: Callable[..., Any],
    settings: Settings,
    listening: socket.socket,
    accepting: Callable[[], None],
) -> None:
    """Serve until a signal says stop; requests in flight are finished, within bounds."""
    server_of(app, settings, accepting).run(sockets=[listening])
