"""Kill -9 at any moment loses nothing that was acknowledged, and leaves nothing for ever."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from crashing import Judge, Victim
from objects_by_number import instance_bytes, ref_of

KILLS = 50
STEP = 50_000  # numbers that one child may use
PARTS = 5  # instances in a request
CLIENTS = 3


def test_killing_who_stores_loses_nothing(victim: Victim, judge: Judge, quick_path: Path):
    random = Random(1)  # noqa: S311 - for moments, not for secrets
    for n in range(KILLS):
        victim.start(quick_path, "loop", first=n * STEP, threads=4, deleting=True)
        if n % 5:  # else perhaps while it starts
            victim.wait_for("ack")
        time.sleep(random.uniform(0, 0.3))
        victim.kill()
        assert victim.end() == -9
        if n % 10 == 9:
            judge(quick_path, victim.told)

    assert judge(quick_path, victim.told) >= len(victim.told.must_be_there) >= KILLS
    assert victim.told.failed == {}
    assert len(victim.told.gone) > 0


def post(port: int, numbers: range) -> set[int]:
    """Store by STOW-RS (PS3.18 §10.5); the numbers that were acknowledged."""
    parts = b"".join(
        b"--b\r\nContent-Type: application/dicom\r\n\r\n" + instance_bytes(number) + b"\r\n"
        for number in numbers
    )
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request(
            "POST",
            "/dicom-web/studies",
            body=parts + b"--b--\r\n",
            headers={
                "Content-Type": 'multipart/related; type="application/dicom"; boundary=b',
                "Accept": "application/dicom+json",
            },
        )
        response = connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 200, answer
    stored = {item["00081155"]["Value"][0] for item in answer["00081199"]["Value"]}
    return {number for number in numbers if ref_of(number).instance in stored}


def post_for_ever(port: int, first: int, answered: threading.Event) -> set[int]:
    """Send request after request until the server is gone; what was acknowledged."""
    acked: set[int] = set()
    with contextlib.suppress(OSError, http.client.HTTPException):
        for start in range(first, first + STEP, PARTS):
            acked |= post(port, range(start, start + PARTS))
            answered.set()
    return acked


def test_killing_a_server_while_clients_store_loses_nothing(
    victim: Victim, judge: Judge, quick_path: Path
):
    random = Random(2)  # noqa: S311 - for moments, not for secrets
    with ThreadPoolExecutor(CLIENTS) as pool:
        for n in range(KILLS):
            victim.start(quick_path, "serve")
            port = int(victim.wait_for("port"))
            firsts = [(n * CLIENTS + client) * STEP for client in range(CLIENTS)]
            answered = threading.Event()
            clients = [pool.submit(post_for_ever, port, first, answered) for first in firsts]
            if n % 5:  # else perhaps before anything was stored
                assert answered.wait(60)
            time.sleep(random.uniform(0, 0.3))
            victim.kill()
            assert victim.end() == -9
            for client in clients:
                victim.told.acked |= client.result(timeout=60)

    assert judge(quick_path, victim.told) >= len(victim.told.acked) >= KILLS


@pytest.mark.parametrize("again", [False, True])
def test_what_was_not_acknowledged_can_be_sent_again(
    victim: Victim, judge: Judge, quick_path: Path, again: bool
):
    go = quick_path / "go"
    numbers = list(range(20))
    for _ in range(6):
        victim.start(quick_path / "data", "when told", numbers=numbers, go=str(go))
        victim.wait_for("ready")
        go.touch()
        if again:
            victim.wait_for("ack")
        victim.kill()
        victim.end()
        go.unlink()
    go.touch()
    victim.start(quick_path / "data", "when told", numbers=numbers, go=str(go))
    assert victim.end() == 0

    assert victim.told.acked == set(numbers)
    assert judge(quick_path / "data", victim.told) == 20
