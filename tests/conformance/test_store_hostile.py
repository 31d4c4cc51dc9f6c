"""Store requests that no honest client sends: what they get, and that they leave nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from urllib.request import Request, urlopen

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from store_requests import BOUNDARY, RELATED, framed

from filmroom.core.archive import Archive
from filmroom.settings import Settings
from filmroom.testing.objects import ct_slice, part10
from filmroom.web import reception

HEAD = f"Host: 127.0.0.1\r\nContent-Type: {RELATED}\r\n"


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert true()


@pytest.fixture
def clean(server: str, archive: Archive, settings: Settings) -> Iterator[str]:
    """A server; afterwards nothing is staged, no slot is taken, and a good request is served."""
    yield server

    def slots() -> int:
        free = 0
        while archive.writers.acquire(blocking=False):
            free += 1
        for _ in range(free):
            archive.writers.release()
        return free

    wait_until(lambda: slots() == settings.store_writers)
    wait_until(lambda: not list((settings.data / "incoming").iterdir()))
    before = archive.index.counts().instances
    good = Request(f"{server}/dicom-web/studies", framed(ct_slice(99)), {"Content-Type": RELATED})
    with urlopen(good, timeout=10) as answer:
        assert answer.status == 200
    assert archive.index.counts().instances == before + 1


def converse(server: str, sent: bytes, *, then_close: bool = False) -> bytes:
    """Send raw bytes; all that comes back until the server or this end closes."""
    host, _, port = server.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(sent)
        if then_close:
            return b""
        received = b""
        while b"\r\n\r\n" not in received:
            piece = connection.recv(65536)
            if not piece:
                break
            received += piece
        return received


def request(body: bytes, *headers: str, target: str = "/dicom-web/studies") -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"POST {target} HTTP/1.1\r\n{HEAD}{lines}\r\n".encode("latin-1") + body


def status(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 ")
    return int(answer[9:12])


class TestBrokenOff:
    """Senders that go away."""

    @pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
    def test_half_a_body_stores_nothing(self, clean: str, archive: Archive, share: float) -> None:
        body = framed(ct_slice(size=200))
        sent = request(body[: int(len(body) * share)], f"Content-Length: {len(body)}")

        converse(clean, sent, then_close=True)

        time.sleep(0.1)
        assert archive.index.counts().instances == 0

    def test_complete_parts_of_half_a_large_body_are_kept(
        self, clean: str, archive: Archive
    ) -> None:
        body = framed(ct_slice(1, size=1500), ct_slice(2, size=1500))
        sent = request(body[:-1000], f"Content-Length: {len(body)}")

        converse(clean, sent, then_close=True)

        wait_until(lambda: archive.index.counts().instances == 1)

    def test_a_chunked_body_that_stops_stores_nothing(self, clean: str, archive: Archive) -> None:
        part = framed(ct_slice(size=50))[:2000]
        chunk = f"{len(part):x}\r\n".encode() + part + b"\r\n"

        converse(clean, request(chunk, "Transfer-Encoding: chunked"), then_close=True)

        time.sleep(0.1)
        assert archive.index.counts().instances == 0

    def test_many_at_once_leave_nothing(self, clean: str, archive: Archive) -> None:
        body = framed(ct_slice(size=1000))
        sent = request(body[: len(body) * 3 // 4], f"Content-Length: {len(body)}")
        host, _, port = clean.removeprefix("http://").partition(":")

        connections = [socket.create_connection((host, int(port))) for _ in range(30)]
        for connection in connections:
            connection.sendall(sent)
        for connection in connections:
            connection.close()

        time.sleep(0.1)
        assert archive.index.counts().instances == 0


class TestStalled:
    """Senders that take every place and then say nothing."""

    @pytest.fixture
    def settings(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
        monkeypatch.setattr(reception, "PATIENCE", 0.2)
        return settings.model_copy(update={"store_writers": 2})

    def test_others_are_told_to_come_again_and_readers_notice_nothing(
        self, clean: str, archive: Archive
    ) -> None:
        body = framed(ct_slice(size=1200))
        sent = request(body[:-100], f"Content-Length: {len(body)}")
        host, _, port = clean.removeprefix("http://").partition(":")
        stalled = [socket.create_connection((host, int(port))) for _ in range(2)]
        for connection in stalled:
            connection.sendall(sent)
        wait_until(lambda: archive.writers._value == 0)

        other = framed(ct_slice(2))
        answer = converse(clean, request(other, f"Content-Length: {len(other)}"))
        with urlopen(f"{clean}/dicom-web/studies", timeout=5) as found:
            assert found.status == 200
        for connection in stalled:
            connection.close()

        assert status(answer) == 503
        assert b"retry-after: 5" in answer.lower()


class TestLyingLengths:
    """Lengths that are not those of what comes."""

    def test_a_length_shorter_than_the_body_is_a_cut_body(self, clean: str) -> None:
        body = framed(ct_slice())

        answer = converse(clean, request(body, f"Content-Length: {len(body) - 100}"))

        assert status(answer) == 400

    @pytest.mark.parametrize(
        "length", ["-1", "abc", "1e3", "99999999999999999999999", "0x10", "5, 6", ""]
    )
    def test_a_length_that_is_none_is_refused(self, clean: str, length: str) -> None:
        answer = converse(clean, request(framed(ct_slice()), f"Content-Length: {length}"))

        assert status(answer) in (400, 411, 413)

    def test_two_lengths_are_refused(self, clean: str) -> None:
        lengths = ("Content-Length: 5", "Content-Length: 7")

        assert status(converse(clean, request(framed(ct_slice()), *lengths))) == 400

    def test_a_length_beside_chunks_smuggles_nothing(self, clean: str, archive: Archive) -> None:
        smuggled = request(framed(ct_slice()), target="/dicom-web/studies")
        sent = request(b"0\r\n\r\n" + smuggled, "Content-Length: 5", "Transfer-Encoding: chunked")

        assert status(converse(clean, sent)) == 400
        time.sleep(0.1)
        assert archive.index.counts().instances == 0

    @pytest.mark.parametrize("chunk", [b"zz\r\nabc\r\n", b"-5\r\nabcde\r\n", b"f" * 30 + b"\r\n"])
    def test_a_chunk_size_that_is_none_is_refused(self, clean: str, chunk: bytes) -> None:
        answer = converse(clean, request(chunk, "Transfer-Encoding: chunked"))

        assert answer == b"" or status(answer) == 400

    def test_no_length_is_an_empty_body(self, clean: str) -> None:
        assert status(converse(clean, request(b""))) == 400

    @pytest.mark.parametrize("length", ["0", "1", "99999999999", "-5", "x"])
    def test_a_parts_own_length_is_not_believed(
        self, web: TestClient, archive: Archive, length: str
    ) -> None:
        headers = f"Content-Type: application/dicom\r\nContent-Length: {length}\r\n"

        answer = web.post(
            "/dicom-web/studies",
            content=framed(ct_slice(), headers=headers),
            headers={"Content-Type": RELATED},
        )

        assert answer.status_code == 200
        (one,) = archive.index.located()
        assert archive.storage.read(one.key) == part10(ct_slice())


@pytest.mark.parametrize(
    "target",
    [
        "/dicom-web/studies/../../../etc/passwd",
        "/dicom-web/studies/..%2f..%2fetc%2fpasswd",
        "/dicom-web/studies/%2e%2e",
        "/dicom-web/studies/..\\..\\x",
        "/dicom-web/studies/1.2%00.3",
        "/dicom-web//studies//1.2",
        "/dicom-web/studies/%ff%fe",
        "/dicom-web/studies/" + "1." * 300 + "1",
        "/dicom-web/studies/1.2;x=y",
        "/dcm4chee-arc/aets/../rs/studies/..",
        "*",
        "http://evil.example/dicom-web/studies/x",
    ],
)
def test_a_path_that_climbs_ends_in_a_refusal(clean: str, archive: Archive, target: str) -> None:
    body = framed(ct_slice())

    answer = converse(clean, request(body, f"Content-Length: {len(body)}", target=target))

    assert 400 <= status(answer) < 500
    assert b"root:" not in answer
    assert archive.index.counts().instances == 0


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/related;" * 500,
        "multipart/related; boundary=" + "=" * 200,
        'multipart/related; boundary="\\"; type="application/dicom"',
        "multipart/related; boundary=\x7f\x80\xff",
        "multipart/related; boundary=--",
        ";;;;;;",
        "/",
        'multipart/related; type="application/dicom; boundary=x',
    ],
)
def test_an_odd_content_type_is_a_clients_error(web: TestClient, content_type: str) -> None:
    answer = web.post(
        "/dicom-web/studies",
        content=framed(ct_slice()),
        headers={"Content-Type": content_type.encode("latin-1")},
    )

    assert answer.status_code in (400, 415)


@pytest.mark.parametrize("accept", ["x" * 5000, "a/b;q=9, " * 400, "\x80/\xff", "*/*;q=0", ",;,;"])
def test_an_absurd_accept_does_not_keep_from_storing(web: TestClient, accept: str) -> None:
    answer = web.post(
        "/dicom-web/studies",
        content=framed(ct_slice()),
        headers={"Content-Type": RELATED, "Accept": accept.encode("latin-1")},
    )

    assert answer.status_code == 200


def test_ten_thousand_empty_parts_are_each_accounted_for(web: TestClient) -> None:
    answer = web.post(
        "/dicom-web/studies",
        content=framed(*[b""] * 10_000),
        headers={"Content-Type": RELATED},
    )

    assert answer.status_code == 409
    assert len(answer.json()["0008119A"]["Value"]) == 10_000


def test_a_boundary_within_the_instance_cuts_it_there(web: TestClient, archive: Archive) -> None:
    sent = part10(ct_slice())
    cut = sent[:600] + f"\r\n--{BOUNDARY}\r\n\r\n".encode() + sent[600:]

    answer = web.post("/dicom-web/studies", content=framed(cut), headers={"Content-Type": RELATED})

    assert answer.status_code == 409
    assert archive.index.counts().instances == 0


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.lists(
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [
                    b"\r\n",
                    f"--{BOUNDARY}".encode(),
                    f"\r\n--{BOUNDARY}\r\n\r\n".encode(),
                    b"Content-Type: application/dicom\r\n\r\n",
                    b"--",
                    part10(ct_slice())[:300],
                ]
            ),
        ),
        max_size=12,
    ).map(b"".join),
    content_type=st.sampled_from([RELATED, "application/dicom", "multipart/related; boundary=x"]),
)
def test_no_body_is_a_fault_of_ours(
    web: TestClient, archive: Archive, body: bytes, content_type: str
) -> None:
    answer = web.post("/dicom-web/studies", content=body, headers={"Content-Type": content_type})

    assert 400 <= answer.status_code < 500
    assert archive.index.counts().instances == 0
