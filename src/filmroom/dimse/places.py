"""Who is connected: counted, limited, and ended when the door closes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from contextlib import suppress

from filmroom.association.pdus import Abort, encode

ABORT = encode(Abort())


class Guest:
    """A connection, and the thread that serves it."""

    def __init__(self, sock: socket.socket, address: str) -> None:
        self.sock = sock
        self.address = address
        self.thread: threading.Thread | None = None
        self.at_work = threading.Lock()
        """Held while a message is served."""
        self.is_associated = False

    def shut(self) -> None:
        """Let whoever waits for the peer find the connection closed; from any thread."""
        with suppress(OSError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # of TLS too, which goes on reading

    def end(self, patience: float) -> None:
        """Abort the association, a message under way being given `patience` seconds to end."""
        at_rest = self.is_associated and self.at_work.acquire(timeout=patience)
        if at_rest and not isinstance(self.sock, ssl.SSLSocket):  # for one thread at a time
            with suppress(OSError):
                self.sock.settimeout(0)
                self.sock.sendall(ABORT)
            self.shut()
            self.at_work.release()  # for a message that had come: it finds the connection closed
        self.shut()


class Places:
    """The connections of a door."""

    def __init__(self, associations: int, per_address: int, half_open: int) -> None:
        self._limits = associations, per_address, half_open
        self._lock = threading.Lock()
        self._half_open: dict[Guest, None] = {}  # the oldest first
        self._associated: set[Guest] = set()
        self._addresses: Counter[str] = Counter()

    def come(self, guest: Guest) -> None:
        """A peer has connected; with too many half open, the oldest has to go."""
        with self._lock:
            oldest = next(iter(self._half_open), None)
            full = len(self._half_open) >= self._limits[2]
            if full and oldest is not None:
                del self._half_open[oldest]
                oldest.shut()
            self._half_open[guest] = None

    def take(self, guest: Guest) -> bool:
        """Whether there is room for the association that a connection asks for."""
        associations, per_address, _ = self._limits
        with self._lock:
            if len(self._associated) >= associations:
                return False
            if self._addresses[guest.address] >= per_address:
                return False
            self._half_open.pop(guest, None)
            self._associated.add(guest)
            self._addresses[guest.address] += 1
            guest.is_associated = True
            return True

    def leave(self, guest: Guest) -> None:
        """A connection is closed."""
        with self._lock:
            self._half_open.pop(guest, None)
            if guest in self._associated:
                self._associated.remove(guest)
                self._addresses -= Counter((guest.address,))

    def everybody(self) -> list[Guest]:
        """All connections."""
        with self._lock:
            return [*self._half_open, *self._associated]
