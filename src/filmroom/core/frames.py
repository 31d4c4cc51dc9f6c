"""Frames by number: byte ranges noted at ingest, no file parsed (PS3.18 §10.4.1.1.6)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from filmroom.core.archive import Archive
from filmroom.core.content import AlignedContent, StoredContent, SwappedContent
from filmroom.core.inflating import InflatedBlob, InflatedContent
from filmroom.core.metadata import data_sets, metadata
from filmroom.dicom.frames import FrameIndex
from filmroom.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    OCTET_STREAM,
    transfer_syntax,
)
from filmroom.errors import NotAcceptable
from filmroom.model.answer import Answer, Content, Part
from filmroom.model.instance import InstanceRef, Located
from filmroom.model.selection import Selection
from filmroom.model.wanted import Offer, Wanted

PIXEL_DATA = "7FE00010"
BITS_ALLOCATED = "00280100"


def frames(
    archive: Archive,
    located: Located,
    index: FrameIndex,
    numbers: Sequence[int],
    wanted: Wanted,
) -> Answer:
    """Frames of an instance, in the order asked for; NotFound if any of them is not there."""
    form = _form(located.transfer_syntax, wanted, single=len(numbers) == 1)
    contents = _contents(archive, located, form, index, numbers)
    parts = [Part(form.media_type, form.transfer_syntax, content) for content in contents]
    listed = ",".join(map(str, numbers))
    return Answer(form, parts, f"{located.key}-{form.transfer_syntax}-{listed}")


@lru_cache(maxsize=1024)
def _form(stored: str, wanted: Wanted, *, single: bool) -> Offer:
    """The form to answer in; as stored in multipart rather than no answer.

    Compressed frames are given as they are to whoever takes octets or any multipart,
    whichever syntax was asked for: the part says which one it got.
    """
    syntaxes = _syntaxes(stored, wanted)
    types = dict.fromkeys((OCTET_STREAM, transfer_syntax(stored).media_type))
    plain = [Offer(each, syntax) for syntax in syntaxes for each in types]
    multipart = [Offer(each.media_type, each.transfer_syntax, multipart=True) for each in plain]
    chosen = wanted.choose(multipart + plain if single else multipart)
    if chosen is None and not single and (alone := wanted.choose(plain)):
        chosen = Offer(alone.media_type, alone.transfer_syntax, multipart=True)
    if chosen is None and (wanted.takes_multipart() or wanted.takes(OCTET_STREAM)):
        chosen = multipart[0]
    if chosen is None:
        raise NotAcceptable(
            f"frames are stored with transfer syntax {stored} and given as stored only, as"
            f" multipart/related or single-part {' or '.join(types)}"
        )
    return chosen


def _syntaxes(stored: str, wanted: Wanted) -> tuple[str, ...]:
    """The transfer syntaxes that frames can be given in without coding, the usual one first."""
    known = transfer_syntax(stored)
    if known.deflated:  # the data set is deflated, its frames then are not
        return (EXPLICIT_LITTLE,)
    if known.big_endian_pixels:
        little = IMPLICIT_LITTLE if known.implicit else EXPLICIT_LITTLE
        as_stored = any(each.transfer_syntax == "*" for each in wanted.ranges)
        return (stored, little) if as_stored else (little, stored)
    if stored == IMPLICIT_LITTLE:  # the same bytes under either name
        return (IMPLICIT_LITTLE, EXPLICIT_LITTLE)
    return (stored,)


def _contents(
    archive: Archive, located: Located, form: Offer, index: FrameIndex, numbers: Sequence[int]
) -> list[Content]:
    stored = transfer_syntax(located.transfer_syntax)
    spans = [index.spans(number) for number in numbers]
    contents: list[Content] = [StoredContent(archive.storage, located.key, each) for each in spans]
    if stored.deflated:
        inflated = InflatedBlob(archive.storage, located.key)
        contents = [InflatedContent(inflated, each) for each in spans]
    if stored.big_endian_pixels and form.transfer_syntax != stored.uid:
        width = _word(archive, located.ref)
        contents = [SwappedContent(each, width) for each in contents]
    if not index.byte_aligned:
        contents = [
            AlignedContent(each, index, number)
            for each, number in zip(contents, numbers, strict=True)
        ]
    return contents


def _word(archive: Archive, ref: InstanceRef) -> int:
    """Bytes of the words that big-endian pixel data is written in (PS3.5 §8.1.1)."""
    kept = metadata(archive, Selection(ref.study, ref.series, ref.instance))
    data_set = next(data_sets(kept))
    if data_set.get(PIXEL_DATA, {}).get("vr") == "OB":
        return 1
    (bits,) = data_set.get(BITS_ALLOCATED, {}).get("Value", [16])
    return max(int(bits) // 8, 2)
