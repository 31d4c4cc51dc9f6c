"""Fair timing: interleaved runs, medians, ratios; one table, one line of JSON a result."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One comparison: seconds (medians) of each contestant, and a ratio with its mark."""

    work: str
    seconds: dict[str, float]
    ours: str
    peer: str
    ratio: float
    """How many times faster ours is than the peer."""
    mark: float
    runs: int

    @property
    def reached(self) -> bool:
        """Whether the mark is reached."""
        return self.ratio >= self.mark


def interleave(
    contestants: Mapping[str, Callable[[], float | None]], runs: int = 5, warmup: int = 1
) -> dict[str, list[float]]:
    """Seconds of each run of each contestant, one after the other in turn.

    A contestant that returns a number has timed itself; else the call is timed.
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(warmup + runs):
        for name, run in contestants.items():
            begun = time.perf_counter()
            own = run()
            took = own if own is not None else time.perf_counter() - begun
            if turn >= warmup:
                seconds[name].append(took)
    return seconds


def compare(
    work: str,
    seconds: Mapping[str, list[float]],
    marks: Mapping[str, float],
    ours: str = "filmroom",
) -> list[Row]:
    """A row for each peer that has a mark: the median of the ratios of paired runs."""
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    rows = []
    for peer, mark in marks.items():
        paired = [theirs / mine for theirs, mine in zip(seconds[peer], seconds[ours], strict=True)]
        ratio = statistics.median(paired)
        rows.append(Row(work, medians, ours, peer, ratio, mark, len(paired)))
    return rows


def report(rows: list[Row], name: str) -> None:
    """Print the table and append it to `bench/results/NAME.jsonl` with the machine's kind."""
    width = max(len(row.work) for row in rows)
    for row in rows:
        mine, theirs = row.seconds[row.ours], row.seconds[row.peer]
        verdict = "reached" if row.reached else "MISSED"
        print(
            f"{row.work:<{width}}  {row.ours} {mine * 1000:10.2f} ms   {row.peer} "
            f"{theirs * 1000:10.2f} ms   {row.ratio:8.2f}x of {row.peer}   "
            f"mark {row.mark:g}x {verdict}"
        )
    RESULTS.mkdir(exist_ok=True)
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    with (RESULTS / f"{name}.jsonl").open("a", encoding="utf-8") as out:
        for row in rows:
            line = {"at": int(time.time()), "machine": machine, **asdict(row)}
            out.write(json.dumps(line) + "\n")


def finish(rows: list[Row], name: str) -> None:
    """Report, and exit with 1 if a mark was missed."""
    report(rows, name)
    sys.exit(0 if all(row.reached for row in rows) else 1)
