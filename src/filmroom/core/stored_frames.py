"""The stored bytes of frames, whatever their data set is wrapped in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from filmroom.core.archive import Archive
from filmroom.core.content import AlignedContent, CutContent, StoredContent, SwappedContent
from filmroom.core.inflating import InflatedBlob, InflatedContent
from filmroom.core.metadata import data_sets, metadata
from filmroom.dicom.bulk import WORDS
from filmroom.dicom.frames import FrameIndex, Span
from filmroom.dicom.pixel_format import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    PIXEL_DATA,
)
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.model.answer import Content
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.selection import Selection

PIXELS = (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA)


def frame_index(archive: Archive, key: str) -> FrameIndex:
    """Where the frames of a blob lie, from memory if it was used lately."""

    def read() -> tuple[FrameIndex, int]:
        index = archive.index.frames(key)
        return index, len(index) + 10

    return archive.frame_indexes.get_or_read(key, read)


def stored_frames(
    archive: Archive,
    located: Located,
    index: FrameIndex,
    numbers: Sequence[int],
    *,
    little_endian: bool = True,
) -> list[Content]:
    """Frames as stored, inflated and from their first bit on; NotFound if one is not there.

    Native ones are turned `little_endian` if they are not.
    """
    stored = transfer_syntax(located.transfer_syntax)
    spans = [index.spans(number) for number in numbers]
    contents: list[Content] = [StoredContent(archive.storage, located.key, each) for each in spans]
    if stored.deflated:
        inflated = InflatedBlob(archive.storage, located.key)
        contents = [InflatedContent(inflated, each) for each in spans]
    if stored.big_endian_pixels and little_endian:
        contents = _turned(archive, located, index, [span for (span,) in spans])
    if not index.byte_aligned:
        contents = [
            AlignedContent(each, index, number)
            for each, number in zip(contents, numbers, strict=True)
        ]
    return contents


def frame_pieces(archive: Archive, located: Located, number: int, size: int) -> Iterable[bytes]:
    """The same in pieces of `size` bytes, the last one shorter."""
    index = frame_index(archive, located.key)
    (content,) = stored_frames(archive, located, index, [number])
    if isinstance(content, StoredContent) and len(content.spans) == 1:
        return archive.storage.chunks(located.key, content.spans[0], size)
    data = content.read()
    return (data[at : at + size] for at in range(0, len(data), size))


def frame_bytes(archive: Archive, located: Located, number: int) -> bytes:
    """One frame, numbered from 1, as a decoder takes it."""
    index = frame_index(archive, located.key)
    (content,) = stored_frames(archive, located, index, [number])
    return content.read()


def _turned(
    archive: Archive, located: Located, index: FrameIndex, spans: Sequence[Span]
) -> list[Content]:
    """Runs of native pixel data, little-endian.

    A frame may begin within a word, so it is cut out of what was turned.
    """
    width = _word(archive, located.ref)
    (first,), (last,) = index.spans(1), index.spans(len(index))
    length = last.start + last.length - first.start
    whole = Span(first.start, min(length + -length % width, located.size - first.start))
    turned = SwappedContent(StoredContent(archive.storage, located.key, (whole,)), width)
    return [CutContent(turned, Span(each.start - whole.start, each.length)) for each in spans]


def frame_at_hand(archive: Archive, located: Located, number: int) -> bytes | None:
    """The same where that waits for no disk; None where it might."""
    index = frame_index(archive, located.key)
    (content,) = stored_frames(archive, located, index, [number])
    return content.at_hand()


def _word(archive: Archive, ref: InstanceRef) -> int:
    """Bytes of the words that big-endian pixel data is written in.

    Its VR says so, however many bits a pixel has: one of 32 bits in OW is two words, the
    less significant first (PS3.5 §6.2, §8.1.1).
    """
    kept = metadata(archive, Selection(ref.study, ref.series, ref.instance))
    data_set = next(data_sets(kept))
    vrs = [data_set[tag].get("vr", "") for tag in PIXELS if tag in data_set]
    return WORDS.get(vrs[0] if vrs else "OW", 1)
