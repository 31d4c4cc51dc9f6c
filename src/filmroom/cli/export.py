"""`filmroom export`: give stored objects back, into a folder or a zip."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol, Self

import click

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.options import Given, with_settings
from filmroom.cli.progress import progress
from filmroom.cli.screen import in_units, many, tell
from filmroom.cli.selections import SELECTION
from filmroom.cli.syntaxes import SYNTAX, WORDS
from filmroom.core.anonymous import anonymised_ref, write_anonymised
from filmroom.core.archive import Archive
from filmroom.core.rewrite import target_for, write_instance
from filmroom.errors import Broken, Conflict, NotAcceptable
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.selection import Selection

CHUNK = 1 << 20  # bytes
UNFINISHED = ".part"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest: the same selection gives the same zip


@click.command()
@click.argument("selection", type=SELECTION, metavar="STUDY[/SERIES[/INSTANCE]]")
@click.argument("destination", type=click.Path(path_type=Path), metavar="DEST")
@click.option("--force", is_flag=True, help="Overwrite what is there.")
@click.option(
    "--transfer-syntax",
    "syntax",
    type=SYNTAX,
    metavar="SYNTAX",
    help=f"Write in another transfer syntax: its UID, or {', '.join(WORDS)}.",
)
@click.option("--anonymize", is_flag=True, help="Write files that do not tell whose they are.")
@with_settings()
def export(
    given: Given,
    selection: Selection,
    destination: Path,
    force: bool,
    syntax: str | None,
    anonymize: bool,
) -> None:
    """Write a study, series or instance to DEST, a folder or a name that ends in .zip.

    Files are written as they were stored, as STUDY/SERIES/INSTANCE.dcm, and compared with
    what was recorded when they came. In another transfer syntax nothing else of them changes;
    what cannot be written in it, such as a video, is written as it was stored. Anonymized,
    files get other UIDs and names; those whose pixels may tell whose they are are left out.
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    zipped = destination.suffix.lower() == ".zip"
    beside = destination.parent if zipped else destination
    with open_archive(settings) as archive:
        located = archive.index.select(selection)
        opened = _zip(destination, force) if zipped else _folder(destination, force)
        kind = Anonymous if anonymize else Giving
        with opened as out, kind(archive, beside, syntax) as giving:
            for instance in progress(located, "Exporting", len(located)):
                chunks = giving.chunks(instance)
                if chunks is not None:
                    out.put(giving.name(instance), chunks)
    written = many(len(located) - giving.left_out, "instance")
    tell(f"Wrote {written} ({in_units(giving.size)}) to {destination}.")
    if giving.as_stored:
        tell(f"As stored, since they cannot be coded anew: {many(giving.as_stored, 'instance')}.")
    if giving.left_out:
        tell(f"Left out, since they may tell whose they are: {many(giving.left_out, 'instance')}.")


class Out(Protocol):
    """Where files go."""

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write one file."""


def _name(ref: InstanceRef) -> str:
    return f"{ref.study}/{ref.series}/{ref.instance}.dcm"


class Giving:
    """Instances in pieces, in the transfer syntax that is asked; closes its own scratch file."""

    def __init__(self, archive: Archive, folder: Path, syntax: str | None) -> None:
        self._archive, self._syntax = archive, syntax
        self._scratch = TemporaryFile(dir=folder)  # noqa: SIM115 -- closed when this is left
        self.size = 0
        """Bytes given so far."""
        self.as_stored = 0
        """Instances that were given as stored because they could not be coded."""
        self.left_out = 0
        """Instances that were not given."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    def name(self, instance: Located) -> str:
        """The path of an instance's file."""
        return _name(instance.ref)

    def chunks(self, instance: Located) -> Iterator[bytes] | None:
        """One instance, None where it is left out; Broken if what is stored is damaged."""
        found = self._chunks(instance)
        return None if found is None else self._counted(found)

    def _counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.size += len(chunk)
            yield chunk

    def _chunks(self, instance: Located) -> Iterator[bytes] | None:
        stored = instance.transfer_syntax
        target = target_for(instance, self._syntax) if self._syntax else stored
        if target == stored:
            self.as_stored += instance.number_of_frames > 0 and self._syntax not in (None, stored)
            return _checked(self._archive, instance)
        self._begin(instance)
        try:
            write_instance(self._archive, instance, target, self._scratch)
        except NotAcceptable:
            self.as_stored += 1
            return self._archive.storage.chunks(instance.key, size=CHUNK)
        return self._made()

    def _begin(self, instance: Located) -> None:
        for _ in _checked(self._archive, instance):
            pass  # nothing is made of what is damaged
        self._scratch.seek(0)
        self._scratch.truncate()

    def _made(self) -> Iterator[bytes]:
        self._scratch.seek(0)
        return iter(partial(self._scratch.read, CHUNK), b"")


class Anonymous(Giving):
    """The same without identity, by other names."""

    def name(self, instance: Located) -> str:
        return _name(anonymised_ref(self._archive, instance))

    def _chunks(self, instance: Located) -> Iterator[bytes] | None:
        self._begin(instance)
        try:
            write_anonymised(self._archive, instance, self._scratch, target=self._syntax or "")
        except NotAcceptable:
            self.left_out += 1
            return None
        return self._made()


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
