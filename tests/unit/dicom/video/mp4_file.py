"""An MP4 file's boxes, read as plainly as can be."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

from filmroom.dicom.spans import Span
from filmroom.dicom.video.remux import Remuxed, remux

PARENTS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl"}


def boxes(data: bytes, path: str = "") -> dict[str, bytes]:
    """The payload of each box, by its path."""
    found, at = {}, 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            (size,), head = struct.unpack_from(">Q", data, at + 8), 16
        assert size >= head
        assert at + size <= len(data)
        name = f"{path}/{kind.decode()}"
        assert name not in found
        found[name] = data[at + head : at + size]
        if kind in PARENTS:
            found |= boxes(found[name], name)
        at += size
    assert at == len(data)
    return found


@dataclass(frozen=True)
class Film:
    """What a player sees of an MP4 file with one track."""

    file: bytes

    @property
    def boxes(self) -> dict[str, bytes]:
        return boxes(self.file)

    def table(self, name: str, code: str) -> list[tuple[int, ...]]:
        """The entries of a box of the sample table."""
        data = self.boxes.get(f"/moov/trak/mdia/minf/stbl/{name}")
        if data is None:
            return []
        (count,) = struct.unpack_from(">I", data, 4)
        found = list(struct.iter_unpack(">" + code, data[8:]))
        assert len(found) == count
        return found

    @property
    def entry(self) -> bytes:
        """The sample entry, with its size and type."""
        return self.boxes["/moov/trak/mdia/minf/stbl/stsd"][8:]

    @property
    def samples(self) -> list[bytes]:
        """The bytes of each sample, found as players find them."""
        sizes = self.boxes["/moov/trak/mdia/minf/stbl/stsz"]
        lengths = [each for (each,) in struct.iter_unpack(">I", sizes[12:])]
        runs = self.table("stsc", "III")
        offsets = [at for (at,) in self.table("stco", "I") or self.table("co64", "Q")]
        found: list[bytes] = []
        for chunk, at in enumerate(offsets, start=1):
            many = [run[1] for run in runs if run[0] <= chunk]
            for _ in range(many[-1]):
                length = lengths[len(found)]
                found.append(self.file[at : at + length])
                at += length
        assert len(found) == len(lengths)
        return found

    @property
    def units(self) -> list[list[bytes]]:
        """The NAL units of each sample."""
        found = []
        for sample in self.samples:
            units, at = [], 0
            while at < len(sample):
                (length,) = struct.unpack_from(">I", sample, at)
                units.append(sample[at + 4 : at + 4 + length])
                at += 4 + length
            assert at == len(sample)
            found.append(units)
        return found

    @property
    def shown(self) -> list[int]:
        """When each sample is shown, in frames, less what the edit list takes away."""
        ((count, each),) = self.table("stts", "II")
        offsets = [offset for many, offset in self.table("ctts", "II") for _ in range(many)]
        edit = self.boxes.get("/moov/trak/edts/elst")
        delay = struct.unpack_from(">q", edit, 16)[0] if edit else 0
        offsets = offsets or [0] * count
        return [number + (offset - delay) // each for number, offset in enumerate(offsets)]

    @property
    def keys(self) -> list[int]:
        """Samples at which decoding can begin, from 1; empty if at all."""
        return [number for (number,) in self.table("stss", "I")]

    @property
    def rate(self) -> tuple[int, int]:
        """Units a second, and units that a frame lasts."""
        ((_, each),) = self.table("stts", "II")
        (units,) = struct.unpack_from(">I", self.boxes["/moov/trak/mdia/mdhd"], 20)
        return units, each


def film(data: bytes, rate: Fraction | None = None, *, is_hevc: bool = False) -> Film:
    """The MP4 file over a stream, made of what was packed and unpacked."""
    made = Remuxed.unpack(remux([data], is_hevc=is_hevc, told=rate).pack())
    read = made.chunks(lambda span: data[span.start : span.start + span.length], Span(0, 1 << 40))
    found = Film(b"".join(read))
    assert len(found.file) == made.size
    return found
