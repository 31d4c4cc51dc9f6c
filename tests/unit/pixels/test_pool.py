from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from pickle import PickleBuffer

import pytest

from filmroom.errors import Broken, Busy, Undecodable, Unsupported
from filmroom.pixels.pool import Pool

MB = 1 << 20
JOBS = "filmroom.testing.pixel_jobs"


@pytest.fixture
def make() -> Iterator[Callable[..., Pool]]:
    """Pools that are closed at the test's end."""
    pools: list[Pool] = []

    def made(size: int = 1, **more: float) -> Pool:
        pools.append(Pool(size, jobs=JOBS, memory=256 * MB, **more))  # type: ignore[arg-type]
        return pools[-1]

    yield made
    for pool in pools:
        pool.close()


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def wait_until(true: Callable[[], object], seconds: float = 20) -> None:
    """Until something is so; fails when it never is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_pool_starts_nothing_before_it_is_used(make) -> None:
    pool = make(2)

    assert pool.workers == []
    assert pool.run("echo", b"one", 1, "zwei", seconds=20) == ([1, "zwei"], b"one")
    assert len(pool.workers) == 1


@pytest.mark.parametrize("size", [0, 1, 70_000, 5 * MB])
def test_bytes_come_back_as_they_went(make, size: int) -> None:
    data = os.urandom(size)

    assert make().run("echo", PickleBuffer(data), seconds=20) == ([], data)


def test_one_worker_does_job_after_job_at_low_priority(make) -> None:
    pool = make(2)
    for _ in range(3):
        pool.run("echo", b"", seconds=20)
    (pid,) = pool.workers

    assert os.getpriority(os.PRIO_PROCESS, pid) == os.getpriority(os.PRIO_PROCESS, 0) + 10 or (
        os.getpriority(os.PRIO_PROCESS, pid) == 19
    )
    assert re.search(r"core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text())


@pytest.mark.parametrize("job", ["spin", "stop"])
def test_what_takes_too_long_is_ended_and_the_next_job_done(make, job: str) -> None:
    pool = make()
    pool.run("echo", b"", seconds=20)
    (before,) = pool.workers
    began = time.monotonic()

    with pytest.raises(Undecodable, match="longer than 0"):
        pool.run(job, seconds=0.5)

    assert time.monotonic() - began < 5
    assert not runs(before)
    assert pool.run("echo", b"on", seconds=20) == ([], b"on")
    assert pool.workers != [before]


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_crash_fails_one_job_only(make, tmp_path: Path, number: int) -> None:
    pool = make(2)
    with ThreadPoolExecutor(2) as threads:
        other = threads.submit(pool.run, "begin", str(tmp_path / "log"), 1.0, seconds=20)
        with pytest.raises(Undecodable, match="decoder fail"):
            pool.run("crash", int(number), seconds=20)

        assert other.result()[0] > 0
    assert pool.run("echo", b"on", seconds=20) == ([], b"on")


def test_a_worker_killed_while_idle_is_replaced(make) -> None:
    pool = make()
    pool.run("echo", b"", seconds=20)
    (pid,) = pool.workers
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not runs(pid))

    assert pool.run("echo", b"on", seconds=20) == ([], b"on")


def test_memory_is_bounded_and_the_worker_lives_on(make) -> None:
    pool = make()
    assert pool.run("hoard", 100 * MB, seconds=20)[0] == 100 * MB
    (before,) = pool.workers

    with pytest.raises(Undecodable, match="too much memory"):
        pool.run("hoard", 1024 * MB, seconds=20)

    assert pool.run("echo", b"on", seconds=20) == ([], b"on")
    assert pool.workers == [before]


def test_the_archives_errors_keep_their_class_and_others_tell_nothing(
    make, caplog: pytest.LogCaptureFixture
) -> None:
    pool = make()

    with pytest.raises(Unsupported, match="not this one"):
        pool.run("refuse", seconds=20)
    with pytest.raises(Undecodable) as caught:
        pool.run("fail", seconds=20)
    assert "secret" not in str(caught.value)
    (record,) = caplog.records
    assert "in fail" in record.traceback
    assert "ZeroDivisionError: secret" not in str(vars(record))
    assert len(pool.workers) == 1


def test_no_more_workers_than_allowed_and_the_rest_waits(make, tmp_path: Path) -> None:
    pool, log = make(2), tmp_path / "log"
    with ThreadPoolExecutor(8) as threads:
        done = [threads.submit(pool.run, "begin", str(log), 0.02, seconds=20) for _ in range(8)]
        pids = {each.result()[0] for each in done}

    assert len(pids) == 2
    assert len(log.read_text().split()) == 8


def test_too_many_waiting_is_busy(make, tmp_path: Path) -> None:
    pool, log = make(1, queue=1), tmp_path / "log"
    with ThreadPoolExecutor(2) as threads:
        held = threads.submit(pool.run, "begin", str(log), 1.0, seconds=20)
        wait_until(log.exists)
        waiting = threads.submit(pool.run, "begin", str(log), 0.0, seconds=20)
        wait_until(lambda: pool._waiting == 1)

        with pytest.raises(Busy):
            pool.run("echo", b"", seconds=20)
        assert held.result()[0] == waiting.result()[0]


def test_idle_workers_end(make) -> None:
    pool = make(1, idle=0.3)
    pool.run("echo", b"", seconds=20)
    (pid,) = pool.workers

    wait_until(lambda: not runs(pid))

    assert pool.workers == []
    assert not Path(f"/proc/{pid}").exists()  # nor is a zombie left
    assert pool.run("echo", b"on", seconds=20) == ([], b"on")
    (second,) = pool.workers
    wait_until(lambda: not runs(second))


def test_closing_ends_workers_also_in_the_midst_of_a_job(make, tmp_path: Path) -> None:
    pool, log = make(1), tmp_path / "log"
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(pool.run, "begin", str(log), 60.0, seconds=60)
        wait_until(log.exists)
        pool.close()

        with pytest.raises(Undecodable):
            held.result(timeout=10)
    assert not runs(int(log.read_text()))
    with pytest.raises(Busy):
        pool.run("echo", b"", seconds=20)


def test_a_pool_whose_workers_cannot_start_says_so() -> None:
    pool = Pool(1, jobs="no.such.module")

    with pytest.raises(Broken, match="did not start"):
        pool.run("echo", b"", seconds=20)
    pool.close()


PARENT = """
import sys, threading
from filmroom.pixels.pool import Pool
pool = Pool(2, jobs="filmroom.testing.pixel_jobs")
threading.Thread(target=pool.run, args=("spin",), kwargs={"seconds": 60}).start()
pool.run("echo", b"", seconds=20)
while len(pool.workers) < 2: pass
print(*pool.workers, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_die_with_their_server(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        assert all(runs(pid) for pid in pids)
        parent.send_signal(number)
        parent.wait(20)

        wait_until(lambda: not any(runs(pid) for pid in pids))


def test_a_worker_outlives_the_thread_that_started_it(make) -> None:
    pool = make()
    thread = threading.Thread(target=pool.run, args=("echo", b""), kwargs={"seconds": 20})
    thread.start()
    thread.join()
    before = pool.workers

    pool.run("echo", b"", seconds=20)

    assert pool.workers == before != []


def test_ctrl_c_is_for_the_server(make) -> None:
    pool = make()
    pool.run("echo", b"", seconds=20)
    (pid,) = pool.workers

    os.kill(pid, signal.SIGINT)

    assert os.getpgid(pid) != os.getpgid(0)
    assert pool.run("echo", b"on", seconds=20) == ([], b"on")
    assert pool.workers == [pid]
