"""Fuzz the scanner: `python tests/fuzz/fuzz_scan.py --seconds 300 [--seed N] [FILE…]`.

Good files are cut, spliced and changed at random, and scanned. Whatever is not a clean
refusal, or is accepted and not readable, is written beside this script's `--out` and
ends the run. With `--atheris`, and atheris installed, it is coverage that guides.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pydicom

from filmroom.dicom.bulk import BulkIndex
from filmroom.dicom.frames import FrameIndex
from filmroom.dicom.scan import ScanLimits, scan
from filmroom.dicom.scan_limits import MB
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.dicom.uids import is_uid
from filmroom.errors import Refused

LIMITS = ScanLimits(elements=200_000, items=100_000, deflate_size=64 * MB)
SLOW = 5.0  # seconds: for files of at most 200 KB
TOKENS = [
    *(b"\xfe\xff\x00\xe0\x00\x00\x00\x00", b"\xfe\xff\x00\xe0\xff\xff\xff\xff"),
    *(b"\xfe\xff\x0d\xe0\x00\x00\x00\x00", b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"),
    *(b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\xfe\xff\xff\xff", b"\xff\xff", b"\x01\x00"),
    *(b"SQ\x00\x00", b"UN\x00\x00", b"OB\x00\x00\xff\xff\xff\xff", b"PN", b"DS", b"IS", b"US"),
    *(b"FD", b"AT", b"LO", b"UT\x00\x00", b"UV\x00\x00", b"\x1b$B", b"\x1b$)C", b"\x1b-F", b"\x1b"),
    *(b"\x08\x00\x05\x00CS", b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff", b"\x28\x00\x08\x00IS"),
    *(b"ISO 2022 IR 87", b"ISO_IR 192", b"GB18030", b"\\", b"^", b"=", b"nan", b"1e999", b"-0"),
]


def check(data: bytes, limits: ScanLimits = LIMITS) -> str:
    """Scan and judge: "accepted", or the refusal's first words; AssertionError if it lies."""
    begun = time.perf_counter()
    try:
        found = scan(memoryview(data), limits, "/dicom-web")
    except Refused as refusal:
        return " ".join(str(refusal).split()[:4])
    finally:
        assert time.perf_counter() - begun < SLOW, "slow"
    assert b"null" not in found.metadata or no_nulls(found.dataset)
    assert orjson.loads(found.metadata) == found.dataset
    for identity in (found.study, found.series, found.instance, found.sop_class):
        assert is_uid(identity, leading_zeros=True)
    assert FrameIndex.unpack(found.frames.pack()) == found.frames
    assert BulkIndex.unpack(found.bulk.pack()) == found.bulk
    end = len(data) if not transfer_syntax(found.transfer_syntax).deflated else 1 << 40
    for value in found.bulk.values:
        assert all(s.start + s.length <= end for s in value.spans)
    for number in range(1, len(found.frames) + 1)[:1000]:
        spans = found.frames.spans(number)
        assert spans
        assert all(s.start + s.length <= end for s in spans)
    return "accepted"


def no_nulls(value: Any) -> bool:
    """Whether there is no null anywhere."""
    if isinstance(value, dict):
        return all(map(no_nulls, value.values()))
    return all(map(no_nulls, value)) if isinstance(value, list) else value is not None


def mutated(seed: bytes, other: bytes, chance: random.Random) -> bytes:
    """A few random changes, most of them in the header."""
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5, 10))):
        edge = len(data) if chance.random() < 0.3 else min(len(data), 4096)
        low = chance.choice((132, 330, 330, 330))  # mostly behind the File Meta Information
        at = chance.randrange(low, max(edge, low + 1))
        kind = chance.randrange(8)
        if kind == 0:
            data[at : at + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            data[at : at + 1] = bytes(
                [(data[at] if at < len(data) else 0) ^ 1 << chance.randrange(8)]
            )
        elif kind == 2:
            token = chance.choice(TOKENS)
            data[at : at + len(token)] = token
        elif kind == 3:
            data[at:at] = chance.choice(TOKENS)
        elif kind == 4:
            del data[at : at + chance.randrange(1, 20)]
        elif kind == 5:
            del data[at:]
        elif kind == 6:
            begin = chance.randrange(max(1, len(other)))
            data[at : at + chance.randrange(40)] = other[begin : begin + chance.randrange(200)]
        else:
            begin = chance.randrange(len(data) or 1)
            data[at:at] = data[begin : begin + chance.randrange(300)]
    return bytes(data)


def corpus(paths: Sequence[str]) -> list[bytes]:
    """The seeds: named files, else pydicom's own; large ones left out."""
    chosen = map(Path, paths) if paths else Path(pydicom.__file__).parent.glob("data/*/*.dcm")
    seeds = [path.read_bytes() for path in sorted(chosen)]
    return [seed for seed in seeds if len(seed) <= 200_000 and seed[128:132] == b"DICM"]


def cases(seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Mutants without end, always the same for a seed."""
    chance = random.Random(seed)  # noqa: S311 - chance, not secrecy
    while True:
        yield mutated(chance.choice(seeds), chance.choice(seeds), chance)


def by_coverage(seeds: Sequence[bytes], seconds: float) -> None:
    """Hand over to atheris."""
    atheris = importlib.import_module("atheris")
    chance = random.Random(0)  # noqa: S311 - chance, not secrecy

    def one(data: bytes) -> None:
        check(seeds[chance.randrange(len(seeds))][:132] + data)

    atheris.Setup([sys.argv[0], f"-max_total_time={seconds:.0f}"], one)
    atheris.Fuzz()


def main() -> int:
    """Run until the time is up; 1 if something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("fuzz-found.dcm"))
    parser.add_argument("--atheris", action="store_true")
    asked = parser.parse_args()
    seeds = corpus(asked.files)
    if asked.atheris:
        by_coverage(seeds, asked.seconds)
        return 0
    until = time.monotonic() + asked.seconds
    outcomes: Counter[str] = Counter()
    for data in cases(seeds, asked.seed):
        if time.monotonic() > until:
            break
        try:
            outcomes[check(data)] += 1
        except BaseException:
            asked.out.write_bytes(data)
            print(f"found after {outcomes.total()} cases, kept in {asked.out}", file=sys.stderr)
            raise
    for outcome, count in outcomes.most_common(30):
        print(f"{count:8d}  {outcome}")
    print(f"{outcomes.total():8d}  cases in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
