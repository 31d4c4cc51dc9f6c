"""Frames by number: byte ranges noted at ingest, no file parsed (PS3.18 §10.4.1.1.6)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from filmroom.core.archive import Archive
from filmroom.core.stored_frames import stored_frames
from filmroom.dicom.frames import FrameIndex
from filmroom.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    OCTET_STREAM,
    transfer_syntax,
)
from filmroom.errors import NotAcceptable
from filmroom.model.answer import Answer, Part
from filmroom.model.instance import Located
from filmroom.model.wanted import Offer, Wanted


def frames(
    archive: Archive,
    located: Located,
    index: FrameIndex,
    numbers: Sequence[int],
    wanted: Wanted,
) -> Answer:
    """Frames of an instance, in the order asked for; NotFound if any of them is not there."""
    form = _form(located.transfer_syntax, wanted, single=len(numbers) == 1)
    little = form.transfer_syntax != located.transfer_syntax
    contents = stored_frames(archive, located, index, numbers, little_endian=little)
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
