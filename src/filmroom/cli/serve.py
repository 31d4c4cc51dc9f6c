"""`filmroom serve`: one process tree, from the data folder to the line `ready`."""

from __future__ import annotations

import sys
from socket import socket

import click

from filmroom.app import open_archive
from filmroom.cli import http, logs
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
    """Start the archive: DICOMweb and the OHIF Viewer.

    When it accepts requests, the line `ready http=http://HOST:PORT` is printed.
    """
    settings = given.settings()
    logs.set_up(settings)
    _say_what_is_missing(given)
    with http.listen(settings) as listening, open_archive(settings, exclusive=True) as archive:
        if settings.demo and archive.index.counts().instances == 0:
            _tell("Making the demo studies…")
            load("filmroom.demo.studies:store_all")(archive)
        with Upkeep(archive):
            if settings.workers > 1:
                Workers(settings, listening).run(lambda: _ready(settings, listening))
            else:
                _serve_here(archive, listening)


def _serve_here(archive: Archive, listening: socket) -> None:
    keep_buffers()
    collect_seldom()
    settings = archive.settings
    http.run(build(archive), settings, listening, lambda: _ready(settings, listening))


def _ready(settings: Settings, listening: socket) -> None:
    url = http.url_of(settings, listening)
    print(f"ready http={url}", flush=True)
    if settings.viewer:
        _tell(f"OHIF Viewer   {url}/")
    _tell(f"Archive       {url}/ui/")
    _tell(f"DICOMweb      {url}/dicom-web")
    if settings.insecure:
        _tell("Without authentication: whoever reaches this port reads and deletes everything.")


def _say_what_is_missing(given: Given) -> None:
    if "dimse_port" in given.flags and given.flags.get("dimse", True):
        _tell("This version has no DIMSE door: --dimse-port does nothing.")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
