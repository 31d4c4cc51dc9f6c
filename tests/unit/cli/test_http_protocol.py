"""The limits of promises on the wire, asked through raw sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from filmroom.cli import http
from filmroom.settings import Settings

SHORT = {
    "max_header_bytes": 1000,
    "max_headers": 10,
    "max_request_line": 200,
    "header_timeout": 0.5,
    "body_rate": 1000,
    "body_rate_window": 0.5,
    "keep_alive": 1.0,
    "port": 0,
}


async def answer(scope, receive, send):
    """Tells how many bytes a body had; /refuse does not read it, /large gives 8 MB."""
    if scope["type"] != "http":
        return
    size = 0
    if scope["path"] != "/refuse":
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message["body"])
            if not message["more_body"]:
                break
    body = bytes(8 << 20) if scope["path"] == "/large" else str(size).encode()
    length = str(len(body)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    settings = Settings(**SHORT)
    ready = threading.Event()
    servers: list[http.Server] = []
    with http.listen(settings) as listening:
        server = http.server_of(answer, settings, ready.set)
        servers.append(server)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        bound = listening.getsockname()[1]
        thread.start()
        assert ready.wait(10)
        yield bound
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def connect(port: int) -> closing[socket.socket]:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    return closing(connection)


def read_all(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def send_on(connection: socket.socket, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection.sendall(b"a" * 65536)


def ask(port: int, *pieces: bytes) -> bytes:
    with connect(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return read_all(connection)


def head(answered: bytes) -> bytes:
    return answered.partition(b"\r\n")[0]


def test_a_target_that_is_too_long_is_answered_414(port: int) -> None:
    answered = ask(port, b"GET /" + b"a" * 300 + b" HTTP/1.1\r\nHost: x\r\n\r\n")

    assert b" 414 " in head(answered)
    assert b"longer than 200 bytes" in answered
    assert b"content-type: application/problem+json" in answered


def test_a_target_without_end_is_answered_before_it_ends(port: int) -> None:
    assert b" 414 " in head(ask(port, b"GET /" + b"a" * 300))


def test_a_header_block_that_is_too_large_is_answered_431(port: int) -> None:
    answered = ask(port, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 1000 + b"\r\n\r\n")

    assert b" 431 " in head(answered)
    assert b"larger than 1000 bytes" in answered


def test_a_header_without_end_is_answered_431(port: int) -> None:
    pieces = [b"GET / HTTP/1.1\r\nHost: x\r\nA: ", *[b"a" * 400] * 4]
    with connect(port) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.02)
        assert b" 431 " in head(read_all(connection))


def test_too_many_headers_are_answered_431(port: int) -> None:
    headers = b"".join(b"A%d: b\r\n" % number for number in range(11))
    answered = ask(port, b"GET / HTTP/1.1\r\n" + headers + b"\r\n")

    assert b" 431 " in head(answered)
    assert b"more than 10 headers" in answered


def test_headers_that_do_not_come_in_time_are_answered_408(port: int) -> None:
    began = time.monotonic()
    answered = ask(port, b"GET / HTTP/1.1\r\nHost:")

    assert b" 408 " in head(answered)
    assert 0.3 < time.monotonic() - began < 5


def test_headers_that_trickle_are_answered_408(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        for _ in range(8):
            connection.sendall(b"a")
            time.sleep(0.08)
        assert b" 408 " in head(read_all(connection))


def test_a_connection_that_says_nothing_is_closed_without_a_word(port: int) -> None:
    assert ask(port) == b""


def test_blank_lines_do_not_keep_a_connection_open(port: int) -> None:
    assert ask(port, b"\r\n\r\n") == b""


def test_a_body_that_stalls_is_answered_408(port: int) -> None:
    answered = ask(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n", b"a" * 100)

    assert b" 408 " in head(answered)
    assert b"slower than 1000 bytes a second" in answered


def test_a_chunked_body_that_stalls_is_answered_408(port: int) -> None:
    start = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert b" 408 " in head(ask(port, start, b"5\r\nab"))


def test_a_body_at_the_least_rate_is_read_to_its_end(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2400\r\n\r\n"
        )
        for _ in range(12):
            connection.sendall(b"a" * 200)
            time.sleep(0.1)
        answered = read_all(connection)

    assert b" 200 " in head(answered)
    assert answered.endswith(b"2400")


def test_two_requests_on_one_connection_are_both_answered(port: int) -> None:
    with connect(port) as connection:
        for _ in range(2):
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in head(connection.recv(65536))
            time.sleep(0.7)  # longer than headers may take, shorter than keep-alive


def test_pipelined_requests_are_answered_in_order(port: int) -> None:
    one = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    two = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\nab"
    answered = ask(port, one + two)

    assert answered.count(b"HTTP/1.1 200") == 2
    assert answered.index(b"\r\n\r\n3") < answered.index(b"\r\n\r\n2")


def test_an_idle_connection_is_closed_after_the_keep_alive_time(port: int) -> None:
    began = time.monotonic()
    answered = ask(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert b" 200 " in head(answered)
    assert 0.8 < time.monotonic() - began < 5


def test_a_body_that_comes_after_its_answer_is_let_pass_within_bounds(port: int) -> None:
    body = b"a" * 5000
    start = b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"
    with connect(port) as connection:
        connection.sendall(start)
        assert b" 200 " in head(connection.recv(65536))
        connection.sendall(body)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 200 " in head(read_all(connection))


def test_a_body_without_end_after_its_answer_ends_the_connection(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n")
        assert b" 200 " in head(connection.recv(65536))
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            send_on(connection, 10)


def test_a_reader_that_takes_nothing_is_cut_off(port: int) -> None:
    with connect(port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(3)
        with pytest.raises(ConnectionResetError):
            read_all(connection)


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", id="space before the colon"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            id="two lengths",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="length and chunks",
        ),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            id="a chunk's size that is none",
        ),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", id="TLS to a plain port"),
    ],
)
def test_what_is_not_http_is_answered_400(port: int, request_: bytes) -> None:
    answered = ask(port, request_)

    assert b" 400 " in head(answered)
    assert answered.count(b"HTTP/1.1 ") == 1


def test_an_upgrade_to_http2_is_passed_over(port: int) -> None:
    answered = ask(
        port,
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
        b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    )

    assert b" 200 " in head(answered)


def test_500_slow_clients_do_not_slow_the_others(port: int) -> None:
    slow = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(500)]
    try:
        for number, connection in enumerate(slow):
            half = b"POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\na"
            connection.sendall(b"GET / HTTP/1.1\r\nA: " if number % 2 else half)
        began = time.monotonic()
        answered = ask(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        took = time.monotonic() - began
    finally:
        for connection in slow:
            connection.close()

    assert b" 200 " in head(answered)
    assert took < 1
