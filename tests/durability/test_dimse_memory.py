"""A large instance passes through the DIMSE door without staying in the node's memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_memory import FRAMES, GROWTH, LARGE, MB, SIDE, Watch, large_instance, resident

from dimse_door import EXPLICIT, Address, answer, c_store, called, data_set, store_request
from filmroom.testing.objects import image, part10


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[int, Address]]:
    """The process that serves the DIMSE door, and its address."""
    command = [sys.executable, "-m", "filmroom", "serve", "--port", "0", "--dimse-port", "0"]
    process = subprocess.Popen(
        [*command, "--data", str(tmp_path / "data")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[0] == "ready", words
        yield node_of(process.pid), ("127.0.0.1", int(words[2].rpartition(":")[2]))
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def node_of(pid: int) -> int:
    """The child of a server that multiprocessing has spawned to be its node."""
    children = {
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    }
    spawned = [
        each for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
    ]
    assert len(spawned) == 1, spawned
    return spawned[0]


def written_by(pid: int) -> int:
    """Bytes that a process has written to files."""
    fields = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return int(fields["wchar"])


def pixels() -> Iterator[bytes]:
    """The data set of 2 GB, in pieces."""
    start, end = large_instance()
    yield data_set(start)
    block = os.urandom(4 * MB)
    for _ in range(LARGE // len(block)):
        yield block
    yield end


def test_two_gigabytes_of_p_data_leave_no_mark_on_the_memory(
    node: tuple[int, Address],
) -> None:
    pid, address = node
    small = part10(image(2, 1, 1, rows=SIDE, columns=SIDE, frames=1))
    large = part10(image(rows=SIDE, columns=SIDE, frames=1, NumberOfFrames=str(FRAMES)))
    command = store_request(large)
    assert command.sop_class is not None
    with called(address, (command.sop_class, [EXPLICIT])) as connection:
        for _ in range(8):
            assert c_store(connection, small).status == 0
        before, written = resident(pid), written_by(pid)
        with Watch(pid) as watch:
            connection.send_message(1, command, pixels())
            told = answer(connection)
        connection.release()

    growth = {name: (watch.most[name] - before[name]) / MB for name in before}
    print(f"memory grew by {growth}")
    assert told.status == 0, told
    assert written_by(pid) - written >= LARGE  # it is this process that it passed through
    assert growth["RssAnon"] <= GROWTH / MB
    assert growth["VmRSS"] <= GROWTH / MB
