"""Frames by number: byte ranges noted at ingest, no file parsed (PS3.18 §10.4.1.1.6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache

from filmroom.core.archive import Archive
from filmroom.core.prefetch import prefetch
from filmroom.core.stored_frames import stored_frames
from filmroom.core.transcode import CodedFrame, coded_offers, coding, for_viewer
from filmroom.dicom.frames import FrameIndex
from filmroom.dicom.transfer_syntaxes import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    OCTET_STREAM,
    Pixels,
    transfer_syntax,
)
from filmroom.errors import NotAcceptable
from filmroom.model.answer import Answer, Part
from filmroom.model.instance import Located
from filmroom.model.wanted import MediaRange, Offer, Wanted


def frames(
    archive: Archive,
    located: Located,
    index: FrameIndex,
    numbers: Sequence[int],
    wanted: Wanted,
) -> Answer:
    """Frames of an instance, in the order asked for; NotFound if any of them is not there.

    Nothing is coded yet, but whether that is needed is known: then the parts are `CodedFrame`s.
    """
    stored = located.transfer_syntax
    viewer = wanted.by_browser and archive.settings.transcode_unsupported
    shown = for_viewer(archive, located) if viewer else stored
    form = _form(stored, wanted, single=len(numbers) == 1, shown=shown)
    syntax = form.transfer_syntax
    listed = ",".join(map(str, numbers))
    if syntax == stored or syntax in _uncoded(stored):
        contents = stored_frames(archive, located, index, numbers, little_endian=syntax != stored)
        parts = [Part(form.media_type, syntax, content) for content in contents]
        return Answer(form, parts, f"{located.key}-{syntax}-{listed}")
    for number in numbers:
        index.spans(number)  # that it is there
    coded = [CodedFrame(archive, located, number, syntax) for number in numbers]
    prefetch(coded[-1])
    parts = [Part(form.media_type, syntax, frame) for frame in coded]
    return Answer(form, parts, f"{located.key}-{coding(archive, syntax)}-{listed}")


@lru_cache(maxsize=1024)
def _form(stored: str, wanted: Wanted, *, single: bool, shown: str) -> Offer:
    """The form to answer in: what costs no coding, unless something else is liked better.

    `shown` is the transfer syntax that whoever asks can show.

    Rather than no answer at all, whoever takes octets or any multipart gets frames as they
    are stored: the part says which syntax it got.
    """
    wanted = _completed(wanted)
    named = any(each.transfer_syntax == stored for each in wanted.ranges)
    if shown != stored and not named:
        chosen = _choose(wanted, _typed((shown,)), single=single)
        if chosen is not None:
            return chosen
    any_syntax = any(each.transfer_syntax == "*" for each in wanted.ranges)
    plain = _typed(_uncoded(stored, any_syntax=any_syntax))
    chosen = _choose(wanted, plain, single=single)
    coded = _choose(wanted, coded_offers(stored), single=single)
    if coded is not None and (chosen is None or wanted.liking(coded) > wanted.liking(chosen)):
        chosen = coded
    if chosen is None and (wanted.takes_multipart() or wanted.takes(OCTET_STREAM)):
        chosen = replace(plain[0], multipart=True)
    if chosen is None:
        types = " or ".join(dict.fromkeys(offer.media_type for offer in plain))
        raise NotAcceptable(
            f"frames are stored with transfer syntax {stored}: they are given as {types}, single"
            " or in multipart/related, and coded in other syntaxes, but not as was asked"
        )
    return chosen


def _choose(wanted: Wanted, plain: list[Offer], *, single: bool) -> Offer | None:
    """The offer that is liked best; several frames never come alone."""
    multipart = [replace(each, multipart=True) for each in plain]
    chosen = wanted.choose(multipart + plain if single else multipart)
    if chosen is None and not single and (alone := wanted.choose(plain)):
        return replace(alone, multipart=True)
    return chosen


def _typed(syntaxes: Iterable[str]) -> list[Offer]:
    """Frames in these syntaxes, as octets and as what they are."""
    return [
        Offer(media_type, syntax)
        for syntax in syntaxes
        for media_type in dict.fromkeys((OCTET_STREAM, transfer_syntax(syntax).media_type))
    ]


def _completed(wanted: Wanted) -> Wanted:
    """Octets of no named syntax are native: that is their default (PS3.18 Table 8.7.3-2)."""

    def complete(each: MediaRange) -> MediaRange:
        octets = OCTET_STREAM in (each.media_type, each.root) and not each.transfer_syntax
        return replace(each, transfer_syntax=EXPLICIT_LITTLE) if octets else each

    return replace(wanted, ranges=tuple(map(complete, wanted.ranges)))


def _uncoded(stored: str, *, any_syntax: bool = True) -> tuple[str, ...]:
    """The transfer syntaxes that frames can be given in without coding, the usual one first.

    Native frames have the same bytes with implicit and explicit VR. Big-endian ones are
    turned unless `any_syntax` is welcome.
    """
    known = transfer_syntax(stored)
    if known.pixels is not Pixels.NATIVE:
        return (stored,)
    little = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)[:: -1 if known.implicit else 1]
    if known.deflated or stored in little:  # the data set is deflated, its frames then are not
        return little
    if known.big_endian_pixels and not any_syntax:
        return (*little, stored)
    return (stored, *little)
