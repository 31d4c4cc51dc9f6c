"""A system call that fails, or at which the process dies: nothing is ever half stored.

strace is attached to a process that stores one instance, and makes its Nth call of one
kind fail, or kills the process at it, for N = 1, 2, 3 … until the process gets through
or has seen enough: what comes late is the index tidying up as it is closed.
"""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crashing import Judge, Victim

MOST = 8  # calls of one kind that are tampered with, each in a process of its own
ATTACH_TIME = 20.0  # seconds


@pytest.fixture(autouse=True)
def _needs_strace(tmp_path: Path) -> None:
    """Skip, and say so, where no process may be traced."""
    if shutil.which("strace") is None:
        pytest.skip("FAILING SYSTEM CALLS ARE NOT TESTED HERE: there is no strace")
    tried = subprocess.run(["strace", "-o", tmp_path / "log", "true"], check=False)
    if tried.returncode:
        pytest.skip("FAILING SYSTEM CALLS ARE NOT TESTED HERE: strace may not trace")


@contextmanager
def tampered(pid: int, calls: str, inject: str, log: Path) -> Iterator[None]:
    """Attach strace to a process, all its threads included."""
    log.unlink(missing_ok=True)
    command = [
        *("strace", "-f", "-p", str(pid), "-o", str(log)),
        *("-e", f"trace={calls},write", "-e", f"inject={calls}:{inject}"),
    ]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        wait_until_attached(tracer, pid)
        yield
    finally:
        tracer.terminate()
        tracer.communicate(timeout=ATTACH_TIME)


def wait_until_attached(tracer: subprocess.Popen, pid: int) -> None:
    """Wait until every thread is traced."""
    deadline = time.monotonic() + ATTACH_TIME
    while time.monotonic() < deadline and tracer.poll() is None:
        tasks = Path(f"/proc/{pid}/task").iterdir()
        if all("TracerPid:\t0\n" not in (task / "status").read_text() for task in tasks):
            return
        time.sleep(0.005)
    raise AssertionError("strace did not attach")


def store_one(victim: Victim, folder: Path, number: int, calls: str, inject: str) -> int:
    """Store one instance while calls fail; the exit status of who stored it."""
    go = folder / "go"
    go.unlink(missing_ok=True)
    settings = {"disk_reserve": 0}
    victim.start(folder / "data", "when told", settings, numbers=[number], go=str(go))
    victim.wait_for("ready")
    with tampered(victim.pid, calls, inject, folder / "log"):
        go.touch()
        return victim.end()


KINDS = [
    pytest.param("openat", id="open"),
    pytest.param("write,pwrite64", id="write"),
    pytest.param("fsync,fdatasync", id="synchronise"),
    pytest.param("mkdir,link,linkat,unlink,unlinkat", id="name"),
    pytest.param("flock,fcntl,utimensat,ftruncate,lseek", id="others"),
]


@pytest.mark.parametrize("calls", KINDS)
def test_dying_at_any_call_leaves_all_or_nothing(
    victim: Victim, judge: Judge, quick_path: Path, calls: str
):
    died = 0
    for nth in range(1, MOST + 1):
        status = store_one(victim, quick_path, nth, calls, f"signal=KILL:when={nth}")
        judge(quick_path / "data", victim.told)
        assert status in (0, -9)
        if status == 0:
            break
        died += 1
    assert died >= 2

    go = quick_path / "go"  # it is there: whoever starts now needs not wait
    numbers = list(range(1, nth + 1))
    victim.start(quick_path / "data", "when told", {"disk_reserve": 0}, numbers=numbers, go=str(go))
    assert victim.end() == 0
    assert victim.told.acked == set(numbers)
    assert judge(quick_path / "data", victim.told) == nth


def test_a_synchronisation_that_fails_refuses_the_instance(
    victim: Victim, judge: Judge, quick_path: Path
):
    for nth in range(1, MOST + 1):
        store_one(victim, quick_path, nth, "fsync,fdatasync", f"error=EIO:when={nth}")
        log = (quick_path / "log").read_text()
        before_the_answer = log.partition(f"ack {nth}")[0]
        assert (nth in victim.told.failed) == ("INJECTED" in before_the_answer)
        assert (nth in victim.told.acked) == ("INJECTED" not in before_the_answer)
        judge(quick_path / "data", victim.told)
        if "INJECTED" not in log:
            break

    assert len(victim.told.failed) >= 4  # the file, its directories, the index
    assert set(victim.told.failed.values()) == {"Broken"}


@pytest.mark.parametrize("error", ["ENOSPC", "EIO"])
def test_a_write_that_fails_refuses_the_instance(
    victim: Victim, judge: Judge, quick_path: Path, error: str
):
    for nth in range(1, MOST + 1):
        store_one(victim, quick_path, nth, "write,pwrite64", f"error={error}:when={nth}")
        log = (quick_path / "log").read_text()
        judge(quick_path / "data", victim.told)
        if "INJECTED" not in log:
            break
        if "INJECTED" in log.partition(f"ack {nth}")[0]:
            assert nth not in victim.told.acked

    assert len(victim.told.failed) >= 2  # the file, the index
    assert set(victim.told.failed.values()) <= {"Full", "Broken"}
    assert victim.told.failed[1] == {"ENOSPC": "Full", "EIO": "Broken"}[error]
    assert list((quick_path / "data/incoming").iterdir()) == []
