"""Sockets that listen, opened before anything else; refusals in one line."""

from __future__ import annotations

import errno
import ipaddress
import socket

from filmroom.errors import Broken, Forbidden

BACKLOG = 2048  # connections that wait to be accepted; the kernel may allow fewer


def listen(host: str, port: int, flag: str, *, to_network: bool) -> socket.socket:
    """A socket that listens on a host's first address; `flag` is the one that names the port.

    Forbidden unless that is a loopback address or it may listen `to_network`.
    """
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)  # noqa: S104
    except (OSError, UnicodeError):
        raise Broken(f"host {host} has no address") from None
    family, kind, protocol, _, address = found[0]
    if not (to_network or ipaddress.ip_address(address[0]).is_loopback):
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
        raise Broken(_cannot_listen(host, port, flag, error)) from None
    return listening


def shown(host: str, listening: socket.socket) -> str:
    """The host and port of a listening socket, as an address has them."""
    name = f"[{host}]" if ":" in host else host
    return f"{name}:{listening.getsockname()[1]}"


def _cannot_listen(host: str, port: int, flag: str, error: OSError) -> str:
    where = f"port {port} on {host}"
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use; choose another with {flag}, or any free one with {flag} 0"
    return f"cannot listen on {where}: {error.strerror}"
