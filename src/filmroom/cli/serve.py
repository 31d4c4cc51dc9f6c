"""`filmroom serve`: one process tree, from the data folder to the line `ready`."""

from __future__ import annotations

import sys
import threading
from socket import socket

import click

from filmroom.app import open_archive
from filmroom.cli import http, logs, node
from filmroom.cli.lazy import load
from filmroom.cli.memory import collect_seldom, keep_buffers
from filmroom.cli.options import Given, with_settings
from filmroom.cli.upkeep import Upkeep
from filmroom.cli.workers import Workers
from filmroom.core.archive import Archive
from filmroom.settings import Settings
from filmroom.web.app import build


@click.command()
@with_settings(shown=True)
def serve(given: Given) -> None:
    """Start the archive: DICOMweb, the OHIF Viewer and DIMSE.

    When it accepts requests, the line `ready http=http://HOST:PORT dimse=AET@HOST:PORT` is
    printed.
    """
    settings = given.settings()
    logs.set_up(settings)
    with (
        http.listen(settings) as listening,
        node.listening(settings) as dimse,
        open_archive(settings, exclusive=True) as archive,
    ):
        if settings.demo and archive.index.counts().instances == 0:
            _tell("Making the demo studies…")
            load("filmroom.demo.studies:store_all")(archive)
        ready = Ready(settings, listening, dimse)
        with Upkeep(archive), node.Node(settings, dimse, ready.node):
            if settings.workers > 1:
                Workers(settings, listening).run(ready.web)
            else:
                _serve_here(archive, listening, ready)


def _serve_here(archive: Archive, listening: socket, ready: Ready) -> None:
    keep_buffers()
    collect_seldom()
    http.run(build(archive), archive.settings, listening, ready.web)


class Ready:
    """Says that the archive is ready, once both the web and the node are."""

    def __init__(self, settings: Settings, listening: socket, dimse: socket | None) -> None:
        self._settings = settings
        self._url = http.url_of(settings, listening)
        self._dimse = None if dimse is None else node.address_of(settings, dimse)
        self._lock = threading.Lock()
        self._missing = {"web", "node"}

    def web(self) -> None:
        """The web accepts."""
        self._accepts("web")

    def node(self) -> None:
        """The node accepts, maybe after it was started again."""
        self._accepts("node")

    def _accepts(self, which: str) -> None:
        with self._lock:
            if which in self._missing:
                self._missing.remove(which)
                if not self._missing:
                    _ready(self._settings, self._url, self._dimse)


def _ready(settings: Settings, url: str, dimse: str | None) -> None:
    print(f"ready http={url}" + (f" dimse={dimse}" if dimse else ""), flush=True)
    if settings.viewer:
        _tell(f"OHIF Viewer   {url}/")
    _tell(f"Archive       {url}/ui/")
    _tell(f"DICOMweb      {url}/dicom-web")
    if dimse:
        _tell(f"DIMSE         {dimse}")
    if settings.insecure:
        _tell("Without authentication: whoever reaches this port reads and deletes everything.")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
