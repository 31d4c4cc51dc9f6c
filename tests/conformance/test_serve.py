"""`filmroom serve` as a process: ready line, signals, crashes, ports, hosts, workers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from filmroom.association.connection import Patience, connect
from filmroom.association.messages import Command, CommandField, Message
from filmroom.association.negotiation import propose
from filmroom.association.pdus import Abort, AssociateRequest
from filmroom.testing.objects import ct_slice, part10, uid

ECHO = AssociateRequest(
    "FILMROOM", "TESTER", propose([("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])])
)

READY = re.compile(
    r"ready http=(http://127\.0\.0\.1:(\d+))(?: dimse=FILMROOM@127\.0\.0\.1:(\d+))?\n"
)
START = 60.0  # seconds: other tests may run beside


class Server:
    """A running `filmroom serve`."""

    def __init__(self, data: Path, *flags: str, **environment: str) -> None:
        command = [sys.executable, "-m", "filmroom", "serve", "--data", str(data), "--port", "0"]
        command += ["--dimse-port", "0"]
        clean = {k: v for k, v in os.environ.items() if not k.startswith("FILMROOM_")}
        self.log = data.parent / f"log-{time.monotonic_ns()}"
        self.log.parent.mkdir(exist_ok=True, parents=True)
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--disk-reserve", "0", *flags],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=clean | environment,
                cwd=data.parent,
            )
        self.url = ""
        self.port = 0
        self.dimse_port = 0

    def wait_until_ready(self) -> Server:
        assert self.process.stdout is not None
        watchdog = threading.Timer(START, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        ready = READY.fullmatch(line)
        assert ready, (line, self.log.read_text())
        self.url, self.port = ready[1], int(ready[2])
        self.dimse_port = int(ready[3] or 0)
        return self

    def store(self, *objects: bytes) -> httpx.Response:
        parts = [
            b"--b\r\nContent-Type: application/dicom\r\n\r\n" + one + b"\r\n" for one in objects
        ]
        kind = 'multipart/related; type="application/dicom"; boundary=b'
        return httpx.post(
            f"{self.url}/dicom-web/studies",
            content=b"".join(parts) + b"--b--\r\n",
            headers={"Content-Type": kind, "Accept": "application/dicom+json"},
            timeout=30,
        )

    def studies(self) -> list[str]:
        found = httpx.get(f"{self.url}/dicom-web/studies", timeout=30)
        assert found.status_code == 200
        return [match["0020000D"]["Value"][0] for match in found.json()]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(30)


Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a server on the test's data folder; none outlives the test."""
    servers: list[Server] = []

    def started(*flags: str, ready: bool = True, **environment: str) -> Server:
        server = Server(tmp_path / "data", *flags, **environment)
        servers.append(server)
        return server.wait_until_ready() if ready else server

    yield started
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait(30)
        assert server.process.stdout is not None
        server.process.stdout.close()


def refused(server: Server) -> str:
    """What a server says that does not start: one line."""
    assert server.process.wait(START) == 1
    said = server.log.read_text()
    assert said.count("\n") == 1, said
    assert server.process.stdout is not None
    assert server.process.stdout.read() == ""
    return said


def test_the_ready_line_comes_first_and_the_server_answers_then(start: Start) -> None:
    server = start()

    assert httpx.get(f"{server.url}/health/ready").status_code == 200
    assert server.studies() == []
    said = server.log.read_text()
    assert f"{server.url}/ui/" in said
    assert f"{server.url}/dicom-web" in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_status_0(start: Start, number: int) -> None:
    server = start()
    server.store(part10(ct_slice()))

    assert server.stop(number) == 0
    assert "Traceback" not in server.log.read_text()


