"""Prefetch: the frames that a viewer will probably ask for next, coded before it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from filmroom.core.transcode import CodedFrame
from filmroom.dicom.transfer_syntaxes import transfer_syntax
from filmroom.model.selection import Selection


def prefetch(frame: CodedFrame) -> None:
    """Have the frames that follow in the series made, `prefetch_frames` of them."""
    count = frame.archive.settings.prefetch_frames
    if count:
        ref = frame.located.ref
        frame.archive.ahead.ask(f"{ref.study} {ref.series}", following(frame, count))


def following(frame: CodedFrame, count: int) -> Iterator[CodedFrame]:
    """The next frames, each made when it comes out: of the instance, then of the next ones."""
    for each in islice(_next(frame), count):
        if each.made() is None:
            each.read()
        yield each


def _next(frame: CodedFrame) -> Iterator[CodedFrame]:
    located = frame.located
    for number in range(frame.number + 1, located.number_of_frames + 1):
        yield replace(frame, number=number)
    series = frame.archive.index.select(Selection(located.ref.study, located.ref.series))
    refs = [each.ref for each in series]
    behind = refs.index(located.ref) + 1 if located.ref in refs else len(refs)
    for each in series[behind:]:
        decoder = transfer_syntax(each.transfer_syntax).decoder
        if decoder is not None and each.transfer_syntax != frame.target:
            for number in range(1, each.number_of_frames + 1):
                yield replace(frame, located=each, number=number)
