"""What most tests start from: an archive, the web application over it, and things stored in it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import uvicorn
from pydicom.dataset import Dataset
from starlette.testclient import TestClient

from filmroom.app import open_archive
from filmroom.cli.http_protocol import WireLimits, bounded
from filmroom.core.archive import Archive
from filmroom.core.store import receive
from filmroom.model.stored import Stored
from filmroom.settings import Settings
from filmroom.testing.objects import part10
from filmroom.web.app import build

Store = Callable[..., list[Stored]]

# How long an example takes says more about the machine's other work than about the code.
hypothesis.settings.register_profile("filmroom", deadline=None)
hypothesis.settings.load_profile("filmroom")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands that run in this process set it up for themselves."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("filmroom", "uvicorn.error")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    logging.captureWarnings(capture=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a test's archive: override this fixture for others."""
    return Settings(data=tmp_path / "data", port=0, disk_reserve=0)


@pytest.fixture
def archive(settings: Settings) -> Iterator[Archive]:
    """An empty archive on SQLite and local files in the test's own folder."""
    with open_archive(settings) as archive:
        yield archive


@pytest.fixture
def web(archive: Archive) -> Iterator[TestClient]:
    """A client of the web application, without a socket; errors of ours are answers too."""
    with TestClient(
        build(archive), base_url="http://127.0.0.1:8042", raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture
def store(archive: Archive) -> Store:
    """Put objects into the archive as a door would: data sets or Part 10 bytes."""

    def stored(*objects: Dataset | bytes) -> list[Stored]:
        outcomes = []
        for one in objects:
            incoming = receive(archive, "test")
            incoming.write(one if isinstance(one, bytes) else part10(one))
            outcomes.append(incoming.finish())
        return outcomes

    return stored


@pytest.fixture
def server(archive: Archive) -> Iterator[str]:
    """The URL of a real server on a free loopback port, for tests that need sockets."""
    config = uvicorn.Config(
        build(archive),
        host="127.0.0.1",
        port=0,
        http=bounded(WireLimits.of(archive.settings)),
        ws="none",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, name="server")
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not running.started and time.monotonic() < deadline and thread.is_alive():
            time.sleep(0.01)
        assert running.started
        port = running.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join(10)
