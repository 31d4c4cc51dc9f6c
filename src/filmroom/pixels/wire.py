"""What passes between the server and a pixel worker, over a socket of their own.

A request is a pickle, and frames behind it as they are. A reply is no pickle: a worker
has read hostile bytes, and must not be able to make the server run anything.
"""

from __future__ import annotations

import json
import pickle
import socket
from collections.abc import Sequence
from enum import IntEnum
from struct import Struct
from typing import Any

_REQUEST = Struct("<IH")  # bytes of the pickle; number of buffers, whose lengths follow
_LENGTH = Struct("<Q")
_TIMEVAL = Struct("@ll")  # seconds and microseconds, as in <sys/time.h>
_REPLY = Struct("<BIQ")  # status; bytes of the JSON text, and of the data behind it


class Status(IntEnum):
    """How a reply is meant."""

    DONE = 0
    REFUSED = 1
    """An error of the archive's tree: its class and message."""
    FAILED = 2
    """Any other exception: its class and traceback."""


def send_request(channel: socket.socket, job: str, arguments: Sequence[Any]) -> None:
    """Send a job; what is a `pickle.PickleBuffer` in its arguments is not copied."""
    buffers: list[pickle.PickleBuffer] = []
    text = pickle.dumps((job, tuple(arguments)), protocol=5, buffer_callback=buffers.append)
    raw = [buffer.raw() for buffer in buffers]
    lengths = b"".join([_LENGTH.pack(each.nbytes) for each in raw])
    _send(channel, [_REQUEST.pack(len(text), len(raw)) + lengths + text, *raw])


def receive_request(channel: socket.socket) -> tuple[str, tuple[Any, ...]] | None:
    """The next job; None where the server has gone."""
    head = channel.recv(_REQUEST.size, socket.MSG_WAITALL)
    if len(head) < _REQUEST.size:
        return None
    size, count = _REQUEST.unpack(head)
    lengths = [_LENGTH.unpack(_receive(channel, _LENGTH.size))[0] for _ in range(count)]
    text = _receive(channel, size)
    buffers = [_receive(channel, length) for length in lengths]
    job, arguments = pickle.loads(text, buffers=buffers)  # noqa: S301 - from the server
    return job, arguments


def send_reply(
    channel: socket.socket, status: Status, told: object = None, data: bytes = b""
) -> None:
    """Send what came of a job; `told` is turned into JSON."""
    text = json.dumps(told).encode()
    _send(channel, [_REPLY.pack(status, len(text), len(data)) + text, data])


def receive_reply(channel: socket.socket, most: int) -> tuple[Status, Any, bytes]:
    """What came of a job; EOFError where the worker died or sends more than `most` bytes."""
    status, told, size = _REPLY.unpack(_receive(channel, _REPLY.size))
    if told + size > most:
        raise EOFError
    text = _receive(channel, told)
    return Status(status), json.loads(text), _receive(channel, size)


def set_timeout(channel: socket.socket, seconds: float) -> None:
    """Let the kernel end waiting with a BlockingIOError.

    A socket's own time-out would make it one that never blocks, whose receiver is woken for
    each piece: for large frames that takes several times as long.
    """
    whole, part = divmod(max(seconds, 0.001), 1)
    value = _TIMEVAL.pack(int(whole), int(part * 1e6))
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        channel.setsockopt(socket.SOL_SOCKET, option, value)


def _send(channel: socket.socket, pieces: Sequence[bytes | memoryview]) -> None:
    views = [memoryview(piece) for piece in pieces if len(piece)]
    while views:
        sent = channel.sendmsg(views[:64])
        while views and sent >= len(views[0]):
            sent -= len(views.pop(0))
        if sent:
            views[0] = views[0][sent:]


def _receive(channel: socket.socket, length: int) -> bytes:
    """Exactly `length` bytes; without a copy where the socket gives all at once."""
    piece = channel.recv(length, socket.MSG_WAITALL) if length else b""
    if len(piece) == length:
        return piece
    if not piece:
        raise EOFError
    return piece + _receive(channel, length - len(piece))
