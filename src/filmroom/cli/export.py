"""`filmroom export`: give stored objects back, into a folder or a zip."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import click

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.options import Given, with_settings
from filmroom.cli.progress import progress
from filmroom.cli.screen import in_units, many, tell
from filmroom.cli.selections import SELECTION
from filmroom.core.archive import Archive
from filmroom.errors import Broken, Conflict
from filmroom.model.instance import Located
from filmroom.model.selection import Selection

CHUNK = 1 << 20  # bytes
UNFINISHED = ".part"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest: the same selection gives the same zip


@click.command()
@click.argument("selection", type=SELECTION, metavar="STUDY[/SERIES[/INSTANCE]]")
@click.argument("destination", type=click.Path(path_type=Path), metavar="DEST")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@with_settings()
def export(given: Given, selection: Selection, destination: Path, force: bool) -> None:
    """Write a study, series or instance to DEST, a folder or a name that ends in .zip.

    Files are written as they were stored, as STUDY/SERIES/INSTANCE.dcm, and compared with
    what was recorded when they came.
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    zipped = destination.suffix.lower() == ".zip"
    with open_archive(settings) as archive:
        located = archive.index.select(selection)
        opened = _zip(destination, force) if zipped else _folder(destination, force)
        with opened as out:
            for instance in progress(located, "Exporting", len(located)):
                out.put(_name(instance), _checked(archive, instance))
    size = in_units(sum(instance.size for instance in located))
    tell(f"Wrote {many(len(located), 'instance')} ({size}) to {destination}.")


class Out(Protocol):
    """Where files go."""

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write one file."""


def _name(instance: Located) -> str:
    ref = instance.ref
    return f"{ref.study}/{ref.series}/{ref.instance}.dcm"


def _checked(archive: Archive, instance: Located) -> Iterator[bytes]:
    digest = hashlib.sha256()
    for chunk in archive.storage.chunks(instance.key, size=CHUNK):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != instance.key:
        raise Broken(f"instance {instance.ref.instance} is damaged: its bytes have changed")


class _Folder:
    def __init__(self, root: Path, force: bool) -> None:
        self.root = root
        self.force = force

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self.root / name
        if path.exists() and not self.force:
            raise Conflict(f"{path} is there already; --force overwrites it")
        path.parent.mkdir(parents=True, exist_ok=True)
        with _unfinished(path) as aside, aside.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)


class _Zip:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self.file = file

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        entry = zipfile.ZipInfo(name, ZIP_DATE)
        entry.external_attr = 0o644 << 16
        with self.file.open(entry, "w", force_zip64=True) as out:
            for chunk in chunks:
                out.write(chunk)


@contextmanager
def _folder(root: Path, force: bool) -> Iterator[Out]:
    root.mkdir(parents=True, exist_ok=True)
    yield _Folder(root, force)


@contextmanager
def _zip(path: Path, force: bool) -> Iterator[Out]:
    if path.exists() and not force:
        raise Conflict(f"{path} is there already; --force overwrites it")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(path) as aside, zipfile.ZipFile(aside, "w") as file:
        yield _Zip(file)


@contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """A name beside `path`, which takes its place when all went well."""
    aside = path.with_name(path.name + UNFINISHED)
    try:
        yield aside
        os.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
