"""What is written to the terminal: nothing that an object holds may steer it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNITS = ("bytes", "KB", "MB", "GB", "TB")
KB = 1024


def printable(text: str) -> str:
    """The text on one line, control characters shown as question marks."""
    return "".join(char if char.isprintable() else "?" for char in text)


def tell(line: str) -> None:
    """Say something to whoever sits there, on standard error."""
    print(printable(line), file=sys.stderr, flush=True)


def show_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table on a terminal; otherwise one line a row, fields separated by tabs."""
    console = Console(highlight=False)
    if not console.is_terminal:
        for row in rows:
            print("\t".join(printable(cell) for cell in row))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def many(count: int, noun: str) -> str:
    """`1 instance`, `2 instances`, `3 studies`; `noun` is singular."""
    if count == 1:
        return f"1 {noun}"
    if noun.endswith("y"):
        return f"{count:,} {noun.removesuffix('y')}ies"
    return f"{count:,} {noun}" if noun.endswith("s") else f"{count:,} {noun}s"


def in_units(size: float) -> str:
    """Bytes for people: `512 bytes`, `1.5 MB`."""
    for unit in UNITS:
        if size < KB or unit == UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= KB
    raise AssertionError