def test_requests_in_flight_are_finished_when_it_stops(start: Start) -> None:
    server = start()
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part10(ct_slice()) + b"\r\n--b--\r\n"
    head = (
        b"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/dicom+json\r\n"
        b'Content-Type: multipart/related; type="application/dicom"; boundary=b\r\n'
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head + body[:100])
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        connection.sendall(body[100:])
        answered = connection.recv(65536)

    assert answered.startswith(b"HTTP/1.1 200 ")
    assert server.process.wait(30) == 0
    assert start().studies() == [uid(1)]


def test_a_client_that_never_ends_does_not_keep_it_from_stopping(start: Start) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"GET /dicom-web/studies HTTP/1.1\r\nHost: 127")
        time.sleep(0.3)
        began = time.monotonic()

        assert server.stop() == 0
        assert time.monotonic() - began < 20


def test_what_was_acknowledged_is_there_after_a_kill(start: Start) -> None:
    server = start()
    assert server.store(part10(ct_slice(1)), part10(ct_slice(2))).status_code == 200

    server.stop(signal.SIGKILL)

    assert sorted(start().studies()) == [uid(1), uid(2)]


def test_a_port_in_use_is_refused_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(start("--port", str(port), ready=False))

    assert said == (
        f"filmroom: port {port} on 127.0.0.1 is in use;"
        " choose another with --port, or any free one with --port 0\n"
    )


def test_another_host_is_refused_in_one_line(start: Start) -> None:
    said = refused(start("--host", "0.0.0.0", ready=False))  # noqa: S104

    assert said.startswith("filmroom: refusing to listen on 0.0.0.0: ")
    assert "--insecure" in said


def test_another_host_is_listened_to_where_the_operator_insists(start: Start) -> None:
    server = start("--host", "0.0.0.0", "--insecure", ready=False)  # noqa: S104
    assert server.process.stdout is not None
    line = server.process.stdout.readline()

    ready = r"ready http=http://0\.0\.0\.0:\d+ dimse=FILMROOM@0\.0\.0\.0:\d+\n"
    assert re.fullmatch(ready, line), line
    until = time.monotonic() + 10
    while "Without authentication" not in server.log.read_text() and time.monotonic() < until:
        time.sleep(0.05)
    assert "Without authentication" in server.log.read_text()


def test_a_data_folder_that_is_served_is_refused_in_one_line(start: Start) -> None:
    first = start()

    said = refused(start(ready=False))

    assert said.endswith(f"is served or rebuilt by another process ({first.process.pid})\n")
    assert first.studies() == []


def test_a_wrong_setting_is_refused_in_one_line(start: Start) -> None:
    said = refused(start(ready=False, FILMROOM_KEEP_ALIVE="long"))

    assert said.startswith("filmroom: setting FILMROOM_KEEP_ALIVE: input should be a valid number")


def test_both_doors_are_open_when_it_is_ready(start: Start) -> None:
    server = start()

    connection, _ = connect(("127.0.0.1", server.dimse_port), ECHO)
    with connection:
        connection.send_message(1, Command(field=CommandField.C_ECHO_RQ, message_id=1))
        heard = connection.hear()
        assert isinstance(heard, Message)
        assert heard.command.status == 0
        assert server.stop() == 0  # although a caller is still there
        assert isinstance(connection.hear(), Abort)
    assert "Traceback" not in server.log.read_text()


def test_dimse_is_left_out_by_a_flag(start: Start) -> None:
    server = start("--no-dimse")

    assert server.dimse_port == 0
    assert server.studies() == []
    assert server.stop() == 0


def test_a_dimse_port_in_use_is_said_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(start("--dimse-port", str(port), ready=False))

    expected = f"filmroom: port {port} on 127.0.0.1 is in use; choose another with --dimse-port"
    assert said.startswith(expected)


def node_of(server: Server) -> int:
    """The node process: a child of another thread than the web processes."""
    main = server.process.pid
    threads = [each for each in Path(f"/proc/{main}/task").iterdir() if each.name != str(main)]
    children = {child for each in threads for child in (each / "children").read_text().split()}
    lines = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    (node,) = [child for child, line in lines.items() if b"spawn_main" in line]
    return node


