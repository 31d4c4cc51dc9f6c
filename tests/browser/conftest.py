"""A real `filmroom serve` with the demo studies, and Chromium in front of it.

One server, one browser and one cache serve the whole session, since a cold start of OHIF takes
seconds; each test has a page of its own. What a page must never do is checked after each test.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from browser_pages import Demo, StudyList, Viewer
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Request,
    expect,
    sync_playwright,
)

from filmroom.web import viewer

READY = 120  # seconds: making the demo studies on a busy machine
PATIENCE = 45_000  # milliseconds: OHIF's scripts, read for the first time, drawn in software
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
    "--no-first-run",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--use-gl=angle",
]
SEEN_BEFORE = """
if (window === window.top && location.protocol === 'http:') {
  localStorage.setItem('shownTours', JSON.stringify(['basicViewerTour']));
  sessionStorage.setItem('investigationalUseDialog', 'hidden');
}
"""
INSIDE = ("blob:", "data:", "chrome:", "chrome-extension:")
"""Addresses of the page itself, and of Chromium's own PDF viewer."""


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of this session, with the demo studies in it."""
    if not (viewer.STATIC / "ohif" / viewer.MANIFEST).exists():
        pytest.skip("the viewer's files are not there: viewer/build brings them")
    folder = tmp_path_factory.mktemp("browser")
    port = free_port()
    command = [sys.executable, "-m", "filmroom", "serve", "--demo"]
    command += ["--data", str(folder / "data"), "--port", str(port), "--dimse-port", "0"]
    log = folder / "server.log"
    with log.open("wb") as err:
        server = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=err, env=plain_environment()
        )
    try:
        yield wait_until_ready(server, f"http://127.0.0.1:{port}", log)
    finally:
        server.terminate()
        server.wait(timeout=30)
        server.stdout.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def plain_environment() -> dict[str, str]:
    """The environment without this user's own settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FILMROOM_")}


def wait_until_ready(server: subprocess.Popen, address: str, log: Path) -> str:
    """The address, once the server answers there."""
    deadline = time.monotonic() + READY
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            if httpx.get(address + "/health/ready", timeout=5).status_code == 200:
                return address
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"the server is not ready:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; WebGL is drawn in software."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if program is None:
        pytest.skip("Chromium is not there (Debian: apt install chromium)")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all pages, so that OHIF's scripts are fetched and compiled once."""
    shared = browser.new_context(viewport={"width": 1400, "height": 900})
    shared.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    shared.add_init_script(SEEN_BEFORE)
    yield shared
    shared.close()


@dataclass
class Watch:
    """What a page did that it must not do."""

    origin: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def on_request(self, request: Request) -> None:
        """Note a request to another origin."""
        if not request.url.startswith((self.origin + "/", *INSIDE)):
            self.foreign.append(request.url)

    def on_console(self, message: ConsoleMessage) -> None:
        """Note an error on the console: policies that are broken are told there too."""
        if message.type == "error":
            self.complaints.append(message.text)

    def on_error(self, error: Error) -> None:
        """Note an exception that nobody caught, unless it is Chromium's own."""
        if "chrome-extension://" not in (error.stack or ""):
            self.complaints.append(f"{error}\n{error.stack}")


@pytest.fixture
def page(context: BrowserContext, url: str) -> Iterator[Page]:
    """An empty page; at its end it has asked nobody else and complained about nothing."""
    watch = Watch(url)
    opened = context.new_page()
    opened.on("request", watch.on_request)
    opened.on("console", watch.on_console)
    opened.on("pageerror", watch.on_error)
    yield opened
    opened.close()
    assert watch.foreign == []
    assert watch.complaints == []


@pytest.fixture
def studies(page: Page, url: str) -> StudyList:
    """The study list, not yet opened."""
    return StudyList(page, url)


@pytest.fixture
def ohif(page: Page, url: str) -> Viewer:
    """The viewer, not yet opened."""
    return Viewer(page, url)


@pytest.fixture(scope="session")
def demo(url: str) -> dict[str, Demo]:
    """The demo studies, by Patient ID."""

    def search(path: str) -> list[dict]:
        answer = httpx.get(f"{url}/dicom-web/{path}", timeout=30)
        answer.raise_for_status()
        return answer.json()

    def text(attributes: dict, tag: str) -> str:
        value = attributes[tag]["Value"][0]
        return value["Alphabetic"] if isinstance(value, dict) else value

    found = {}
    for each in search("studies"):
        study = text(each, "0020000D")
        series = {
            text(one, "0008103E"): text(one, "0020000E")
            for one in search(f"studies/{study}/series")
        }
        name, mrn = text(each, "00100010"), text(each, "00100020")
        found[mrn] = Demo(study, name, mrn, each["00080061"]["Value"], series)
    return found
