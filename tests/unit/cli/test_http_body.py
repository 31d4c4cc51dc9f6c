"""Bodies that their reader takes from the socket itself, asked for through raw sockets."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from filmroom.cli import http
from filmroom.settings import Settings
from filmroom.web.direct import take_body

SHORT = {
    "max_header_bytes": 1000,
    "header_timeout": 0.5,
    "body_rate": 100_000,
    "body_rate_window": 0.5,
    "keep_alive": 2.0,
    "port": 0,
}
BODY = bytes(range(256)) * 2000  # 512,000 bytes
ENDS: list[str] = []
"""What became of bodies that were not read to their end."""


async def answer(scope, receive, send):
    """Tells a body's digest and how it was read; /some reads a little of it, /slow with pauses."""
    if scope["type"] != "http":
        return
    body = take_body(scope)
    if body is None:
        text = b"as usual"
        while (await receive()).get("more_body"):
            pass
    else:
        text = await _digest(scope["path"], body)
    length = str(len(text)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": text})


async def _digest(path, body):
    digest = hashlib.sha256(body.first)
    space = memoryview(bytearray(1 << 20))
    loop = asyncio.get_running_loop()
    try:
        while body.left:
            if path == "/slow":
                await asyncio.sleep(0.3)
            count = await loop.run_in_executor(None, body.read_into, space)
            digest.update(space[:count])
            if path == "/some":
                return b"enough"
            if not count:
                await body.more()
    except ConnectionError:
        ENDS.append(path)
        raise
    finally:
        body.give_back()
    return digest.hexdigest().encode()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    settings = Settings(**SHORT)
    ready = threading.Event()
    with http.listen(settings) as listening:
        server = http.server_of(answer, settings, ready.set)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert ready.wait(10)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def connect(port: int) -> closing[socket.socket]:
    return closing(socket.create_connection(("127.0.0.1", port), timeout=10))


def head(path: str, length: int = len(BODY), *more: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answered(connection: socket.socket) -> tuple[bytes, bytes]:
    """The status line and the body of one answer."""
    top = b""
    while not top.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)  # no more: the next answer may follow
        assert byte, top
        top += byte
    length = int(top.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return top.split(b"\r\n")[0], connection.recv(length, socket.MSG_WAITALL)


def ended() -> list[str]:
    """`ENDS`, once there is something: a moment after the connection is over."""
    until = time.monotonic() + 10
    while not ENDS and time.monotonic() < until:
        time.sleep(0.01)
    return ENDS


DIGEST = hashlib.sha256(BODY).hexdigest().encode()


def test_a_body_is_read_whole_and_the_connection_goes_on(port: int) -> None:
    with connect(port) as connection:
        for _ in range(3):
            connection.sendall(head("/") + BODY)
            assert answered(connection) == (b"HTTP/1.1 200 OK", DIGEST)


def test_a_body_that_comes_in_pieces_is_waited_for(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(head("/"))
        for at in range(0, len(BODY), 128_000):
            time.sleep(0.1)  # longer than a thread waits
            connection.sendall(BODY[at : at + 128_000])
        assert answered(connection) == (b"HTTP/1.1 200 OK", DIGEST)


def test_the_next_request_may_come_with_the_body(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(head("/") + BODY + head("/", 3) + b"abc" + head("/", 2) + b"ab")
        answers = [answered(connection)[1] for _ in range(3)]

    assert answers == [DIGEST, b"as usual", b"as usual"]


def test_what_is_not_read_is_passed_over(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(head("/some") + BODY + head("/") + BODY)
        answers = [answered(connection)[1] for _ in range(2)]

    assert answers == [b"enough", DIGEST]


def test_a_sender_that_asks_first_is_told_to_go_on(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(head("/", len(BODY), "Expect: 100-continue"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert answered(connection) == (b"HTTP/1.1 200 OK", DIGEST)


def test_chunked_and_small_bodies_are_read_as_usual(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(head("/", 1000) + bytes(1000))
        assert answered(connection)[1] == b"as usual"
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sendall(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))
        assert answered(connection)[1] == b"as usual"


def test_a_body_that_stalls_is_answered_408(port: int) -> None:
    ENDS.clear()
    with connect(port) as connection:
        connection.sendall(head("/stall") + BODY[:100_000])
        assert b" 408 " in answered(connection)[0]
        assert connection.recv(100) == b""
    assert ended() == ["/stall"]


def test_time_in_which_nobody_reads_is_not_held_against_the_sender(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(head("/slow", 8 * len(BODY)))
        connection.sendall(BODY * 8)
        digest = hashlib.sha256(BODY * 8).hexdigest().encode()
        assert answered(connection) == (b"HTTP/1.1 200 OK", digest)


def test_a_sender_that_goes_is_noticed(port: int) -> None:
    ENDS.clear()
    with connect(port) as connection:
        connection.sendall(head("/gone") + BODY[:100_000])
    assert ended() == ["/gone"]
