"""The boxes of an MP4 file with one video track (ISO 14496-12 §8, 14496-14)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import ceil

from filmroom.dicom.video.pictures import Look

FINE = 10_000  # units of time a second, at least
MILLISECONDS = 1000
SAMPLES_PER_CHUNK = 32
MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
DPI_72 = 0x480000
ALL_IN_THIS_FILE = 1
UNDETERMINED = 0x55C4  # the language "und"


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box."""
    return struct.pack(">I4s", 8 + sum(map(len, parts)), kind) + b"".join(parts)


def full_box(kind: bytes, *parts: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


@dataclass(frozen=True, slots=True)
class Track:
    """What must be known of a video track; samples are in the order of decoding."""

    entry: bytes
    """The type of the sample entry."""
    configuration: bytes
    """The box that sets the decoder up."""
    look: Look
    rate: Fraction
    """Frames per second."""
    sizes: Sequence[int]
    """Bytes of each sample."""
    shown: Sequence[int]
    """The place of each sample in the order of showing."""
    keys: Sequence[int]
    """The samples at which decoding can begin, counted from 0."""

    @property
    def delay(self) -> int:
        """Samples that are decoded before the first is shown."""
        return max((i - place for i, place in enumerate(self.shown)), default=0)

    @property
    def scale(self) -> tuple[int, int]:
        """Units of time a second, and units that a sample lasts."""
        finer = ceil(FINE / self.rate.numerator)
        return self.rate.numerator * finer, self.rate.denominator * finer


def head(track: Track) -> bytes:
    """All that comes before the samples, the beginning of their box included."""
    total = sum(track.sizes)
    kind = box(b"ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2mp41")
    wide = len(kind) + 16 + total + 2**24 + 16 * len(track.sizes) >= 2**32
    data = struct.pack(">I4sQ", 1, b"mdat", 16 + total)
    # Its length does not depend on where the samples begin.
    begin = len(kind) + len(_movie(track, 0, wide=wide)) + len(data)
    return kind + _movie(track, begin, wide=wide) + data


def _movie(track: Track, begin: int, *, wide: bool) -> bytes:
    units, each = track.scale
    count = len(track.sizes)
    length = count * each * MILLISECONDS // units
    movie = struct.pack(">QQIQ", 0, 0, MILLISECONDS, length)
    movie += struct.pack(">IH10x", 0x10000, 0x100) + MATRIX + struct.pack(">24xI", 2)
    times = struct.pack(">QQIQHH", 0, 0, units, count * each, UNDETERMINED, 0)
    media = box(
        b"mdia",
        full_box(b"mdhd", times, version=1),
        full_box(b"hdlr", struct.pack(">4x4s12x", b"vide"), b"Video\0"),
        _media(track, begin, wide=wide),
    )
    parts = [_track_header(track.look, length), _edits(track, length), media]
    return box(b"moov", full_box(b"mvhd", movie, version=1), box(b"trak", *parts))


def _track_header(look: Look, length: int) -> bytes:
    across, down = look.aspect
    fields = struct.pack(">QQI4xQ8xHHH2x", 0, 0, 1, length, 0, 0, 0) + MATRIX
    width = round(look.width * across / down * 0x10000)
    enabled_in_movie = 3
    sides = struct.pack(">II", min(width, 0xFFFFFFFF), look.height << 16)
    return full_box(b"tkhd", fields, sides, version=1, flags=enabled_in_movie)


def _edits(track: Track, length: int) -> bytes:
    """Begin with the first picture that is shown, however many are decoded before it."""
    if not track.delay:
        return b""
    _, each = track.scale
    edit = struct.pack(">IQqI", 1, length, track.delay * each, 0x10000)
    return box(b"edts", full_box(b"elst", edit, version=1))


def _media(track: Track, begin: int, *, wide: bool) -> bytes:
    place = full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", flags=ALL_IN_THIS_FILE))
    return box(
        b"minf",
        full_box(b"vmhd", bytes(8), flags=1),
        box(b"dinf", place),
        _samples(track, begin, wide=wide),
    )


def _samples(track: Track, begin: int, *, wide: bool) -> bytes:
    """The sample table (§8.5)."""
    count = len(track.sizes)
    parts = [
        full_box(b"stsd", struct.pack(">I", 1), _entry(track)),
        full_box(b"stts", struct.pack(">III", 1, count, track.scale[1])),
        _composition(track),
        full_box(b"stsc", _chunks(count)),
        full_box(b"stsz", struct.pack(">II", 0, count), _words("I", track.sizes)),
        _offsets(track.sizes, begin, wide=wide),
    ]
    if len(track.keys) < count:
        keys = [number + 1 for number in track.keys]
        parts.append(full_box(b"stss", struct.pack(">I", len(keys)), _words("I", keys)))
    return box(b"stbl", *parts)


def _entry(track: Track) -> bytes:
    """How samples are coded (§12.1.3, 14496-15 §5.4.2)."""
    look = track.look
    fields = struct.pack(">6xH16xHHIIIH32sHh", 1, look.width, look.height, DPI_72, DPI_72, 0,
                         1, b"", 24, -1)  # fmt: skip
    parts = [fields, track.configuration]
    if look.colour:
        *numbers, full_range = look.colour
        parts.append(box(b"colr", b"nclx", struct.pack(">HHHB", *numbers, full_range << 7)))
    if look.aspect[0] != look.aspect[1]:
        parts.append(box(b"pasp", struct.pack(">II", *look.aspect)))
    return box(track.entry, *parts)


def _composition(track: Track) -> bytes:
    """How much later than decoded each sample is shown (§8.6.1.3)."""
    if not track.delay:
        return b""
    each, delay = track.scale[1], track.delay
    offsets = (place + delay - i for i, place in enumerate(track.shown))
    runs = [(sum(1 for _ in same), offset * each) for offset, same in groupby(offsets)]
    flat = [number for run in runs for number in run]
    return full_box(b"ctts", struct.pack(">I", len(runs)), _words("I", flat))


def _chunks(count: int) -> bytes:
    """How many samples each chunk has (§8.7.4)."""
    whole, rest = divmod(count, SAMPLES_PER_CHUNK)
    runs = [(1, SAMPLES_PER_CHUNK, 1)] if whole else []
    if rest:
        runs.append((whole + 1, rest, 1))
    return struct.pack(">I", len(runs)) + b"".join(struct.pack(">III", *run) for run in runs)


def _offsets(sizes: Sequence[int], begin: int, *, wide: bool) -> bytes:
    """Where each chunk begins (§8.7.5)."""
    starts = []
    for first in range(0, len(sizes), SAMPLES_PER_CHUNK):
        starts.append(begin)
        begin += sum(sizes[first : first + SAMPLES_PER_CHUNK])
    words = _words("Q" if wide else "I", starts)
    return full_box(b"co64" if wide else b"stco", struct.pack(">I", len(starts)), words)


def _words(code: str, numbers: Sequence[int]) -> bytes:
    """Numbers as big-endian words."""
    return struct.pack(f">{len(numbers)}{code}", *numbers)
