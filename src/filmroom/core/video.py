"""Videos as browsers play them: MP4 over the stored stream (PS3.5 §8.2.5 to §8.2.8)."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO

from filmroom.core.archive import Archive
from filmroom.core.bulkdata import Bulk, bulk_value, is_mp4
from filmroom.core.metadata import data_sets, metadata
from filmroom.dicom.frames import Span
from filmroom.dicom.media_types import MP4
from filmroom.dicom.pixel_format import PIXEL_DATA
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.dicom.video.remux import Remuxed
from filmroom.errors import NotAcceptable, Undecodable
from filmroom.model.answer import Content
from filmroom.model.instance import Attributes, Located
from filmroom.model.pixels import DerivedFile
from filmroom.model.selection import Selection

MPEG_2 = "video/mpeg"
HEVC = "video/H265"
FRAME_TIME = "00181063"  # ms
RATES = ("00180040", "00082144")
"""Cine Rate and Recommended Display Frame Rate: frames per second."""
VERSION = 1
"""Counts up whenever videos are read or coded otherwise, so that nothing old is taken for new."""
PICTURES = f"video pictures {VERSION}"
CODED_ANEW = f"video in H.264 {VERSION}"
TAIL = struct.Struct("<Q")
"""At the end of a stream that was coded anew: bytes of what is known of its pictures."""


def video_of(archive: Archive, located: Located) -> Bulk:
    """The video of an instance as MP4.

    An MP4 file is given as it was stored, a stream of H.264 or HEVC in an MP4 file of ours,
    its pictures untouched. What else there is must be coded anew: NotAcceptable if no
    program is there that can, Undecodable if the video is damaged.
    """
    stored = bulk_value(archive, located, PIXEL_DATA)
    if stored.media_type != MPEG_2 and is_mp4(stored.content):
        return Bulk(stored.content, MP4, "", stored.location)
    content = _as_mp4(archive, located, stored)
    return Bulk(content, MP4, "", stored.location)


def _as_mp4(archive: Archive, located: Located, stored: Bulk) -> Content:
    if stored.media_type == MPEG_2:
        return _coded_anew(archive, located, stored.content)
    try:
        packed = archive.derived.get_or_make(
            located.key, PICTURES, lambda: _pictures(archive, located, stored.content).pack()
        )
    except Undecodable as error:
        if not archive.pixels.can_code_video:
            raise NotAcceptable(f"{error}; an ffmpeg might code it anew (setting ffmpeg)") from None
        return _coded_anew(archive, located, stored.content)
    return RemuxedContent(stored.content, Remuxed.unpack(packed))


def _pictures(archive: Archive, located: Located, stream: Content) -> Remuxed:
    is_hevc = transfer_syntax(located.transfer_syntax).media_type == HEVC
    return archive.pixels.remux(stream.chunks(), is_hevc=is_hevc, rate=_rate(archive, located))


def _rate(archive: Archive, located: Located) -> Fraction | None:
    """Frames per second as the data set has them."""
    ref = located.ref
    kept = metadata(archive, Selection(ref.study, ref.series, ref.instance))
    data_set = next(data_sets(kept))
    time = _number(data_set, FRAME_TIME)
    rates = [1000 / time if time else None, *(_number(data_set, tag) for tag in RATES)]
    return next((rate for rate in rates if rate), None)


def _number(data_set: Attributes, tag: str) -> Fraction | None:
    values = data_set.get(tag, {}).get("Value") or [0]
    try:
        return max(Fraction(str(values[0])), Fraction()) or None
    except (ValueError, ZeroDivisionError):
        return None


def _coded_anew(archive: Archive, located: Located, stored: Content) -> Content:
    """A stream coded anew as H.264, which is kept with what is known of its pictures."""

    def make(file: BinaryIO) -> None:
        stream = _copied(archive.pixels.code_video(stored.chunks()), file)
        packed = archive.pixels.remux(stream, is_hevc=False, rate=None).pack()
        file.write(packed)
        file.write(TAIL.pack(len(packed)))

    made = archive.derived.file_or_make(located.key, CODED_ANEW, make)
    end = made.size - TAIL.size
    (length,) = TAIL.unpack(b"".join(made.chunks(Span(end, TAIL.size))))
    packed = b"".join(made.chunks(Span(end - length, length)))
    return RemuxedContent(made, Remuxed.unpack(packed))


def _copied(pieces: Generator[bytes, None, None], file: BinaryIO) -> Iterator[bytes]:
    with closing(pieces):
        for piece in pieces:
            file.write(piece)
            yield piece


@dataclass(frozen=True, slots=True)
class RemuxedContent:
    """An MP4 file over a stream, its pictures rewritten as they are read."""

    stream: Content | DerivedFile
    made: Remuxed

    @property
    def size(self) -> int:
        return self.made.size

    def chunks(self, within: Span | None = None) -> Iterator[bytes]:
        return self.made.chunks(self._stored, within or Span(0, self.size))

    def read(self) -> bytes:
        return b"".join(self.chunks())

    def at_hand(self) -> bytes | None:
        return None  # making them takes its time

    def _stored(self, within: Span) -> bytes:
        return b"".join(self.stream.chunks(within))
