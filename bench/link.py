"""A slow link: a proxy on loopback that lets so many bits a second through."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from peers import Server, free_port

PIECE = 4096  # bytes


@contextmanager
def slow_link(server: Server, bits: float) -> Iterator[Server]:
    """The same server behind a link of `bits` a second; one connection at a time."""
    port = free_port()
    with socket.create_server((server.host, port)) as listening:
        threading.Thread(target=_serve, args=(listening, server, bits), daemon=True).start()
        yield Server(server.name, server.host, port, server.pid)


def _serve(listening: socket.socket, server: Server, bits: float) -> None:
    with suppress(OSError):
        while True:
            near, _ = listening.accept()
            far = socket.create_connection((server.host, server.port))
            threading.Thread(target=_pass_on, args=(near, far, None), daemon=True).start()
            threading.Thread(target=_pass_on, args=(far, near, bits / 8), daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket, rate: float | None) -> None:
    """Copy until the end, at most `rate` bytes a second."""
    due = time.monotonic()
    with suppress(OSError), source, sink:
        while data := source.recv(PIECE):
            if rate is not None:
                due = max(due, time.monotonic()) + len(data) / rate
                time.sleep(max(due - time.monotonic(), 0))
            sink.sendall(data)
