"""What writing an instance anew takes of memory does not grow with the instance."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from tempfile import TemporaryFile
from typing import Any

import pytest

from filmroom.core.anonymous import write_anonymised
from filmroom.core.archive import Archive
from filmroom.core.rewrite import write_instance
from filmroom.model.pixels import Coded, Image
from filmroom.testing.objects import encapsulated, image, part10

JLS, RLE, EXPLICIT = "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1"
IMPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99"
FRAME = 512 * 512
COUNT = 120


class Resizing:
    """Pixels that turn any frame into zeros of the size of a native one."""

    def transcode(self, frame: bytes, image: Image, target: str, quality: int = 90) -> Coded:
        return Coded(bytes(FRAME))


@pytest.fixture
def archive(make_archive: Callable[..., Archive]) -> Archive:
    resizing: Any = Resizing()
    return replace(make_archive(), pixels=resizing)


def native(syntax: str, **attributes: Any) -> bytes:
    """A file of 120 frames of 256 KB."""
    dataset = image(rows=512, columns=512, bits=8, frames=2, **attributes)
    dataset.NumberOfFrames, dataset.PixelData = COUNT, os.urandom(FRAME) * COUNT
    return part10(dataset, syntax)


def compressed() -> bytes:
    """The same in fragments of a few bytes."""
    return encapsulated([b"small!"] * COUNT, JLS, Rows=512, Columns=512)


@pytest.mark.parametrize(
    ("file", "target"),
    [
        (native(EXPLICIT), RLE),
        (native(EXPLICIT), IMPLICIT),
        (native(EXPLICIT), DEFLATED),
        (native(DEFLATED), EXPLICIT),
        (compressed(), EXPLICIT),
        (compressed(), RLE),
    ],
    ids=["compressing", "implicit", "deflating", "inflating", "decompressing", "recompressing"],
)
def test_memory_is_that_of_a_few_frames(
    archive: Archive, store: Any, file: bytes, target: str
) -> None:
    located = archive.index.locate(store(archive, file).ref)
    with TemporaryFile() as out:
        tracemalloc.start()
        try:
            write_instance(archive, located, target, out)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        size = out.seek(0, 2)

    assert size > FRAME * COUNT
    assert peak < 24 << 20  # of 30 MB; what was inflated takes up to 16


@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED, JLS])
def test_memory_without_identity_is_that_of_a_few_pieces(
    archive: Archive, store: Any, syntax: str
) -> None:
    file = native(EXPLICIT if syntax == JLS else syntax, BurnedInAnnotation="NO")
    if syntax == JLS:
        frames = [os.urandom(FRAME)] * COUNT
        file = encapsulated(frames, JLS, Rows=512, Columns=512, BurnedInAnnotation="NO")
    located = archive.index.locate(store(archive, file).ref)
    del file
    with TemporaryFile() as out:
        tracemalloc.start()
        try:
            write_anonymised(archive, located, out)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        size = out.seek(0, 2)

    assert size > FRAME if syntax == DEFLATED else size > FRAME * COUNT
    assert peak < 24 << 20
