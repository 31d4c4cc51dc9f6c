"""Kill -9 in the midst of C-STOREs loses nothing that was answered with success."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from random import Random

from crashing import Judge, Victim, has_whole_data_set
from objects_by_number import instance_bytes

from dimse_door import CT, EXPLICIT, c_store, called
from filmroom.errors import ArchiveError

KILLS = 20
CLIENTS = 3
STEP = 50_000  # numbers that one client may use
PER_ASSOCIATION = 20


def send_for_ever(port: int, first: int, answered: threading.Event) -> set[int]:
    """Store one instance after another until the server is gone; what was acknowledged."""
    acked: set[int] = set()
    with suppress(ArchiveError, AssertionError):  # no answer came, or none will
        for start in range(first, first + STEP, PER_ASSOCIATION):
            with called(("127.0.0.1", port), (CT, [EXPLICIT])) as connection:
                for number in range(start, start + PER_ASSOCIATION):
                    if c_store(connection, instance_bytes(number)).status == 0:
                        acked.add(number)
                        answered.set()
                connection.release()
    return acked


def test_killing_the_door_while_senders_store_loses_nothing(
    victim: Victim, judge: Judge, quick_path: Path
) -> None:
    random = Random(3)  # noqa: S311 - for moments, not for secrets
    with ThreadPoolExecutor(CLIENTS) as pool:
        for n in range(KILLS):
            victim.start(quick_path, "associate")
            port = int(victim.wait_for("port"))
            firsts = [(n * CLIENTS + client) * STEP for client in range(CLIENTS)]
            answered = threading.Event()
            clients = [pool.submit(send_for_ever, port, first, answered) for first in firsts]
            if n % 5:  # else perhaps before anything was stored
                assert answered.wait(60)
            time.sleep(random.uniform(0, 0.3))
            victim.kill()
            assert victim.end() == -9
            for client in clients:
                victim.told.acked |= client.result(timeout=60)
            if n % 10 == 9:
                judge(quick_path, victim.told, whole=has_whole_data_set)

    held = judge(quick_path, victim.told, whole=has_whole_data_set)
    assert held >= len(victim.told.acked) >= KILLS


def test_what_was_not_answered_can_be_sent_again(
    victim: Victim, judge: Judge, quick_path: Path
) -> None:
    for attempt in range(4):
        victim.start(quick_path, "associate")
        port = int(victim.wait_for("port"))
        with called(("127.0.0.1", port), (CT, [EXPLICIT])) as connection:
            for number in range(10):
                if number == attempt * 2 + 3:
                    victim.kill()
                with suppress(ArchiveError, AssertionError):
                    if c_store(connection, instance_bytes(number)).status == 0:
                        victim.told.acked.add(number)
        assert victim.end() == -9
    victim.start(quick_path, "associate")
    port = int(victim.wait_for("port"))
    with called(("127.0.0.1", port), (CT, [EXPLICIT])) as connection:
        statuses = [c_store(connection, instance_bytes(number)).status for number in range(10)]
    victim.kill()
    victim.end()

    assert statuses == [0] * 10
    victim.told.acked |= set(range(10))
    assert judge(quick_path, victim.told, whole=has_whole_data_set) == 10
