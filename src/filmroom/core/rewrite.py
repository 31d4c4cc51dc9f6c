"""Whole instances in another transfer syntax, frame by frame into a file (PS3.18 §8.7.3)."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import BinaryIO

from filmroom.core.archive import Archive
from filmroom.core.bulkdata import bulk_value
from filmroom.core.content import StoredContent
from filmroom.core.image import image_of
from filmroom.core.inflating import InflatedBlob, InflatedContent
from filmroom.core.parallel import in_order
from filmroom.core.pixel_parts import joined, native_element, write_fragments
from filmroom.core.stored_frames import frame_index, stored_frames
from filmroom.core.transcode import CodedFrame, coded_frame, coding
from filmroom.dicom.encoding import SEQUENCE_END
from filmroom.dicom.frames import Span
from filmroom.dicom.part10 import read_file_meta, written_file_meta
from filmroom.dicom.pixel_format import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    PIXEL_DATA,
    PixelFormat,
    pixel_format,
)
from filmroom.dicom.rewriting import rewritten
from filmroom.dicom.transfer_syntaxes import EXPLICIT_LITTLE, Pixels, transfer_syntax
from filmroom.errors import Broken, NotAcceptable, NotFound, Undecodable
from filmroom.model.answer import Content
from filmroom.model.instance import Attributes, Located
from filmroom.model.pixels import DerivedFile

WITHOUT_PIXELS = 256 << 20
"""Bytes of a data set beside its pixels, up to which it is written in another form."""
LOSSY_METHOD, RATIO = "00282114", "00282112"
AT_ONCE = 1000  # frames that are looked up together
LARGE = 1 << 32
"""Bytes of pixel data from which on a Basic Offset Table might not do."""
VRS = {PIXEL_DATA: "", FLOAT_PIXEL_DATA: "OF", DOUBLE_FLOAT_PIXEL_DATA: "OD"}


def target_for(located: Located, target: str) -> str:
    """The transfer syntax for an instance where others get `target`.

    Without pixels there is nothing to be compressed, and what nothing decodes stays as it is.
    """
    stored, wanted = transfer_syntax(located.transfer_syntax), transfer_syntax(target)
    if located.number_of_frames and stored.decoder is None and stored.pixels is not Pixels.NATIVE:
        return stored.uid
    return target if located.number_of_frames or not wanted.encapsulated else EXPLICIT_LITTLE


def rewritten_instance(archive: Archive, located: Located, target: str) -> DerivedFile:
    """A Part 10 file in another transfer syntax, from what was made before where that is kept.

    Raises NotAcceptable, as Undecodable if its pixels cannot be decoded.
    """
    return archive.derived.file_or_make(
        located.key,
        f"instance {coding(archive, target)}",
        lambda file: write_instance(archive, located, target, file),
    )


def write_instance(archive: Archive, located: Located, target: str, file: BinaryIO) -> None:
    """Write an instance in another transfer syntax to an empty file that can be sought in."""
    if transfer_syntax(target).encoder is None:
        raise NotAcceptable(f"nothing here writes transfer syntax {target}")
    Writing(archive, located, target).write(file)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a stored file lie, all but the pixels."""

    meta: bytes
    head: bytes
    """Of the data set what comes before the pixels' value."""
    tail: bytes
    pixels: str
    """The attribute that holds pixels; "" if there is none."""


