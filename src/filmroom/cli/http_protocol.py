"""HTTP/1.1 on the wire, bounded: uvicorn's protocol with this archive's limits.

A request's target and header block have a size, a header count and a time; its body has
a least rate; an answer that its reader no longer takes has an end. Time in which we
ourselves do not read is not held against the sender.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import math
import socket
import struct
import termios
from asyncio import TimerHandle
from http import HTTPStatus
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from filmroom.cli.http_body import SocketBody
from filmroom.cli.http_gather import GatheringTransport
from filmroom.cli.http_limits import TimedFlow, WireLimits
from filmroom.web.direct import EXTENSION

LINGER = 2.0  # seconds that a refused sender is listened to, so that it gets to read why
ROUNDING = 0.99  # timers fire a little late or early: a body at the very rate is let pass
LEFT_OVER = 1 << 20  # bytes of a body that are read after the answer, to keep the connection
DIRECT = 64 << 10  # bytes of a body still to come from which reading them directly pays


def bounded(limits: WireLimits) -> type[BoundedProtocol]:
    """The protocol class for uvicorn, with these limits."""
    return type("Bounded", (BoundedProtocol,), {"limits": limits})


class OverLimit(Exception):
    """Raised inside the parser's callbacks to make it stop."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection; see the module's docstring."""

    limits: WireLimits
    flow: TimedFlow

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.timeout_keep_alive = math.ceil(self.limits.keep_alive)
        self._refusal: tuple[int, str] | None = None
        self._refused = False
        self._begun = False  # a request's first byte is here, its last header is not
        self._in_body = False
        self._raw_bytes = 0
        self._header_bytes = 0
        self._expected = 0  # bytes of the body, where its length is told
        self._arrived = 0  # bytes of the body
        self._to_come = 0  # bytes of a body that the parser knows nothing of any more
        self._direct: SocketBody | None = None
        self._paused = 0.0  # seconds in which a body that was taken was not listened to
        self._left_over = 0
        self._header_timer: TimerHandle | None = None
        self._body_timer: TimerHandle | None = None
        self._write_timer: TimerHandle | None = None
        self._close_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; the time for the first request's headers runs from here."""
        super().connection_made(transport)
        self.transport = GatheringTransport(transport, self.loop)  # type: ignore[assignment]
        self.flow = TimedFlow(transport, self.loop)
        self._await_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timers."""
        for name in ("_header_timer", "_body_timer", "_write_timer", "_close_timer"):
            self._cancel(name)
        if self._direct is not None:
            self._direct.send_away()
        super().connection_lost(exc)

    def _cancel(self, timer: str) -> None:
        handle: TimerHandle | None = getattr(self, timer)
        if handle is not None:
            handle.cancel()
            setattr(self, timer, None)

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless the sender was refused already."""
        if self._refused:
            return
        if self._to_come:
            data = self._past_body(data)
        begun_before = self._begun
        if data:
            super().data_received(data)
        if self._refused:
            return
        if self._begun and begun_before:
            # The parser tells of a header only when it is whole: an endless one is seen here.
            self._raw_bytes += len(data)
            if self._raw_bytes > self.limits.header_bytes + self.limits.target:
                self._refuse(431, "the request's header block is too large")
                return
        if self._in_body:
            if self._body_timer is None:
                self._await_body()
        elif self._header_timer is None and (self._begun or self._answered):
            # Also for bytes that begin no request, as blank lines do.
            self._await_headers()

    @property
    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    # The parser's callbacks

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._begun = True
        self._raw_bytes = 0
        self._header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """A piece of the target."""
        super().on_url(url)
        if len(self.url) > self.limits.target:
            self._stop(414, f"the request's target is longer than {self.limits.target} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + len(b": \r\n")
        if len(self.headers) > self.limits.headers:
            self._stop(431, f"the request has more than {self.limits.headers} headers")
        if self._header_bytes > self.limits.header_bytes:
            limit = self.limits.header_bytes
            self._stop(431, f"the request's header block is larger than {limit} bytes")

    def on_headers_complete(self) -> None:
        """The request starts."""
        self._begun = False
        self._in_body = True
        self._left_over = 0
        self._arrived = 0
        self._expected = self._length()
        if self._expected >= DIRECT:
            self.scope["extensions"] = {EXTENSION: self._take_body}  # type: ignore[dict-item]
        self._cancel("_header_timer")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._arrived += len(body)
        super().on_body(body)
        if self.cycle.response_complete:
            self._left_over += len(body)
            if self._left_over > LEFT_OVER:
                self._linger()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._in_body = False
        self._cancel("_body_timer")
        if not self._refused:
            self._cancel("_close_timer")
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is whole; a body that still comes gets one more window."""
        super().on_response_complete()
        if self._in_body and self.cycle.response_complete and self._close_timer is None:
            self._close_timer = self.loop.call_later(self.limits.body_window, self._linger)

    # A body that its reader takes from the socket itself

    def _length(self) -> int:
        named = dict(self.headers)
        length = named.get(b"content-length", b"")
        return int(length) if length.isdigit() and b"transfer-encoding" not in named else 0

    def _take_body(self) -> SocketBody | None:
        """Hand the rest of the body over; this protocol only counts it from here on."""
        cycle, left = self.cycle, self._expected - self._arrived
        unfit = not self._in_body or self._direct or self._refused or cycle.disconnected
        if unfit or left < DIRECT or self.transport.get_extra_info("sslcontext"):
            return None
        if cycle.waiting_for_100_continue:
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False
        first, cycle.body = bytes(cycle.body), bytearray()
        cycle.message_event.clear()
        self.flow.resume_reading()  # else flow control would later resume what it paused
        self.transport.pause_reading()
        self.parser = httptools.HttpRequestParser(self)  # for the next request
        fd = self._socket().fileno()
        self._direct = SocketBody(fd, first, left, self.loop, self._continue)
        return self._direct

    def _continue(self, left: int) -> None:
        """A body was given back; what is left of it comes this way again."""
        direct, self._direct = self._direct, None
        if direct is None or self.transport.is_closing():
            return
        self._arrived += direct.received
        self._paused += direct.paused()
        self._to_come = left
        if not left:
            self.on_message_complete()
        self.transport.resume_reading()

    def _past_body(self, data: bytes) -> bytes:
        piece, rest = data[: self._to_come], data[self._to_come :]
        self._to_come -= len(piece)
        self.on_body(piece)
        if not self._to_come:
            self.on_message_complete()
        return rest

    # Time

    def _await_headers(self) -> None:
        self._header_timer = self.loop.call_later(self.limits.header_timeout, self._late_headers)

    def _late_headers(self) -> None:
        self._header_timer = None
        if self.flow.read_paused or not self._answered:
            self._await_headers()  # an earlier answer is under way: not the sender's fault
        elif not self._begun:
            self.transport.close()  # such as a connection made in advance and never used
        else:
            seconds = self.limits.header_timeout
            self._refuse(408, f"the request's headers did not come within {seconds:g} s")

    def _await_body(self) -> None:
        window, so_far = self.limits.body_window, self._so_far()
        self._body_timer = self.loop.call_later(window, self._check_rate, *so_far)

    def _so_far(self) -> tuple[int, float]:
        """Bytes of the body that arrived, and seconds in which we did not listen."""
        arrived, paused = self._arrived, self.flow.paused() + self._paused
        if self._direct is not None:
            arrived, paused = arrived + self._direct.received, paused + self._direct.paused()
        return arrived, paused

    def _check_rate(self, arrived_before: int, paused_before: float) -> None:
        self._body_timer = None
        arrived, paused = self._so_far()
        listened = self.limits.body_window - (paused - paused_before)
        if self.cycle.waiting_for_100_continue:
            listened = 0.0
        if arrived - arrived_before >= self.limits.body_rate * listened * ROUNDING:
            self._await_body()
        else:
            self._refuse(408, f"the body came slower than {self.limits.body_rate} bytes a second")

    def pause_writing(self) -> None:
        """The reader is behind; it has the keep-alive time to take anything at all."""
        super().pause_writing()
        self._watch_writing()

    def resume_writing(self) -> None:
        """The reader has caught up."""
        super().resume_writing()
        self._cancel("_write_timer")

    def _watch_writing(self) -> None:
        left = self._unsent()
        self._write_timer = self.loop.call_later(self.limits.keep_alive, self._check_writing, left)

    def _check_writing(self, before: int) -> None:
        self._write_timer = None
        if self._unsent() < before:
            self._watch_writing()
        else:
            # Without lingering the kernel forgets at once what nobody reads.
            self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()

    def _unsent(self) -> int:
        # What the kernel holds counts too: it takes large bites long apart.
        queued = 0
        with contextlib.suppress(OSError, ValueError):
            answer = fcntl.ioctl(self._socket().fileno(), termios.TIOCOUTQ, b"\0" * 4)
            (queued,) = struct.unpack("i", answer)
        return self.transport.get_write_buffer_size() + queued

    def _socket(self) -> socket.socket:
        ours: socket.socket = self.transport.get_extra_info("socket")
        return ours

    # Refusing

    def _stop(self, status: int, detail: str) -> None:
        self._refusal = (status, detail)
        raise OverLimit(detail)

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser would not take: with the limit that was passed, if one was."""
        status, detail = self._refusal or (400, "the request does not follow HTTP/1.1")
        self._refuse(status, detail)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer if no other answer is under way, and close."""
        if self.transport.is_closing() or self._refused:
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self._refused = True
                self.transport.close()
                return
        self.transport.write(_problem(status, detail, self.server_state.default_headers))
        self._linger()

    def _linger(self) -> None:
        # Closing at once with bytes unread would reset the connection, and the
        # answer might be lost with it.
        self._refused = True
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        if self._direct is not None:
            self._direct.send_away()
            self.transport.resume_reading()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._cancel("_close_timer")
        self._close_timer = self.loop.call_later(LINGER, self.transport.close)


def _problem(status: int, detail: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    title = HTTPStatus(status).phrase
    body = json.dumps({"title": title, "status": status, "detail": detail}).encode()
    every = [
        *headers,
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in every)
    return STATUS_LINE[status] + lines + b"\r\n" + body
