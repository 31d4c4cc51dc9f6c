"""`filmroom import`: store files, folders of files, and zips of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click

from filmroom.app import open_archive
from filmroom.cli import logs
from filmroom.cli.memory import collect_seldom
from filmroom.cli.options import Given, with_settings
from filmroom.cli.progress import progress
from filmroom.cli.screen import in_units, many, tell
from filmroom.core.importing import Imported, import_paths
from filmroom.errors import NotFound
from filmroom.model.stored import Outcome

SHOWN = 100  # refused files that are named one by one

DONE = {
    Outcome.NEW: "new",
    Outcome.SAME: "there already",
    Outcome.KEPT_FIRST: "kept aside: other bytes are stored under their UIDs",
    Outcome.REPLACED: "in place of others",
}


@click.command("import")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH…")
@with_settings()
def import_(given: Given, paths: tuple[Path, ...]) -> int:
    """Store DICOM files: files, folders with all that is in them, and zips.

    What is no DICOM file is passed over. The status is 1 if a file was refused.
    """
    settings = given.settings()
    logs.set_up(settings, floor=logs.QUIET)
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise NotFound(f"{missing[0]}: no such file or folder")
    report = Report()
    collect_seldom()
    with open_archive(settings) as archive:
        report.read(progress(import_paths(archive, paths), "Importing"))
    report.tell()
    return 1 if report.refused else 0


@dataclass(slots=True)
class Report:
    """What became of everything."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    size: int = 0
    """Bytes of what was stored."""
    saved: int = 0
    """Bytes that recoding took away from that."""

    def read(self, files: Iterable[Imported]) -> None:
        """Take in what became of each file, and say at once which are refused."""
        for file in files:
            if file.stored is not None:
                self.outcomes[file.stored.outcome] += 1
                self.warnings.update(file.stored.warnings)
                self.size += file.size
                self.saved += file.stored.saved
            elif file.error is not None:
                self.refused += 1
                if self.refused <= SHOWN:
                    tell(f"refused {file.name}: {file.error}")
            else:
                self.skipped[file.skipped] += 1

    def tell(self) -> None:
        """The sums."""
        total = sum(self.outcomes.values())
        tell(f"Stored {many(total, 'instance')} ({in_units(self.size)}).")
        if self.saved:
            tell(f"  recoding saved {in_units(self.saved)}")
        for outcome, count in self.outcomes.items():
            if outcome is not Outcome.NEW:
                tell(f"  {count:,} {DONE[outcome]}")
        for warning, count in self.warnings.most_common():
            tell(f"  {count:,} with a warning: {warning}")
        for reason, count in self.skipped.most_common():
            tell(f"Passed over {many(count, 'file')}: {reason}.")
        if self.refused:
            more = f", of which {SHOWN} are named above" if self.refused > SHOWN else ""
            tell(f"Refused {many(self.refused, 'file')}{more}.")