def test_a_node_that_dies_is_started_again(start: Start) -> None:
    server = start()
    node = Path(f"/proc/{node_of(server)}")

    os.kill(int(node.name), signal.SIGKILL)
    until = time.monotonic() + START
    while node.exists() and time.monotonic() < until:  # it may still accept while it dies
        time.sleep(0.01)

    # Who calls meanwhile waits in the line of the socket, which the server keeps open.
    connection, _ = connect(("127.0.0.1", server.dimse_port), ECHO, Patience(artim=START))
    assert connection.release()
    assert server.stop() == 0
    assert "the node died" in server.log.read_text()


def test_two_workers_share_the_port_and_each_reads_what_the_other_wrote(start: Start) -> None:
    server = start("--workers", "2")

    for number in range(1, 9):  # each on a connection of its own, so both workers have some
        assert server.store(part10(ct_slice(number))).status_code == 200
        assert len(server.studies()) == number
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text()


def workers_of(server: Server) -> list[int]:
    """The web processes, children of the server's."""
    listed = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    children = {int(child): Path(f"/proc/{child}/cmdline") for child in listed.split()}
    return [child for child, line in children.items() if b"spawn_main" in line.read_bytes()]


def test_a_worker_that_dies_is_started_again(start: Start) -> None:
    server = start("--workers", "2")
    before = workers_of(server)
    assert len(before) == 2

    os.kill(before[0], signal.SIGKILL)

    until = time.monotonic() + START
    after: list[int] = []
    # The list of children may miss some while one of them ends or begins.
    while (len(after) < 2 or before[0] in after) and time.monotonic() < until:
        time.sleep(0.1)
        after = workers_of(server)
    assert len(after) == 2
    assert before[1] in after
    assert server.studies() == []
    assert "a web process died" in server.log.read_text()
    assert server.stop() == 0


def test_workers_end_when_their_parent_is_killed(start: Start) -> None:
    server = start("--workers", "2")
    workers = workers_of(server)
    assert len(workers) == 2

    server.stop(signal.SIGKILL)

    until = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < until:
        time.sleep(0.1)
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []
    assert start().studies() == []


def test_the_log_is_json_where_that_is_set_and_names_no_patient(start: Start) -> None:
    server = start("--log-format", "json")
    server.store(part10(ct_slice(PatientName="Secret^Name", PatientID="SECRET-7")))
    httpx.get(f"{server.url}/dicom-web/studies?PatientName=Secret*")
    server.stop()

    said = server.log.read_text()
    events = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    assert {"recovered", "request"} <= {event["event"] for event in events}
    assert "secret" not in said.lower()


def test_limits_on_the_wire_are_in_force(start: Start) -> None:
    server = start("--max-request-line", "500", "--header-timeout", "1")

    long = httpx.get(f"{server.url}/{'a' * 600}")
    assert long.status_code == 414
    assert long.headers["content-type"] == "application/problem+json"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(b"GET /dicom-web/studies HTTP/1.1\r\nHost:")
        assert connection.recv(65536).startswith(b"HTTP/1.1 408 ")


def test_500_slow_clients_do_not_slow_a_search(start: Start) -> None:
    server = start()
    server.store(part10(ct_slice()))
    address = ("127.0.0.1", server.port)
    slow = [socket.create_connection(address, timeout=30) for _ in range(500)]
    try:
        for number, connection in enumerate(slow):
            begun = (
                b"POST /dicom-web/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n"
            )
            connection.sendall(begun if number % 2 else b"GET /dicom-web/studies HTTP/1.1\r\nA")
        took = []
        for _ in range(5):
            began = time.monotonic()
            assert server.studies() == [uid(1)]
            took.append(time.monotonic() - began)
    finally:
        for connection in slow:
            connection.close()

    assert sorted(took)[2] < 1