class Writing:
    """One instance on its way into another form."""

    def __init__(self, archive: Archive, located: Located, target: str) -> None:
        self.archive = archive
        self.located = located
        self.stored = transfer_syntax(located.transfer_syntax)
        self.target = transfer_syntax(target)

    def write(self, file: BinaryIO) -> None:
        layout = self._layout()
        if layout.pixels and not self.located.number_of_frames:
            raise Undecodable(f"instance {self.located.ref.instance} has no frames")
        file.write(self._meta(layout))
        tail = self._tail(layout)
        if layout.pixels and self.target.encapsulated:
            self._write_compressed(file, layout, tail)
            return
        pieces: Iterable[bytes] = self._native(layout)
        for piece in _deflated(chain(pieces, [tail]), plain=not self.target.deflated):
            file.write(piece)

    def _meta(self, layout: Layout) -> bytes:
        located = self.located
        of_stored = memoryview(layout.meta)
        uid = self.target.uid
        return written_file_meta(of_stored, uid, located.sop_class, located.ref.instance)

    def _before(self, layout: Layout, changes: Attributes) -> bytes:
        """The data set up to its pixels."""
        return rewritten(memoryview(layout.head), self.stored, self.target, changes)

    def _tail(self, layout: Layout) -> bytes:
        """The data set behind its pixels."""
        return rewritten(memoryview(layout.tail), self.stored, self.target, {})

    def _stored_pixels(self, content: Content) -> Iterable[bytes]:
        """Native pixel data that is not coded anew."""
        return content.chunks()

    def _native(self, layout: Layout) -> Iterator[bytes]:
        """The data set with its pixels uncompressed, all but the tail."""
        if not layout.pixels:
            yield self._before(layout, {})
            return
        changes: Attributes = {}
        pieces: Iterable[bytes]
        if self.stored.pixels is Pixels.NATIVE:
            content = bulk_value(self.archive, self.located, layout.pixels).content
            vr = VRS[layout.pixels] or self._native_vr({})
            pieces, size = self._stored_pixels(content), content.size
        else:
            changes, frames = self._frames()
            vr, bits = self._native_vr(changes), self._frame_bits(changes)
            pieces = joined(frames, bits)
            size = (bits * self.located.number_of_frames + 7) // 8
        yield self._before(layout, changes)
        tag, implicit = int(layout.pixels, 16), self.target.implicit
        yield from native_element(pieces, size, vr, tag=tag, implicit=implicit)

    def _write_compressed(self, file: BinaryIO, layout: Layout, tail: bytes) -> None:
        changes, frames = self._frames()
        lossy = LOSSY_METHOD in changes
        start = file.tell()
        file.write(self._head(layout, changes, ratio=1.0 if lossy else None))
        count = self.located.number_of_frames
        native = self._format(changes).frame_length * count
        # Twice: noise may come out larger than it was, and each frame has a header.
        large = 2 * native + 1000 * count > LARGE
        written = write_fragments(file, frames, count, large=large)
        file.write(tail)
        if lossy:
            file.seek(start)
            file.write(self._head(layout, changes, ratio=native / max(written, 1)))

    def _head(self, layout: Layout, changes: Attributes, ratio: float | None) -> bytes:
        """The data set up to its pixels; as long for any ratio."""
        if ratio is not None:
            image = image_of(self.archive, self.located)
            before = image.attributes.get(RATIO, {}).get("Value", [])
            told = f"{min(ratio, 9999.0):010.5f}"
            changes = {**changes, RATIO: {"vr": "DS", "Value": [*before, told]}}
        return self._before(layout, changes)

    def _frames(self) -> tuple[Attributes, Iterator[bytes]]:
        """What coding changes of the data set, and the frames, a few of them made at once."""
        first = coded_frame(self.archive, self.located, 1, self.target.uid)
        return first.changes, chain([first.data], self._others(first.changes))

    def _others(self, changes: Attributes) -> Iterator[bytes]:
        if self.located.number_of_frames > 1:
            threads = (os.cpu_count() or 1) + 1
            code = partial(self._coded, changes)
            with ThreadPoolExecutor(threads, "rewrite") as pool:
                yield from in_order(pool, code, self._sources(), threads + 1)

    def _sources(self) -> Iterator[tuple[int, bytes, bool]]:
        """The frames but the first: number, bytes, and whether they were coded before.

        They are read in one thread, in order, so that what is deflated is inflated once.
        """
        archive, located = self.archive, self.located
        index = frame_index(archive, located.key)
        for first in range(2, located.number_of_frames + 1, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, located.number_of_frames + 1))
            contents = stored_frames(archive, located, index, numbers)
            for number, content in zip(numbers, contents, strict=True):
                made = CodedFrame(archive, located, number, self.target.uid).made()
                yield number, content.read() if made is None else made, made is not None

    def _coded(self, changes: Attributes, source: tuple[int, bytes, bool]) -> bytes:
        number, frame, is_coded = source
        if is_coded:
            return frame
        coded = coded_frame(self.archive, self.located, number, self.target.uid, frame)
        if coded.changes != changes:
            raise Undecodable(f"frame {number} is of another kind than the first")
        return coded.data

    def _format(self, changes: Attributes) -> PixelFormat:
        image = image_of(self.archive, self.located)
        return pixel_format({**image.attributes, **{k: v for k, v in changes.items() if v}})

    def _native_vr(self, changes: Attributes) -> str:
        return "OW" if self._format(changes).bits_allocated > 8 or self.target.implicit else "OB"

    def _frame_bits(self, changes: Attributes) -> int:
        """Bits of a native frame, those that fill its last byte left out."""
        format = self._format(changes)
        return format.values if format.bits_allocated == 1 else 8 * format.frame_length

    def _layout(self) -> Layout:
        """Read all of a file but its pixels; NotAcceptable if that is too much."""
        located, storage = self.located, self.archive.storage
        try:
            with storage.view(located.key) as view:
                meta = bytes(view[: read_file_meta(view).end])
        except NotFound as error:
            raise Broken(f"blob {located.key} is gone") from error
        name, first, behind = self._pixels()
        size = located.size
        inflated = InflatedBlob(storage, located.key) if self.stored.deflated else None
        if inflated is not None:
            size = inflated.size
        first, behind = (size, size) if not name else (first, behind)
        if first - len(meta) + size - behind > WITHOUT_PIXELS:
            raise NotAcceptable("the data set is too large to be written in another form")

        def read(start: int, stop: int) -> bytes:
            span = (Span(start, stop - start),)
            content: Content = StoredContent(storage, located.key, span)
            if inflated is not None:
                content = InflatedContent(inflated, span)
            return content.read() if stop > start else b""

        return Layout(meta, read(len(meta), first), read(behind, size), name)

    def _pixels(self) -> tuple[str, int, int]:
        """The attribute that holds pixels, and where its value begins and its element ends."""
        for value in self.archive.index.bulk(self.located.key).values:
            if value.path in VRS:
                first, last = value.spans[0], value.spans[-1]
                behind = last.start + last.length
                if self.stored.pixels is not Pixels.NATIVE:
                    behind += len(SEQUENCE_END)
                return value.path, first.start, behind
        return "", 0, 0


def _deflated(pieces: Iterable[bytes], *, plain: bool) -> Iterator[bytes]:
    """A data set as one deflate stream of an even number of bytes (PS3.5 §A.5)."""
    if plain:
        yield from pieces
        return
    stream = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = 0
    for piece in chain(map(stream.compress, pieces), (stream.flush() for _ in range(1))):
        size += len(piece)
        yield piece
    yield bytes(size % 2)
