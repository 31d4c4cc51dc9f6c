"""Finding a video's pictures: a process that reads the stream and tells what it found.

Started as `python -m filmroom.pixels.remuxing CODEC RATE` by `pixels.video`; it imports little.
Its first byte says how it went: `+` and the pictures, or `-` and why there are none.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from functools import partial

from filmroom.dicom.video.remux import remux
from filmroom.errors import Undecodable

PIECE = 1 << 20  # bytes
FOUND, NONE = b"+", b"-"


def main(codec: str, rate: str) -> None:
    """Read a stream from standard input to its end, and write what it is made of."""
    pieces = iter(partial(sys.stdin.buffer.read, PIECE), b"")
    try:
        found = remux(pieces, is_hevc=codec == "hevc", told=Fraction(rate) if rate else None)
        answer = FOUND + found.pack()
    except Undecodable as error:
        answer = NONE + str(error).encode()
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
