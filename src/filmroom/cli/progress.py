"""A progress bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

One = TypeVar("One")


def progress(things: Iterable[One], doing: str, total: int | None = None) -> Iterator[One]:
    """The things, one after another, and on a terminal how far we are."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from things
        return
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(doing, total=total)
        for thing in things:
            yield thing
            shown.advance(task)
