"""Fuzz a decoder: `python tests/fuzz/fuzz_pixels.py FRAME UID --rounds 5000 --rows 40 …`.

A good frame is cut, spliced and changed at random, and decoded. What is neither an image
of the right shape nor Undecodable, or takes long, is an error; the frame that was being
decoded when the process ended lies in `--out`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from filmroom.dicom.pixel_format import PixelFormat
from filmroom.errors import Undecodable
from filmroom.pixels.decode import decode
from filmroom.pixels.values import dtype_of, shape_of

SLOW = 2.0  # seconds: for frames of a few thousand pixels
HEAD = 160  # bytes in which half of all changes are made: what is read first does most harm


def main() -> int:
    """Decode one damaged frame after another."""
    options = read_options()
    random_ = random.Random(options.seed)  # noqa: S311 - no secret
    good = options.frame.read_bytes()
    format = format_of(options)
    counts = {"decoded": 0, "refused": 0}
    for _ in range(options.rounds):
        bad = damaged(good, random_)
        (options.out / "last").write_bytes(bad)
        begun = time.perf_counter()
        try:
            found = decode(bad, options.uid, format).values
            assert found.shape == shape_of(format)
            assert found.dtype == dtype_of(format)
            counts["decoded"] += 1
        except Undecodable:
            counts["refused"] += 1
        assert time.perf_counter() - begun < SLOW, "slow"
    print(*(f"{name}={count}" for name, count in counts.items()))
    return 0


def read_options() -> argparse.Namespace:
    """What the frame is, and how long to go on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("frame", type=Path)
    parser.add_argument("uid")
    for name, default in (("rounds", 1000), ("seed", 0), ("rows", 1), ("columns", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--photometric", default="MONOCHROME2")
    parser.add_argument("--out", type=Path, default=Path())
    return parser.parse_args()


def format_of(options: argparse.Namespace) -> PixelFormat:
    """The format of the frame, unsigned."""
    bits = options.bits
    allocated = 8 if bits <= 8 else 16
    return PixelFormat(
        rows=options.rows,
        columns=options.columns,
        samples=options.samples,
        bits_allocated=allocated,
        bits_stored=bits,
        high_bit=bits - 1,
        signed=False,
        by_plane=False,
        photometric=options.photometric,
    )


def damaged(good: bytes, random_: random.Random) -> bytes:
    """The frame cut, spliced, or with a few bytes changed."""
    bad = bytearray(good)
    kind, at = random_.random(), random_.randrange(len(bad))
    if kind < 0.15:
        return bytes(bad[:at])
    if kind < 0.25:
        del bad[at : at + random_.randrange(1, 20)]
    elif kind < 0.35:
        bad[at:at] = random_.randbytes(random_.randrange(1, 20))
    else:
        end = min(HEAD, len(bad)) if random_.random() < 0.5 else len(bad)
        for _ in range(random_.choice((1, 1, 2, 5, 20))):
            bad[random_.randrange(end)] = random_.choice((0, 255, random_.randrange(256)))
    return bytes(bad)


if __name__ == "__main__":
    sys.exit(main())
